"""Clauses that say nothing alone are joined to their neighbours.

'boxes around L4 | and L5', 'level 40 | and width 400', 'points | and boxes'.
"""

from __future__ import annotations

from dataclasses import replace

from spinalsam.language.clauses import ACTIONS, OBJECTS, VALUES, Clause
from spinalsam.language.rules.masks import is_only_mask
from spinalsam.language.tokens import Token

_WANTS_OBJECT = frozenset({"SEG", "GEN", "INFER", "RUN", "ADD", "DRAW", "PICK", "OPEN", "MAKE", "CHECK", "MOVE"})
_COMPLETE = frozenset({"UNDO", "REDO", "RESET", "CLEAR", "CLOSE", "EXPORT", "HELPWORD", "PROPAGATE", "HIDE", "SHOW"})
_PRONOUNS = frozenset("it them these those that this they 它 它们 这些 那些 这个 那个 全部 都 全 统统 全都 其".split())
_THERE = ("there", "here", "那里", "这里", "那儿", "这儿", "那", "这", "该处", "此处")
_FORMATS = frozenset({"NIFTI", "NRRD", "STL", "DICOMSEG"})
_NOUNS = ("POINT", "NEGPOINT", "POSPOINT", "BOX", "MASK", "PMASK", "BMASK", "IMAGE")


def rejoined(clauses: list[Clause]) -> list[Clause]:
    """Each clause that has nothing to do of its own is added to the one before."""
    result: list[Clause] = []
    for number, clause in enumerate(clauses):
        follows = clauses[number + 1] if number + 1 < len(clauses) else None
        shares = follows is not None and (
            follows.joined
            or (follows.then and follows.glued and clause.has("SEG") and follows.has("SEG") and bool(follows.kinds("region")))
        )
        if follows is not None and shares and follows.ideas & ACTIONS and _is_bare_verb(clause) and not clause.told:
            continue  # 'find and segment L3': one object for two verbs
        last = result[-1] if result else None
        if last is not None and not last.told and not clause.told and all("PLEASE" in token.ideas for token in clause.tokens):
            result[-1] = replace(last, tokens=[*last.tokens, *clause.tokens])  # 'a box, please'
            continue
        if last is not None and last.told and not clause.told and _same_window(last, clause):
            clause = replace(clause, told=True)
        if last is not None and not last.told and not clause.told and _belongs(last, clause):
            result[-1] = replace(last, tokens=[*last.tokens, *clause.tokens], question=last.question or clause.question)
        else:
            result.append(clause)
    return result


def _is_bare_verb(clause: Clause) -> bool:
    """A verb that wants an object and has none."""
    if (
        clause.has("SLICE", "NEXT", "PREV", "NEW")
        or not clause.ideas & _WANTS_OBJECT
        or clause.ideas & (OBJECTS - {"NEXT"})
        or clause.ideas & _COMPLETE
    ):
        return False
    return all(token.kind in ("word", "sep") for token in clause.tokens)


def _belongs(last: Clause, clause: Clause) -> bool:
    """Whether the clause only goes on with what the last one says."""
    return any(
        fits(last, clause)
        for fits in (
            _only_values,
            _same_window,
            _same_check,
            _other_direction,
            _more_sizes,
            _only_format,
            _led_by_values,
            _only_auto,
            _placed_there,
            _led_by_source,
            _only_direction,
            _led_by_direction,
            _named_first,
            _only_sign,
            _only_source,
        )
    )


def _signs_another(last: Clause, clause: Clause) -> bool:
    """'foreground at (1, 2) | and background at (3, 4)'."""
    signs = ("NEGATIVE", "POSITIVE")
    return clause.has(*signs) and last.has(*signs) and bool(clause.kinds("pair") and last.kinds("pair"))


def _has_value(clause: Clause) -> bool:
    return any(token.kind in VALUES for token in clause.tokens)


def _does_something(clause: Clause) -> bool:
    return (
        bool(clause.ideas & (ACTIONS | OBJECTS))
        or clause.has("NEED", "TELLME")
        or any(t.text.startswith(("show me", "take me", "bring me")) for t in clause.tokens)
        or (clause.has("SLICE") and bool(clause.kinds("number")))
    )


