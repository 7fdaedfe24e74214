"""A language model over real HTTP: what it says is taken where it fits, and whatever else it does costs nothing but a sentence."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from spinalsam.control.operations import SPOKEN_SPECS
from spinalsam.errors import Cancelled, LanguageError
from spinalsam.language import deepseek
from spinalsam.language.answers import AnswerProblem, ModelReading
from spinalsam.language.endpoints import Endpoint
from tests.language.model_server import (
    ModelServer,
    breaks_off,
    calls,
    ends_early,
    floods,
    refuses,
    running,
    says,
    sends,
    stalls,
    stream,
    uses_tools,
)

SEGMENT = ("segment", {"regions": ["L3"]})
GOOD = calls(SEGMENT)


@pytest.fixture(scope="module")
def module_server() -> Iterator[ModelServer]:
    with running() as server:
        yield server


@pytest.fixture
def server(module_server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    monkeypatch.setattr(deepseek, "FIRST_WAIT_S", 0.01)
    deepseek._known_styles.clear()
    yield module_server
    module_server.let_go.set()
    module_server.let_go = threading.Event()


def ask(
    server: ModelServer, text: str = "segment L3", *, style: str = "json_schema", timeout_s: float = 30.0, **options: Any
) -> ModelReading:
    endpoint = Endpoint(server.url, "deepseek-r1", style, timeout_s)
    return deepseek.ask(text, SPOKEN_SPECS, endpoint, **options)


def understood(reading: ModelReading) -> list[tuple[str, dict[str, Any]]]:
    return [(call.op, dict(call.args)) for call in reading.calls]


# What a good answer may look like

THOUGHT = "The user wants L3 segmented."


@pytest.mark.parametrize(
    ("answer", "style", "reasoning"),
    [
        (says(GOOD), "json_schema", ""),
        (says(GOOD, reasoning=THOUGHT), "json_schema", THOUGHT),
        (says(f"<think>{THOUGHT}</think>{GOOD}", size=3), "json_object", THOUGHT),
        (says(f"{THOUGHT}</think>\n\n{GOOD}", size=3), "json_object", THOUGHT),
        (says(f"```json\n{GOOD}\n```"), "text", ""),
        (says(f"Here it is:\n```\n{GOOD}\n```\nDone."), "text", ""),
        (says(json.dumps([{"op": "segment", "args": {"regions": ["L3"]}}])), "text", ""),
        (uses_tools(("segment", '{"regions": ["L3"]}')), "tools", ""),
        (stream({"reasoning": THOUGHT}, {"content": GOOD}), "json_schema", THOUGHT),
        (stream({"content": None, "role": "assistant"}, {"content": GOOD}), "json_schema", ""),
        (sends(json.dumps({"choices": [{"message": {"content": GOOD, "reasoning_content": THOUGHT}, "finish_reason": "stop"}],
                           "usage": {"prompt_tokens": 1, "completion_tokens": 2}}).encode()), "json_schema", THOUGHT),
    ],
    ids=["json", "reasoning", "think", "lonely-think", "fence", "fence-in-prose", "list", "tools", "reasoning-field", "nulls",
         "not-streamed"],
)  # fmt: skip
def test_a_good_answer_is_understood(server: ModelServer, answer: Any, style: str, reasoning: str) -> None:
    server.will(answer)
    reading = ask(server, style=style)
    assert understood(reading) == [SEGMENT]
    assert reading.reasoning == reasoning
    assert reading.source == "deepseek" and reading.answer == "" and reading.ms > 0
    assert len(server.arrived) == 1


def test_tokens_and_reasoning_are_told(server: ModelServer) -> None:
    heard: list[tuple[str, str]] = []
    server.will(says(GOOD, reasoning=THOUGHT))
    reading = ask(server, listen=lambda kind, text: heard.append((kind, text)))
    assert "".join(text for kind, text in heard if kind == "thought") == THOUGHT
    assert len(heard) > 1
    assert (reading.prompt_tokens, reading.answer_tokens) == (800, 42)


def test_several_calls_keep_their_order(server: ModelServer) -> None:
    wanted = [("clear_points", {}), ("add_box", {"regions": ["L2"]}), ("generate_box_mask", {})]
    server.will(uses_tools(*((op, json.dumps(args)) for op, args in wanted)))
    assert understood(ask(server, "clear the points, box L2, make the mask", style="tools")) == wanted


def test_a_question_is_answered_in_words_and_does_nothing(server: ModelServer) -> None:
    text = "A wedge fracture loses height in front."
    for style, answer in (("json_object", says(calls(answer=text))), ("tools", says(text))):
        server.will(answer)
        reading = ask(server, "what is a wedge fracture?", style=style)
        assert reading.calls == () and reading.answer == text


def test_what_was_hidden_comes_back_in_the_arguments(server: ModelServer) -> None:
    server.will(says(calls(("open_image", {"path": "<PATH_1>"}), answer="Opening it for <NAME_1>.")))
    reading = ask(server, "open /data/Anna Smith/ct.nii.gz for Anna Smith")
    assert understood(reading) == [("open_image", {"path": "/data/Anna Smith/ct.nii.gz"})]
    assert reading.answer == "Opening it for Anna Smith."


# What a bad answer costs: one repair, then nothing is done

BAD = {
    "prose": "Sure! I will segment L3.",
    "empty": "",
    "half": GOOD[:-8],
    "no JSON": "{calls: [segment(L3)]}",
    "two objects": GOOD + GOOD,
    "a key twice": '{"calls": [], "calls": [{"op": "segment", "args": {"regions": ["L3"]}}]}',
    "a number": "42",
    "not a number": '{"calls": [{"op": "set_window", "args": {"level": NaN}}]}',
    "deep": "[" * 5000,
    "unknown field": '{"calls": [], "code": "import os"}',
    "code": "```python\nimport os; os.system('rm -rf /')\n```",
    "unknown operation": calls(("delete_files", {"path": "/"})),
    "nearly an operation": calls(("segmnt", {"regions": ["L3"]})),
    "unspoken operation": calls(("restore_case", {"journal": "segment"})),
    "unknown argument": calls(("segment", {"regions": ["L3"], "force": True})),
    "internal argument": calls(("add_box", {"regions": ["L3"], "value": 99})),
    "missing argument": calls(("segment", {})),
    "wrong type": calls(("segment", {"regions": "L3"})),
    "list for a choice": calls(("set_view", {"plane": ["axial"]})),
    "unknown region": calls(("segment", {"regions": ["L9"]})),
    "out of range": calls(("undo", {"count": 0})),
    "huge number": calls(("undo", {"count": 10**9})),
    "truth for a number": calls(("undo", {"count": True})),
    "arguments as text": '{"calls": [{"op": "segment", "args": "L3"}]}',
    "calls as text": '{"calls": "segment L3"}',
    "invented path": calls(("export_mask", {"path": "/etc/passwd"})),
    "overwrite": calls(("export_mask", {"path": "../../home/x.nii", "overwrite": True})),
    "invented placeholder": calls(("open_image", {"path": "<PATH_7>"})),
    "invented coordinates": calls(("add_points", {"at": [[120, 80]]})),
    "too many calls": calls(*[SEGMENT] * 30),
    "too long": '{"calls": [], "answer": "' + "x" * 60_000 + '"}',
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_a_bad_answer_is_repaired_once(server: ModelServer, bad: str) -> None:
    server.will(says(bad, size=5000), says(GOOD))
    assert understood(ask(server, style="json_object")) == [SEGMENT]
    first, second = (arrived.document["messages"] for arrived in server.arrived)
    assert second[: len(first)] == first and len(second) == len(first) + 2
    assert "cannot be used" in second[-1]["content"]
    assert len(second[-2]["content"]) <= 4000 and len(second[-1]["content"]) < 600


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_a_second_bad_answer_does_nothing(server: ModelServer, bad: str) -> None:
    server.will(says(bad, size=5000))
    with pytest.raises(AnswerProblem, match="no usable answer"):
        ask(server, style="json_object")
    assert len(server.arrived) == 2


def test_a_refused_call_comes_with_a_suggestion(server: ModelServer) -> None:
    server.will(says(BAD["nearly an operation"]), says(GOOD))
    ask(server)
    assert "Did you mean 'segment'?" in server.arrived[1].document["messages"][-1]["content"]


def test_functions_that_nobody_offered_are_refused(server: ModelServer) -> None:
    server.will(uses_tools(("os.system", '{"command": "rm -rf /"}')))
    with pytest.raises(AnswerProblem, match="no operation"):
        ask(server, style="tools")


def test_an_answer_cut_by_the_server_is_not_used(server: ModelServer) -> None:
    server.will(says(GOOD, finish="length"))
    with pytest.raises(AnswerProblem, match="cut off"):
        ask(server)


def test_deltas_of_the_wrong_type_are_survived(server: ModelServer) -> None:
    odd = [{"content": {"a": 1}}, {"content": ["x"]}, {"tool_calls": "x"}, {"content": 7}]
    server.will(stream(*odd, {"tool_calls": [{"index": "0", "function": "x"}]}))
    with pytest.raises(LanguageError):
        ask(server)


# What the wire does

DELTA = {"content": '{"calls": [{"op": "segm'}


@pytest.mark.parametrize(
    "trouble",
    [
        refuses(429), refuses(429, retry_after="0"), refuses(429, retry_after="Wed, 21 Oct 2015 07:28:00 GMT"), refuses(500), refuses(502),
        refuses(503, retry_after="0.02"), breaks_off(), breaks_off(DELTA), ends_early(DELTA), ends_early(), stream(b"{not json"),
        stream(b'{"error": {"message": "overloaded"}}'), sends(b"not json"), sends(b"[]"),
    ],
    ids=["429", "429-wait", "429-date", "500", "502", "503-wait", "disconnect", "disconnect-midway", "half", "nothing", "garbled",
         "error-in-stream", "garbled-whole", "odd-whole"],
)  # fmt: skip
def test_trouble_that_passes_is_waited_for(server: ModelServer, trouble: Any) -> None:
    server.will(trouble, says(GOOD))
    assert understood(ask(server)) == [SEGMENT]
    assert len(server.arrived) == 2


def test_trouble_that_stays_is_told_after_three_tries(server: ModelServer) -> None:
    server.will(refuses(503, "try later"))
    with pytest.raises(LanguageError, match=r"cannot answer now \(503: 'try later'\)"):
        ask(server)
    assert len(server.arrived) == deepseek.TRIES


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (refuses(401), "asks for a key"),
        (refuses(402), "paid"),
        (refuses(404), "knows no model 'deepseek-r1'"),
        (refuses(301, location="http://127.0.0.1:9/v1"), "not followed"),
        (sends(b"<html>hotel</html>", "text/html"), "web page"),
        (refuses(429, retry_after="3600"), "too often"),
        (floods(b"x" * 1_000_000, 10), "far more"),
    ],
    ids=["401", "402", "404", "redirect", "web-page", "long-wait", "flood"],
)
def test_trouble_that_will_not_pass_is_told_at_once(server: ModelServer, answer: Any, words: str) -> None:
    server.will(answer)
    with pytest.raises(LanguageError, match=words):
        ask(server)
    assert len(server.arrived) == 1


def test_a_server_that_does_not_know_one_way_is_asked_in_another_and_remembered(server: ModelServer) -> None:
    server.will(refuses(400, "unknown field tools"), refuses(400, "unknown response_format"), says(GOOD))
    assert understood(ask(server, style="tools")) == [SEGMENT]
    bodies = [arrived.document for arrived in server.arrived]
    assert "tools" in bodies[0]
    assert [body.get("response_format", {}).get("type") for body in bodies] == [None, "json_schema", "json_object"]
    server.will(says(GOOD))
    ask(server, style="tools")
    assert server.arrived[0].document["response_format"] == {"type": "json_object"}


@pytest.mark.parametrize("answer", [stalls(), stalls(DELTA), stalls(alive=True)], ids=["silent", "midway", "kept-alive"])
def test_a_stall_ends_with_the_time(server: ModelServer, answer: Any) -> None:
    server.will(answer)
    began = time.monotonic()
    with pytest.raises(LanguageError, match=r"did not answer within 0\.6 s"):
        ask(server, timeout_s=0.6)
    assert time.monotonic() - began < 10


def test_the_time_counts_for_tries_and_waits_together(server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deepseek, "FIRST_WAIT_S", 30.0)
    server.will(refuses(500, "down"))
    with pytest.raises(LanguageError, match=r"within 2 s.*500: 'down'"):
        ask(server, timeout_s=2.0)


def test_a_wait_longer_than_the_time_left_is_not_begun(server: ModelServer) -> None:
    server.will(refuses(429, retry_after="2"))
    began = time.monotonic()
    with pytest.raises(LanguageError, match="too often"):
        ask(server, timeout_s=2.0)
    assert time.monotonic() - began < 1.9


def test_a_stop_is_heard_at_once(server: ModelServer) -> None:
    stop = threading.Event()
    server.will(stalls(alive=True))
    threading.Timer(0.3, stop.set).start()
    began = time.monotonic()
    with pytest.raises(Cancelled, match="nothing was done"):
        ask(server, timeout_s=30.0, stop=stop)
    assert time.monotonic() - began < 10


def test_nobody_at_the_address(server: ModelServer) -> None:
    with pytest.raises(LanguageError, match=r"Nothing answers at 127\.0\.0\.1:9"):
        deepseek.ask("segment L3", SPOKEN_SPECS, Endpoint("http://127.0.0.1:9/v1", "m", timeout_s=30.0))


def test_an_endless_sentence_is_not_sent(server: ModelServer) -> None:
    server.will(says(GOOD))
    with pytest.raises(LanguageError, match="characters"):
        ask(server, "segment L3 " * 1000)
    assert not server.arrived
