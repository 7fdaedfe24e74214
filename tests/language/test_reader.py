"""Who reads: offline only, offline first, the model first; what they agree on runs, what they do not is asked."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from spinalsam.cli import main
from spinalsam.commands import parse as parse_command
from spinalsam.control.operations import SPOKEN_SPECS
from spinalsam.language import deepseek
from spinalsam.language.answers import ModelReading
from spinalsam.language.reader import Reader, agreed
from spinalsam.language.schema import SURE, ParseResult
from spinalsam.settings import Settings
from spinalsam.support.calls import OperationCall
from tests.language.model_server import ModelServer, calls, refuses, running, says, stalls

SEGMENT = calls(("segment", {"regions": ["L3"]}))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    monkeypatch.setattr(deepseek, "FIRST_WAIT_S", 0.01)
    with running() as server:
        yield server


def reader(server: ModelServer, mode: str = "deepseek", **values: Any) -> Reader:
    settings = Settings(language_mode=mode, language_endpoint=server.url, language_model="deepseek-r1", **values)
    return Reader(settings, lambda host: None)


def read(reader: Reader, text: str) -> tuple[list[tuple[str, dict[str, Any]]], Any]:
    result = reader.read(text, SPOKEN_SPECS, {})
    return [(call.op, dict(call.args)) for call in result.calls], result


def test_offline_only_asks_nobody(server: ModelServer) -> None:
    assert read(reader(server, "local"), "what is a fracture? blah")[1].source == "local"
    assert not server.arrived and reader(server, "local").endpoint is None


def test_offline_first_asks_nobody_about_a_clear_sentence(server: ModelServer) -> None:
    assert read(reader(server, "auto"), "segment L3")[0] == [("segment", {"regions": ["L3"]})]
    assert read(reader(server, "auto"), " ?! ")[0] == []
    assert not server.arrived


def test_offline_first_asks_the_model_where_it_is_unsure(server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spinalsam.language.reader.parse", lambda *_: ParseResult((), 0.3))
    server.will(says(SEGMENT))
    understood, result = read(reader(server, "auto"), "carve out the third lumbar fellow")
    assert understood == [("segment", {"regions": ["L3"]})]
    assert result.source == "deepseek" and result.confidence >= SURE


def test_offline_first_asks_the_model_where_it_finds_nothing_and_then_the_user(server: ModelServer) -> None:
    server.will(says(SEGMENT))
    understood, result = read(reader(server, "auto"), "I'd like the third lumbar fellow isolated")
    assert understood == [("segment", {"regions": ["L3"]})] and result.confidence < SURE


@pytest.mark.parametrize("mode", ["auto", "deepseek"])
def test_a_question_is_answered_but_not_acted_upon(server: ModelServer, mode: str) -> None:
    server.will(says(calls(("clear_image", {}), answer="A wedge fracture is lower in front.")))
    understood, result = read(reader(server, mode), "what is a wedge fracture?")
    assert understood == [] and result.answer == "A wedge fracture is lower in front."


def test_the_model_first_is_believed_where_both_agree(server: ModelServer) -> None:
    server.will(says(SEGMENT))
    understood, result = read(reader(server), "segment L3")
    assert understood == [("segment", {"regions": ["L3"]})]
    assert result.source == "deepseek" and result.confidence >= SURE and not result.alternatives


def test_a_model_that_acts_on_a_sentence_that_asks_for_nothing_is_asked_about(server: ModelServer) -> None:
    server.will(says(calls(("clear_image", {}))))
    understood, result = read(reader(server), "don't close the image")
    assert understood == [("clear_image", {})] and result.confidence < SURE


@pytest.mark.parametrize("mode", ["auto", "deepseek"])
@pytest.mark.parametrize("text", ["By the time we clear the boxes, the patient will be in surgery.", "与其清框，不如先想一想"])
def test_a_model_that_acts_on_a_remark_is_asked_about_even_where_the_words_are_those_of_a_command(
    server: ModelServer, mode: str, text: str
) -> None:
    server.will(
        says(calls(("clear_boxes", {}))), says(calls(("add_box", {}))), says(calls(("clear_boxes", {}), answer="They would be gone."))
    )
    understood, result = read(reader(server, mode), text)
    assert understood == [("clear_boxes", {})] and result.confidence < SURE and not result.alternatives
    assert "left over: '" in result.explanation
    understood, result = read(reader(server, mode), text)
    assert understood == [("add_box", {})] and result.confidence < SURE
    assert [call.op for call in result.alternatives[0]] == ["clear_boxes"]
    understood, result = read(reader(server, mode), text)
    assert understood == [] and result.answer == "They would be gone."


def test_two_readings_become_a_choice(server: ModelServer) -> None:
    server.will(says(calls(("add_box", {"regions": ["L3"]}))))
    understood, result = read(reader(server), "segment L3")
    assert understood == [("add_box", {"regions": ["L3"]})] and result.confidence < SURE
    assert [call.op for call in result.alternatives[0]] == ["segment"]


def test_the_case_decides_between_points_and_boxes_and_no_one_is_asked(server: ModelServer) -> None:
    server.will(says(calls(("clear_points", {}), ("generate_point_mask", {}))))
    result = reader(server).read("clear the points and generate the mask", SPOKEN_SPECS, {"has_points": False, "has_boxes": True})
    assert [call.op for call in result.calls] == ["clear_points", "generate_box_mask"] and result.confidence >= SURE


def test_a_model_that_finds_nothing_does_not_silence_the_offline_reading(server: ModelServer) -> None:
    server.will(says(calls()))
    understood, result = read(reader(server), "segment L3")
    assert understood == [] and result.confidence < SURE and [call.op for call in result.alternatives[0]] == ["segment"]


@pytest.mark.parametrize("answer", [refuses(500), refuses(401), stalls(), says("no JSON at all")], ids=["500", "401", "stall", "prose"])
def test_the_offline_parser_steps_in_and_says_why(server: ModelServer, answer: Any) -> None:
    server.will(answer)
    understood, result = read(reader(server, language_timeout_s=1), "segment L3")
    assert understood == [("segment", {"regions": ["L3"]})]
    assert result.source == "local" and result.notice.endswith("Read by the offline parser.")


def test_an_address_that_is_none_is_no_reason_to_stop() -> None:
    settings = Settings(language_mode="deepseek", language_endpoint="ftp://nowhere")
    understood, result = read(Reader(settings, lambda host: None), "segment L3")
    assert understood == [("segment", {"regions": ["L3"]})] and "no address" in result.notice


def test_whoever_listens_hears_who_is_asked(server: ModelServer) -> None:
    heard: list[tuple[str, str]] = []
    server.will(says(SEGMENT, reasoning="hm"))
    reader(server).read("segment L3", SPOKEN_SPECS, listen=lambda *said: heard.append(said))
    assert heard[0] == ("reader", f"DeepSeek-R1 at 127.0.0.1:{server.port}") and heard[-1] == ("thought", "hm")


def test_an_unsure_offline_reading_gives_way() -> None:
    local = ParseResult((OperationCall("undo"),), 0.4)
    result = agreed(local, ModelReading((OperationCall("redo"),), 0.9))
    assert result.confidence >= SURE and result.alternatives == ((OperationCall("undo"),),)


# spinalsam parse


Parse = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def run_parse(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Parse:
    """`spinalsam parse` in this process, with lines on its standard input."""

    def call(*arguments: str, lines: str = "") -> list[dict[str, Any]]:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(lines.encode())))
        assert main(["parse", *arguments]) == 0
        return [json.loads(line) for line in capfd.readouterr().out.splitlines()]

    return call


def test_the_command_line_asks_a_model_when_told(server: ModelServer, run_parse: Parse) -> None:
    server.will(says(SEGMENT), says(calls(answer="It is a bone.")), refuses(401))
    lines = "".join(json.dumps({"text": text}) + "\n" for text in ("segment L3", "what is L3?", "undo")) + "nonsense\n"
    answers = run_parse("--jsonl", "--mode", "deepseek", "--endpoint", server.url, "--model", "deepseek-r1", lines=lines)
    assert [answer.get("source") for answer in answers] == ["deepseek", "deepseek", "local", None]
    assert answers[0].keys() == {"text", "calls", "source", "ms"}
    assert answers[0]["calls"] == [{"op": "segment", "args": {"regions": ["L3"]}}]
    assert answers[1]["calls"] == [] and answers[1]["answer"] == "It is a bone."
    assert answers[2]["calls"] == [{"op": "undo", "args": {}}] and "asks for a key" in answers[2]["notice"]
    assert "error" in answers[3]


def test_an_endpoint_alone_means_that_it_is_asked(server: ModelServer, run_parse: Parse) -> None:
    server.will(says(SEGMENT))
    assert run_parse("segment L3", "--endpoint", server.url)[0]["source"] == "deepseek"


def test_the_settings_choose_the_mode_of_the_command_line(server: ModelServer) -> None:
    Settings(language_mode="deepseek", language_endpoint=server.url).save()
    server.will(says(SEGMENT))
    assert parse_command.understood("segment L3")["source"] == "deepseek"
    assert next(parse_command.answers(io.BytesIO(b'{"text": "segment L3"}')))["source"] == "deepseek"


def test_a_wrong_mode_is_a_usage_error(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["parse", "undo", "--mode", "magic"]) == 2
    assert "magic" in capfd.readouterr().err