def _only_values(last: Clause, clause: Clause) -> bool:
    if (
        clause.kinds("pair")
        and last.has("POINT", "NEGPOINT", "BOX", "FRAMEIT", "DRAW", "ADD")
        and not clause.ideas & (ACTIONS - {"MOVE", "ADD"})
    ):
        # 'draw a box, coordinates (1,2) to (3,4)'
        own = clause.has("POINT", "NEGPOINT", "POSPOINT") and (
            clause.has("NEGATIVE", "NEGPOINT", "POSITIVE", "POSPOINT") or clause.kinds("number")
        )
        own = own or (
            clause.has("NEGATIVE", "POSITIVE") and last.kinds("pair") and last.has("NEGATIVE", "POSITIVE", "NEGPOINT", "POSPOINT")
        )
        return (
            not clause.has("BOX", "NEGPOINT")
            and not own
            and not (clause.has("POINT", "ADD") and not last.has("BOX", "FRAMEIT", "DRAW") and last.kinds("pair"))
        )
    if _is_elliptical_count(last, clause) or (
        (clause.then or clause.has("THEN")) and clause.says("ones", "one") and clause.kinds("number")
    ):
        return False
    if clause.kinds("path") and last.kinds("path"):
        return False
    if clause.has("LEVELWORD", "WIDTHWORD") and not last.has("WINDOW", "LEVELWORD", "WIDTHWORD", "CENTREWORD"):
        return False  # 轴位，窗宽400
    if _signs_another(last, clause):
        return False
    if clause.kinds("pair") and last.has("NEXT", "PREV", "FIRST", "LAST", "MIDDLE", "OPEN", "UNDO", "REDO", "CLEAR", "HIDE"):
        return False  # 下一层，(45,66)这里是背景: another place
    return not _does_something(clause) and _has_value(clause)


def _is_elliptical_count(last: Clause, clause: Clause) -> bool:
    """'two points on L4 and one on L5': a count and regions of its own."""
    return bool(clause.kinds("number") and clause.kinds("region") and last.kinds("number") and last.kinds("region"))


def _same_window(last: Clause, clause: Clause) -> bool:
    edges = ("LEVELWORD", "WIDTHWORD", "CENTREWORD")
    return clause.has(*edges) and bool(clause.kinds("number")) and last.has("WINDOW", *edges) and not clause.has("POINT", "BOX", "EXPORT")


def _same_check(last: Clause, clause: Clause) -> bool:
    if not clause.joined:
        return False
    if last.has("GPU") and clause.has("CKPT"):
        return False  # 'check the GPU | and whether the weights match the model'
    if last.has("CKPT", "MODEL") and clause.has("MODEL", "CKPT", "MATCH", "MATCHING"):
        return not clause.has("RUN", "GEN", "SEG", "INFER", "POINT", "BOX")
    return clause.has("MATCH", "MATCHING") and last.has("CHECK") and clause.has("MODEL")


def _other_direction(last: Clause, clause: Clause) -> bool:
    return clause.joined and last.has("PROPAGATE") and last.has("UP", "DOWN") and clause.has("UP", "DOWN") and not clause.has("PROPAGATE")


def _more_sizes(last: Clause, clause: Clause) -> bool:
    """'the volume of L3 | and the mean HU'."""
    sizes = clause.has("SIZE", "BIG") or (clause.has("COMPUTE") and not clause.ideas & (OBJECTS - {"SIZE", "BIG"}))
    return sizes and last.has("SIZE", "BIG", "MEASURE") and not clause.kinds("region") and not clause.has("EXPORT", "GPU", "SHOW")


def _only_format(last: Clause, clause: Clause) -> bool:
    if (clause.kinds("path") and last.kinds("path")) or (
        clause.joined and clause.ideas & _FORMATS and last.ideas & _FORMATS and not clause.ideas & last.ideas & _FORMATS
    ):
        return False
    if not last.has("EXPORT") or clause.ideas & (ACTIONS - {"ADD", "EXPORT", "SETTO", "MAKE", "PROPAGATE", "TURN", "UNDO", "MOVE", "OPEN"}):
        return False
    formats = clause.has("NIFTI", "NRRD", "STL", "DICOMSEG", "FILEKIND") or bool(clause.kinds("path"))
    return formats and not clause.has("MASK", "POINT", "BOX") and not (clause.has("OPEN") and not clause.has("ADD"))


