"""Python and the window show the same state: a journal made in one opens in the other, in a real window on a virtual display."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

import spinalsam
from spinalsam.control.workspace import Workspace
from spinalsam.ui.prompt_panel import rows_of
from tests.fakes import FakeSegmenter
from tests.ui.screen import Screen, Seen, need_tools, person

NAMES = {"positive": "positive point", "negative": "negative point", "box": "box"}


@pytest.fixture
def ct(tmp_path: Path) -> Path:
    """Two bright blocks in soft tissue, anisotropic, stored from left to right."""
    voxels = np.full((60, 64, 20), 40, np.int16)
    voxels[18:42, 20:40, 3:9] = voxels[18:42, 20:40, 11:17] = 700
    path = tmp_path / "blocks.nii.gz"
    nibabel.save(nibabel.Nifti1Image(voxels, np.diag([-1.0, 1.0, 3.0, 1.0])), path)
    return path


@pytest.fixture
def screen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Screen]:
    """A display whose program keeps its journals where this process does."""
    need_tools()
    environment = person(tmp_path)
    for name in ("SPINALSAM_DATA_DIR", "SPINALSAM_CONFIG_DIR", "SPINALSAM_CACHE_DIR"):
        monkeypatch.setenv(name, environment[name])
    made = Screen(environment, tmp_path)
    yield made
    made.close()


def table(seen: Seen, name: str) -> list[str]:
    """The texts of the list or table of that name, row by row."""
    found = [widget for widget in seen["widgets"] if widget["name"] == name and widget["kind"] in ("QTableWidget", "QListWidget")]
    return [part["name"] for part in found[0].get("parts", ())] if found else []


def shown(seen: Seen) -> dict[str, Any]:
    """What a user of the window sees of labels, prompts and steps."""
    labels, prompts = table(seen, "Labels"), table(seen, "Prompts")
    return {
        "labels": [tuple(labels[n : n + 2]) for n in range(0, len(labels), 6)],
        "prompts": [tuple(prompts[n : n + 4]) for n in range(0, len(prompts), 5)],
        "steps": table(seen, "Steps")[1:],
        "undone": seen["redo"],
    }


def told(ws: Workspace) -> dict[str, Any]:
    """The same of a workspace in Python."""
    rows = [(NAMES[row.kind], row.label, f"{row.ref.plane.capitalize()} {row.ref.index + 1}", _numbers(row.pixels)) for row in rows_of(ws)]
    used = {int(value) for value in np.unique(ws.mask) if value} | {ws.state.active_label}
    return {
        "labels": [(label.name, str(label.value)) for label in sorted(ws.state.labels, key=lambda one: one.value) if label.value in used],
        "prompts": rows,
        "steps": [*reversed(ws.undo_titles), *ws.redo_titles],
        "undone": len(ws.redo_titles),
    }


def _numbers(pixels: Any) -> str:
    return ", ".join(f"{n:g}" for n in pixels)


def work(ws: Workspace) -> None:
    """Labels, masks and prompts of every kind, and one step that was undone."""
    ws.run("set_label", regions=["L2"])
    ws.run("add_box", corners=[18, 20, 41, 40], plane="axial", slice=6)
    ws.run("generate_box_mask", plane="axial", slice=6)
    ws.run("set_label", regions=["L3"])
    ws.run("add_points", at=[[25, 30]], plane="axial", slice=14)
    ws.run("add_points", at=[[5, 5]], label="negative", plane="axial", slice=14)
    ws.run("generate_point_mask", plane="axial", slice=14)
    ws.run("lock_label", value=21, locked=True)
    ws.run("go_to", slice=14, plane="axial")
    ws.run("add_box", corners=[2, 2, 9, 9], plane="axial", slice=14)
    ws.run("undo")


def test_a_journal_of_python_opens_in_the_window_and_goes_back(screen: Screen, ct: Path, tmp_path: Path) -> None:
    with spinalsam.open(ct, segmenter=FakeSegmenter()) as ws:
        work(ws)
        journal, in_python, mask = ws.journal_path, told(ws), ws.mask.copy()
    assert journal is not None and in_python["undone"] == 1 and len(in_python["prompts"]) == 3

    screen.start(["open", str(journal)], tmp_path / "errors.txt")
    seen = screen.until(lambda seen: seen["has_case"] and seen["undo"] and seen["idle"], 90, "restoring the session")
    assert shown(seen) == in_python

    left, top, width, height = seen["panes"]["axial"]["place"]
    screen.click((left + width // 2, top + height // 2))
    screen.until(lambda seen: len(shown(seen)["prompts"]) == 4, 30, "a point")
    screen.until(lambda seen: seen["idle"], 90, "the mask")
    screen.press("Return")
    screen.until(lambda seen: not seen["open_mask"] and seen["idle"], 40, "keeping the mask")
    in_window = shown(screen.look())
    assert in_window["undone"] == 0
    screen.close_program()

    with spinalsam.open(journal, segmenter=FakeSegmenter()) as again:
        assert told(again) == in_window
        assert again.journal_path == journal
        assert not np.array_equal(again.mask, mask)
        again.run("undo", count=len(again.undo_titles))
        assert not again.has_mask and not again.state.points
    assert "Traceback" not in (tmp_path / "errors.txt").read_text()


def test_the_window_offers_what_python_did_on_the_same_image(screen: Screen, ct: Path, tmp_path: Path) -> None:
    with spinalsam.open(ct, segmenter=FakeSegmenter()) as ws:
        work(ws)
        in_python = told(ws)
    screen.start(["open", str(ct)], tmp_path / "errors.txt")
    screen.until(lambda seen: seen["has_case"] and seen["idle"], 90, "opening the image")
    screen.click(screen.find("Restore", "QPushButton"))
    seen = screen.until(lambda seen: seen["undo"] and seen["idle"], 60, "restoring the session")
    assert shown(seen) == in_python
