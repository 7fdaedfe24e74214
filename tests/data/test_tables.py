"""Label tables as ITK-SNAP has them and measurements as spreadsheets read them."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from spinalsam.data.formats import label_table, measurement_table, read_label_volume
from spinalsam.data.formats.labels import Label
from spinalsam.errors import InputError
from tests.data.make import nifti

# As ITK-SNAP 4 writes it.
SNAP = """################################################
# ITK-SnAP Label Description File
# File format:
# IDX   -R-  -G-  -B-  -A--  VIS MSH  LABEL
################################################
    0     0    0    0        0  0  0    "Clear Label"
    1   255    0    0        1  1  1    "L4"
    2     0  255    0        0.5  1  0    "cement, \u9aa8\u6c34\u6ce5"
"""


def test_itk_snaps_own_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "l.txt").write_text(SNAP, encoding="utf-8")
    assert label_table.read(tmp_path / "l.txt") == (Label(1, "L4", (255, 0, 0)), Label(2, "cement, \u9aa8\u6c34\u6ce5", (0, 255, 0)))


def test_what_is_written_has_itk_snaps_columns_and_comes_back(tmp_path: Path) -> None:
    labels = [Label(22, "L3", (1, 2, 3)), Label(300, 'a "quoted"\nname', (255, 254, 0))]
    label_table.write(tmp_path / "l.txt", labels)
    lines = [line for line in (tmp_path / "l.txt").read_text().splitlines() if not line.startswith("#")]
    assert [line.split(None, 7) for line in lines] == [
        ["0", "0", "0", "0", "0", "0", "0", '"Clear Label"'],
        ["22", "1", "2", "3", "1", "1", "1", '"L3"'],
        ["300", "255", "254", "0", "1", "1", "1", "\"a 'quoted' name\""],
    ]
    assert [label.value for label in label_table.read(tmp_path / "l.txt")] == [22, 300]


@pytest.mark.parametrize(
    "text", ["", "hello\n", "# nothing\n", '1 2 3 "x"\n', '1 256 0 0 1 1 1 "x"\n', '70000 0 0 0 1 1 1 "x"\n', "\xff\xfe"]
)
def test_what_is_no_label_table_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "l.txt").write_bytes(text.encode("latin1"))
    with pytest.raises(InputError, match=r"l\.txt"):
        label_table.read(tmp_path / "l.txt")


def test_a_mask_with_a_label_table_is_numbered_by_its_names(tmp_path: Path) -> None:
    (tmp_path / "l.txt").write_text(SNAP, encoding="utf-8")
    mask = np.zeros((4, 5, 6), np.uint8)
    mask[0], mask[1] = 1, 2
    found = read_label_volume(nifti(tmp_path / "m.nii.gz", mask), by_name=True, label_table=tmp_path / "l.txt")
    assert np.array_equal(found.voxels, np.array([0, 23, 30])[mask])
    assert found.source["labels"][30] == Label(30, "cement, \u9aa8\u6c34\u6ce5", (0, 255, 0))


def test_measurements_are_a_table_with_empty_cells_and_no_formulas(tmp_path: Path) -> None:
    rows = [
        {"label": 22, "name": "L3", "volume_mm3": 1234.56789, "height_mm": None},
        {"label": 30, "name": "=cmd()", "volume_mm3": 2.0, "height_mm": 1.0},
    ]
    measurement_table.write(tmp_path / "m.csv", rows)
    assert (tmp_path / "m.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    with open(tmp_path / "m.csv", encoding="utf-8-sig", newline="") as file:
        found = list(csv.DictReader(file))
    assert found[0] == {"label": "22", "name": "L3", "volume_mm3": "1234.5679", "height_mm": ""}
    assert found[1]["name"] == "'=cmd()"
