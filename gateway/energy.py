"""Energy, CO2 and water of one answer, as a range: low, mid, high (E1; standards §5.5).

EcoLogits (offline) knows what generating tokens costs; it counts output tokens only, so the prompt is added with an
assumed share. One EcoLogits call costs 116 µs, so its model, which is linear in tokens and capped by latency, is read
off once per model and evaluated in closed form; a test holds the two against each other.

Ranges are worst-case envelopes, not confidence intervals. Nothing known of a model means `None`, never zero.
"""

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from gateway.exchange import Exchange, Usage

if TYPE_CHECKING:
    from gateway.policy.compiled import Tool

BOUNDS: Final = ("low", "mid", "high")
PROMPT_SHARE: Final = (0.0, 0.1, 0.4)
"""α of standards §5.5: what one prompt token costs as a share of one answer token. An assumption, not a measurement."""
UNKNOWN_PUE: Final = (1.1, 1.3, 2.0)
"""Used where the tool list gives no PUE. 2.0 is DCiE 50 %, the floor of 004 q. 62."""
UNKNOWN_WUE: Final = (0.0, 0.5, 1.8)
UNKNOWN_ZONES: Final = ("SWE", "EEE", "USA")
JOULES_PER_KWH: Final = 3_600_000.0

SIZE_CLASSES: Final[dict[str, tuple[tuple[float, float], tuple[float, float]]]] = {
    # class: active and total parameters in billions, (low, high). Our own wide guesses for models EcoLogits lacks.
    "small": ((0.1, 15.0), (0.1, 15.0)),
    "medium": ((3.0, 70.0), (15.0, 120.0)),
    "large": ((20.0, 400.0), (120.0, 1000.0)),
    "reasoning": ((20.0, 400.0), (120.0, 1000.0)),
}

_ECOLOGITS_PROVIDER: Final = {
    "anthropic": "anthropic",
    "cohere": "cohere",
    "gcp.gemini": "google_genai",
    "gcp.vertex_ai": "google_genai",
    "gcp.gen_ai": "google_genai",
    "mistral_ai": "mistralai",
    "openai": "openai",
    "azure.ai.openai": "openai",
}
"""OpenTelemetry's provider names to EcoLogits'; anything else is looked up as a Hugging Face model."""

Range = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Energy:
    """One answer's estimate, each as (low, mid, high): joules, grams CO2e (location-based), millilitres."""

    joules: Range
    co2e_grams: Range
    water_onsite_ml: Range
    water_offsite_ml: Range
    method: str  # ecologits: the model is known; class: only its size class is


@dataclass(frozen=True, slots=True)
class _ModelCurve:
    """IT energy in kWh: `gpu` per token + `server` per second of generation, which is at most `first + each`·tokens."""

    gpu: float
    server: float
    first: float
    each: float

    def kwh(self, tokens: float, latency: float) -> float:
        return self.gpu * tokens + self.server * min(latency, self.first + self.each * tokens)


@dataclass(frozen=True, slots=True)
class _Site:
    """What the place adds: PUE, on-site water (l/kWh IT), grid carbon (kg/kWh) and grid water (l/kWh)."""

    pue: Range
    wue: Range
    carbon: Range
    grid_water: Range


def _probe(active: float, total: float, tps: float | None, ttft: float | None) -> _ModelCurve:
    """Read EcoLogits' straight lines off at a few points (PUE 1: IT energy)."""
    from ecologits.impacts.llm import compute_llm_impacts  # noqa: PLC0415  (0.3 s to import; only the worker needs it)

    def kwh(tokens: float, latency: float) -> float:
        impacts = compute_llm_impacts(
            model_active_parameter_count=active,
            model_total_parameter_count=total,
            output_token_count=tokens,
            request_latency=latency,
            if_electricity_mix_adpe=0.0,
            if_electricity_mix_pe=0.0,
            if_electricity_mix_gwp=0.0,
            if_electricity_mix_wue=0.0,
            datacenter_pue=1.0,
            datacenter_wue=0.0,
            tps=tps,
            ttft=ttft,
        )
        return float(impacts.energy.value)

    far = 1e12
    gpu = kwh(1000, 0.0) / 1000
    server = kwh(1_000_000, 1.0) - gpu * 1_000_000
    one, two = (kwh(t, far) - gpu * t for t in (1000, 2000))
    each = (two - one) / 1000 / server
    return _ModelCurve(gpu=gpu, server=server, first=max(0.0, one / server - each * 1000), each=each)


def _bounds(value: Any) -> tuple[float, float]:
    return (float(value.min), float(value.max)) if hasattr(value, "min") else (float(value), float(value))


