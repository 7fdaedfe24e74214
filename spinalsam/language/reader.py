"""Who reads a sentence: the offline parser alone, the offline parser first, or a language model first; what is agreed on and what is not.

Whoever reads, the offline parser always does too: it takes milliseconds, and where the two differ a person is asked.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from spinalsam.errors import LanguageError, UsageError
from spinalsam.language.answers import ModelReading
from spinalsam.language.endpoints import Endpoint, endpoint_of
from spinalsam.language.grammar import parse
from spinalsam.language.keys import Secret, find_key
from spinalsam.language.schema import SURE, ParseResult
from spinalsam.settings import Settings
from spinalsam.support.calls import OperationCall, OperationSpec

Listener = Callable[[str, str], None]
UNSURE = 0.5


class Reader:
    """Reads sentences as the settings say. key_of(host): where keys come from; asked only when a model is."""

    def __init__(self, settings: Settings, key_of: Callable[[str], Secret | None] = find_key) -> None:
        self.settings = settings
        self._key_of = key_of

    @property
    def mode(self) -> str:
        """'local', 'auto' (offline first) or 'deepseek'."""
        return self.settings.language_mode

    @property
    def endpoint(self) -> Endpoint | None:
        """Where a model would be asked; None while none is. Raises UsageError for an address that is none."""
        return None if self.mode == "local" else endpoint_of(self.settings)

    def read(
        self,
        text: str,
        specs: Mapping[str, OperationSpec],
        hints: Mapping[str, Any] | None = None,
        *,
        listen: Listener | None = None,
        stop: threading.Event | None = None,
    ) -> ParseResult:
        """How a sentence is understood. listen, stop: see `deepseek.ask`; listen('reader', name) when a model is asked.

        Where a model was to be asked and did not answer, the offline reading with a notice. Raises Cancelled only.
        """
        local = parse(text, specs, hints)
        if self.mode == "local" or not any(character.isalnum() for character in text):
            return local
        if self.mode == "auto" and local.calls and local.confidence >= SURE:
            return local
        try:
            asked = self._asked(text, specs, listen, stop)
        except (LanguageError, UsageError) as error:
            return offline_instead(local, str(error))
        return agreed(local, asked)

    def _asked(self, text: str, specs: Mapping[str, OperationSpec], listen: Listener | None, stop: threading.Event | None) -> ModelReading:
        endpoint = endpoint_of(self.settings)
        if listen is not None:
            listen("reader", endpoint.state)
        from spinalsam.language.deepseek import ask  # nearly a second, for those who switched it on

        return ask(text, specs, endpoint, self._key_of(endpoint.host), listen=listen, stop=stop)


def offline_instead(local: ParseResult, why: str) -> ModelReading:
    """The offline reading, because no other came."""
    return ModelReading(
        local.calls, local.confidence, local.explanation, local.alternatives, "local", local.ms, notice=f"{why} Read by the offline parser."
    )


def agreed(local: ParseResult, asked: ModelReading) -> ModelReading:
    """A model's reading held against the offline one. Where they differ although the offline parser is sure, it is no longer sure.

    Then both stand in the result, the model's first, and whoever shows it asks. So it does where the sentence is built like a remark,
    whatever the model makes of it. A text for people never comes with calls that nobody else finds in the sentence: who asks a question
    wants an answer. Whether a mask is made from points or from boxes is known here only.
    """
    if local.residue.is_too_much({call.op for call in asked.calls}):
        if asked.answer:
            return replace(asked, calls=())
        left = f"left over: '{' '.join(local.residue.words)}'"
        others = tuple(reading for reading in (local.calls, *local.alternatives) if reading and reading != asked.calls)
        return replace(asked, confidence=UNSURE, alternatives=others[:1], explanation="; ".join(filter(None, (asked.explanation, left))))
    if asked.calls == local.calls:
        return replace(asked, confidence=max(asked.confidence, local.confidence))
    if local.confidence >= SURE and _differ_in_prompts(local.calls, asked.calls):
        return replace(asked, calls=local.calls)
    if local.confidence < SURE:
        others = (local.calls,) if local.calls and asked.calls else ()
        return replace(asked, alternatives=others)
    if not local.calls and asked.answer:
        return replace(asked, calls=())
    if not local.calls:
        return replace(asked, confidence=UNSURE, explanation=f"{asked.explanation}; the offline parser finds nothing asked for")
    return replace(asked, confidence=UNSURE, alternatives=(local.calls,))


def _differ_in_prompts(a: tuple[OperationCall, ...], b: tuple[OperationCall, ...]) -> bool:
    """Whether the calls are the same but for a mask from points here and from boxes there."""
    pairs = list(zip(a, b, strict=False))
    return len(a) == len(b) and all(one == other or (_is_generated(one, other) and one.args == other.args) for one, other in pairs)


def _is_generated(*calls: OperationCall) -> bool:
    return {call.op for call in calls} <= {"generate_point_mask", "generate_box_mask"}
