"""Shapes of names and streets, and words around them: shared by the rules and the lists."""

from filters.patterns import LETTER, LOWER, UPPER

# A capitalised word with inner apostrophes and hyphens. RE2 is linear, so repetitions need no bound.
WORD = f"[{UPPER}][{LETTER}]*(?:['’][{LETTER}]+)*(?:-[{LETTER}]+(?:['’][{LETTER}]+)*)*"
PARTICLE = (
    r"(?:[Vv]an(?: (?:de[nr]?|het|'t))?|[Vv]anden|[Vv]ander|[Dd]e(?: (?:la|l'))?|[Dd]en|[Dd]er|[Dd]u|[Dd]es"
    r"|[Tt]e[nr]?|['’]t"
    r"|[Oo]p (?:de|den|'t)|[Ii]n 't|[Dd]a|[Dd]os|[Dd]i|[Ll]o|[Ll]a|[Ll]e|[Ee]l|[Aa]l|[Aa]ït|[Bb]en|[Oo]ul[ae]d"
    r"|[Vv]on(?: (?:der|dem))?|[Zz]u[mr]?)"
)
SURNAME = rf"(?:{PARTICLE} )*(?:[Dd]['’] ?|[Oo]['’])?{WORD}(?: ?- ?(?:{PARTICLE} )*{WORD})?"
INITIALS = rf"(?:[{UPPER}]\. ?)"
STREET_ENDING = (
    r"(?:straat|laan|dreef|plein|weg|steenweg|lei|park|hof|pad|kaai|markt|plaats|baan|dijk|gracht|singel|wegel|stichting"
    r"|instituut|school|kerk|straße|strasse|platz|allee|gasse)"
)

# Words with a capital that begin a sentence or name a thing, never a person.
NOT_NAMES_TEXT = """
De Het Een En Maar Of Dit Dat Die Deze Wij Ik Hij Zij Ze We Je U Uw Mijn Onze Ons Zijn Haar Hun Er Als Bij Van Voor
Met Op In Aan Uit Over Onder Na Tot Om Te Dag Beste Geachte Hallo Hoi Dank Bedankt Mvg Groeten Groetjes Vriendelijke
Hoogachtend Mevrouw Meneer Heer Dhr Mevr Mw Mr Dr Kan Kun Kunt Wil Wat Wie Waar Hoe Welke Wanneer Waarom Is Was
Heeft Had Wordt Gelieve Graag Volgens Tijdens Sinds Onderwerp Betreft Naam Voornaam Adres Dienst Stad Gemeente
Provincie Collega Collegas Burger Bewoner Dossier Aanvraag Klacht Brief Mail Bijlage Punt Artikel College Raad
Vlaamse Vlaanderen Belgische Nederlandse Franse Engelse Duitse Nederlands Frans Engels Duits Europese Januari
Februari Maart April Juni Juli Augustus September Oktober November December Maandag Dinsdag Woensdag Donderdag
Vrijdag Zaterdag Zondag Allen Allemaal Iedereen Team Secretariaat Burgerzaken Personeel Bevolking Inwoner Inwoners
Ouders Mensen Bonjour Merci Madame Monsieur Cher Chère Sehr Liebe Lieber Dear Hello Hi The A Thanks Cordialement
Bien Le La Les Un Une Der Das Eine Ein Colleague Colleagues Sir Collègue Collègues Kollegen Kolleginnen Damen Herren
All Everyone Tous Zusammen Service Population Amt Office ICT OCMW CPAS Omgeving Financiën Wethouder Burgemeester
Schepen
"""
NOT_NAMES = frozenset(NOT_NAMES_TEXT.split())

LEFT_LOWER = f"[^{LETTER}0-9_@.-]"
LOWER_WORD = f"[{LOWER}]{{3,}}(?:-[{LOWER}]{{3,}})?"
