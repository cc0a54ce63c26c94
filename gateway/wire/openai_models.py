"""The bodies of `/v1/models` and `/v1/models/{id}`: the models that policy lets this caller use."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class Model:
    """One row of the list. `created` is in POSIX seconds."""

    id: str
    owned_by: str
    created: int = 0


def models_body(models: Sequence[Model]) -> bytes:
    """The list, in the order given."""
    return orjson.dumps({"object": "list", "data": [_row(model) for model in models]})


def model_body(model: Model) -> bytes:
    """One model."""
    return orjson.dumps(_row(model))


def _row(model: Model) -> dict[str, Any]:
    return {"id": model.id, "object": "model", "created": model.created, "owned_by": model.owned_by}
