"""Whatever is done, the journal brings it back: sessions of random calls of every operation."""

from __future__ import annotations

import contextlib
import random
from collections import Counter

import numpy as np
import pytest

from spinalsam.control.recovery import recover
from spinalsam.control.workspace import Workspace
from spinalsam.errors import SpinalSamError
from tests.control.conftest import toy_volume
from tests.control.monkey import WORKING, everything, random_call
from tests.fakes import FakeSegmenter


@pytest.mark.parametrize("seed", range(6))
def test_a_random_session_comes_back_from_its_journal(recorded: Workspace, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    monkeypatch.setattr("spinalsam.control.journal.os.fsync", lambda _: None)
    rng, done = random.Random(seed), Counter[str]()
    for _ in range(420):
        op, args = random_call(rng, recorded)
        before = everything(recorded)
        try:
            recorded.run(op, **args)
            done[op] += 1
        except SpinalSamError:
            assert everything(recorded) == before, f"'{op}' was refused and changed something"
    assert len(done) > len(WORKING) / 2
    before, journal = everything(recorded), recorded.journal_path
    recorded.close()
    assert journal is not None
    with recover(journal, samples={"toy": toy_volume}, segmenter=FakeSegmenter()) as ws:
        after = everything(ws)
        assert {name: value for name, value in after.items() if value != before[name]} == {}
        # The history is the same too, all the way back and forth.
        count = len(ws.undo_titles)
        if count:
            ws.run("undo", count=count)
            assert not ws.mask.any()
            ws.run("redo", count=count)
            assert everything(ws)["mask"] == before["mask"]


@pytest.mark.parametrize("seed", range(4))
def test_a_locked_label_stays_as_it_is_whatever_is_done_and_counts_are_always_right(ws: Workspace, seed: int) -> None:
    rng, held = random.Random(1000 + seed), 0
    for _ in range(200):
        op, args = random_call(rng, ws)
        if ws.has_mask and rng.random() < 0.2:
            op, args = "lock_label", {"value": rng.choice(ws.case.extents.values), "locked": True}
        before = {value: ws.mask == value for value in ws.state.locked_values}
        with contextlib.suppress(SpinalSamError):
            ws.run(op, **args)
        for value in set(before) & set(ws.state.locked_values):
            # Going back passes over the step that locked it.
            assert op in ("undo", "redo") or np.array_equal(ws.mask == value, before[value]), f"'{op}' {args} changed a locked label"
            held += bool(before[value].any())
        found = {int(value): int(count) for value, count in zip(*np.unique(ws.mask, return_counts=True), strict=True) if value}
        assert ws.case.extents.counts == found, f"'{op}' {args} is counted wrongly"
        for value in found:
            inside = ws.mask[tuple(slice(low, high) for low, high in zip(*ws.case.extents.boxes[value], strict=True))]
            assert np.count_nonzero(inside == value) == found[value]
    assert held > 20