def _led_by_values(last: Clause, clause: Clause) -> bool:
    """'L1 and L2, | box them': what comes first has values only."""
    if _is_elsewhere(clause):
        return False  # 'and two on L1 | and then hide the mask'
    corners = len(last.kinds("pair")) == 2 or bool(last.kinds("quad"))
    if (
        corners
        and clause.has("BOX", "FRAMEIT")
        and not _has_place(clause)
        and not last.has("BOX", "FRAMEIT")
        and not last.ideas & (ACTIONS - {"ADD"})
    ):
        return not any("ADD" in token.ideas for token in last.tokens)
    if _signs_another(last, clause) or _does_something(last) or not any(last.kinds(kind) for kind in ("region", "pair", "quad", "path")):
        return False
    return clause.joined or all(token.value == ["spine"] for token in clause.kinds("region"))  # 'L4 to L2, segment each vertebra'


def _is_elsewhere(clause: Clause) -> bool:
    """Whether it does something that needs no place, points or box: it shows, hides, clears, exports."""
    return clause.has("HIDE", "SHOW", "CLEAR", "EXPORT", "UNDO", "REDO", "PROPAGATE") and clause.has("MASK", "STEP", *_FORMATS)


def _only_auto(last: Clause, clause: Clause) -> bool:
    return clause.has("AUTO") and bool(last.kinds("region")) and all(t.ideas & {"AUTO", "FILLER", "PLEASE"} for t in clause.tokens)


def _placed_there(last: Clause, clause: Clause) -> bool:
    """'两个负点，放在腰5旁边': where the points or the box named before go."""
    if not clause.has("ADD") or clause.ideas & (OBJECTS - {"NEXT", "PREV"}) or clause.kinds("number") or not _has_value(clause):
        return False
    if last.has("CLEAR", "RESET", "HIDE") or clause.has("FRAMEIT"):
        return False  # 清掉点，给 L2 画框: what is taken away is not put anywhere
    return last.has("POINT", "NEGPOINT", "POSPOINT", "BOX") and not _has_place(last)


def _only_direction(last: Clause, clause: Clause) -> bool:
    """'mask propagation, | upward'."""
    directions = {"UP", "DOWN", "BOTH"}
    return (
        last.has("PROPAGATE")
        and not last.has(*directions)
        and all(t.ideas & (directions | {"FILLER", "PLEASE"}) for t in clause.tokens)
        and clause.has(*directions)
    )


def _named_first(last: Clause, clause: Clause) -> bool:
    """'the boxes ... | clear them'."""
    bare = (
        last.has(*_NOUNS)
        and not any(t.ideas & ACTIONS and not t.ideas & OBJECTS for t in last.tokens)
        and all(t.stands_for(*_NOUNS, "ALL") or "FILLER" in t.ideas for t in last.tokens)
    )
    pronoun = any(token.text in _PRONOUNS for token in clause.tokens)
    return bare and pronoun and bool(clause.ideas & ACTIONS) and not clause.ideas & OBJECTS and not _has_value(clause)


def _only_sign(last: Clause, clause: Clause) -> bool:
    """'point (17, 18), | label background'."""
    return (
        last.has("POINT")
        and clause.has("NEGATIVE", "POSITIVE")
        and all(t.stands_for("NEGATIVE", "POSITIVE", "LABEL", "FILLER") for t in clause.tokens)
    )


def _only_source(last: Clause, clause: Clause) -> bool:
    """'开始推理，| 用点'."""
    makes = last.has("RUN", "INFER", "GEN", "SEG") and not last.has("POINT", "BOX", "PMASK", "BMASK")
    source = clause.tokens[0].stands_for("FROM") and clause.has("POINT", "BOX") and not clause.kinds("number") and not _has_place(clause)
    return makes and source and all(t.stands_for("FROM", "POINT", "BOX", "FILLER", "PROMPT") for t in clause.tokens)


def _led_by_direction(last: Clause, clause: Clause) -> bool:
    """'from here to the feet, | propagate'."""
    directions = {"UP", "DOWN", "BOTH"}
    only = last.has(*directions) and all(t.ideas & (directions | {"FILLER", "FROM", "AT"}) for t in last.tokens)
    return only and clause.has("PROPAGATE") and not clause.has(*directions)


