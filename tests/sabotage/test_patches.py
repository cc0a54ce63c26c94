"""What `make sabotage` relies on, checked in every run of the tests: each patch still fits, each named test exists."""

import re

import pytest

from tests.sabotage.patches import PATCHES, Patch
from tests.sabotage.run import ROOT, problem

each = pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: patch.name)


@each
def test_a_patch_still_applies(patch: Patch) -> None:
    assert problem(patch) == ""


@each
def test_the_named_test_exists(patch: Patch) -> None:
    file, _, name = patch.test.partition("::")
    assert re.search(rf"^(async )?def {re.escape(name.partition('[')[0])}\(", (ROOT / file).read_text(), re.MULTILINE)


def test_names_are_unique_and_every_promise_is_broken() -> None:
    assert len({patch.name for patch in PATCHES}) == len(PATCHES)
    assert {patch.promise for patch in PATCHES} == set(range(1, 11))


def test_a_patch_that_does_not_fit_is_told() -> None:
    for old, said in (("nowhere to be found", "0 times"), ("PRAGMA", "times"), ("PRAGMA synchronous=FULL", "nothing")):
        assert said in problem(Patch("x", 1, "gateway/database.py", old, "PRAGMA synchronous=FULL", "x::y"))
    assert problem(Patch("x", 1, "gateway/none.py", "", "", "x::y")) == "no such file"
