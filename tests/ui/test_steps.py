"""The steps that docs/STEPS.md counts for 'segment L3 in 3-D and export it' are all there are: done with real events, and counted."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nibabel
import numpy as np
import pytest

from tests.conftest import REPOSITORY
from tests.ui.file_manager import TITLE
from tests.ui.patients import L3, Patient, phantom
from tests.ui.screen import Screen, need_tools, person, wait_for

# Room for the file manager beside the window of 1440 x 900.
SIZE = (1600, 900)
ICON = (1450, 100)


def counted() -> list[int]:
    """The sums of the table: ours, 3D Slicer's, ITK-SNAP's."""
    text = (REPOSITORY / "docs" / "STEPS.md").read_text(encoding="utf-8")
    rows = [[int(number) for number in re.findall(r"\| (\d+)[:| ]", line)] for line in text.splitlines() if re.match(r"\| [A-Z]", line)]
    rows = [row for row in rows if row]
    sums = [int(number) for number in re.findall(r"\*\*(\d+)\*\*", next(line for line in text.splitlines() if "**Sum**" in line))]
    assert [sum(column) for column in zip(*rows, strict=True)] == sums
    return sums


@pytest.fixture
def screen(tmp_path: Path) -> Iterator[Screen]:
    need_tools()
    made = Screen(person(tmp_path, HOME=str(tmp_path)), tmp_path, SIZE, beside=SIZE[0] - ICON[0])
    yield made
    made.close()


@pytest.fixture
def files(screen: Screen, tmp_path: Path) -> Iterator[Patient]:
    """The patient's folder as an icon on the screen."""
    patient = phantom(tmp_path)
    command = [sys.executable, "-m", "tests.ui.file_manager", str(patient.series), *map(str, ICON)]
    manager = subprocess.Popen(command, env=screen.environment, stderr=subprocess.DEVNULL)
    yield patient
    manager.terminate()
    manager.wait(10)


def test_the_table_counts_all_steps_and_there_are_fewer_than_elsewhere(screen: Screen, files: Patient, tmp_path: Path) -> None:
    ours, slicer, snap = counted()
    screen.start([], tmp_path / "errors.txt")
    wait_for(lambda: screen.do("search", "--onlyvisible", "--name", TITLE).strip(), 40, "the file manager")
    screen.steps.clear()

    screen.drag([(ICON[0] + 70, ICON[1] + 50), (1400, 300), (900, 400), (600, 450), (598, 452), (596, 454), (595, 455)])
    screen.until(lambda seen: seen["has_case"] and seen["idle"] and len(seen["panes"]) == 3, 90, "opening what was dropped")
    screen.focus("SpinalSAM")
    screen.click(screen.find("Label of new masks"))
    screen.click(screen.find("L3", "QListView"))
    screen.until(lambda seen: seen["active_label"] == "L3", 30, "new masks of L3")
    screen.drag([_at(screen, mm) for mm in files.planes["sagittal"].box])
    screen.until(lambda seen: seen["open_mask"] and seen["idle"], 60, "the mask")
    before = screen.look()["undo"]
    screen.press("ctrl+p")
    seen = screen.until(lambda seen: seen["undo"] > before and seen["idle"], 120, "the whole vertebra")
    screen.until(lambda seen: seen["surface_drawn"] or seen["surface_failed"], 40, "the surface")
    screen.press("ctrl+e")
    screen.until(lambda seen: any("Export mask" in name for name in seen["windows"]), 40, "the dialog")
    screen.focus("Export mask")
    screen.press("Return")
    out = tmp_path / "phantom_mask.nii.gz"
    wait_for(out.exists, 60, f"writing {out}")

    assert len(screen.steps) == ours, screen.steps
    assert ours < min(slicer, snap)
    assert seen["surface_failed"] is False
    labels = np.asarray(nibabel.load(out).dataobj)
    assert set(np.unique(labels)) == {0, L3}
    assert files.reference is not None
    found, true = labels == L3, files.reference == L3
    assert 2 * (found & true).sum() / (found.sum() + true.sum()) > 0.75


def _at(screen: Screen, mm: tuple[float, float, float]) -> tuple[int, int]:
    pane = screen.look()["panes"]["sagittal"]
    x, y = np.array(pane["matrix"]) @ mm + pane["offset"]
    return round(x), round(y)
