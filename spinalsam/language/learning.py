"""The weights and limits of `spinalsam.language.residue`, learned from labelled sentences. Needs numpy and scipy; reading does not."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_matrix
from scipy.special import expit

from spinalsam.errors import InputError
from spinalsam.language.benchmark import Sentence
from spinalsam.language.reading import read
from spinalsam.language.residue import SEVERITIES, features, language_of, severity
from spinalsam.settings import write_atomically

# Share of commands that may be turned into questions, by how hard it is to go back.
COSTS = {"loses": 0.02, "changes": 0.015, "shows": 0.01}
_PENALTY = 2.0  # of the squared weights; of 0.5 to 10, all within one sentence in a hundred of each other
_SEEN = 2  # sentences that must hold a feature
_SMALLEST = 0.01  # weights below this are left out
_FOLDS = 5
_FEWEST = 50  # sentences of each sort, below which nothing can be learned


@dataclass(frozen=True)
class Learned:
    """One language's regression. limits: by severity. caught, asked: by severity, the shares of sentences that ask for nothing and of
    commands that lie above the limit, each read by a regression that had not seen it."""

    language: str
    weights: dict[str, float]
    limits: dict[str, float]
    caught: dict[str, float]
    asked: dict[str, float]
    commands: int
    others: int

    def write(self, folder: Path) -> Path:
        path = folder / f"residue_{self.language}.json"
        document = {"limits": self.limits, "weights": dict(sorted(self.weights.items()))}
        write_atomically(path, (json.dumps(document, ensure_ascii=False, indent=0) + "\n").encode())
        return path


def learn(sentences: Sequence[Sentence], language: str) -> Learned:
    """Learn from the sentences of one language ("en" or "zh", by their words). Raises InputError where there are too few, or none
    of a severity."""
    tokens = [(sentence, read(sentence.text)) for sentence in {one.text: one for one in sentences}.values()]
    ours = [(sentence, features(sentence.text, said)) for sentence, said in tokens if language_of(said) == language]
    remarks = np.array([sentence.asks_nothing for sentence, _ in ours])
    if min(remarks.sum(), len(remarks) - remarks.sum()) < _FEWEST:
        raise InputError(f"Learning '{language}' needs {_FEWEST} commands and {_FEWEST} sentences that ask for nothing; give more files.")
    severities = np.array([severity([call["op"] for call in sentence.accept[0]]) for sentence, _ in ours])
    if not set(SEVERITIES) <= set(severities[~remarks]):
        raise InputError(f"Learning '{language}' needs commands that lose, change and show something; give more files.")
    counts = Counter(name for _, found in ours for name in found)
    names = sorted(name for name, count in counts.items() if count >= _SEEN)
    rows = _matrix([found for _, found in ours], {name: i for i, name in enumerate(names)})
    held = _held_out(rows, remarks)
    limits = {kind: float(np.quantile(held[~remarks & (severities == kind)], 1 - COSTS[kind])) for kind in SEVERITIES}
    fitted = _fitted(rows, remarks)
    weights = {name: round(float(w), 3) for name, w in zip(["", *names], fitted, strict=True) if not name or abs(w) >= _SMALLEST}
    return Learned(
        language,
        weights,
        {kind: round(limit, 3) for kind, limit in limits.items()},
        {kind: float((held[remarks] > limit).mean()) for kind, limit in limits.items()},
        {kind: float((held[~remarks & (severities == kind)] > limit).mean()) for kind, limit in limits.items()},
        int((~remarks).sum()),
        int(remarks.sum()),
    )


def _matrix(found: Sequence[dict[str, Any]], columns: dict[str, int]) -> csr_matrix:
    """(sentences, 1 + features), the first column all ones."""
    entries = [(row, 0, 1.0) for row in range(len(found))]
    entries += [(row, 1 + columns[name], seen.value) for row, one in enumerate(found) for name, seen in one.items() if name in columns]
    rows, places, values = zip(*entries, strict=True)
    return csr_matrix((values, (rows, places)), shape=(len(found), 1 + len(columns)))


def _fitted(rows: csr_matrix, remarks: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The weights of least log loss with a squared penalty, the bias's left out of it."""
    signs = np.where(remarks, 1.0, -1.0)

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        margins = signs * (rows @ weights)
        penalised = np.concatenate([[0.0], weights[1:]])
        gradient = -(rows.T @ (signs * expit(-margins))) + _PENALTY * penalised
        return float(np.logaddexp(0, -margins).sum() + _PENALTY / 2 * penalised @ penalised), gradient

    return np.asarray(minimize(loss, np.zeros(rows.shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": 1000}).x)


def _held_out(rows: csr_matrix, remarks: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Each sentence's share, by a regression that was learned without its fold."""
    fold = np.random.default_rng(0).permutation(len(remarks)) % _FOLDS
    shares = np.zeros(len(remarks))
    for one in range(_FOLDS):
        inside = fold == one
        shares[inside] = expit(rows[inside] @ _fitted(rows[~inside], remarks[~inside]))
    return shares


def as_markdown(learned: Sequence[Learned]) -> str:
    """What was learned, as a table."""
    lines = ["| language | severity | limit | commands asked about | others caught |", "|---|---|---|---|---|"]
    for one in learned:
        for kind in SEVERITIES:
            asked, caught = one.asked[kind], one.caught[kind]
            lines.append(
                f"| {one.language} ({one.commands} + {one.others}) | {kind} | {one.limits[kind]:.2f} | {asked:.1%} | {caught:.1%} |"
            )
    return "\n".join(lines) + "\n"
