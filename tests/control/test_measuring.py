"""Measurements count a lone DICOM slice with its own thickness."""

from __future__ import annotations

import pytest
import SimpleITK

import spinalsam
from tests.data.make import dicom_series
from tests.data.test_dicom import stored
from tests.fakes import FakeSegmenter


def test_a_lone_slice_is_measured_as_thick_as_it_is_and_written_on_the_grid_that_others_read(tmp_path) -> None:
    file = min(dicom_series(tmp_path / "ct", stored()).iterdir())
    with spinalsam.open(file, segmenter=FakeSegmenter(brightness=-2000)) as ws:
        ws.run("add_box", corners=[1, 1, 4, 3], regions=["L3"])
        ws.run("generate_box_mask")
        measured = ws.run("measure").data["measurements"][0]
        ws.export(tmp_path / "mask.nrrd")
    assert measured["voxels"] == 12
    assert measured["volume_mm3"] == pytest.approx(12 * 0.7 * 0.8 * 2.0)
    assert measured["height_mm"] == pytest.approx(2.0)
    image, mask = SimpleITK.ReadImage(str(file)), SimpleITK.ReadImage(str(tmp_path / "mask.nrrd"))
    assert mask.GetSpacing() == pytest.approx(image.GetSpacing())
    assert mask.GetOrigin() == pytest.approx(image.GetOrigin())