def _led_by_source(last: Clause, clause: Clause) -> bool:
    """'inside the box, | find the bone', 'with these points | segment it'."""
    if (
        last.question
        or _is_elsewhere(clause)
        or not last.has("POINT", "BOX")
        or last.ideas & (ACTIONS - {"ADD", "PICK", "RUN", "SETTO", "FRAMEIT", "DRAW"})
        or clause.has("POINT", "BOX")
    ):
        return False
    first = last.tokens[0]
    leads = first.stands_for("FROM") or first.text in ("inside", "within", "in", "use", "在", "对", "用", "按", "以")
    return leads and clause.has("SEG", "GEN", "INFER", "RUN", "MASK") and not last.kinds("number") and not _has_place(last)


def _has_place(clause: Clause) -> bool:
    return any(clause.kinds(kind) for kind in ("region", "pair", "quad"))


# Verbs and nouns shared by neighbours


def with_shared_words(clauses: list[Clause]) -> list[Clause]:
    """'points and boxes must go', 'I don't need the points, delete them': the verb, or the noun, of the neighbour."""
    result = list(clauses)
    for i, clause in enumerate(result):
        if clause.told:
            continue
        if (
            i
            and not clause.kinds("path")
            and (clause.has("OPEN") or (clause.has("PICK", "SHOW", "LOOK") and not _shows_otherwise(result[i - 1], clause)))
            and _opens_what_was_named(clause)
        ):
            result[i] = clause = replace(clause, tokens=[*clause.tokens, *result[i - 1].kinds("path")[:1]])
        if i and clause.has("MOVE", "LOOK", "SHOW") and clause.says("there", "那里") and not _has_value(clause) and len(clause.tokens) < 6:
            result[i] = clause = replace(clause, tokens=[*clause.tokens, *result[i - 1].kinds("region")[:1]])  # 'where is L3? go there'
        signed = clause.has("NEGATIVE", "POSITIVE") and clause.has("ADD", "SETLABEL", "MAKE") and clause.says("it", "that", "this", "它")
        if (
            i
            and clause.has("POINT", "NEGPOINT", "POSPOINT", "NEGATIVE", "POSITIVE")
            and not _has_place(clause)
            and (clause.says(*_THERE) or signed)
        ):
            pairs = [token for token in result[i - 1].tokens if token.kind == "pair"] if result[i - 1].told else []
            result[i] = clause = replace(clause, tokens=[*clause.tokens, *pairs])
        elif i and _points_at(result[i - 1], clause):
            result[i] = clause = replace(clause, tokens=[*clause.tokens, *result[i - 1].kinds("pair")])
            result[i - 1] = replace(result[i - 1], told=True)
        shared = _shared_export(result, i) or _shared_check(result, i) or _shared_point(result, i) or _shared_direction(result, i)
        if shared is not None:
            place = result[i - 1].kinds("region") if i and result[i - 1].told and shared.stands_for("POINT") else []
            if i + 1 < len(result) and shared in result[i + 1].tokens and not _has_place(clause):
                place = result[i + 1].kinds("region")  # 'two positive | and three negative points on L1'
            result[i] = clause = replace(clause, tokens=[*clause.tokens, shared, *place])
        if i and _shares_place(result[i - 1], clause):
            result[i] = clause = replace(clause, tokens=[*clause.tokens, *result[i - 1].kinds("region")])
        verb = _shared_verb(result, i)
        if verb is not None:
            result[i] = replace(clause, tokens=[*clause.tokens, verb])
        elif i and _lacks_noun(clause):
            noun = _noun_before(result, i) or _mask_before(result, i)
            if noun is not None:
                result[i] = replace(clause, tokens=[*clause.tokens, noun, *_levels_of(noun, result[i - 1])])
        elif (
            clause.timed
            and clause.has("SEG")
            and not clause.kinds("region")
            and any(t.text in _PRONOUNS for t in clause.tokens)
            and i + 1 < len(result)
        ):
            result[i] = replace(clause, tokens=[*clause.tokens, *result[i + 1].kinds("region")])  # 'measure L1 after segmenting it'
        elif i and _runs_on_prompts(clause, result[i - 1]):
            noun = _noun_before(result, i)
            if noun is not None and noun.stands_for("POINT", "BOX"):
                result[i] = replace(clause, tokens=[*clause.tokens, Token("word", "from", frozenset({"FROM"})), noun])
    return result


