"""Français."""

from typing import Final

SUBJECTS: Final = {
    "near_miss_first": "Fuite évitée, rien n'est parti",
    "near_miss_digest": "Aperçu des fuites évitées",
    "suspicion_opened": "Soupçon de fuite de données : votre avis est nécessaire ({incident})",
    "incident_opened": "Fuite de données possible, le délai de 72 heures court ({incident})",
    "incident_closed": "Incident clôturé ({incident})",
    "policy_changed": "La liste des outils a changé",
    "policy_bad": "La liste des outils contient une erreur et n'a pas été chargée",
    "review_due": "La réévaluation d'un outil d'IA approche",
    "tool_suspended": "Un outil d'IA a été suspendu",
    "tool_lifted": "Un outil d'IA est à nouveau autorisé",
}

WHAT: Final = {
    "near_miss_first": "La passerelle a arrêté un message destiné à un outil d'IA, car il contenait des données que "
    "cet outil ne peut pas recevoir. Rien n'a été transmis à l'outil. C'est une fuite évitée et non une violation de "
    "données : aucun délai de 72 heures ne court. Les autres fuites évitées du même service pendant cette heure "
    "figureront dans un aperçu.",
    "near_miss_digest": "Depuis l'aperçu précédent, la passerelle a arrêté {count} messages dont vous n'avez pas "
    "encore été informé. Rien n'a été transmis à un outil d'IA. Aucun délai de 72 heures ne court.",
    "suspicion_opened": "La passerelle a vu quelque chose qui peut être une violation de données, mais que seule une "
    "personne peut évaluer. Tant que vous ne le confirmez pas, aucun délai de 72 heures ne court.",
    "incident_opened": "Il y a peut-être une violation de données : des données ont pu parvenir à un outil d'IA qui ne "
    "peut pas les recevoir. Le délai de 72 heures pour notifier (RGPD art. 33) court jusqu'au {deadline}.",
    "incident_closed": "L'incident {incident} a été clôturé. Le motif figure dans l'incident, pas dans ce courriel.",
    "policy_changed": "La liste des outils d'IA (allowlist.yaml) a changé et la modification est en vigueur.",
    "policy_bad": "La liste des outils d'IA (allowlist.yaml) a changé, mais contient une erreur. La nouvelle version "
    "n'a pas été chargée ; la dernière bonne version reste en vigueur.",
    "review_due": "La réévaluation de l'outil {tool} doit avoir lieu dans {days} jour(s). Ensuite, la passerelle "
    "refusera cet outil.",
    "tool_suspended": "L'outil {tool} a été suspendu. Toute demande pour cet outil est désormais refusée.",
    "tool_lifted": "La suspension de l'outil {tool} a été levée. L'outil peut à nouveau être utilisé comme l'indique "
    "la liste.",
}

TODO: Final = {
    "near_miss_first": (
        "Vous n'avez rien à notifier à l'autorité de contrôle.",
        "Consultez ce qui a été arrêté : sluis record {reference}",
        "Si cela arrive souvent dans un service, proposez une aide ou un outil adapté.",
    ),
    "near_miss_digest": (
        "Vous n'avez rien à notifier à l'autorité de contrôle.",
        "Voyez quel service ou quel outil se distingue et proposez une aide ou un outil adapté.",
    ),
    "suspicion_opened": (
        "Consultez le soupçon : sluis incident show {incident}",
        "Si c'est une violation, confirmez-la : sluis incident confirm {incident}. Le délai de 72 heures court alors.",
        "Sinon, clôturez-le avec un motif : sluis incident close {incident}",
    ),
    "incident_opened": (
        "Consultez l'incident : sluis incident show {incident}",
        "Suspendez l'outil si nécessaire jusqu'à l'évaluation du risque : sluis suspend {tool}",
        "Demandez au fournisseur d'effacer les données si nécessaire.",
        (
            "Décidez avant l'échéance s'il faut notifier l'autorité de contrôle et informer les personnes concernées "
            "(RGPD art. 33 et 34). La passerelle ne notifie jamais elle-même."
        ),
        "Clôturez l'incident avec un motif : sluis incident close {incident}",
    ),
    "incident_closed": (
        "Vérifiez que les mesures et la décision de notifier ou non figurent dans votre registre (RGPD art. 33(5)).",
    ),
    "policy_changed": (
        "Vérifiez que chaque modification ci-dessous a été convenue entre l'ICT et le DPO.",
        "En cas d'erreur, suspendez l'outil (sluis suspend) et demandez à l'ICT de rétablir la liste.",
    ),
    "policy_bad": ("ICT : exécutez sluis check, corrigez l'erreur et enregistrez à nouveau le fichier.",),
    "review_due": (
        "Réévaluez l'outil (analyse de risque, conditions, AIPD) et inscrivez la nouvelle date dans allowlist.yaml.",
        "Si l'outil n'est plus utilisé, retirez son approbation.",
    ),
    "tool_suspended": (
        "Évaluez le risque. Seul le DPO peut lever la suspension.",
        "Dites aux utilisateurs quel outil ils peuvent utiliser entre-temps.",
    ),
    "tool_lifted": ("Vérifiez que l'évaluation du risque figure dans votre dossier.",),
}

WORDS: Final = {
    "incident": "Incident",
    "deadline": "Échéance des 72 heures",
    "aware_at": "Connu depuis",
    "source": "Source",
    "by": "Par",
    "categories": "Catégorie de données",
    "kinds": "Trouvé",
    "count": "Nombre de messages",
    "unit": "Service",
    "tool": "Outil",
    "reason": "Motif (code)",
    "due": "Date limite",
    "since": "Depuis",
    "at": "Moment",
    "references": "Référence",
    "more": "et {count} autres",
    "lines": "Modifications ou erreurs",
    "todo": "Ce que vous pouvez faire",
    "unknown": "(inconnu)",
    "ask": "Questions sur ce courriel : le service ICT qui gère la passerelle.",
    "no_values": "Ce courriel a été créé automatiquement et ne contient aucune valeur : ni nom, ni numéro, ni texte "
    "d'un message.",
}

CATEGORIES: Final = {
    "personal": "données à caractère personnel",
    "special": "catégories particulières de données (RGPD art. 9 ou 10)",
    "confidential": "informations confidentielles",
    "security": "informations de sécurité",
}

SOURCES: Final = {
    "self_report": "signalement par un membre du personnel",
    "forwarded": "transmis alors que la politique aurait dû l'arrêter",
    "confirmed": "soupçon, confirmé par le DPO",
}

ROLES: Final = {
    "staff": "membre du personnel",
    "ict": "ICT",
    "dpo": "DPO",
    "service": "membre du personnel (via un serveur de chat)",
    "gateway": "la passerelle elle-même",
}

ENTITY_TYPES: Final = {
    "PERSON": "nom",
    "LOCATION": "adresse ou lieu",
    "ADDRESS": "adresse",
    "DATE_OF_BIRTH": "date de naissance",
    "EMAIL_ADDRESS": "adresse e-mail",
    "PHONE_NUMBER": "numéro de téléphone",
    "IBAN_CODE": "numéro de compte (IBAN)",
    "CREDIT_CARD": "numéro de carte",
    "IP_ADDRESS": "adresse IP",
    "BE_NATIONAL_NUMBER": "numéro national belge",
    "NL_BSN": "numéro de service citoyen néerlandais (BSN)",
}
