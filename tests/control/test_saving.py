"""Figures, pictures and label tables go into files, and never over one that is there."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spinalsam.control.workspace import Workspace
from spinalsam.data.formats import label_table
from spinalsam.errors import OutputError
from spinalsam.support.anatomy import label_colour
from tests.control.conftest import put_mask


def test_measurements_are_those_of_the_chat(ws: Workspace, tmp_path: Path) -> None:
    put_mask(ws, "L3")
    put_mask(ws, "L4", (8, 18, 24, 34))
    ws.run("save_measurements", path=str(tmp_path / "m.csv"))
    measured = ws.run("measure").data["measurements"]
    with open(tmp_path / "m.csv", encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == ["L3", "L4"]
    for row, one in zip(rows, measured, strict=True):
        assert float(row["volume_ml"]) == pytest.approx(one["volume_ml"], abs=1e-4)
        assert float(row["mean_hu"]) == pytest.approx(one["mean_hu"], abs=1e-4)


def test_a_picture_shows_slice_and_mask_in_square_pixels(ws: Workspace, tmp_path: Path) -> None:
    put_mask(ws, "L3")
    ws.run("save_picture", path=str(tmp_path / "axial"))
    axial = np.asarray(Image.open(tmp_path / "axial.png")).astype(int)
    rows, columns = ws.plane("axial").shape
    assert axial.shape[0] / axial.shape[1] == pytest.approx(rows / columns, rel=0.02)
    coloured = np.ptp(axial, axis=2) > 40
    scale = axial.shape[0] / rows
    where = np.argwhere(coloured).mean(axis=0) / scale
    wanted = np.argwhere(ws.plane("axial").cut(ws.mask, 6)).mean(axis=0)
    assert where == pytest.approx(wanted, abs=0.6)
    assert np.linalg.norm(axial[coloured] - label_colour(22), axis=1).min() < 30
    ws.run("save_picture", path=str(tmp_path / "s.png"), plane="sagittal", slice=16)
    sagittal = np.asarray(Image.open(tmp_path / "s.png"))
    assert sagittal.shape[0] / sagittal.shape[1] == pytest.approx(14 * 2.5 / 36, rel=0.02)
    ws.run("show_mask", visible=False)
    ws.run("save_picture", path=str(tmp_path / "plain.png"))
    assert np.ptp(np.asarray(Image.open(tmp_path / "plain.png")).astype(int), axis=2).max() == 0


def test_a_label_table_holds_names_and_colours(ws: Workspace, tmp_path: Path) -> None:
    put_mask(ws, "L3")
    ws.run("rename_label", value=22, name="L3 broken")
    ws.run("save_label_table", path=str(tmp_path / "labels.txt"))
    found = {label.value: label for label in label_table.read(tmp_path / "labels.txt")}
    assert (found[22].name, found[22].colour) == ("L3 broken", label_colour(22))


@pytest.mark.parametrize(("op", "name"), [("save_measurements", "m.csv"), ("save_picture", "p.png"), ("save_label_table", "l.txt")])
def test_nothing_is_overwritten_unasked(ws: Workspace, tmp_path: Path, op: str, name: str) -> None:
    put_mask(ws, "L3")
    (tmp_path / name).write_text("mine")
    with pytest.raises(OutputError, match="exists already"):
        ws.run(op, path=str(tmp_path / name))
    assert (tmp_path / name).read_text() == "mine"
    ws.run(op, path=str(tmp_path / name), overwrite=True)
    assert (tmp_path / name).read_bytes() != b"mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == [name]
