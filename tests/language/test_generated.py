"""Frames filled with phrases: every region, count and operation in every construction, alone, framed, joined, forbidden and asked about."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from spinalsam.control.operations import SPOKEN_SPECS
from spinalsam.language import parse
from tests.language.generated import generated, generated_compounds, generated_others

MANY = 1500


def calls_of(text: str) -> list[dict[str, Any]]:
    return [call.to_json() for call in parse(text, SPOKEN_SPECS).calls]


def misread(sentences: Iterable[tuple[str, list[dict[str, Any]]]]) -> list[str]:
    return [f"{text} -> {calls_of(text)}" for text, calls in sentences if calls_of(text) != calls]


def test_every_construction_is_understood() -> None:
    wrong = misread(generated(7, MANY))
    assert len(wrong) <= MANY // 200, wrong


def test_two_commands_in_one_sentence_are_both_understood_in_order() -> None:
    wrong = misread(generated_compounds(7, MANY))
    assert len(wrong) <= MANY // 100, wrong


def test_what_is_forbidden_reported_postponed_or_asked_about_is_not_done() -> None:
    acted = [text for text, calls in generated_others(7, MANY) if not calls and calls_of(text)]
    assert not acted


def test_how_to_questions_give_help() -> None:
    questions = [(text, calls) for text, calls in generated_others(8, MANY) if calls]
    wrong = misread(questions)
    assert len(wrong) <= len(questions) // 50, wrong
