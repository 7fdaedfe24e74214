"""Completion offers what the parser understands."""

from __future__ import annotations

import pytest

from spinalsam.control.operations import SPOKEN_SPECS
from spinalsam.language import parse
from spinalsam.ui.chat_dock import EXAMPLES
from spinalsam.ui.completion import OFFERS, completions

# What a phrase that stops before its argument is tried with.
ENDINGS = {"at (": "20, 30)", "slice ": "12", " ": "L3"}


def whole(phrase: str) -> str:
    return next((phrase + ending for start, ending in ENDINGS.items() if phrase.endswith(start)), phrase)


def test_every_operation_that_can_be_said_is_offered() -> None:
    assert set(OFFERS) == set(SPOKEN_SPECS)


@pytest.mark.parametrize(("op", "phrase"), [(op, phrase) for op, phrases in OFFERS.items() for phrase in phrases])
def test_what_is_offered_is_understood(op: str, phrase: str) -> None:
    result = parse(whole(phrase), SPOKEN_SPECS, {"has_points": True, "has_boxes": True})
    assert [call.op for call in result.calls] == [op], whole(phrase)


@pytest.mark.parametrize("text", [text for texts in EXAMPLES.values() for text in texts])
def test_examples_are_understood(text: str) -> None:
    assert parse(text, SPOKEN_SPECS, {}).calls


@pytest.mark.parametrize(
    ("typed", "shown", "text"),
    [
        ("und", "undo", "undo"),
        ("clear the points, ad", "add three points on", "clear the points, add three points on "),
        ("undo then me", "measure", "undo then measure "),
        ("segment lu", "lumbar", "segment lumbar"),
        ("segment t1", "T10", "segment T10"),
        ("分割腰", "腰椎", "分割腰椎"),
        ("撤销，然后骨", "骨窗", "撤销，然后骨窗"),
    ],
)
def test_the_last_clause_or_word_is_completed(typed: str, shown: str, text: str) -> None:
    assert (shown, text) in [(item.shown, item.text) for item in completions(typed)]


@pytest.mark.parametrize("typed", ["", " ", "undo", "xyz", "segment L3", "L", "open /data/c"])
def test_nothing_is_offered_where_nothing_fits(typed: str) -> None:
    assert completions(typed) == []
