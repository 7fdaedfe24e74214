"""What a language model answered, taken for data: folded apart, decoded, and held against the registry. Nothing in it is ever run."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spinalsam.errors import LanguageError, UsageError
from spinalsam.language.schema import ParseResult, sayable
from spinalsam.support.calls import OperationCall, OperationSpec, validate_call

MOST_CALLS = 20
MOST_CHARACTERS = 40_000


@dataclass(frozen=True)
class ModelReading(ParseResult):
    """How a sentence was understood with a language model's help.

    answer: text for people, which never acts. reasoning: what the model thought, for whoever wants to see it. reader: who read it.
    notice: why somebody else did, or an empty string. prompt_tokens, answer_tokens: as the server counted them, or None.
    """

    answer: str = ""
    reasoning: str = ""
    reader: str = ""
    notice: str = ""
    prompt_tokens: int | None = None
    answer_tokens: int | None = None

    def to_json(self, text: str) -> dict[str, Any]:
        """The line of ``spinalsam parse``, with what was answered and why somebody else read where there is something to say."""
        said = {"answer": self.answer, "notice": self.notice}
        return {**super().to_json(text), **{name: value for name, value in said.items() if value}}


@dataclass(frozen=True)
class Reply:
    """What came over the wire. content: the visible part. tools: names and arguments of called functions, arguments still as text."""

    content: str = ""
    reasoning: str = ""
    tools: tuple[tuple[str, str], ...] = ()
    finish: str = ""
    prompt_tokens: int | None = None
    answer_tokens: int | None = None

    @property
    def said(self) -> str:
        """The answer as one text, for the request to repair it."""
        return "\n".join([self.content, *(f"{name}({arguments})" for name, arguments in self.tools)]).strip()[:4000]


@dataclass(frozen=True)
class Answer:
    """A usable answer, still with placeholders."""

    calls: tuple[OperationCall, ...]
    text: str = ""


class AnswerProblem(LanguageError):
    """An answer that cannot be used; the message says why, to the model and to people, in one line whatever the answer holds."""

    def __init__(self, message: str) -> None:
        super().__init__(shortened(message, 400))


def read_answer(reply: Reply, specs: Mapping[str, OperationSpec], sentence: str, *, prose: bool = False) -> Answer:
    """The calls and the text of a reply. sentence: what was sent; texts in arguments must stand in it.

    prose: whether plain words are an answer too, as where functions could have been called.

    Raises AnswerProblem for anything that is not exactly what was asked for.
    """
    if reply.finish == "length":
        raise AnswerProblem("The answer was cut off.")
    if reply.tools:
        calls = [OperationCall(name, _decoded(arguments or "{}", f"The arguments of '{name[:40]}' are")) for name, arguments in reply.tools]
        text = _without_json(reply.content)
    elif prose and _without_json(reply.content).strip():
        calls, text = [], reply.content
        _check_length(text)
    else:
        calls, text = _from_text(reply.content)
    if len(calls) > MOST_CALLS:
        raise AnswerProblem(f"The answer has {len(calls)} calls; one sentence asks for {MOST_CALLS} at most.")
    for call in calls:
        _check(call, specs, sentence)
    return Answer(tuple(calls), text.strip())


def _from_text(content: str) -> tuple[list[OperationCall], str]:
    decoded = _decoded(_unfenced(content), "The answer is")
    if isinstance(decoded, list):
        decoded = {"calls": decoded}
    if not isinstance(decoded, dict):
        raise AnswerProblem("The answer is no JSON object.")
    if "op" in decoded:
        decoded = {"calls": [decoded]}
    unknown = sorted(set(decoded) - {"calls", "answer"})
    if unknown:
        raise AnswerProblem(f"The answer has a field {str(unknown[0])[:40]!r}; it has 'calls' and 'answer' only.")
    calls, text = decoded.get("calls", []), decoded.get("answer") or ""
    if not isinstance(calls, list) or not isinstance(text, str):
        raise AnswerProblem("In the answer, 'calls' is a list and 'answer' is a text.")
    if "calls" not in decoded and not text:
        raise AnswerProblem("The answer has no 'calls'.")
    return [_call(item) for item in calls], text


def _call(item: Any) -> OperationCall:
    problem = ""
    try:
        return OperationCall.from_json(item)
    except UsageError as error:
        problem = str(error)
    raise AnswerProblem(problem)


def _check(call: OperationCall, specs: Mapping[str, OperationSpec], sentence: str) -> None:
    """Raises AnswerProblem unless the registry allows the call and its texts come from the sentence."""
    if not isinstance(call.args, dict):
        raise AnswerProblem(f"The arguments of '{call.op[:40]}' must be an object.")
    problem = ""
    try:
        spec = validate_call(call, {name: spec for name, spec in specs.items() if spec.spoken})
    except UsageError as error:
        problem = shortened(str(error))
    except TypeError:  # a list or an object where a choice stands
        problem = f"An argument of '{call.op}' has the wrong type."
    if problem:
        raise AnswerProblem(problem)
    said = _numbers_in(sentence)
    for name, value in call.args.items():
        argument = spec.argument(name)
        if argument is None:
            continue
        if argument not in sayable(spec):
            raise AnswerProblem(f"'{name}' of '{call.op}' cannot be said in a sentence.")
        if argument.kind == "text" and value.strip() not in sentence:
            raise AnswerProblem(f"'{name}' of '{call.op}' must be copied from the sentence, which has no {shortened(repr(value), 60)}.")
        if argument.kind in ("pixels", "corners", "ijk") and not {float(number) for number in _flat(value)} <= said:
            raise AnswerProblem(f"'{name}' of '{call.op}' must be copied from the sentence, which has not all of these numbers.")


def _numbers_in(sentence: str) -> set[float]:
    """The numbers that are written with digits, with either sign: a dash may be one or not."""
    found = {float(digits) for digits in re.findall(r"\d+(?:\.\d+)?", unicodedata.normalize("NFKC", sentence))}
    return found | {-number for number in found}


def _flat(value: Any) -> list[Any]:
    return [number for item in value for number in _flat(item)] if isinstance(value, (list, tuple)) else [value]


_FENCED = re.compile(r"\s*```[\w-]*\s*\n?(.*?)\n?\s*```\s*", re.S)


def _unfenced(content: str) -> str:
    """The text inside the one fence, where there is exactly one and it says JSON or nothing."""
    fences = _FENCED.findall(content)
    if len(fences) == 1 and re.search(r"```\s*(?:json\w*)?\s*[\[{\n]", content, re.I):
        return str(fences[0])
    return content


def _without_json(content: str) -> str:
    """Text beside function calls; a model that repeats its calls as JSON has said nothing new."""
    return "" if content.lstrip().startswith(("{", "[", "```")) else content


def _decoded(text: str, subject: str) -> Any:
    """JSON, strictly: no key twice, no NaN, not endlessly deep."""
    _check_length(text, subject)
    problem = ""
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except RecursionError:
        problem = "nested too deeply"
    except ValueError as error:
        problem = "empty" if not text.strip() else f"not the JSON that was asked for ({shortened(str(error), 80)})"
    raise AnswerProblem(f"{subject} {problem}.")


def _check_length(text: str, subject: str = "The answer is") -> None:
    if len(text) > MOST_CHARACTERS:
        raise AnswerProblem(f"{subject} too long.")


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        raise ValueError("a key twice")
    return dict(pairs)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def shortened(text: str, length: int = 240) -> str:
    """One line of at most that many characters, without control characters."""
    plain = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    return plain if len(plain) <= length else plain[: length - 1] + "…"


class ThoughtSplitter:
    """Parts ``<think>`` blocks from the rest of a stream, wherever its pieces are cut.

    Some models leave out the opening mark: what stands before a lonely ``</think>`` was thought too.
    """

    _OPEN, _CLOSE = "<think>", "</think>"

    def __init__(self) -> None:
        self.content = ""
        self.thoughts = ""
        self._thinking = False
        self._rest = ""

    def feed(self, piece: str) -> tuple[str, str]:
        """What of this piece is (content, thought); a mark that may go on in the next piece is kept back."""
        content, thoughts = len(self.content), len(self.thoughts)
        text, self._rest = self._rest + piece, ""
        while text:
            mark = self._CLOSE if self._thinking else self._OPEN
            lonely = -1 if self._thinking else text.find(self._CLOSE)
            at = text.find(mark)
            if lonely >= 0 and (at < 0 or lonely < at):
                self.thoughts += self.content + text[:lonely]
                self.content, content = "", 0
                text = text[lonely + len(self._CLOSE) :]
            elif at >= 0:
                self._add(text[:at])
                self._thinking = not self._thinking
                text = text[at + len(mark) :]
            else:
                keep = max((n for n in range(1, len(self._CLOSE)) if any(m[:n] == text[-n:] for m in (self._OPEN, self._CLOSE))), default=0)
                self._add(text[: len(text) - keep])
                self._rest = text[len(text) - keep :]
                break
        return self.content[content:], self.thoughts[thoughts:]

    def finish(self) -> None:
        """The stream has ended; what was kept back is what it is."""
        self._add(self._rest)
        self._rest = ""

    def _add(self, text: str) -> None:
        if self._thinking:
            self.thoughts += text
        else:
            self.content += text
