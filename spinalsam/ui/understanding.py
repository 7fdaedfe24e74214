"""What a sentence was taken for, why it may have to be asked about, and how its calls are said in a few words. No widgets."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from spinalsam.control.operations import SPECS, SPOKEN_SPECS
from spinalsam.errors import SpinalSamError
from spinalsam.language.endpoints import Endpoint
from spinalsam.language.schema import SURE
from spinalsam.support.calls import OperationCall
from spinalsam.support.paths import absolute
from spinalsam.ui.words import argument_title, language, region, tr

Calls = tuple[OperationCall, ...]
Listener = Callable[[str, str], None]


class SentenceReader(Protocol):
    """What reads sentences, such as `spinalsam.language.reader.Reader`."""

    @property
    def mode(self) -> str: ...

    @property
    def endpoint(self) -> Endpoint | None: ...

    def read(self, text: str, specs: Any, hints: Any = None, *, listen: Any = None, stop: Any = None) -> Any: ...


class FunctionReader:
    """A plain ``parse(text, specs, hints)`` as a reader."""

    mode = "local"
    endpoint = None

    def __init__(self, parse: Callable[..., Any]) -> None:
        self._parse = parse

    def read(self, text: str, specs: Any, hints: Any = None, *, listen: Any = None, stop: Any = None) -> Any:
        return self._parse(text, specs, hints)


@dataclass(frozen=True)
class Understood:
    """What a sentence was taken for.

    reason: why it is asked about first: 'loses' (work), 'destructive', 'replaces' (a file), 'ambiguous', or an empty string.
    readings: where it is ambiguous, the readings to choose from, best first. answer: a model's text, which does nothing.
    reader: the model that read it, or an empty string. notice: why another read than was meant to. doubted: whether the offline parser
    finds nothing asked for where the model does.
    """

    text: str
    calls: Calls
    source: str = "local"
    ms: float = 0.0
    explanation: str = ""
    reason: str = ""
    readings: tuple[Calls, ...] = ()
    answer: str = ""
    reasoning: str = ""
    reader: str = ""
    notice: str = ""
    tokens: int | None = None
    doubted: bool = False


def understand(reader: SentenceReader, text: str, hints: Any, *, listen: Listener, stop: threading.Event, unrecorded: bool) -> Understood:
    """Read a sentence; meant for a thread of its own, as it may ask a model.

    Also looks whether a file would be replaced, which may take a while on a network drive. unrecorded: see `reason_to_ask`.
    """
    result = reader.read(text, SPOKEN_SPECS, hints, listen=listen, stop=stop)
    calls: Calls = tuple(result.calls)
    unsure = float(result.confidence) < SURE
    others = tuple(tuple(other) for other in result.alternatives)
    readings = tuple(reading for reading in (calls, *others) if reading)[:2] if unsure and others else ()
    return Understood(
        text,
        calls,
        str(result.source),
        float(result.ms),
        str(result.explanation or ""),
        "ambiguous" if readings else reason_to_ask(calls, float(result.confidence), unrecorded),
        readings,
        str(getattr(result, "answer", "")),
        str(getattr(result, "reasoning", "")),
        str(getattr(result, "reader", "")),
        str(getattr(result, "notice", "")),
        getattr(result, "answer_tokens", None),
        unsure and not readings and bool(getattr(result, "reader", "")),
    )


def reason_to_ask(calls: Sequence[OperationCall], confidence: float, unrecorded: bool = False) -> str:
    """Why the calls should be confirmed before they run, or an empty string. unrecorded: whether no journal keeps the work so far."""
    if unrecorded and any(call.op in ("open_image", "clear_image") for call in calls):
        return "loses"
    if any(call.op in SPECS and SPECS[call.op].destructive for call in calls):
        return "destructive"
    if any(replaces_file(call) for call in calls):
        return "replaces"
    return "ambiguous" if calls and confidence < SURE else ""


def replaces_file(call: OperationCall) -> bool:
    """Whether the call would write over a file that exists."""
    if call.op != "export_mask" or "path" not in call.args:
        return False
    from spinalsam.data.formats import mask_path

    try:
        return mask_path(absolute(call.args["path"]), call.args.get("format")).exists()
    except (SpinalSamError, OSError, ValueError, RuntimeError):
        return False


def replacing(call: OperationCall) -> OperationCall:
    """The call, with leave to write over the file that exists."""
    return replace(call, args={**call.args, "overwrite": True}) if replaces_file(call) else call


def chip_text(call: OperationCall) -> str:
    """A call in a few words, such as ``Add points · 3 · L3``."""
    spec = SPECS.get(call.op)
    title = tr(spec.title) if spec is not None else call.op
    return " · ".join([title, *(_value_text(name, value) for name, value in call.args.items())])


def _value_text(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return (
            f"{tr(argument_title(name))}: {tr('Yes') if value else tr('No')}"
            if language() != "en"
            else f"{name}: {'yes' if value else 'no'}"
        )
    if isinstance(value, (list, tuple)):
        return ", ".join(region(str(item)) for item in value)
    shown = name if language() == "en" else tr(argument_title(name))
    return f"{shown} {value:g}" if isinstance(value, (int, float)) else tr(str(value))
