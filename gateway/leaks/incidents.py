"""What incidents and suspicions are: their states, facts and timeline.

A suspicion is something a person must judge; it has no clock. An open incident has one: GDPR art. 33(1) counts 72
hours from the moment that the organisation became aware (`aware_at`), so the deadline is never set apart from it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from filters.findings import Category
from gateway.errors import sentence

UNKNOWN_INCIDENT = sentence(
    "unknown_incident",
    "no incident or suspicion has this reference",
    nl="Er is geen incident met deze referentie. Kijk de referentie na met: sluis incident list",
    fr="Aucun incident ne porte cette référence. Vérifiez-la avec : sluis incident list",
    de="Es gibt keinen Vorfall mit dieser Referenz. Prüfen Sie sie mit: sluis incident list",
    en="No incident has this reference. Check it with: sluis incident list",
)
WRONG_STATE = sentence(
    "incident_state",
    "the incident is not in a state from which this step is possible",
    nl="Dit kan niet meer: het incident staat op '{state}'. Bekijk het met: sluis incident show",
    fr="Ce n'est plus possible : l'incident est à l'état '{state}'. Consultez-le avec : sluis incident show",
    de="Das geht nicht mehr: Der Vorfall hat den Stand '{state}'. Sehen Sie ihn an mit: sluis incident show",
    en="This is not possible any more: the incident is '{state}'. Look at it with: sluis incident show",
)
BAD_AWARE_AT = sentence(
    "aware_at_invalid",
    "the moment of awareness lies in the future or more than ten years back",
    nl="Het tijdstip waarop u het lek kende, kan niet in de toekomst of meer dan tien jaar terug liggen.",
    fr="Le moment où vous avez eu connaissance de la fuite ne peut être dans le futur ni remonter à plus de dix ans.",
    de="Der Zeitpunkt der Kenntnis darf nicht in der Zukunft und nicht mehr als zehn Jahre zurückliegen.",
    en="The moment at which you knew of the leak cannot lie in the future or more than ten years back.",
)


class State(StrEnum):
    """suspicion → open → closed, or suspicion → closed when it was none."""

    SUSPICION = "suspicion"
    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Case:
    """What is known of a (possible) leak when it is told. No text: that is `note`, masked, of the incident."""

    tool: str = ""
    unit: str = ""
    categories: Sequence[Category] = ()
    entity_types: Mapping[str, int] = field(default_factory=dict)
    request_ids: Sequence[str] = ()
    reason_code: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Incident:
    """One row as the DPO sees it. Times are POSIX seconds."""

    id: str
    reference: str
    state: State
    source: str
    opened_at: float
    aware_at: float | None
    deadline_72h: float | None
    tool: str
    unit: str
    categories: tuple[str, ...]
    entity_types: Mapping[str, int]
    request_ids: tuple[str, ...]
    reason_code: str
    note: str
    opened_by: str
    closed_at: float | None
    closing_reason: str

    def __repr__(self) -> str:
        return f"Incident({self.reference}, {self.state}, note={len(self.note)} characters)"


@dataclass(frozen=True, slots=True)
class IncidentEvent:
    """One step of the timeline; `detail` holds closed fields (times, counts)."""

    at: float
    event: str
    by_role: str
    detail: Mapping[str, Any]


def incident(values: Mapping[str, Any]) -> Incident:
    """A row as an Incident."""
    fields = {name: values[name] for name in Incident.__dataclass_fields__}
    fields["state"] = State(fields["state"])
    fields["categories"] = tuple(fields["categories"])
    fields["request_ids"] = tuple(fields["request_ids"])
    return Incident(**fields)
