"""What the gateway has: every setting, metric, reason code, act and command, found by importing all of it."""

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass

import typer
from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

import filters
import gateway
from gateway.errors import REASON_CODES
from gateway.identity.acts import ACTS
from gateway.metrics import Metrics


def import_everything() -> None:
    """Reason codes and acts register themselves when their module is imported."""
    for package in (gateway, filters):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__") and "._shipped" not in module.name:
                importlib.import_module(module.name)


def reason_codes() -> dict[str, str]:
    """Those of the gateway; tests register some of their own, `test_…`, in the same process."""
    import_everything()
    return {code: text for code, text in REASON_CODES.items() if not code.startswith("test_")}


def acts() -> dict[str, str]:
    import_everything()
    return dict(ACTS)


@dataclass(frozen=True, slots=True)
class Family:
    """A metric as Prometheus shows it."""

    name: str
    kind: str
    labels: tuple[str, ...]
    text: str

    @property
    def series(self) -> tuple[str, ...]:
        """The names under which it can be asked for."""
        if self.kind == "histogram":
            return tuple(f"{self.name}_{tail}" for tail in ("bucket", "sum", "count"))
        return (self.name,)


def metrics() -> list[Family]:
    """Every metric family, in the order in which `gateway.metrics` makes them."""
    made = vars(Metrics(CollectorRegistry())).values()
    found = []
    for metric in made:
        if isinstance(metric, MetricWrapperBase):
            [family] = metric.describe()
            name = f"{family.name}_total" if family.type == "counter" else family.name
            found.append(Family(name, family.type, tuple(metric._labelnames), family.documentation))
    return found


@dataclass(frozen=True, slots=True)
class Command:
    """One command of `sluis`, with what may follow it."""

    name: str
    text: str
    arguments: tuple[TyperArgument, ...]
    options: tuple[TyperOption, ...]


def commands() -> list[Command]:
    import_everything()
    from gateway.cli import app

    return list(_walk(typer.main.get_command(app), "sluis"))


def _walk(command: object, name: str) -> Iterator[Command]:
    if isinstance(command, TyperGroup):
        for child, found in command.commands.items():
            yield from _walk(found, f"{name} {child}")
        return
    assert isinstance(command, TyperCommand), name
    arguments = tuple(p for p in command.params if isinstance(p, TyperArgument))
    options = tuple(p for p in command.params if isinstance(p, TyperOption))
    yield Command(name, command.help or "", arguments, options)