def _shares_place(last: Clause, clause: Clause) -> bool:
    """在L3放两个正点 | 和一个负点: a second count without a place of its own."""
    points = ("POINT", "NEGPOINT", "POSPOINT")
    counted = bool(clause.kinds("number") and last.kinds("number"))
    return (
        clause.joined
        and counted
        and not (last.told or clause.told or _has_place(clause))
        and bool(last.kinds("region"))
        and last.has(*points)
        and clause.has(*points)
        and not any(t.ideas & ACTIONS and not t.ideas & OBJECTS for t in clause.tokens)
    )


def _points_at(last: Clause, clause: Clause) -> bool:
    """'(30, 40) is muscle, | put a background point': where the point goes was said before."""
    return (
        bool(last.kinds("pair"))
        and not last.has("KEEP", "POINT", "NEGPOINT", "POSPOINT", "BOX", "DRAW", "FRAMEIT", "ADD", "CLEAR")
        and not any("base" in t.forms and t.ideas & ACTIONS for t in last.tokens)
        and clause.has("ADD", "NEED", "MAKE", "SETTO")
        and clause.has("POINT", "NEGPOINT", "POSPOINT")
        and not _has_place(clause)
        and all(token.value == 1 for token in clause.kinds("number"))
    )


def _shows_otherwise(last: Clause, clause: Clause) -> bool:
    """'open a.nii | and show it sagittally': it is open already."""
    return last.has("OPEN", "EXPORT") or clause.has("AXIAL", "SAGITTAL", "CORONAL", "MPR", "THREED", "MASK", "NEXT", "PREV", "WINDOW")


def _opens_what_was_named(clause: Clause) -> bool:
    """'open it', 开一下 after a path."""
    return any(t.text in _PRONOUNS for t in clause.tokens) or all(
        t.stands_for("OPEN", "FILLER", "PLEASE", "REQUEST", "SHOW", "LOOK") for t in clause.tokens
    )


def _runs_on_prompts(clause: Clause, last: Clause) -> bool:
    """'let the model run on them', 'the box is set, get the mask', 用它们推理."""
    pronoun, told = any(t.text in _PRONOUNS for t in clause.tokens), last.told and not last.has("NEG")
    objects = clause.ideas & (OBJECTS - {"NEXT", "PREV"})
    makes = any(t.stands_for("RUN", "GEN", "INFER", "SEG") and not t.text.startswith(("start", "begin")) for t in clause.tokens)
    makes = makes or (clause.has("MAKE") and clause.has("MASK"))
    from_them = clause.has("FROM") and clause.says("them", "these", "those", "它们", "这些", "那些") and last.has("POINT", "BOX")
    return (makes or is_only_mask(clause)) and not objects - {"MASK"} and (from_them or not clause.kinds("region")) and (pronoun or told)


def _shared_verb(clauses: list[Clause], i: int) -> Token | None:
    """The neighbour's 'clear' or 'hide' for a clause that only names points, boxes or the mask."""
    clause = clauses[i]
    if clause.ideas & (ACTIONS - {"DRAW", "ADD", "SHOW", "SEG", "MAKE", "SETTO", "MOVE", "FRAMEIT"}) or not clause.has(
        "POINT", "BOX", "MASK", "PROMPT", "IMAGE"
    ):
        return None
    if any(clause.kinds(kind) for kind in ("number", "pair", "quad", "path")) or clause.has("FROM") or _has_own_verb(clause):
        return None
    for j in (i - 1, *_following(clauses, i)):
        if not 0 <= j < len(clauses):
            continue
        contrasted = (
            j < i
            and clauses[j].told
            and clauses[j].has("NEG")
            and clause.says("just", "only", "rather", "but", "instead", "只", "仅", "就", "而是", "只要", "但")
        )
        listed = j < i and _lists_on(clauses, i)
        if not contrasted and (clauses[j].told or not (clause.joined or listed if j < i else True)):
            continue
        verbs = [token for token in clauses[j].tokens if token.ideas & {"CLEAR", "GONE", "HIDE"} and not token.ideas & {"ADD", "FRAMEIT"}]
        if verbs and (j < i or not clause.ideas & {"ADD", "DRAW", "MAKE"} or not any("base" in t.forms for t in clause.tokens)):
            return verbs[0]
    return None


