"""Killing the program at random moments loses at most the operation in flight.

SPINALSAM_KILLS sets how many kills are tried; the default keeps the suite quick.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest

from spinalsam.control.journal import read_journal
from spinalsam.control.recovery import find_recoverable, recover
from spinalsam.control.snapshot import snapshot_path
from tests.control.conftest import toy_volume
from tests.control.crash_session import fingerprint
from tests.fakes import FakeSegmenter

KILLS = int(os.environ.get("SPINALSAM_KILLS", "24"))
REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_killed_session_loses_at_most_the_operation_in_flight(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = [sys.executable, "-m", "tests.control.crash_session", str(tmp_path), "20", str(KILLS)]
    subprocess.run(command, cwd=REPOSITORY, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=True, timeout=60 + 10 * KILLS)
    further = 0
    for number in range(KILLS):
        monkeypatch.setenv("SPINALSAM_DATA_DIR", str(tmp_path / str(number)))
        further += check(tmp_path / str(number))
    sys.stdout.write(f"{KILLS} of {KILLS} kills survived; {further} times the operation in flight was on the disk already\n")


def check(folder: Path) -> bool:
    """Restore; the case must be as after the last acknowledged operation, or one further. Returns whether it is further."""
    states = [line.split() for line in (folder / "acknowledged").read_text().split("\n")[:-1]]
    acknowledged, checksum = int(states[-1][0]), int(states[-1][1])
    journals = list(folder.glob("journals/*/*.jsonl"))
    assert len(journals) == 1
    files_are_whole(folder, journals[0])
    # The line that shows slice 7 comes before the first number that is written down.
    recorded = len([line for line in journals[0].read_text().split("\n")[:-1] if '"kind":"done"' in line]) - 1
    assert recorded - acknowledged in (0, 1)
    offers = find_recoverable()
    if not offers:
        return recorded > acknowledged  # nothing but looking around had been done
    assert [(offer.journal, offer.unfinished, offer.damaged) for offer in offers] == [(journals[0], True, False)]
    assert restored(journals[0], folder, without_last=recorded > acknowledged) == checksum
    with recover(journals[0], samples={"toy": toy_volume}, segmenter=FakeSegmenter()) as ws:
        assert not ws.read_only  # the dead process holds no lock
        ws.run("add_points", at=[[1, 1]])
    return recorded > acknowledged


def files_are_whole(folder: Path, journal: Path) -> None:
    """An exported mask and a snapshot are all there or not at all, whenever the program died."""
    if (folder / "mask.nii.gz").exists():
        assert np.asanyarray(nibabel.load(folder / "mask.nii.gz").dataobj).shape == toy_volume().geometry.shape
    if (folder / "mask.nii.gz.json").exists():
        assert json.loads((folder / "mask.nii.gz.json").read_text())["mask"] == "mask.nii.gz"
    if snapshot_path(journal).exists():
        assert [entry.kind for entry in read_journal(snapshot_path(journal)).entries] == ["case", "state"]


def restored(journal: Path, folder: Path, *, without_last: bool) -> int:
    """Checksum of the case as the journal brings it back, without the operation that was in flight."""
    whole = journal.read_bytes().split(b"\n")[:-1]
    copy = folder / "copy" / journal.name
    copy.parent.mkdir()
    copy.write_bytes(b"".join(line + b"\n" for line in (whole[:-1] if without_last else whole)))
    with recover(copy, samples={"toy": toy_volume}, segmenter=FakeSegmenter()) as ws:
        return fingerprint(ws)