def _curves(provider: str, model: str, size_class: str | None) -> tuple[str, _ModelCurve, _ModelCurve] | None:
    """(method, low, high) for a model; None when neither EcoLogits nor the tool list knows it."""
    from ecologits.model_repository import ParametersMoE, models  # noqa: PLC0415

    logging.getLogger("ecologits").setLevel(logging.ERROR)
    known = models.find_model(provider=_ECOLOGITS_PROVIDER.get(provider, "huggingface_hub"), model_name=model)
    if known is not None:
        parameters = known.architecture.parameters
        moe = isinstance(parameters, ParametersMoE)
        active = _bounds(parameters.active if moe else parameters)
        total = _bounds(parameters.total if moe else parameters)
        tps = known.deployment.tps if known.deployment else None
        ttft = known.deployment.ttft if known.deployment else None
        return "ecologits", _probe(active[0], total[0], tps, ttft), _probe(active[1], total[1], tps, ttft)
    if size_class in SIZE_CLASSES:
        active, total = SIZE_CLASSES[size_class]
        return "class", _probe(active[0], total[0], None, None), _probe(active[1], total[1], None, None)
    return None


def _site(zone: str | None, pue: float | None, wue: float | None) -> _Site:
    from ecologits.electricity_mix_repository import electricity_mixes  # noqa: PLC0415

    mixes = [electricity_mixes.find_electricity_mix(zone=z) for z in ([zone] * 3 if zone else UNKNOWN_ZONES)]
    if any(m is None for m in mixes):
        mixes = [electricity_mixes.find_electricity_mix(zone=z) for z in UNKNOWN_ZONES]
    carbon = sorted(m.gwp for m in mixes)
    water = sorted(m.wue for m in mixes)
    return _Site(
        pue=(pue, pue, pue) if pue else UNKNOWN_PUE,
        wue=(wue, wue, wue) if wue is not None else UNKNOWN_WUE,
        carbon=(carbon[0], carbon[1], carbon[2]),
        grid_water=(water[0], water[1], water[2]),
    )


def _version() -> str:
    from importlib.metadata import version  # noqa: PLC0415

    return f"ecologits-{version('ecologits')}/alpha-{'-'.join(str(a) for a in PROMPT_SHARE)}"


FACTORS_VERSION: Final = _version()


class Estimator:
    """Estimates per exchange; remembers the curve of each model and the site of each tool."""

    def __init__(self) -> None:
        self._curves: dict[tuple[str, str, str | None], tuple[str, _ModelCurve, _ModelCurve] | None] = {}
        self._sites: dict[tuple[str | None, float | None, float | None], _Site] = {}

    def estimate(self, x: Exchange) -> Energy | None:
        """The estimate of an answered exchange; None without usage or for an unknown model."""
        if x.tool is None or x.usage is None:
            return None
        seconds = max(0.0, (x.upstream_ended or x.started) - (x.upstream_started or x.started))
        return self.of(x.tool, x.tool.upstream_model(x.asked_model), x.usage, seconds)

    def of(self, tool: "Tool", model: str, usage: Usage, seconds: float) -> Energy | None:
        """The estimate for `usage` tokens of `model` (the upstream's name) that took `seconds` to generate."""
        energy = tool.energy
        curve_key = (tool.provider.otel_name, model, energy.model_class)
        if curve_key not in self._curves:
            self._curves[curve_key] = _curves(*curve_key)
        found = self._curves[curve_key]
        if found is None:
            return None
        site_key = (tool.hosting.country, energy.pue, energy.wue)
        if site_key not in self._sites:
            self._sites[site_key] = _site(*site_key)
        return _combine(found, self._sites[site_key], usage, seconds)


def _combine(found: tuple[str, _ModelCurve, _ModelCurve], site: _Site, usage: Usage, seconds: float) -> Energy:
    method, low_curve, high_curve = found
    low, high = low_curve.kwh(usage.output, seconds), high_curve.kwh(usage.output, seconds)
    per_low, per_high = low_curve.kwh(1, 1e12), high_curve.kwh(1, 1e12)
    fresh = max(0, usage.input - usage.cached)
    answers = (low, (low + high) / 2, high)
    per_token = (per_low, (per_low + per_high) / 2, per_high)
    it = [a + s * fresh * p for a, s, p in zip(answers, PROMPT_SHARE, per_token, strict=True)]
    total = [e * p for e, p in zip(it, site.pue, strict=True)]
    return Energy(
        joules=_three(e * JOULES_PER_KWH for e in total),
        co2e_grams=_three(e * c * 1000 for e, c in zip(total, site.carbon, strict=True)),
        water_onsite_ml=_three(e * w * 1000 for e, w in zip(it, site.wue, strict=True)),
        water_offsite_ml=_three(e * w * 1000 for e, w in zip(total, site.grid_water, strict=True)),
        method=method,
    )


def _three(values: Any) -> Range:
    low, mid, high = values
    return (low, mid, high)
