"""Whether every word of a clause has a place in the call that it gave: 'add a comment to slice 5' holds more than 'slice 5' says."""

from __future__ import annotations

import re

from spinalsam.language.clauses import ACTIONS, OBJECTS, VALUES, Clause
from spinalsam.language.lexicon import common_english
from spinalsam.language.tokens import Token
from spinalsam.language.words.places import ALARMING, ALLOWED, NEUTRAL


def foreign_words(clause: Clause, op: str) -> list[Token]:
    """Words of the clause that are unknown, or that mean something which the operation has no place for."""
    if op == "help":
        return _foreign_to_help(clause)
    allowed = NEUTRAL | ALLOWED[op]
    return [token for token in clause.tokens if token.kind == "word" and not _fits(token, allowed, op)]


def _foreign_to_help(clause: Clause) -> list[Token]:
    """Words that make 'how do I ...' a question about something else: 'how do I treat', 颈椎病怎么预防."""
    unknown = [token for token in clause.tokens if not token.ideas and token.kind == "word" and _says_something(token)]
    about_us = clause.ideas & (OBJECTS - {"HOWTO", "HELPWORD", "NEXT", "PREV", "FIRST", "LAST", "MIDDLE", "SIZE", "BIG"})
    if clause.has("HOWTO") and about_us and len(unknown) == 1:
        return []
    others = [token for token in clause.tokens if token.stands_for("SAY") and not token.ideas & (ACTIONS | {"NEED", "HOWTO", "TELLME"})]
    return unknown + ([] if about_us else others)


def _says_something(token: Token) -> bool:
    return len(token.text) > 2 or not token.text.isascii()


def _fits(token: Token, allowed: frozenset[str], op: str) -> bool:
    if not token.ideas:
        return len(token.text) < 2 and token.text.isascii()
    if token.ideas & ALLOWED[op] or token.text in ("them", "their", "theirs"):
        return True
    if token.ideas & ALARMING:
        return False
    return "FILLER" in token.ideas or bool(token.ideas & allowed)


# Operations that name a thing of their own, so that one unknown word behind it changes nothing.
_NAMED = frozenset(
    "add_points add_box generate_point_mask generate_box_mask segment measure export_mask propagate clear_points "
    "clear_boxes clear_mask set_label".split()
)


_UNCOUNTED = frozenset({"measure", "show_mask", "gpu_status", "verify_parameters", "set_view"})


# Angles, grades and discs: `measure` answers them too, but its table of operations promises only volume, mean HU and dimensions.
_BEYOND_SIZE = re.compile("cobb|genant|angle|disc|disk|lordosis|kyphosis|scoliosis|科布|侧弯|前凸|后凸|分级|分度|椎间")
_DETERMINERS = frozenset("a an the this that these those my our your his her its their some any".split())


def is_supported(clause: Clause, op: str) -> bool:
    """Whether the call may stand: nothing in the clause speaks against it.

    One unknown English word is let pass where a command opens the clause and what it acts on comes before that word.
    """
    if op in _UNCOUNTED and (
        any(token.kind == "number" and not token.ordinal for token in clause.tokens) or clause.says("twice", "thrice")
    ):
        return False
    if op == "measure" and any(_BEYOND_SIZE.search(token.text) for token in clause.tokens if token.kind == "word"):
        return False  # what volume, mean and size are not is offered, and measured when it is chosen
    foreign = foreign_words(clause, op)
    strange = [token for token in foreign if not (not token.ideas and token.text.isascii() and token.text.endswith("ly"))]
    if not strange:
        return True
    if (
        clause.question
        or len(strange) > 1
        or strange[0].ideas
        or not strange[0].text.isascii()
        or op not in _NAMED
        or clause.has("BE", "HAVE")
    ):
        return False
    at = clause.tokens.index(strange[0])
    if at and clause.tokens[at - 1].text == "of":
        return False  # 'a box of gloves'
    if at == 1 and clause.tokens[0].ideas & {"POINT", "BOX"} and not clause.tokens[0].text.endswith("s"):
        return False  # 'point tenderness over L4'
    changes = clause.says("make", "get", "keep", "have", "turn", "set", "let", "leave")
    if changes and at and at == len(clause.tokens) - 1 and clause.tokens[at - 1].ideas & OBJECTS:
        return False  # 'make the box bigger'
    if (
        at > 1
        and clause.tokens[at - 1].text in _DETERMINERS
        and clause.tokens[at - 2].ideas & ACTIONS
        and "base" in clause.tokens[at - 2].forms
    ):
        return False  # 'label the specimen L3'
    before = clause.tokens[:at]
    if op in ("add_points", "add_box") and _is_slang(strange[0].text) and not before:
        return any(clause.kinds(kind) for kind in ("number", "region", "pair", "quad")) and clause.has("POINT", "NEGPOINT", "BOX")
    commands = any(token.ideas & ACTIONS & ALLOWED[op] and "base" in token.forms for token in before)
    named = next((token for token in clause.tokens if "FILLER" not in token.ideas), None)
    opens = named is not None and bool(named.ideas & OBJECTS or named.kind in VALUES)
    return (commands or opens) and any(token.ideas & OBJECTS or token.kind in VALUES for token in before)


def has_unknown(clause: Clause) -> bool:
    """Whether the clause holds a word that says nothing to us."""
    return any(token.kind == "word" and not token.ideas and _says_something(token) for token in clause.tokens)


def _is_slang(word: str) -> bool:
    """A word that no list of ordinary English holds: 'plonk three points onto L5'."""
    return word.isascii() and word.isalpha() and len(word) > 3 and word not in common_english()
