"""`allowlist.yaml` as it is written: strict, every unknown key refused, no secret ever in it.

The written form follows standards §4.2 with the data categories and actions of T1. `compiling.py` turns it into what
the road uses; `lint.py` says what the sources object to.
"""

import datetime as dt
import hashlib
import json
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Profile = Literal["be-municipality", "nl-central-government", "trial"]
StatusName = Literal["requested", "approved", "denied", "suspended", "expired"]
ActionName = Literal["allow", "note", "pseudonymize", "block"]
Environment = Literal["production", "practice", "trial"]
Language = Literal["nl", "fr", "de", "en"]
RoleName = Literal["staff", "ict", "dpo", "service"]

Identifier = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
ModelName = Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,200}$")]
Country = Annotated[str, Field(pattern=r"^[A-Z]{3}$", description="ISO 3166-1 alpha-3")]
EntityName = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{1,62}$")]
Line = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\r\n\x00-\x1f]+$")]
MaybeLine = Annotated[str, Field(max_length=500, pattern=r"^[^\x00-\x1f]*$")]
LocalText = Line | dict[Language, Line]
Host = Annotated[str, Field(pattern=r"^[a-z0-9*]([a-z0-9.-]{0,251}[a-z0-9])?$")]


class Written(BaseModel):
    """The base of every part: strict types, no unknown key, and no input quoted in an error."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class WrittenContact(Written):
    name: Line
    email: MaybeLine = ""
    phone: MaybeLine = ""
    url: MaybeLine = ""


class WrittenContacts(Written):
    ict: WrittenContact
    dpo: WrittenContact


class WrittenOrganisation(Written):
    """Who runs the gateway. `role`: provider where the service carries the organisation's own name (standards §1.1)."""

    name: Line
    id: MaybeLine = ""
    role: Literal["provider", "deployer"] = "deployer"
    languages: list[Language] = Field(default=["nl"], min_length=1)
    default_language: Language = "nl"
    contacts: WrittenContacts


class WrittenProvider(Written):
    """Who offers the tool. `otel_name` is OpenTelemetry's `gen_ai.provider.name`."""

    name: Line
    otel_name: Identifier = "openai"
    country: Country | None = None
    registration: Line | None = None
    contract_ref: Line | None = None
    dpa_signed: dt.date | None = None
    processor: bool | None = None


class WrittenKey(Written):
    """Where the upstream's key comes from: an environment variable or a file, never the YAML."""

    env: Annotated[str, Field(pattern=r"^[A-Z_][A-Z0-9_]*$")] | None = None
    file: Line | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.env is None) == (self.file is None):
            raise ValueError("name one source of the key: env or file")
        return self


class WrittenUpstream(Written):
    """The endpoint that is called. A tool without one is listed only: nothing of it passes the gateway."""

    kind: Literal["openai"] = "openai"
    base_url: Line
    key: WrittenKey | None = None
    auth: Literal["bearer", "api-key"] = "bearer"
    connect_timeout: float | None = Field(None, gt=0, le=60)
    read_timeout: float | None = Field(None, gt=0, le=3600)
    ca_file: Line | None = None
    include_usage: bool = True
    store_false: bool = False


class WrittenAccess(Written):
    """Who may use the tool; an empty list means everybody."""

    roles: list[RoleName] = []
    units: list[Line] = []


class WrittenHosting(Written):
    region: Line | None = None
    country: Country | None = None
    data_residency: Line | None = None
    sub_processors: list[Line] = []


class WrittenAssessment(Written):
    status: Literal["none", "not-required", "in-progress", "approved", "rejected"]
    date: dt.date | None = None
    by: Line | None = None
    link: Line | None = None
    valid_until: dt.date | None = None


class WrittenAssessments(Written):
    """What was assessed and when (T6)."""

    risk_analysis: WrittenAssessment | None = None
    dpia: WrittenAssessment | None = None
    fria: WrittenAssessment | None = None
    iama: WrittenAssessment | None = None


