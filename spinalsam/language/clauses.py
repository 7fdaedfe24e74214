"""Tokens to clauses that may hold one call each: cut at punctuation, at joining words and where a second verb begins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from spinalsam.language.senses import opens_clause
from spinalsam.language.tokens import Token

ACTIONS = frozenset(
    "OPEN CLEAR RESET CLOSE GONE ADD DRAW FRAMEIT MAKE GEN RUN INFER SEG PROPAGATE MEASURE EXPORT SHOW HIDE TURN "
    "MOVE UNDO REDO CHECK SETLABEL "
    "SETTO PICK".split()
)
OBJECTS = frozenset(
    "POINT BOX MASK PMASK BMASK PROMPT IMAGE GPU CKPT WINDOW LABEL AXIAL SAGITTAL CORONAL MPR THREED NEXT PREV "
    "FIRST LAST MIDDLE BONEWIN SOFTWIN LUNGWIN BRAINWIN "
    "NEGPOINT POSPOINT SIZE BIG HELPWORD HOWTO NIFTI NRRD STL DICOMSEG".split()
)
VALUES = frozenset({"region", "pair", "quad", "number", "path"})
# Verbs that say so little alone that a second verb after them begins no new clause: 用框生成, 给 L3 加点.
_LIGHT = frozenset(
    "用 给 把 将 来 对 到 在 请 帮 让 想 要 看 做 进行 开始 去 选 使用 根据 按 就 拿 从 以 为 "
    "go let get make do have use using want need try take "
    "选择 执行 准备 开 好".split()
)
# Words that join clauses only where something was already asked for.
_SOFT_THEN = frozenset("再 也 又 还 并 且 跟着 继续 好了 同时 顺便 并且 以及 还有 另外 最后 好后 后头 接着 完了".split())
_COMMANDS = frozenset(
    "ADD OPEN CLEAR GEN SEG PROPAGATE MEASURE EXPORT HIDE UNDO REDO MOVE CHECK SHOW RUN FRAMEIT DRAW INFER SETLABEL SETTO".split()
)


@dataclass
class Clause:
    """Part of a sentence that may hold one call.

    question: it ends with a question mark. joined: it follows its predecessor by 'and', so it may share its verb.
    told: it asks for nothing, but says what 'them' means. timed: it stood after 'before', 'once' and the like.
    ends: a sentence ends behind it. then: it follows "then".
    glued: no punctuation stands before it.
    """

    tokens: list[Token] = field(default_factory=list)
    question: bool = False
    joined: bool = False
    told: bool = False
    timed: bool = False
    ends: bool = False
    then: bool = False
    glued: bool = False

    @property
    def ideas(self) -> set[str]:
        return {idea for token in self.tokens for idea in token.ideas}

    def has(self, *ideas: str) -> bool:
        return any(idea in token.ideas for token in self.tokens for idea in ideas)

    def kinds(self, kind: str) -> list[Token]:
        return [token for token in self.tokens if token.kind == kind]

    def says(self, *texts: str) -> bool:
        return any(token.text in texts for token in self.tokens)

    @property
    def text(self) -> str:
        return " ".join(token.text for token in self.tokens)


def acts(tokens: Iterable[Token]) -> bool:
    return any(token.ideas & ACTIONS for token in tokens)


def split(tokens: Sequence[Token]) -> list[Clause]:
    """Clauses in the order in which they were said."""
    return [piece for clause in _cut_at_joints(tokens) for piece in _cut_at_verbs(clause)]


def _cut_at_joints(tokens: Sequence[Token]) -> list[Clause]:
    clauses = [Clause()]
    for i, token in enumerate(tokens):
        current = clauses[-1]
        if _inside_list(tokens, i):
            continue
        if token.kind == "sep":
            if token.text in "?？":
                current.question = True
            current.ends = current.ends or token.text in ".!?;。！？；\n"
            if current.tokens:
                clauses.append(Clause(joined=token.text in "、+"))
        elif current.tokens and _is_then(tokens, i, current):
            clauses.append(Clause(then=True, glued=True))
        elif current.tokens and _windows_view(tokens, i, current):
            clauses.append(Clause(glued=True))
        elif current.tokens and "AND" in token.ideas:
            clauses.append(Clause(joined=True, glued=True))
        elif token.text == "only" and current.tokens and current.tokens[-1].ideas & ACTIONS:
            continue  # 'clear only the points'
        elif current.tokens and token.ideas & {"BUT", "SO"} and "NOT" not in token.ideas:
            clauses.append(Clause(tokens=[token], glued=True))
        elif current.tokens and "INSTEADOF" in token.ideas and not current.joined and _is_only_values(current.tokens):
            current.tokens.append(token)
        else:
            current.tokens.append(token)
    return [clause for clause in clauses if clause.tokens]


_WINDOWS = ("WINDOW", "BONEWIN", "SOFTWIN", "LUNGWIN", "BRAINWIN")


def _windows_view(tokens: Sequence[Token], i: int, current: Clause) -> bool:
    """'sagittal view with the bone window', 'the bone window in the coronal plane'."""
    if tokens[i].text in ("in", "on") and current.has(*_WINDOWS) and not current.has("AXIAL", "SAGITTAL", "CORONAL", "MPR"):
        return any(token.stands_for("AXIAL", "SAGITTAL", "CORONAL", "MPR") for token in tokens[i + 1 : i + 4])
    if tokens[i].text not in ("with", "in", "using", "at", "加", "配", "加上", "配上") or not current.has(
        "AXIAL", "SAGITTAL", "CORONAL", "MPR", "SLICE", "FIRST", "LAST", "MIDDLE"
    ):
        return False
    return any(token.stands_for(*_WINDOWS) for token in tokens[i + 1 : i + 6])


def _inside_list(tokens: Sequence[Token], i: int) -> bool:
    """A comma or 'and' between two regions or two pairs: 'C1, C2 and C3', '(1, 2), (3, 4)'."""
    if not 0 < i < len(tokens) - 1 or not ((tokens[i].kind == "sep" and tokens[i].text in ",，、") or "AND" in tokens[i].ideas):
        return False
    before, after = tokens[i - 1], tokens[i + 1]
    if after.kind == "sep" or "AND" in after.ideas or after.text in ("the", "then"):
        after = tokens[i + 2] if i + 2 < len(tokens) else after
    if tokens[i].kind == "word" and before.kind == "sep" and i > 1:
        before = tokens[i - 2]
    return before.kind == after.kind and before.kind in ("region", "pair") and not _starts_anew(tokens, i)


def _starts_anew(tokens: Sequence[Token], i: int) -> bool:
    """'points on L4, L5 gets a box': what follows the comma has a verb and object of its own."""
    if tokens[i].kind != "sep" or tokens[i].text == "、":
        return False
    earlier = any(token.ideas & (ACTIONS | OBJECTS) for token in tokens[:i])
    later: list[Token] = []
    for token in tokens[i + 2 :]:
        if token.kind == "sep" or token.ideas & {"AND", "THEN"}:
            break
        later.append(token)
    return (
        earlier
        and any(token.ideas & OBJECTS for token in later)
        and any(token.ideas & ACTIONS or token.kind == "number" for token in later)
    )


def _is_only_values(tokens: Iterable[Token]) -> bool:
    return all(token.kind in VALUES for token in tokens)


def _is_then(tokens: Sequence[Token], i: int, current: Clause) -> bool:
    token = tokens[i]
    if "THEN" not in token.ideas:
        return False
    if token.text.isascii():
        return not (token.ideas & {"NEXT", "AND", "LAST"} and len(token.text) <= 4)
    after = tokens[i + 1] if i + 1 < len(tokens) else None
    if after is None or after.text == "的" or after.kind == "sep":
        return after is not None and after.kind == "sep" and token.text not in _SOFT_THEN
    if token.text == "最后" and (after.text in ("一", "的") or after.kind == "number" or current.tokens[-1].ideas & {"MOVE", "AT"}):
        return False
    if token.text in _ALSO and not acts(current.tokens) and _is_bare_predicate(tokens, i + 1):
        return False  # 掩膜也显示出来: the verb of the noun before
    return token.text not in _SOFT_THEN or acts(current.tokens) or bool(current.ideas & OBJECTS)


_ALSO = frozenset("也 再 又 还 都 也都".split())


def _is_bare_predicate(tokens: Sequence[Token], start: int) -> bool:
    """Whether a verb begins here that has nothing of its own to act on."""
    rest: list[Token] = []
    for token in tokens[start:]:
        if token.kind == "sep" or token.ideas & {"AND"}:
            break
        rest.append(token)
    objects = OBJECTS - {"NEXT", "PREV", "SIZE", "BIG"}
    return bool(rest) and acts(rest[:3]) and not any((t.ideas & objects and not t.ideas & ACTIONS) or t.kind in VALUES for t in rest)


def _cut_at_verbs(clause: Clause) -> list[Clause]:
    """Cut before a verb that follows a verb with what it acts on: 'clear the points add a box', 删框删点."""
    starts = [0]
    verb, thing = False, False
    for i, token in enumerate(clause.tokens):
        if (verb and thing and _is_command(clause.tokens, i)) or _counts_again(clause.tokens, starts[-1], i):
            starts.append(_place_before(clause.tokens, starts[-1], i))
            verb, thing = True, False
            continue
        if token.ideas & ACTIONS and token.text not in _LIGHT:
            verb = True
        elif verb and (token.ideas & OBJECTS or token.kind in VALUES):
            thing = True
    if len(starts) == 1:
        return [clause]
    ends = [*starts[1:], len(clause.tokens)]
    return [
        replace(clause, tokens=clause.tokens[a:b], joined=clause.joined and a == 0, question=clause.question and b == len(clause.tokens))
        for a, b in zip(starts, ends, strict=True)
    ]


def _place_before(tokens: Sequence[Token], start: int, i: int) -> int:
    """Where the place of a Chinese verb begins, which stands before it: 清掉框 | 在T8加点."""
    if tokens[i].text.isascii():
        return i
    at = i
    while at - 1 > start and (
        tokens[at - 1].kind in ("region", "pair", "quad") or tokens[at - 1].text in ("上", "里", "处", "这里", "那里")
    ):
        at -= 1
    leads = at < i and tokens[at - 1].text in ("在", "给", "对", "往", "到", "于") and at - 1 > start
    return at - 1 if leads and acts(tokens[start : at - 1]) else i


def _counts_again(tokens: Sequence[Token], start: int, i: int) -> bool:
    """'two positive points one negative point': a second count with a noun of its own."""
    points = {"POINT", "NEGPOINT", "POSPOINT"}
    if tokens[i].kind != "number" or tokens[i].ordinal or not any(t.ideas & points for t in tokens[start:i]):
        return False
    counted = any(t.kind == "number" and not t.ordinal for t in tokens[start:i])
    return (
        counted
        and any(t.ideas & points for t in tokens[i + 1 : i + 4])
        and not any(t.kind in ("sep", "pair") for t in tokens[i + 1 : i + 3])
    )


def _is_command(tokens: Sequence[Token], i: int) -> bool:
    """Whether a verb that can only be a new command stands at i, with something to act on after it."""
    token = tokens[i]
    light = token.text in _LIGHT and not (token.text == "go" and i + 1 < len(tokens) and tokens[i + 1].text == "to")
    if not token.ideas & _COMMANDS or light or token.ideas & {"AND", "THEN", "NEXT", "PREV", "FROM"}:
        return False
    after = tokens[i + 1 : i + 7]
    if not any(t.ideas & OBJECTS or t.kind in VALUES for t in after):
        return False
    if token.text.isascii():
        return "base" in token.forms and not token.ideas & OBJECTS and _may_begin(tokens, i)
    if token.ideas & OBJECTS or (token.ideas & {"FRAMEIT"} and tokens[i - 1].ideas & {"ADD"}):
        return False
    return tokens[i - 1].text not in ("的", "不", "来", "去", "在") and not tokens[i - 1].ideas & (ACTIONS - {"GONE"})


def _may_begin(tokens: Sequence[Token], i: int) -> bool:
    before = tokens[i - 1]
    return not opens_clause(tokens, i) and before.text not in (
        "to", "the", "a", "an", "of", "for", "from", "with", "in", "on", "at", "by", "my", "this", "that", "these", "those", "new",
        "and", "me", "can",
    )  # fmt: skip


def without_exceptions(clause: Clause) -> Clause:
    """'rather than a box', 'instead of the points' and what follows them is not asked for."""
    if spares_something(clause) or clause.tokens[0].text in ("而不是", "而非", "而不要", "and not"):
        return replace(clause, tokens=clause.tokens[:0])
    for i, token in enumerate(clause.tokens):
        if "INSTEADOF" in token.ideas and "NEG" not in token.ideas:
            if token.text in ("excluding", "without", "minus", "except", "除") and i == 0:
                continue
            if i == 0:
                verb = next(
                    (
                        j
                        for j, t in enumerate(clause.tokens[1:], 1)
                        if t.ideas & {"REQUEST", "ASKREQ", "PLEASE"} or (t.ideas & ACTIONS and "ing" not in t.forms)
                    ),
                    None,
                )
                return replace(clause, tokens=clause.tokens[verb:] if verb else [])
            return replace(clause, tokens=clause.tokens[:i])
    return clause


_EXCEPTIONS = frozenset("except,except for,excluding,apart from,other than,save for,but for,besides the,minus,除了,除,以外,之外".split(","))


def spares_something(clause: Clause) -> bool:
    """'clear everything except the image': less than all cannot be cleared in one go, so nothing is."""
    return clause.has("CLEAR", "GONE", "RESET") and clause.says(*_EXCEPTIONS)
