"""Which level each vertebra of a chain is.

The names come from a hidden Markov model: the network's opinion of each vertebra, the order of levels with the variants that people have
(T12 or L5 missing, L6), and anchors: the sacrum below, or a level that somebody has named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

LEVELS = 25  # C1-C7, T1-T12, L1-L6: VerSe values 1-25, here counted from 0
T1, T11, T12, L1, L4, L5, L6 = 7, 17, 18, 19, 22, 23, 24

# The network's opinions of neighbours are not independent: where it is a level off for one, it is for all. So a long chain says no
# more than one or two vertebrae would. Chosen by right and wrong names on 54 views.
TRUST, WHOLE_TRUST = 0.6, 2.0
# Where neck becomes chest the network's opinion turns within three vertebrae. Mean and deviation of the logarithm of cervical over
# thoracic chance by level, measured on 24 views of made-up people and of CT drawn from VerSe labels
# with an earlier network; the present one turns more sharply, which made names surer and more of them wrong.
NECK_TRUST, TURN_LIMITS = 0.2, (-5.0, 2.5)
NECK = 0.3  # cervical chance of the topmost link from which it may be skull
SKULL = -3.0  # log-chance that the column runs on into the skull, and that what is found there looks as it does
TURN = np.array([2.3] * 5 + [2.0, 1.5, -0.7, -3.0, -4.5] + [-5.0] * 15)
TURN_SPREAD = np.array([0.9] * 5 + [1.0, 1.1, 1.3, 1.3, 1.3] + [1.3] * 15)
SAID = 0.03  # chance from which another reading is told: an L6 always is where nothing speaks against it
RARE = {"no T12": 0.01, "no L5": 0.02, "L6": 0.06}  # shares of people, about (Sekuboyina et al. 2021 count more among patients)


@dataclass(frozen=True)
class Link:
    """A vertebra. centre_mm: LPS. score: how sure it is that it is one, 0-1. levels: (25,) log-probabilities."""

    centre_mm: NDArray[np.float64]
    score: float
    levels: NDArray[np.float64]


@dataclass(frozen=True)
class Naming:
    """values: VerSe values from head to foot. certainty: probability of each. others: other readings of the topmost one with theirs.

    skull: how many links at the top are no vertebrae, for which there are no values. evidence: log-likelihood of the chain.
    """

    values: tuple[int, ...]
    certainty: tuple[float, ...]
    others: tuple[tuple[tuple[int, ...], float], ...]
    skull: int = 0
    evidence: float = 0.0


def name_chain(
    chain: Sequence[Link],
    skipped: Sequence[int],
    *,
    sacrum_below: int | None = None,
    sacrum_sure: float = 1.0,
    named: Mapping[int, int] | None = None,
) -> Naming:
    """Levels of a chain. skipped: unseen vertebrae between neighbours (one fewer than the chain).

    A column that runs on into the skull above C1 begins with something that is no vertebra: both readings are weighed.

    sacrum_below: how many unseen vertebrae lie between the last one and the sacrum, None where no sacrum is seen. sacrum_sure: how sure
    that is. named: VerSe values that are known, by position in the chain.
    """
    known = dict(named or {})
    whole = _named(chain, skipped, sacrum_below, sacrum_sure, known)
    if len(chain) < 4 or 0 in known or np.exp(chain[0].levels[:T1]).sum() < NECK:
        return whole
    rest = _named(chain[1:], skipped[1:], sacrum_below, sacrum_sure, {position - 1: value for position, value in known.items()})
    beyond = rest.evidence + SKULL
    share = 1 / (1 + np.exp(whole.evidence - beyond))
    chosen, other, sure = (rest, whole, share) if share > 0.5 else (whole, rest, 1 - share)
    others = [(reading, chance * sure) for reading, chance in chosen.others]
    if (1 - sure) * other.certainty[0] > SAID and other.values != chosen.values:
        others.append((other.values, float((1 - sure) * other.certainty[0])))
    certainty = tuple(one * float(sure) for one in chosen.certainty)
    told = tuple(sorted(((reading, float(chance)) for reading, chance in others), key=lambda one: -one[1]))
    return replace(chosen, certainty=certainty, others=told, skull=int(chosen is rest))


def _named(chain: Sequence[Link], skipped: Sequence[int], sacrum_below: int | None, sacrum_sure: float, named: Mapping[int, int]) -> Naming:
    """Levels of a chain of vertebrae by forward-backward."""
    count = len(chain)
    trust = min(TRUST, WHOLE_TRUST / count)
    seen = np.stack([trust * np.maximum(one.levels, np.log(1e-4)) + NECK_TRUST * _where_necks_end(one.levels) for one in chain])
    for position, value in named.items():
        seen[position, :] += np.where(np.arange(LEVELS) == value - 1, 0.0, -60.0)
    last = np.zeros(LEVELS)
    if sacrum_below is not None:
        last = _log(sacrum_sure * _steps(_step_matrix(), sacrum_below)[:, LEVELS] + (1 - sacrum_sure) / LEVELS)
    moves = [_log(_steps(_step_matrix(), gap)[:, :LEVELS]) for gap in skipped]
    forward, backward = np.zeros((count, LEVELS)), np.zeros((count, LEVELS))
    forward[0] = seen[0] + _log(_first())
    for n in range(1, count):
        forward[n] = seen[n] + _logsum(forward[n - 1][:, None] + moves[n - 1], 0)
    backward[-1] = last
    for n in range(count - 2, -1, -1):
        backward[n] = _logsum(moves[n] + (seen[n + 1] + backward[n + 1])[None], 1)
    path = _viterbi(seen, moves, last)
    marginal = forward + backward
    marginal -= _logsum(marginal, 1)[:, None]
    certainty = tuple(float(np.exp(marginal[n, level])) for n, level in enumerate(path))
    evidence = float(_logsum(forward[-1] + last, 0))
    others = _others(seen, moves, last, marginal, path)
    neck = float(np.exp(chain[0].levels[:T1]).sum()) > NECK
    if path[-1] == L5 and sacrum_below == 0 and not named and not neck:
        certainty, others = _as_l6(path, certainty, others)
    return Naming(tuple(level + 1 for level in path), certainty, others, evidence=evidence)


def _as_l6(
    path: Sequence[int], certainty: tuple[float, ...], others: tuple[tuple[tuple[int, ...], float], ...]
) -> tuple[tuple[float, ...], tuple[tuple[tuple[int, ...], float], ...]]:
    """Room for an L6 above the sacrum: the network counts from there too, so its opinion says nothing about whether there is one."""
    reading = tuple(level + 2 for level in path)
    chance = max(RARE["L6"], next((chance for one, chance in others if one[-1] == L6 + 1), 0.0))
    rest = tuple(one for one in others if one[0][-1] != L6 + 1)
    told = tuple(sorted((*rest, (reading, chance)), key=lambda one: -one[1]))
    return tuple(min(one, 1 - chance) for one in certainty), told


def _where_necks_end(levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """(25,) log-likelihood of each level by how much of the neck and how much of the chest the network sees."""
    chances = np.exp(levels)
    turn = np.clip(np.log(chances[:T1].sum() + 1e-6) - np.log(chances[T1:L1].sum() + 1e-6), *TURN_LIMITS)
    return np.asarray(-0.5 * ((turn - TURN) / TURN_SPREAD) ** 2 - np.log(TURN_SPREAD))


def _step_matrix() -> NDArray[np.float64]:
    """Chance that a level follows on a level, the sacrum (number 25) included."""
    matrix = np.zeros((LEVELS + 1, LEVELS + 1))
    for level in range(LEVELS - 2):
        matrix[level, level + 1] = 1.0
    matrix[T11, [T12, L1]] = [1 - RARE["no T12"], RARE["no T12"]]
    matrix[L4, [L5, LEVELS]] = [1 - RARE["no L5"], RARE["no L5"]]
    matrix[L5, [L6, LEVELS]] = [RARE["L6"], 1 - RARE["L6"]]
    matrix[L6, LEVELS] = 1.0
    return matrix


def _steps(matrix: NDArray, skipped: int) -> NDArray[np.float64]:
    return np.linalg.matrix_power(matrix, skipped + 1)[:LEVELS]


def _first() -> NDArray[np.float64]:
    """Chance of the topmost vertebra: any level alike, but few people have an L6."""
    chance = np.ones(LEVELS)
    chance[L6] = RARE["L6"]
    return chance / chance.sum()


def _log(values: NDArray) -> NDArray[np.float64]:
    return np.log(np.maximum(values, 1e-30))


def _logsum(values: NDArray, axis: int) -> NDArray[np.float64]:
    top = values.max(axis=axis, keepdims=True)
    return np.squeeze(top, axis) + np.log(np.exp(values - top).sum(axis=axis))


def _viterbi(seen: NDArray, moves: Sequence[NDArray], last: NDArray, start: int | None = None) -> list[int]:
    """The likeliest levels, or the likeliest that begin with `start`."""
    score = seen[0] + _log(_first())
    if start is not None:
        score = np.where(np.arange(LEVELS) == start, score, -1e9)
    back = []
    for n, move in enumerate(moves, 1):
        total = score[:, None] + move
        back.append(total.argmax(axis=0))
        score = total.max(axis=0) + seen[n]
    path = [int((score + last).argmax())]
    for step in reversed(back):
        path.append(int(step[path[-1]]))
    return path[::-1]


def _others(
    seen: NDArray, moves: Sequence[NDArray], last: NDArray, marginal: NDArray, path: Sequence[int]
) -> tuple[tuple[tuple[int, ...], float], ...]:
    """Readings that begin or end with another level than the likeliest one, each with its chance, the likeliest first."""
    found: dict[tuple[int, ...], float] = {}
    for end in (0, -1):
        for level in np.flatnonzero(marginal[end] > np.log(SAID)):
            if level != path[end]:
                reading = _viterbi(seen, moves, last, int(level)) if end == 0 else _ending(seen, moves, last, int(level))
                found[tuple(value + 1 for value in reading)] = float(np.exp(marginal[end, level]))
    return tuple(sorted(found.items(), key=lambda item: -item[1]))


def _ending(seen: NDArray, moves: Sequence[NDArray], last: NDArray, level: int) -> list[int]:
    return _viterbi(seen, moves, np.where(np.arange(LEVELS) == level, last, -1e9))
