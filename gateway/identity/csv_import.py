"""Keys in bulk from a CSV file, as a personnel system or Excel writes it. One bad line and nothing is created."""

import csv
import io
import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.database import bump
from gateway.errors import sentence
from gateway.exchange import Principal
from gateway.identity.acts import act, record_act
from gateway.identity.checks import InvalidFields, NewKey, Problem, build_key
from gateway.identity.key_form import TokenBytes
from gateway.identity.keys import KeyInfo, create_keys, live_names

COLUMNS: Final = ("name", "subject", "unit", "language", "role", "expires")
MAX_ROWS: Final = 5000
MAX_PROBLEMS: Final = 200  # enough to correct a file; not a way to make us write megabytes

KEY_IMPORT: Final = act("key.import", "keys were made from a CSV file")


def parse_csv(data: bytes, *, now: float) -> list[tuple[int, NewKey]]:
    """(line, key) for every row; comma or semicolon, UTF-8. Raises InvalidFields with all problems."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidFields([Problem(CSV_ENCODING, "file", 1)]) from None
    delimiter = ";" if ";" in text.split("\n", 1)[0] else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    reading = _Reading(now)
    try:
        columns = [column.strip().lower() for column in next(reader, [])]
        if sorted(columns) != sorted(COLUMNS):
            raise InvalidFields([Problem(CSV_COLUMNS, "file", 1)])
        for row in reader:
            if reading.full:
                reading.problem(CSV_TOO_LONG, reader.line_num)
                break
            reading.row(columns, row, reader.line_num)
    except csv.Error:
        reading.problem(CSV_CELLS, reader.line_num)
    if not reading.keys and not reading.problems:
        reading.problem(CSV_EMPTY, 1)
    if reading.problems:
        raise InvalidFields(reading.problems)
    return reading.keys


class _Reading:
    """The keys and the problems so far."""

    def __init__(self, now: float) -> None:
        self._now = now
        self._seen: set[tuple[str, str]] = set()
        self.keys: list[tuple[int, NewKey]] = []
        self.problems: list[Problem] = []

    @property
    def full(self) -> bool:
        return len(self.keys) >= MAX_ROWS or len(self.problems) >= MAX_PROBLEMS

    def problem(self, code: str, line: int, field: str = "file") -> None:
        self.problems.append(Problem(code, field, line))

    def row(self, columns: list[str], row: list[str], line: int) -> None:
        if not any(cell.strip() for cell in row):
            return  # Excel leaves empty lines at the end
        if len(row) != len(columns):
            self.problem(CSV_CELLS, line)
            return
        try:
            new = _key(dict(zip(columns, row, strict=True)), self._now)
        except InvalidFields as error:
            self.problems.extend(replace(problem, line=line) for problem in error.problems)
            return
        if (new.subject, new.name) in self._seen:
            self.problem(CSV_DUPLICATE, line, "subject")
        self._seen.add((new.subject, new.name))
        self.keys.append((line, new))


def _key(cells: Mapping[str, str], now: float) -> NewKey:
    return build_key(
        subject=cells["subject"],
        unit=cells["unit"],
        role=cells["role"],
        name=cells["name"],
        language=cells["language"],
        expires=cells["expires"],
        now=now,
    )


async def import_csv(
    connection: AsyncConnection,
    data: bytes,
    *,
    by: Principal,
    at: float,
    token_bytes: TokenBytes = secrets.token_bytes,
) -> list[tuple[KeyInfo, str]]:
    """Make a key for every row, or none. Raises InvalidFields (each problem with its line) and Forbidden."""
    rows = parse_csv(data, now=at)
    await bump(connection)
    existing = await live_names(connection, at)
    doubles = [Problem(CSV_EXISTS, "subject", line) for line, new in rows if (new.subject, new.name) in existing]
    if doubles:
        raise InvalidFields(doubles[:MAX_PROBLEMS])
    made = await create_keys(connection, [new for _, new in rows], by=by, at=at, token_bytes=token_bytes)
    await record_act(connection, by.key_id, by.role, KEY_IMPORT, "keys", at, {"count": len(made)})
    return made


CSV_ENCODING = sentence(
    "csv_encoding",
    "the CSV file is not UTF-8",
    nl="Het bestand is geen UTF-8. Kies in Excel bij Opslaan als: CSV UTF-8.",
    fr="Le fichier n'est pas en UTF-8. Dans Excel, enregistrez-le comme : CSV UTF-8.",
    de="Die Datei ist nicht UTF-8. Speichern Sie sie in Excel als: CSV UTF-8.",
    en="The file is not UTF-8. In Excel, save it as: CSV UTF-8.",
)
CSV_COLUMNS = sentence(
    "csv_columns",
    "the CSV file's first line does not name the columns",
    nl="De eerste regel moet precies deze kolommen noemen: name, subject, unit, language, role, expires.",
    fr="La première ligne doit nommer exactement ces colonnes : name, subject, unit, language, role, expires.",
    de="Die erste Zeile muss genau diese Spalten nennen: name, subject, unit, language, role, expires.",
    en="The first line must name exactly these columns: name, subject, unit, language, role, expires.",
)
CSV_CELLS = sentence(
    "csv_cells",
    "a line of the CSV file has too many or too few cells, or its quotes do not close",
    nl="Deze regel heeft te veel of te weinig velden, of een aanhalingsteken sluit niet.",
    fr="Cette ligne a trop ou trop peu de champs, ou un guillemet n'est pas fermé.",
    de="Diese Zeile hat zu viele oder zu wenige Felder, oder ein Anführungszeichen ist nicht geschlossen.",
    en="This line has too many or too few cells, or a quote that does not close.",
)
CSV_DUPLICATE = sentence(
    "csv_duplicate",
    "a line of the CSV file repeats a subject and name",
    nl="Dezelfde subject en name staan al eerder in het bestand.",
    fr="Les mêmes subject et name figurent déjà plus haut dans le fichier.",
    de="Dieselben subject und name stehen schon weiter oben in der Datei.",
    en="The same subject and name stand earlier in the file.",
)
CSV_EXISTS = sentence(
    "csv_exists",
    "a line of the CSV file asks for a key that exists: same subject and name, still valid",
    nl="Deze subject heeft al een geldige sleutel met deze name. Haal de regel weg of kies een andere name.",
    fr="Ce subject a déjà une clé valable avec ce name. Supprimez la ligne ou choisissez un autre name.",
    de="Dieses subject hat schon einen gültigen Schlüssel mit diesem name. Löschen Sie die Zeile oder wählen Sie einen "
    "anderen name.",
    en="This subject has a valid key with this name already. Remove the line or choose another name.",
)
CSV_TOO_LONG = sentence(
    "csv_too_long",
    "the CSV file has more than 5,000 rows, or so many problems that reading stopped here",
    nl="Hier is het lezen gestopt: hoogstens 5.000 regels per bestand, of te veel fouten ervoor.",
    fr="La lecture s'est arrêtée ici : 5 000 lignes au plus par fichier, ou trop d'erreurs avant.",
    de="Hier wurde das Lesen abgebrochen: höchstens 5.000 Zeilen je Datei, oder zu viele Fehler davor.",
    en="Reading stopped here: at most 5,000 rows in a file, or too many problems before.",
)
CSV_EMPTY = sentence(
    "csv_empty",
    "the CSV file has no rows",
    nl="Het bestand bevat geen regels.",
    fr="Le fichier ne contient aucune ligne.",
    de="Die Datei enthält keine Zeilen.",
    en="The file has no rows.",
)
