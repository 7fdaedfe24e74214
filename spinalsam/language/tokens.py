"""What a sentence is made of: words with what they may stand for, and things found whole."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

# Things found whole stand in the text as one private-use character each until the text is cut into tokens.
_FIRST_MARK = 0xE000
MARK = "[\ue000-\uf8ff]"


@dataclass(frozen=True)
class Token:
    """A word, a separator, or something found whole. kind: word, path, pair, quad, region, number, sep.

    ideas: what the word may stand for. value: the path, the numbers, the region names. ordinal: of numbers.
    forms: of English verbs, among "base", "past" (or participle), "ing" and "s".
    """

    kind: str
    text: str
    ideas: frozenset[str] = frozenset()
    value: Any = None
    ordinal: bool = False
    forms: frozenset[str] = frozenset()

    def stands_for(self, *ideas: str) -> bool:
        return any(idea in self.ideas for idea in ideas)


@dataclass
class Spans:
    """What was found whole, in the order of its marks."""

    found: list[Token] = field(default_factory=list)

    def put(self, token: Token) -> str:
        """The mark that stands for the token in the text."""
        self.found.append(token)
        return f" {chr(_FIRST_MARK + len(self.found) - 1)} "

    def at(self, mark: str) -> Token:
        return self.found[ord(mark) - _FIRST_MARK]


def is_mark(piece: str) -> bool:
    return re.fullmatch(MARK, piece) is not None


def without_marks(text: str) -> str:
    """A typed text may hold private-use characters of its own; they mean nothing here."""
    return re.sub(MARK, " ", text)


Replacement = Callable[["re.Match[str]"], str]
