"""The network's last answers, so that a click whose mask has been computed before the button went down does not compute it again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from spinalsam.engine.segmenter import Candidates
from spinalsam.errors import Cancelled

KEPT = 2  # what either button would give where the pointer rests


@dataclass(frozen=True)
class _Question:
    """What an answer depends on. The objects are compared as such, the prompt by what it says."""

    objects: tuple[Any, ...]
    prompt: Any
    answer: Future[Candidates] = field(default_factory=Future, compare=False)

    def is_same(self, other: _Question) -> bool:
        same = all(one is two for one, two in zip(self.objects, other.objects, strict=True))
        return same and self.prompt == other.prompt


class Answers:
    """Keeps the last `KEPT` answers. May be used from any thread: two that ask the same at the same time compute it once.

    computed: how many answers were computed so far.
    """

    def __init__(self) -> None:
        self.computed = 0
        self._lock = threading.Lock()
        self._kept: list[_Question] = []  # the one that was asked last at the end
        self._waiting = 0

    @property
    def busy(self) -> bool:
        """Whether somebody waits for an answer now."""
        return self._waiting > 0

    def get(self, objects: tuple[Any, ...], prompt: Any, ask: Callable[[], Candidates]) -> Candidates:
        """The kept answer, or that of `ask`. objects: network, slice and earlier mask. Raises what `ask` raises.

        Whoever waits for an answer that its asker gives up asks himself.
        """
        question = _Question(objects, prompt)
        with self._lock:
            same = next((other for other in self._kept if other.is_same(question)), None)
            known, question = same is not None, same or question
            self._kept = [*(other for other in self._kept if other is not question), question][-KEPT:]
            self._waiting += 1
            self.computed += not known
        try:
            if not known:
                self._ask(question, ask)
            return question.answer.result()
        except Cancelled:
            if not known:
                raise
        finally:
            with self._lock:
                self._waiting -= 1
        return self.get(objects, prompt, ask)

    def _ask(self, question: _Question, ask: Callable[[], Candidates]) -> None:
        try:
            question.answer.set_result(ask())
        except BaseException as error:
            with self._lock:
                self._kept = [other for other in self._kept if other is not question]
            question.answer.set_exception(error)
