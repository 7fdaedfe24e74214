"""Whatever is done, the journal brings it back: sessions of random calls of every operation."""

from __future__ import annotations

import random
from collections import Counter

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