def _lists_on(clauses: list[Clause], i: int) -> bool:
    """'delete the mask, | the points | and the boxes': nothing but a thing, with another behind 'and'."""

    def bare(clause: Clause) -> bool:
        return all(t.stands_for(*_NOUNS, "ALL") or t.ideas & {"FILLER", "AND"} for t in clause.tokens)

    return bare(clauses[i]) and i + 1 < len(clauses) and clauses[i + 1].joined and bare(clauses[i + 1])


def _following(clauses: list[Clause], i: int) -> list[int]:
    """The clauses that 'and' joins to i, up to the first with an action: 图像和点和框全部清空."""
    found: list[int] = []
    for j in range(i + 1, len(clauses)):
        if not clauses[j].joined:
            break
        found.append(j)
        if clauses[j].ideas & (ACTIONS - {"FRAMEIT", "SEG", "ADD"}):
            break
    return found


def _has_own_verb(clause: Clause) -> bool:
    """'show the mask', 'make a box': a command of its own."""
    first = next((token for token in clause.tokens if token.ideas & (ACTIONS | OBJECTS)), None)
    if first is not None and {"BOX", "DRAW"} <= first.ideas and "base" in first.forms and clause.kinds("region"):
        return True  # 'and box L3'
    return first is not None and not first.ideas & OBJECTS and bool(first.ideas & ACTIONS) and (not first.forms or "base" in first.forms)


def _lacks_noun(clause: Clause) -> bool:
    if clause.has("RESET") and clause.has("CLEAR") and not clause.ideas & OBJECTS:
        return True
    if clause.kinds("region") or clause.kinds("path") or clause.ideas & (OBJECTS - {"NEXT", "PREV"}) or clause.has("EVERYTHING", "RESET"):
        # 全部 means all of them where 'they' were just named.
        return (
            clause.has("EVERYTHING")
            and not clause.has("RESET")
            and bool(clause.ideas & {"CLEAR", "GONE"})
            and not clause.ideas & (OBJECTS - {"NEXT", "PREV"})
        )
    return bool(clause.ideas & {"CLEAR", "GONE", "CLOSE", "HIDE", "SHOW", "VISIBLE", "INVISIBLE"})


def _shared_export(clauses: list[Clause], i: int) -> Token | None:
    """The verb of 'save the mask as a.nrrd | and then as a.stl'."""
    clause = clauses[i]
    if (
        i
        and not clauses[i - 1].told
        and clause.ideas & _FORMATS
        and clauses[i - 1].ideas & _FORMATS
        and not clause.ideas & (ACTIONS | {"MASK"})
    ):
        return next((token for token in clauses[i - 1].tokens if "EXPORT" in token.ideas), None)  # 'save as nifti | and also as stl'
    if not i or clauses[i - 1].told or not clause.kinds("path") or clause.ideas & (ACTIONS | {"IMAGE"}) or not clauses[i - 1].kinds("path"):
        return None
    return next((token for token in clauses[i - 1].tokens if "EXPORT" in token.ideas), None)


def _shared_check(clauses: list[Clause], i: int) -> Token | None:
    """The verb of 'check the GPU | and the weights'."""
    if not i or not clauses[i].joined or not clauses[i].has("CKPT", "GPU") or clauses[i].ideas & ACTIONS:
        return None
    return next((token for token in clauses[i - 1].tokens if "CHECK" in token.ideas), None) if clauses[i - 1].has("GPU", "CKPT") else None


def _shared_point(clauses: list[Clause], i: int) -> Token | None:
    """The points of 'two points on T12 | and two on L1', and of 'one positive | and one negative point'."""
    clause = clauses[i]
    if (
        i
        and clauses[i - 1].told
        and not clauses[i - 1].has("NEG")
        and clause.has("ADD")
        and not clause.ideas & OBJECTS
        and not clause.kinds("region")
    ):
        return next((token for token in clauses[i - 1].tokens if token.stands_for("POINT")), None)
    if (
        i
        and clause.has("ADD")
        and clause.kinds("number")
        and not clause.ideas & (OBJECTS - {"NEXT", "PREV"})
        and (_names_points(clauses[i - 1]) or clauses[i - 1].has("CLEAR", "GONE"))
        and (clauses[i - 1].has("POINT") or clauses[i - 1].has("BOX"))
    ):
        return next(token for token in clauses[i - 1].tokens if token.stands_for("POINT", "BOX"))  # 清掉点，在L4重新放两个
    if (
        i
        and (clause.has("ADD", "THEN") or clause.then)
        and clause.says("ones", "one")
        and clause.kinds("number")
        and not clause.ideas & (OBJECTS - {"NEXT", "PREV"})
    ):
        return next((token for earlier in reversed(clauses[:i]) for token in earlier.tokens if token.stands_for("POINT", "BOX")), None)
    if clause.ideas & (OBJECTS - {"NEXT", "PREV"}) or clause.ideas & (ACTIONS - {"ADD", "PROPAGATE"}) or not clause.kinds("number"):
        return None
    if i and not clauses[i - 1].told and clauses[i - 1].kinds("number") and (clause.kinds("region") or clause.has("NEGATIVE", "POSITIVE")):
        return next((token for token in clauses[i - 1].tokens if token.stands_for("POINT")), None)
    if i + 1 < len(clauses) and clauses[i + 1].joined and clause.has("NEGATIVE", "POSITIVE"):
        return next((token for token in clauses[i + 1].tokens if token.stands_for("POINT")), None)
    return None


