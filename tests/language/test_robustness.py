"""Any text is survived in bounded time, and a bad line takes no other line's answer away."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spinalsam.commands.parse import answers
from spinalsam.control.operations import SPOKEN_SPECS
from spinalsam.language import parse
from spinalsam.language.reading import LONGEST
from spinalsam.support.calls import validate_call

PIECES = (
    "add remove clear the points box boxes mask masks generate segment L3 T12 s1 腰3 第三腰椎 点 框 掩膜 加 清空 分割 不要 "
    "先 再 然后 之前 before after you once "
    "and then or not don't no wait I mean sorry , . ; : ? ! ( ) 12 3.5 -7 (10,20) 1,2,3,4 x= y= /a/b.nii.gz 'c d.nrrd' up down "
    "next previous slice 层 张 窗宽 "
    "窗位 level width bone window undo 撤销 😀 \ud800 \x00 第 一 两 个 dozen couple of how do I what is please 请 吗 了 的"
).split(" ")


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=25).map(" ".join) | st.lists(st.sampled_from(PIECES), max_size=25).map("".join))
def test_words_of_ours_in_any_order_give_valid_calls_or_none(text: str) -> None:
    for call in parse(text, SPOKEN_SPECS).calls:
        validate_call(call, SPOKEN_SPECS)


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet=st.characters(), max_size=120))
def test_any_characters_give_valid_calls_or_none(text: str) -> None:
    for call in parse(text, SPOKEN_SPECS).calls:
        validate_call(call, SPOKEN_SPECS)


@pytest.mark.parametrize(
    "piece",
    [" ", "第", "a", "l1-", "加点", "😀", "add points ", "1 ", "'a", "/a", "qzxw ", "before you ", "no wait ", "(", "1,2,", "a.b/"],
)
def test_repeated_pieces_take_bounded_time(piece: str) -> None:
    text = "x" + piece * (LONGEST // len(piece) - 1) + "x"
    parse("x", SPOKEN_SPECS)
    started = time.process_time()
    parse(text, SPOKEN_SPECS)
    assert time.process_time() - started < 1


def test_a_letter_is_no_request() -> None:
    text = "clear the points. " * 6000
    started = time.process_time()
    assert parse(text, SPOKEN_SPECS).calls == ()
    assert time.process_time() - started < 0.2


def test_a_bad_line_gives_an_error_and_the_stream_goes_on() -> None:
    lines = [
        b"not json", b"[]", b'{"text": 5}', b"{}", b"", b"\xff\xfe\x00", b"[" * 100_000, json.dumps({"text": "a" * 100_000}).encode(),
        b'{"text": "\\ud800 clear the points"}', b'{"text": "clear\\u0000the points"}', b'{"text": "undo"}',
    ]  # fmt: skip
    found = list(answers(lines))
    assert [sorted(set(answer) & {"error", "calls"}) for answer in found] == [["error"]] * 4 + [["error"]] * 2 + [["calls"]] * 4
    assert found[-1]["calls"] == [{"op": "undo", "args": {}}]
    assert found[-3]["calls"] == [{"op": "clear_points", "args": {}}]


def test_a_fault_of_ours_costs_one_line_only(monkeypatch: pytest.MonkeyPatch) -> None:
    from spinalsam.language import grammar

    whole = grammar.read

    def faulty(text: str) -> list[object]:
        if text == "boom":
            raise ZeroDivisionError("here")
        return whole(text)  # type: ignore[return-value]

    monkeypatch.setattr(grammar, "read", faulty)
    found = list(answers([b'{"text": "boom"}', b'{"text": "undo"}']))
    assert "ZeroDivisionError" in found[0]["error"]
    assert found[1]["calls"] == [{"op": "undo", "args": {}}]
