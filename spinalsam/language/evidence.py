"""Whether every word of a clause has a place in the call that it gave: 'add a comment to slice 5' holds more than 'slice 5' says."""

from __future__ import annotations

import re
from itertools import pairwise

from spinalsam.language.clauses import ACTIONS, OBJECTS, VALUES, Clause, acts
from spinalsam.language.lexicon import common_english
from spinalsam.language.senses import opens_clause
from spinalsam.language.tokens import Token
from spinalsam.language.words.places import ALARMING, ALLOWED, NEUTRAL
from spinalsam.support.calls import OperationCall


def foreign_words(clause: Clause, op: str) -> list[Token]:
    """Words of the clause that are unknown, or that mean something which the operation has no place for."""
    if op == "help":
        return _foreign_to_help(clause)
    allowed = NEUTRAL | ALLOWED[op]
    return [token for token in clause.tokens if token.kind == "word" and not _fits(token, allowed, op)]


def _foreign_to_help(clause: Clause) -> list[Token]:
    """Words that make 'how do I ...' a question about something else: 'how do I treat', 颈椎病怎么预防."""
    unknown = [token for token in clause.tokens if not token.ideas and token.kind == "word" and _says_something(token)]
    named = clause.ideas & (OBJECTS - {"HOWTO", "HELPWORD", "NEXT", "PREV", "FIRST", "LAST", "MIDDLE", "SIZE", "BIG"})
    about_us = bool(named) or any(clause.kinds(kind) for kind in ("pair", "quad")) or (bool(clause.kinds("region")) and acts(clause.tokens))
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


# Operations that any word beside them may turn into something else, unless a command says what is done.
_COMMANDED = frozenset("verify_parameters gpu_status set_view set_window go_to show_mask open_image".split())
_UNCOUNTED = frozenset({"measure", "show_mask", "gpu_status", "verify_parameters", "set_view"})


# Angles, grades and discs: `measure` answers them too, but its table of operations promises only volume, mean HU and dimensions.
_BEYOND_SIZE = re.compile("cobb|genant|angle|disc|disk|lordosis|kyphosis|scoliosis|科布|柯布|侧弯|前凸|后凸|分级|分度|椎间")
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
    if len(strange) == 1 and strange[0] is clause.tokens[0] and not strange[0].ideas and _is_new_verb(clause, op):
        return True
    if (
        clause.question
        or len(strange) > 1
        or strange[0].ideas
        or not strange[0].text.isascii()
        or op not in _NAMED | _COMMANDED
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
    commands = any(
        token.ideas & ACTIONS & ALLOWED[op] and "base" in token.forms and (op in _NAMED or opens_clause(clause.tokens, i))
        for i, token in enumerate(before)
    )
    named = next((token for token in clause.tokens if "FILLER" not in token.ideas), None)
    opens = named is not None and bool(named.ideas & OBJECTS or named.kind in VALUES)
    return (commands or (opens and op in _NAMED)) and any(token.ideas & OBJECTS or token.kind in VALUES for token in before)


# Values that an operation does without: where a mask is shown, how many points it is made from.
_UNUSED: dict[str, frozenset[str]] = {
    "add_points": frozenset({"number"}),
    "generate_point_mask": frozenset({"number"}),
    "generate_box_mask": frozenset({"number"}),
    "export_mask": frozenset({"region"}),
    "clear_points": frozenset({"region"}),
    "clear_boxes": frozenset({"region"}),
    "open_image": frozenset({"region", "number"}),
    "propagate": frozenset({"region", "number"}),
    "set_view": frozenset({"region"}),
    "set_window": frozenset({"number", "region"}),
    "show_mask": frozenset({"region"}),
    "help": frozenset({"region", "number", "path"}),
}


def has_used_values(clause: Clause, call: OperationCall) -> bool:
    """Whether every level, coordinate, path and number of the clause is in the call, or is one that the operation does without."""
    allowed = _UNUSED.get(call.op, frozenset())
    if call.op in ("add_points", "add_box") and _names_slice(clause):
        return False  # 'a point at 30,40 on slice 20': on another slice than the shown one
    return all(token.kind == "word" or token.kind in allowed or _is_used(token, call) for token in clause.tokens if token.kind != "sep")


def _names_slice(clause: Clause) -> bool:
    """Whether a slice is named by its number."""
    pairs = list(pairwise(clause.tokens))
    return any(
        (a.stands_for("SLICE") and a.text.startswith("slice") and b.kind == "number")
        or (a.kind == "number" and a.ordinal and b.text in ("层", "张"))
        for a, b in pairs
    )


def _is_used(token: Token, call: OperationCall) -> bool:
    if token.kind == "region":
        return "regions" in call.args
    if token.kind == "path":
        return "path" in call.args
    if token.kind in ("pair", "quad"):
        return any(name in call.args for name in ("at", "corners", "level", "width"))
    return token.value == 1 or any(
        value == token.value or (isinstance(value, list) and token.value in value) for value in call.args.values()
    )


_HARMLESS = _NAMED | _COMMANDED | {"navigate", "redo"}
_LEADS = frozenset("me us it forward forwards ahead back backward along on over up down to through".split())


def _is_new_verb(clause: Clause, op: str) -> bool:
    """'wind back seven slices', 'crank the width up to 2500': an unknown verb before two things of ours."""
    if (
        clause.question
        or op not in _HARMLESS
        or op.startswith("clear")
        or len(clause.tokens) < 3
        or not clause.tokens[0].text.isascii()
        or clause.tokens[0].text.endswith(("s", "ed", "ing", "ly"))
    ):
        return False
    follows = clause.tokens[1]
    leads = follows.text in _DETERMINERS | _LEADS or follows.kind in VALUES or follows.ideas & {"ALL", "NEXT", "PREV"}
    things = [
        token
        for token in clause.tokens[1:]
        if token.kind in VALUES or token.ideas & (OBJECTS | {"SLICE", "VERT", "UP", "DOWN", "WIDTHWORD", "LEVELWORD"})
    ]
    return bool(leads) and len(things) > 1


def has_unknown(clause: Clause) -> bool:
    """Whether the clause holds a word that says nothing to us."""
    return any(token.kind == "word" and not token.ideas and _says_something(token) for token in clause.tokens)


def _is_slang(word: str) -> bool:
    """A word that no list of ordinary English holds: 'plonk three points onto L5'."""
    return word.isascii() and word.isalpha() and len(word) > 3 and word not in common_english()
