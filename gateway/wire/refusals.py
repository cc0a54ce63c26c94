"""What a wire format says when it refuses a request or cannot read an answer: reason codes and their sentences."""

from gateway.errors import sentence

INVALID_JSON = sentence(
    "invalid_json",
    "the request body is not one JSON object, or holds something that strict JSON does not allow",
    nl="De vraag is geen geldige JSON en is niet doorgestuurd. Controleer uw programma of vraag hulp aan ICT.",
    fr="La demande n'est pas du JSON valide et n'a pas été transmise. Vérifiez votre programme ou demandez de l'aide à "
    "l'ICT.",
    de="Die Anfrage ist kein gültiges JSON und wurde nicht weitergeleitet. Prüfen Sie Ihr Programm oder fragen Sie die "
    "IT.",
    en="The request is not valid JSON and was not passed on. Check your program or ask ICT for help.",
)
INVALID_FIELD = sentence(
    "invalid_field",
    "a field of the request has a value or a type that its place does not allow; `param` names the field",
    nl="Het veld {field} heeft een waarde die daar niet is toegelaten; de vraag is niet doorgestuurd. Pas het veld aan "
    "of vraag hulp aan ICT.",
    fr="Le champ {field} a une valeur qui n'y est pas admise ; la demande n'a pas été transmise. Corrigez ce champ ou "
    "demandez de l'aide à l'ICT.",
    de="Das Feld {field} hat einen Wert, der dort nicht zulässig ist; die Anfrage wurde nicht weitergeleitet. Ändern "
    "Sie das Feld oder fragen Sie die IT.",
    en="The field {field} has a value that is not allowed there; the request was not passed on. Correct the field or "
    "ask ICT for help.",
)
TOO_COMPLEX = sentence(
    "too_complex",
    "the request is nested too deeply or holds too many values to be checked",
    nl="De vraag is te groot of te diep genest om na te kijken en is niet doorgestuurd. Maak ze kleiner of vraag hulp "
    "aan ICT.",
    fr="La demande est trop grande ou trop imbriquée pour être contrôlée et n'a pas été transmise. Réduisez-la ou "
    "demandez de l'aide à l'ICT.",
    de="Die Anfrage ist zu groß oder zu tief verschachtelt, um geprüft zu werden, und wurde nicht weitergeleitet. "
    "Verkleinern Sie sie oder fragen Sie die IT.",
    en="The request is too large or nested too deeply to be checked and was not passed on. Make it smaller or ask ICT "
    "for help.",
)
NUMBER_TOO_LARGE = sentence(
    "number_too_large",
    "a number beyond 64 bits would lose digits on the way; it must be sent as a string",
    nl="Een getal in {field} is te groot om juist door te geven; de vraag is niet doorgestuurd. Zet het tussen "
    "aanhalingstekens of vraag hulp aan ICT.",
    fr="Un nombre dans {field} est trop grand pour être transmis exactement ; la demande n'a pas été transmise. "
    "Mettez-le entre guillemets ou demandez de l'aide à l'ICT.",
    de="Eine Zahl in {field} ist zu groß, um genau weitergegeben zu werden; die Anfrage wurde nicht weitergeleitet. "
    "Setzen Sie sie in Anführungszeichen oder fragen Sie die IT.",
    en="A number in {field} is too large to be passed on exactly; the request was not passed on. Put it in quotes or "
    "ask ICT for help.",
)
SERVER_SIDE_TOOL = sentence(
    "server_side_tool",
    "the request asks the service to search or act by itself; only `function` and `custom` tools are allowed",
    nl="Zoeken of handelen door de AI-dienst zelf ({field}) is niet toegelaten; de vraag is niet doorgestuurd. Zet dit "
    "uit in uw programma of vraag hulp aan ICT.",
    fr="La recherche ou l'action par le service d'IA lui-même ({field}) n'est pas admise ; la demande n'a pas été "
    "transmise. Désactivez-la dans votre programme ou demandez de l'aide à l'ICT.",
    de="Suchen oder Handeln durch den KI-Dienst selbst ({field}) ist nicht zulässig; die Anfrage wurde nicht "
    "weitergeleitet. Schalten Sie es in Ihrem Programm aus oder fragen Sie die IT.",
    en="Searching or acting by the AI service itself ({field}) is not allowed; the request was not passed on. Switch "
    "it off in your program or ask ICT for help.",
)
ROUTING_FIELD = sentence(
    "routing_field",
    "the request tries to choose a model, service or rule set beside the policy",
    nl="Het veld {field} kiest een andere dienst dan is toegelaten; de vraag is niet doorgestuurd. Laat het weg of "
    "vraag hulp aan ICT.",
    fr="Le champ {field} choisit un autre service que celui qui est admis ; la demande n'a pas été transmise. "
    "Supprimez-le ou demandez de l'aide à l'ICT.",
    de="Das Feld {field} wählt einen anderen Dienst als den zugelassenen; die Anfrage wurde nicht weitergeleitet. "
    "Lassen Sie es weg oder fragen Sie die IT.",
    en="The field {field} chooses another service than the one that is allowed; the request was not passed on. Leave "
    "it out or ask ICT for help.",
)
AUDIO_ANSWER = sentence(
    "audio_answer",
    "spoken answers cannot be checked or labelled yet",
    nl="Gesproken antwoorden zijn nog niet mogelijk; de vraag is niet doorgestuurd. Vraag een antwoord als tekst of "
    "vraag hulp aan ICT.",
    fr="Les réponses vocales ne sont pas encore possibles ; la demande n'a pas été transmise. Demandez une réponse en "
    "texte ou de l'aide à l'ICT.",
    de="Gesprochene Antworten sind noch nicht möglich; die Anfrage wurde nicht weitergeleitet. Bitten Sie um eine "
    "Antwort als Text oder fragen Sie die IT.",
    en="Spoken answers are not possible yet; the request was not passed on. Ask for an answer in text or ask ICT for "
    "help.",
)
STORE_REFUSED = sentence(
    "store_refused",
    "the request asks the service to keep the conversation (`store: true`)",
    nl="Uw vraag laten bewaren door de AI-dienst (store) is niet toegelaten; ze is niet doorgestuurd. Zet dit uit in "
    "uw programma of vraag hulp aan ICT.",
    fr="Faire conserver votre demande par le service d'IA (store) n'est pas admis ; elle n'a pas été transmise. "
    "Désactivez cette option ou demandez de l'aide à l'ICT.",
    de="Ihre Anfrage beim KI-Dienst speichern zu lassen (store) ist nicht zulässig; sie wurde nicht weitergeleitet. "
    "Schalten Sie es aus oder fragen Sie die IT.",
    en="Having the AI service keep your request (store) is not allowed; it was not passed on. Switch it off in your "
    "program or ask ICT for help.",
)
UPSTREAM_INVALID = sentence(
    "upstream_invalid",
    "the upstream's answer, or an event of its stream, is not one of this wire format",
    nl="Het antwoord van de AI-dienst kon niet worden gelezen. Probeer opnieuw of vraag hulp aan ICT.",
    fr="La réponse du service d'IA n'a pas pu être lue. Réessayez ou demandez de l'aide à l'ICT.",
    de="Die Antwort des KI-Dienstes konnte nicht gelesen werden. Versuchen Sie es noch einmal oder fragen Sie die IT.",
    en="The answer of the AI service could not be read. Try again or ask ICT for help.",
)
UPSTREAM_FAILED = sentence(
    "upstream_failed",
    "the upstream reported an error inside its answer or stream",
    nl="De AI-dienst meldde een fout en brak het antwoord af. Probeer opnieuw of vraag hulp aan ICT.",
    fr="Le service d'IA a signalé une erreur et a interrompu la réponse. Réessayez ou demandez de l'aide à l'ICT.",
    de="Der KI-Dienst meldete einen Fehler und brach die Antwort ab. Versuchen Sie es noch einmal oder fragen Sie die "
    "IT.",
    en="The AI service reported an error and broke off its answer. Try again or ask ICT for help.",
)
UPSTREAM_INCOMPLETE = sentence(
    "upstream_incomplete",
    "the upstream's stream ended before its own end mark",
    nl="Het antwoord van de AI-dienst is halverwege afgebroken. Probeer opnieuw of vraag hulp aan ICT.",
    fr="La réponse du service d'IA a été interrompue à mi-chemin. Réessayez ou demandez de l'aide à l'ICT.",
    de="Die Antwort des KI-Dienstes wurde mittendrin abgebrochen. Versuchen Sie es noch einmal oder fragen Sie die IT.",
    en="The answer of the AI service was cut off halfway. Try again or ask ICT for help.",
)
