"""'slice 40, sorry, 50', 'a box on L3, I mean L4', 'clear the points, no wait, clear the boxes': what is taken back is left out."""

from __future__ import annotations

from collections.abc import Sequence

from spinalsam.language.clauses import ACTIONS, OBJECTS, VALUES
from spinalsam.language.tokens import Token

_NOUNS = ("POINT", "NEGPOINT", "POSPOINT", "BOX", "MASK", "PMASK", "BMASK", "IMAGE")
# Ideas that a word on the right replaces in a word on the left.
_EXCHANGED = (
    frozenset({"NEXT", "PREV"}), frozenset({"UP", "DOWN", "BOTH"}), frozenset({"AXIAL", "SAGITTAL", "CORONAL", "MPR", "THREED"}),
    frozenset({"FIRST", "LAST", "MIDDLE"}), frozenset({"BONE", "SOFT", "LUNG", "BRAIN", "BONEWIN", "SOFTWIN", "LUNGWIN", "BRAINWIN"}),
    frozenset({"NIFTI", "NRRD", "STL", "DICOMSEG"}), frozenset({"NEGATIVE", "POSITIVE"}), frozenset(_NOUNS),
)  # fmt: skip


def corrected(tokens: Sequence[Token]) -> list[Token]:
    """The tokens without what the speaker takes back."""
    tokens = list(tokens)
    while (at := _marker(tokens)) is not None:
        left, right = _trimmed(tokens[:at]), tokens[at + 1 :]
        while right and (right[0].kind == "sep" or "SCRATCH" in right[0].ideas):
            right = right[1:]
        if not any(token.kind != "sep" for token in right) and tokens[at].text in ("i mean", "i meant"):
            return left
        tokens = _joined(left, right)
    return [token for token in tokens if "SCRATCH" not in token.ideas or token.ideas - {"SCRATCH", "WEAKSCRATCH", "FILLER", "GREET"}]


def without_contrasts(tokens: Sequence[Token]) -> list[Token]:
    """'a box not on L3 but on L4', 不是L3而是L4: only what is wanted."""
    kept = list(tokens)
    for i, token in enumerate(kept):
        if token.text not in ("not", "not the", "not a", "不是", "不在", "不"):
            continue
        for j in range(i + 1, min(i + 6, len(kept))):
            if kept[j].ideas & (ACTIONS - {"FRAMEIT", "ADD", "MOVE", "SETTO", "DRAW"}) or not kept[j].text:
                break
            if kept[j].text in ("but", "but rather", "而是", "而在", "而"):
                if j > i + 1 and any(_alike(a, b) for a in kept[i + 1 : j] for b in kept[j + 1 : j + 5]):
                    return without_contrasts([*kept[:i], *kept[j + 1 :]])
                break
    return kept


def _marker(tokens: Sequence[Token]) -> int | None:
    """The first word that takes back what stands before it. 'no' and 'sorry' do so only between commas."""
    for i, token in enumerate(tokens):
        if i and token.text in _DENIALS and _is_denial(tokens, i):
            return i
        if not i or "SCRATCH" not in token.ideas or not any(t.kind != "sep" for t in tokens[:i]):
            continue
        if "WEAKSCRATCH" not in token.ideas:
            if token.text.isascii() or tokens[i - 1].kind == "sep":
                return i
            continue
        follows = tokens[i + 1] if i + 1 < len(tokens) else None
        parted = tokens[i - 1].kind == "sep" and follows is not None and (follows.kind in {*VALUES, "sep"} or "SCRATCH" in follows.ideas)
        if parted and _says_something(tokens[:i]) and _says_something(tokens[i + 1 :]):
            return i
    return None


# 'four points, not that, five': a denial between commas, with a value of the same kind on either side.
_DENIALS = frozenset("不 不是 不要 不了 别 错 错了 非也 not nah nope never rather instead".split())