class WrittenApproval(Written):
    """One explicit agreement: who (name or role) and when (T3)."""

    by: Line
    date: dt.date


class WrittenApprovals(Written):
    ict: WrittenApproval | None = None
    dpo: WrittenApproval | None = None


class WrittenEnergy(Written):
    """Data of the data centre and of the model (E1). DCiE = 100 / PUE (standards §5.4)."""

    pue: float | None = Field(None, ge=1.0, le=10.0)
    pue_year: int | None = Field(None, ge=2000, le=2100)
    dcie_pct: float | None = Field(None, gt=0, le=100)
    wue: float | None = Field(None, ge=0, le=50, description="litres per kWh of IT energy, on site")
    source: Line | None = None
    model_profile: Line | None = Field(None, description="EcoLogits: mistralai/mistral-large-latest")
    model_class: Literal["small", "medium", "large", "reasoning"] | None = None


class WrittenListing(Written):
    """What the organisation's own published list says of the tool, word for word (T1)."""

    name: Line
    watch_out: MaybeLine = ""
    allowed: list[Line] = []
    forbidden: list[Line] = []


class WrittenData(Written):
    """One action per data category (T1). What is not written may not go in."""

    personal: ActionName = "block"
    special: ActionName = "block"
    confidential: ActionName = "block"
    security: ActionName = "block"
    none_found: ActionName = "block"


class WrittenThresholds(Written):
    """A finding scored below its category's threshold does not block, it is noted. 0: the engine alone decides."""

    personal: float = Field(0.0, ge=0, le=1)
    special: float = Field(0.0, ge=0, le=1)
    confidential: float = Field(0.0, ge=0, le=1)
    security: float = Field(0.0, ge=0, le=1)


class WrittenTool(Written):
    """One entry of the list: a service that was asked for, allowed or forbidden."""

    id: Identifier
    name: Line
    status: StatusName
    reason: LocalText | None = None
    reason_ref: Line | None = None
    environment: Environment = "production"
    listing: WrittenListing | None = None
    provider: WrittenProvider
    terms: Literal["consumer", "enterprise", "self-hosted"]
    trains_on_input: Literal["no", "opt-out", "yes", "unknown"]
    offensive_cyber_country: bool = False
    origin: Literal["NL", "BE", "EU", "EEA", "other", "unknown"] = "unknown"
    openness: Literal["open-source", "open-weights", "closed", "unknown"] = "unknown"
    hosts: list[Host] = []
    models: list[ModelName] = []
    aliases: dict[ModelName, ModelName] = {}
    upstream: WrittenUpstream | None = None
    access: WrittenAccess = WrittenAccess()
    data: WrittenData = WrittenData()
    entities: dict[EntityName, ActionName] = {}
    unscannable: Literal["allow", "block"] = "block"
    visible_label: bool = False
    restore_hosts: list[Host] = []
    upstream_text_mark: Literal["none", "model-watermark", "synthid", "unknown"] = "unknown"
    retention_days: int | None = Field(None, ge=0, le=36500)
    hosting: WrittenHosting = WrittenHosting()
    energy: WrittenEnergy = WrittenEnergy()
    assessments: WrittenAssessments = WrittenAssessments()
    approvals: WrittenApprovals = WrittenApprovals()
    owner: Line | None = None
    model_card_url: Line | None = None
    review_by: dt.date | None = None


class WrittenPolicy(Written):
    """The whole file."""

    profile: Profile
    organisation: WrittenOrganisation
    thresholds: WrittenThresholds = WrittenThresholds()
    entities: dict[EntityName, ActionName] = {}
    offensive_cyber_countries: list[Country] = []
    tools: list[WrittenTool]

    def canonical(self) -> bytes:
        """One byte string for one content, whatever the layout and comments of the file."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, ensure_ascii=True).encode()

    @property
    def version(self) -> str:
        """The first 16 hexadecimal digits of SHA-256 over the canonical content."""
        return hashlib.sha256(self.canonical()).hexdigest()[:16]
