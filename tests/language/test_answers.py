"""Whatever a model sends becomes calls that the registry allows, or a problem with a sentence; never anything else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spinalsam.control.operations import SPOKEN_SPECS
from spinalsam.errors import UsageError
from spinalsam.language.answers import AnswerProblem, Reply, ThoughtSplitter, read_answer
from spinalsam.language.endpoints import PRESETS, Endpoint, endpoint_of
from spinalsam.language.prompt import answer_schema, messages, request_body
from spinalsam.settings import Settings
from spinalsam.support.calls import validate_call

SENTENCE = "put points at (10, 20) on L3, level 40, and save it as <PATH_1>"
NAMES = [*SPOKEN_SPECS, "restore_case", "os.system", ""]
ARGUMENTS = sorted({argument.name for spec in SPOKEN_SPECS.values() for argument in spec.arguments} | {"x", ""})
WORDS = st.text(max_size=8) | st.sampled_from(["L3", "up", "<PATH_1>"])
LEAVES = st.none() | st.booleans() | st.integers(-10, 10**13) | st.floats() | WORDS
VALUES = st.recursive(LEAVES, lambda some: st.lists(some, max_size=4) | st.dictionaries(WORDS, some, max_size=3), max_leaves=6)
CALLS = st.fixed_dictionaries(
    {"op": st.sampled_from(NAMES), "args": st.dictionaries(st.sampled_from(ARGUMENTS), VALUES, max_size=3)}, optional={"why": VALUES}
)


def taken(reply: Reply) -> bool:
    """Whether the reply was taken; what was taken is valid, sayable and from the sentence."""
    try:
        answer = read_answer(reply, SPOKEN_SPECS, SENTENCE)
    except AnswerProblem as problem:
        assert str(problem) and "\n" not in str(problem) and len(str(problem)) < 500
        return False
    for call in answer.calls:
        validate_call(call, SPOKEN_SPECS)
        json.dumps(call.to_json())
        assert all(value in SENTENCE for value in call.args.values() if isinstance(value, str) and "path" in call.args)
    return True


@settings(max_examples=100, deadline=None)
@given(st.lists(CALLS, max_size=3), VALUES)
def test_any_calls_are_taken_or_refused(calls: list[Any], answer: Any) -> None:
    taken(Reply(json.dumps({"calls": calls, "answer": answer}), finish="stop"))
    taken(Reply("", tools=tuple((str(call["op"]), json.dumps(call["args"])) for call in calls), finish="tool_calls"))


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60) | VALUES.map(json.dumps), st.sampled_from(["stop", "length", "tool_calls"]))
def test_any_text_is_taken_or_refused(text: str, finish: str) -> None:
    taken(Reply(text, finish=finish))
    taken(Reply(text, tools=((text[:20], text),), finish=finish))


def test_good_calls_are_taken() -> None:
    assert taken(Reply('{"calls": [{"op": "add_points", "args": {"at": [[10, 20]]}}], "answer": ""}', finish="stop"))
    assert taken(Reply('{"calls": [{"op": "export_mask", "args": {"path": "<PATH_1>"}}]}', finish="stop"))


THOUGHTS = st.lists(st.sampled_from(["<think>", "</think>", "a", "<", "think>", "</", "L3 ", "\n"]), max_size=12)


@settings(max_examples=120, deadline=None)
@given(THOUGHTS, st.data())
def test_thoughts_are_parted_wherever_the_stream_is_cut(parts: list[str], data: st.DataObject) -> None:
    text = "".join(parts)
    whole = ThoughtSplitter()
    whole.feed(text)
    whole.finish()
    pieces = ThoughtSplitter()
    position = 0
    while position < len(text):
        step = data.draw(st.integers(1, 5))
        pieces.feed(text[position : position + step])
        position += step
    pieces.finish()
    assert (pieces.content, pieces.thoughts) == (whole.content, whole.thoughts)
    assert len(whole.content) + len(whole.thoughts) <= len(text)


def test_the_schema_is_made_from_the_registry() -> None:
    variants = answer_schema(SPOKEN_SPECS)["properties"]["calls"]["items"]["anyOf"]
    assert [variant["properties"]["op"]["const"] for variant in variants] == list(SPOKEN_SPECS)
    points = next(variant for variant in variants if variant["properties"]["op"]["const"] == "add_points")
    assert "values" not in points["properties"]["args"]["properties"]  # the program's own argument
    instructions = messages("undo", SPOKEN_SPECS, "json_schema")[0]["content"]
    assert all(f"- {name}(" in instructions for name in SPOKEN_SPECS)


def test_the_plainest_way_asks_for_nothing_special() -> None:
    body = request_body("m", messages("undo", SPOKEN_SPECS, "text"), SPOKEN_SPECS, "text")
    assert set(body) == {"model", "messages", "stream"}


# Endpoints


@pytest.mark.parametrize(
    "url",
    ["", "api.deepseek.com", "ftp://host/v1", "http://", "https://host:port/v1", "https://user:secret@host/v1", "https://host/v1?key=secret",
     "https://ho st/v1", "https://höst/v1", "file:///etc/passwd", "http://[::1/v1"],
)  # fmt: skip
def test_what_is_no_address_is_refused_without_repeating_a_password(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        Endpoint(url, "m")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "local", "carries"),
    [("http://localhost:1234/v1", True, True), ("http://[::1]:8000/v1", True, True), ("http://127.1.2.3/v1", True, True),
     ("http://192.168.0.9:8000/v1", False, False), ("https://llm.example.org/v1", False, True),
     ("http://localhost.evil.org/v1", False, False)],
)  # fmt: skip
def test_which_machine_and_whether_a_key_may_go_there(url: str, local: bool, carries: bool) -> None:
    endpoint = Endpoint(url, "m")
    assert (endpoint.is_local, endpoint.may_carry_key) == (local, carries)


def test_settings_name_an_endpoint() -> None:
    assert endpoint_of(Settings()) == Endpoint(PRESETS[0].url, PRESETS[0].model, "json_object", 60.0)
    ollama = endpoint_of(Settings(language_endpoint="http://127.0.0.1:11434/v1/", language_style="tools", language_timeout_s=5))
    assert ollama == Endpoint("http://127.0.0.1:11434/v1", "deepseek-r1", "tools", 5.0)
    assert ollama.state == "DeepSeek-R1 at 127.0.0.1:11434"
