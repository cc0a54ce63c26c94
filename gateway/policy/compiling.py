"""From the written form to the compiled one. Reads the upstreams' keys, once."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from filters.findings import Category, OperatingPoint
from gateway.exchange import Action, Decision, Outcome, Role
from gateway.policy.compiled import KeySource, Policy, Status, Tool, Upstream
from gateway.policy.facts import Approval, Contact, Contacts, Energy, Hosting, Listing, Organisation, Provider
from gateway.policy.model import (
    WrittenApproval,
    WrittenEnergy,
    WrittenListing,
    WrittenOrganisation,
    WrittenPolicy,
    WrittenTool,
    WrittenUpstream,
)
from gateway.policy.patterns import compile_pattern
from gateway.policy.rules import resolve
from gateway.policy.sentences import NOTHING_ALLOWED


def compile_policy(written: WrittenPolicy, *, base: Path = Path(), environ: Mapping[str, str] | None = None) -> Policy:
    """Resolve everything. `base` is the folder that relative paths of keys and certificates start from.

    Raises ValueError for a pattern that is not RE2 (the lint says so before).
    """
    environ = os.environ if environ is None else environ
    shared = {name: Action(action) for name, action in written.entities.items()}
    return Policy(
        version=written.version,
        profile=written.profile,
        organisation=_organisation(written.organisation),
        thresholds=MappingProxyType({c: float(getattr(written.thresholds, c.value)) for c in Category}),
        tools=MappingProxyType(
            {
                tool.id: _tool(tool, shared, language=written.organisation.default_language, base=base, environ=environ)
                for tool in written.tools
            }
        ),
        general=MappingProxyType(written.model_dump(mode="json", exclude={"tools"})),
    )


def _organisation(written: WrittenOrganisation) -> Organisation:
    contacts = written.contacts
    return Organisation(
        name=written.name,
        id=written.id,
        role=written.role,
        languages=tuple(written.languages),
        default_language=written.default_language,
        contacts=Contacts(Contact(**contacts.ict.model_dump()), Contact(**contacts.dpo.model_dump())),
    )


def _tool(
    written: WrittenTool, shared: Mapping[str, Action], *, language: str, base: Path, environ: Mapping[str, str]
) -> Tool:
    actions = {name: Action(action) for name, action in written.data.model_dump().items()}
    own = {name: Action(action) for name, action in written.entities.items()}
    rules, rows = resolve(written.id, actions, own, shared)
    upstream = _upstream(written.upstream, base=base, environ=environ) if written.upstream else None
    return Tool(
        id=written.id,
        name=written.name,
        status=Status(written.status),
        reasons=_texts(written.reason, language),
        reason_ref=written.reason_ref,
        environment=written.environment,
        provider=Provider(**written.provider.model_dump()),
        terms=written.terms,
        trains_on_input=written.trains_on_input,
        origin=written.origin,
        openness=written.openness,
        listing=_listing(written.listing),
        hosts=tuple(written.hosts),
        models=tuple(compile_pattern(text) for text in written.models),
        aliases=MappingProxyType(dict(written.aliases)),
        upstream=upstream,
        roles=frozenset(Role(role) for role in written.access.roles),
        units=frozenset(written.access.units),
        actions=MappingProxyType(actions),
        entity_actions=MappingProxyType(own),
        rules=rules,
        category_rules=rows,
        unscannable=Action(written.unscannable),
        point=_point(actions["personal"]),
        visible_label=written.visible_label,
        restore_hosts=frozenset(written.restore_hosts),
        hosting=Hosting(**{**written.hosting.model_dump(), "sub_processors": tuple(written.hosting.sub_processors)}),
        energy=_energy(written.energy),
        upstream_text_mark=written.upstream_text_mark,
        retention_days=written.retention_days,
        ict_approval=_approval(written.approvals.ict),
        dpo_approval=_approval(written.approvals.dpo),
        review_by=written.review_by,
        key_readable=upstream is None or upstream.key is None or upstream.secret() is not None,
        without_findings=_without_findings(written.id, actions["none_found"]),
        raw=MappingProxyType(written.model_dump(mode="json")),
    )


def _texts(written: Any, language: str) -> Mapping[str, str]:
    if written is None:
        return MappingProxyType({})
    return MappingProxyType(dict(written) if isinstance(written, dict) else {language: written})


def _listing(written: WrittenListing | None) -> Listing | None:
    if written is None:
        return None
    return Listing(written.name, written.watch_out, tuple(written.allowed), tuple(written.forbidden))


def _approval(written: WrittenApproval | None) -> Approval | None:
    return None if written is None else Approval(written.by, written.date)


def _energy(written: WrittenEnergy) -> Energy:
    """DCiE = 100 / PUE (standards §5.4); what is written wins over what follows from it."""
    energy = Energy(**written.model_dump())
    if energy.dcie_pct is None and energy.pue is not None:
        return replace(energy, dcie_pct=round(100 / energy.pue, 1))
    if energy.pue is None and energy.dcie_pct is not None:
        return replace(energy, pue=round(100 / energy.dcie_pct, 3))
    return energy


def _point(personal: Action) -> OperatingPoint:
    """Thorough where personal data are replaced: a needless placeholder is put back, a missed name has left."""
    return OperatingPoint.THOROUGH if personal is Action.PSEUDONYMIZE else OperatingPoint.PRECISE


def _without_findings(tool_id: str, action: Action) -> Decision:
    if action is Action.BLOCK:
        return Decision(Outcome.BLOCKED, policy_rule=f"tool:{tool_id}/none_found", reason_code=NOTHING_ALLOWED)
    return Decision(Outcome.ALLOWED)


def _upstream(written: WrittenUpstream, *, base: Path, environ: Mapping[str, str]) -> Upstream:
    key = None
    if written.key is not None:
        key = KeySource(written.key.env, base / written.key.file if written.key.file else None)
    return Upstream(
        kind=written.kind,
        base_url=written.base_url.rstrip("/"),
        key=key,
        auth=written.auth,
        connect_timeout=written.connect_timeout,
        read_timeout=written.read_timeout,
        ca_file=base / written.ca_file if written.ca_file else None,
        include_usage=written.include_usage,
        store_false=written.store_false,
        _secret=_read_key(key, environ),
    )


def _read_key(key: KeySource | None, environ: Mapping[str, str]) -> str | None:
    """The key, or None where it is empty, missing or cannot be a header's value: then the tool is not usable."""
    if key is None:
        return None
    if key.file is None:
        value = environ.get(key.env or "", "").strip()
    else:
        try:
            value = key.file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            return None
    return value if value and value.isascii() and value.isprintable() else None
