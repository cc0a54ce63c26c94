"""The list of models, as the real client reads it."""

import json

from openai.types import Model as OpenAIModel
from pydantic import TypeAdapter

from gateway.wire.openai_models import Model, model_body, models_body

ROWS = [Model("gpt-4o", "openai", 1794000000), Model("eigen/llm", "gemeente")]


def test_the_list_keeps_its_order() -> None:
    tree = json.loads(models_body(ROWS))
    assert tree["object"] == "list"
    rows = TypeAdapter(list[OpenAIModel]).validate_python(tree["data"])
    assert [(row.id, row.owned_by, row.created) for row in rows] == [
        ("gpt-4o", "openai", 1794000000), ("eigen/llm", "gemeente", 0),
    ]  # fmt: skip


def test_one_model() -> None:
    assert OpenAIModel.model_validate_json(model_body(ROWS[0])).id == "gpt-4o"


def test_no_models() -> None:
    assert json.loads(models_body([])) == {"object": "list", "data": []}
