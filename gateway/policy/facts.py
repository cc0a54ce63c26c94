"""What the list says of organisations, providers and places: plain facts for labels, records, energy and registers."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Contact:
    """Whom to ask."""

    name: str
    email: str = ""
    phone: str = ""
    url: str = ""

    def __str__(self) -> str:
        ways = ", ".join(way for way in (self.email, self.phone, self.url) if way)
        return f"{self.name} ({ways})" if ways else self.name


@dataclass(frozen=True, slots=True)
class Contacts:
    ict: Contact
    dpo: Contact


@dataclass(frozen=True, slots=True)
class Organisation:
    """Who runs the gateway; `role` is provider or deployer in the AI Act's sense (standards §1.1)."""

    name: str
    id: str
    role: str
    languages: tuple[str, ...]
    default_language: str
    contacts: Contacts


@dataclass(frozen=True, slots=True)
class Provider:
    name: str
    otel_name: str  # gen_ai.provider.name
    country: str | None = None
    registration: str | None = None
    contract_ref: str | None = None
    dpa_signed: date | None = None
    processor: bool | None = None


@dataclass(frozen=True, slots=True)
class Hosting:
    region: str | None = None
    country: str | None = None  # ISO 3166-1 alpha-3
    data_residency: str | None = None
    sub_processors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Energy:
    """`dcie_pct` is filled from `pue` where only that is written, and the other way round."""

    pue: float | None = None
    pue_year: int | None = None
    dcie_pct: float | None = None
    wue: float | None = None
    source: str | None = None
    model_profile: str | None = None  # EcoLogits provider/model
    model_class: str | None = None  # small, medium, large, reasoning


@dataclass(frozen=True, slots=True)
class Listing:
    """The organisation's own published list, word for word (T1, T5)."""

    name: str
    watch_out: str = ""
    allowed: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Approval:
    by: str
    date: date
