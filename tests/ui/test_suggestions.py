"""Sentences in which nothing is found lead to what the menus have; those that the parser reads are left to it."""

from __future__ import annotations

import pytest

from spinalsam.control.operations import SPECS
from spinalsam.ui.suggestions import _WORDS, MOST, operations_like


def test_what_is_suggested_is_an_operation_that_is_not_said() -> None:
    assert all(op in SPECS and not SPECS[op].spoken for op in _WORDS), [op for op in _WORDS if op not in SPECS or SPECS[op].spoken]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("take a screenshot", "save_picture"),
        ("请截图", "save_picture"),
        ("please rename this label", "rename_label"),
        ("把 L3 和 L4 合并", "merge_labels"),
        ("what is the Cobb angle?", "measure_cobb"),
        ("could it interpolate that?", "fill_between"),
    ],
)
def test_words_lead_to_an_operation(text: str, first: str) -> None:
    assert operations_like(text)[0] == first


@pytest.mark.parametrize("text", ["how is the weather?", "thanks", "你好", "portable", "blockage"])
def test_other_words_lead_nowhere(text: str) -> None:
    assert operations_like(text) == []


def test_there_are_never_many() -> None:
    assert len(operations_like("compare, smooth, split, merge, rename and lock it")) == MOST