def _names_points(clause: Clause) -> bool:
    """'with points', 用点: only what prompts are wanted."""
    return not clause.told and clause.has("POINT") and all(t.stands_for("POINT", "FROM", "FILLER", "SETTO") for t in clause.tokens)


def _shared_direction(clauses: list[Clause], i: int) -> Token | None:
    """The verb of 'propagate up | then down'."""
    clause = clauses[i]
    if (
        not i
        or clauses[i - 1].told
        or not clause.has("UP", "DOWN", "BOTH")
        or clause.ideas & (ACTIONS | (OBJECTS - {"NEXT", "PREV", "FIRST"}))
    ):
        return None
    return next((token for token in clauses[i - 1].tokens if "PROPAGATE" in token.ideas and not token.ideas & {"RUN", "MOVE"}), None)


def _levels_of(noun: Token, clause: Clause) -> list[Token]:
    """The levels of 'the T10 mask is rubbish, bin it'."""
    return clause.kinds("region") if noun.stands_for("MASK", "PMASK", "BMASK") else []


def _mask_before(clauses: list[Clause], i: int) -> Token | None:
    """The mask that was shown or hidden further back: 'hide the mask, next slice, show it again'."""
    pronoun = any(token.text in _PRONOUNS for token in clauses[i].tokens)
    alone = all(
        token.ideas & {"SHOW", "HIDE", "FILLER"} and token.text not in ("看", "看看") for token in clauses[i].tokens
    )  # 翻三层再显示
    if not clauses[i].has("SHOW", "HIDE") or not (pronoun or alone):
        return None
    return next(
        (token for clause in reversed(clauses[:i]) if clause.has("SHOW", "HIDE") for token in clause.tokens if "MASK" in token.ideas), None
    )


def _noun_before(clauses: list[Clause], i: int) -> Token | None:
    """The last noun said before, for 'delete them'; for a verb alone only after a remark such as '点标错了'."""
    last, clause = clauses[i - 1], clauses[i]
    pronoun = any(token.text in _PRONOUNS for token in clause.tokens)
    again = clause.has("CLEAR", "GONE") and last.has("CLEAR", "GONE")  # 点都不要了，删掉
    topic = clause.has("CLEAR", "GONE") and all(
        t.stands_for(*_NOUNS, "FILLER") and ("FILLER" in t.ideas or not t.ideas & ACTIONS) for t in last.tokens
    )  # 掩膜不对，清掉
    if not (last.told or pronoun or again or topic):
        return None
    if last.told and last.has("NEG") and not pronoun and not clause.has("CLEAR", "GONE", "HIDE"):
        return None  # 先别分割，我再看看
    closes = any(token.text in ("close", "关闭", "关掉", "关了", "shut", "unload") for token in clause.tokens)
    named = [token for token in last.tokens if token.stands_for(*_NOUNS) and (closes or not token.stands_for("SLICE"))]
    if not named and closes and last.has("PATIENT"):
        named = [Token("word", "case", frozenset({"IMAGE"}))]  # 'done with this patient, close it'
    if not named and last.has("FRAMEIT"):
        named = [Token("word", "框", frozenset({"BOX"}))]
    if not named and pronoun and last.has("GEN", "SEG"):
        named = [Token("word", "mask", frozenset({"MASK"}))]
    return named[-1] if named else None