def _is_denial(tokens: Sequence[Token], i: int) -> bool:
    if tokens[i - 1].kind != "sep" or i + 1 >= len(tokens) or tokens[i + 1].kind != "sep":
        return False
    end = next((j for j in range(i + 2, len(tokens)) if tokens[j].kind == "sep" and tokens[j].text != "、"), len(tokens))
    start = next((j + 1 for j in reversed(range(i - 1)) if tokens[j].kind == "sep" and tokens[j].text != "、"), 0)
    before, after = ({t.kind for t in part if t.kind in VALUES} for part in (tokens[start:i], tokens[i + 1 : end]))
    return bool(after) and after <= before


def _says_something(tokens: Sequence[Token]) -> bool:
    return any(token.kind in VALUES or token.ideas & (ACTIONS | OBJECTS) for token in tokens)


def _trimmed(tokens: list[Token]) -> list[Token]:
    while tokens and (
        tokens[-1].kind == "sep" or (tokens[-1].ideas & {"BUT", "AND"} and tokens[-1].kind == "word") or "SCRATCH" in tokens[-1].ideas
    ):
        tokens = tokens[:-1]
    return tokens


def _last_clause(tokens: Sequence[Token]) -> int:
    """Where the last clause of the tokens begins."""
    starts = [
        i + 1
        for i, token in enumerate(tokens[:-1])
        if token.kind == "sep" or token.ideas & {"THEN"} or (token.ideas & {"AND"} and tokens[i + 1].ideas & ACTIONS)
    ]
    return starts[-1] if starts else 0


def _joined(left: list[Token], right: list[Token]) -> list[Token]:
    start = _last_clause(left)
    kept, mistaken = left[:start], left[start:]
    end = _end_of_correction(right, {token.kind for token in mistaken if token.kind in VALUES})
    first, rest = right[:end], right[end:]
    if any(
        (token.ideas & ACTIONS and (not token.forms or "base" in token.forms) and "FILLER" not in token.ideas)
        or (
            token.ideas & {"ADD", "SEG"}
            and not (i and "POINT" in token.ideas and (first[i - 1].text == "个" or first[i - 1].kind == "number"))
        )
        for i, token in enumerate(first)
    ):
        noun = next((token for token in reversed(mistaken) if token.stands_for(*_NOUNS)), None)
        if noun is not None and any(token.text in ("them", "it", "those", "these", "它们", "它") for token in first):
            return kept + first + [noun] + rest
        return kept + right
    replaced, exchanged = _exchanged(mistaken, first)
    return kept + replaced + rest if exchanged else kept + right


def _end_of_correction(right: list[Token], kinds: set[str]) -> int:
    """Where what is corrected to ends; 'no, the lower one, L4' has what it is about behind a comma."""
    ends = [i for i, token in enumerate(right) if token.kind == "sep" or "THEN" in token.ideas or _begins_another(right, i)]
    ends.append(len(right))
    if (
        len(ends) > 1
        and right[ends[0]].kind == "sep"
        and not any(t.kind in VALUES or t.ideas & (ACTIONS | OBJECTS) for t in right[: ends[0]])
    ):
        follows = right[ends[0] + 1 : ends[1]]
        if follows and all(t.kind in kinds or "FILLER" in t.ideas for t in follows):
            return ends[1]
    return ends[0]


def _begins_another(right: list[Token], i: int) -> bool:
    """'sorry, three slices and hide the mask': the next command."""
    after = right[i + 1] if i + 1 < len(right) else None
    return "AND" in right[i].ideas and after is not None and bool(after.ideas & ACTIONS) and "base" in after.forms


def _exchanged(old: list[Token], new: list[Token]) -> tuple[list[Token], bool]:
    """The old clause with values and nouns of the new one in place of its own, and whether any was replaced."""
    result, added, exchanged = list(old), [], False
    for token in new:
        if token.kind not in VALUES and not token.ideas & OBJECTS:
            if "SLICE" in token.ideas and not any("SLICE" in t.ideas for t in old):
                added.append(token)  # 'back two, sorry, three slices'
            continue
        at = next((i for i in reversed(range(len(result))) if _alike(result[i], token)), None)
        if at is None:
            added.append(token)
        else:
            result[at], exchanged = token, True
    return result + added, exchanged


def _alike(old: Token, new: Token) -> bool:
    if new.kind in VALUES or old.kind in VALUES:
        return old.kind == new.kind
    return any(old.ideas & group and new.ideas & group for group in _EXCHANGED)
