"""Unevenly spaced series: refused unless resampling is asked for, and then told, placed and referred to rightly."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import highdicom
import nibabel
import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spinalsam.control.journal import read_journal
from spinalsam.control.recovery import recover, replay
from spinalsam.control.workspace import Workspace
from spinalsam.data.formats import info, read_mask, read_volume, write_mask
from spinalsam.errors import InputError, OffGridError, OutputError
from tests.conftest import Run
from tests.data.make import dicom_slice, nifti
from tests.data.test_dicom import said, stored
from tests.fakes import FakeSegmenter

PLACES = (0.0, 2.0, 4.0, 7.0, 9.0, 11.0, 12.0)


def series(folder: Path, places: Sequence[float] = PLACES, *, shift: Sequence[float] = (), **extra: object) -> Path:
    """Slices at the places along z, with values that say where they are: 10 HU a mm, and a pattern in the plane."""
    folder.mkdir()
    for number, z in enumerate(places):
        pixels = np.add.outer(np.arange(8) * 100, np.arange(9)) + 1024 + round(10 * z)
        x = shift[number] if shift else 0.0
        dicom_slice(folder / f"{(number * 5) % 97}.dcm", pixels.astype(np.uint16), position=(x, 0, z), instance=number + 1, **extra)
    return folder


def test_an_uneven_series_is_refused_and_says_how_it_can_be_had(tmp_path) -> None:
    with pytest.raises(OffGridError, match=r"'ct' cannot be opened.*3.00 mm between slices 3 and 4 of 7.*resampled.*--resample"):
        read_volume(series(tmp_path / "ct"))


def test_asked_for_it_is_brought_onto_an_even_grid_and_that_is_said(tmp_path) -> None:
    found = read_volume(series(tmp_path / "ct"), resample=True)
    assert found.geometry.shape == (9, 8, 7)
    assert np.allclose(found.geometry.to_mm((0, 0, 0)), (0, 0, 0)) and np.allclose(found.geometry.to_mm((0, 0, 6)), (0, 0, 12))
    z = found.geometry.to_mm([(0, 0, k) for k in range(7)])[:, 2]
    assert np.array_equal(found.voxels, np.rint(np.add.outer(np.add.outer(np.arange(9), np.arange(8) * 100), 10 * z)))
    assert said(found, "RESAMPLED: the slices are unevenly spaced, 2.00 mm apart as a rule, but 3.00 mm between slices 3 and 4 of 7.")
    assert said(found, "7 slices 2.00 mm apart; 4 of them are as they were measured")
    assert found.source["resampled"] is True
    assert found.source["filled_slices"] == (3, 4, 5)
    for k in (0, 1, 2, 6):  # these four lie where they were measured, and are what was measured
        header = pydicom.dcmread(found.source["files"][k])
        assert header.SOPInstanceUID == found.source["sop_instance_uids"][k]
        assert np.array_equal(header.pixel_array.T.astype(int) - 1024, found.voxels[:, :, k])
    assert len(found.source["instances"]) == 7


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(gaps=st.lists(st.floats(0.3, 9.0), min_size=2, max_size=9), tilt=st.floats(-0.4, 0.4))
def test_every_voxel_of_a_resampled_series_lies_where_it_says(tmp_path_factory, gaps: list[float], tilt: float) -> None:
    places = [0.0, *np.cumsum(gaps).round(3).tolist()]
    folder = series(tmp_path_factory.mktemp("any") / "ct", places, shift=[tilt * z for z in places])
    found = read_volume(folder, resample=True)
    ends = found.geometry.to_mm([(0, 0, 0), (0, 0, found.geometry.shape[2] - 1)])
    # What is nearly even stays as it is; its slices lie within 2 % of a step from their places.
    off = 0.01 if found.source["resampled"] else 0.021 * found.geometry.spacing_mm[2]
    assert np.allclose(ends, [(0, 0, 0), (tilt * places[-1], 0, places[-1])], atol=off)
    z = found.geometry.to_mm([(0, 0, k) for k in range(found.geometry.shape[2])])[:, 2]
    # The values rise evenly with z but for their own rounding to whole HU, so that a mixture of neighbours has to give them everywhere.
    assert np.abs(found.voxels[0, 0] - 10 * z).max() <= 1.6 + 10 * off
    assert found.geometry.shape[2] <= 4 * len(places)


def test_a_series_that_lies_on_a_grid_is_read_as_it_is(tmp_path) -> None:
    folder = series(tmp_path / "ct", (0, 2, 4, 6, 8))
    plain, asked = read_volume(folder), read_volume(folder, resample=True)
    assert np.array_equal(plain.voxels, asked.voxels) and plain.geometry == asked.geometry
    assert asked.source["resampled"] is False and plain.notes == ()
    assert asked.notes == ("Resampling was asked for and changed nothing: the slices lie on an even grid as they are.",)


def test_resampling_what_has_no_slices_of_its_own_is_said_to_change_nothing(tmp_path) -> None:
    nibabel.save(nibabel.Nifti1Image(np.zeros((4, 5, 6), np.int16), np.eye(4)), tmp_path / "ct.nii.gz")
    assert read_volume(tmp_path / "ct.nii.gz").notes == ()
    [note] = read_volume(tmp_path / "ct.nii.gz", resample=True).notes
    assert "changed nothing: only DICOM slices" in note


def test_more_gaps_than_slices_are_named_when_they_are_filled(tmp_path) -> None:
    found = read_volume(series(tmp_path / "ct", (0, 2, 4, 30, 32, 34)), resample=True)
    assert found.geometry.shape[2] == 18
    assert said(found, "26.00 mm between slices 3 and 4 of 6") and said(found, "6 of them are as they were measured")


def test_slices_shifted_sideways_make_no_volume_at_all(tmp_path) -> None:
    with pytest.raises(InputError, match=r"shifted sideways by up to 4.0 mm"):
        read_volume(series(tmp_path / "ct", shift=(0, 0, 4, 0, 0, 0, 0)), resample=True)


@pytest.mark.parametrize("resample", [False, True])
def test_slices_beside_each_other_are_refused(tmp_path, resample: bool) -> None:
    with pytest.raises(InputError, match="beside each other"):
        read_volume(series(tmp_path / "ct", (0.0, 0.0, 0.0), shift=(0, 10, 20)), resample=resample)


def test_a_slice_that_cannot_be_decoded_is_left_out_of_the_mixture(tmp_path) -> None:
    folder = series(tmp_path / "ct", (0, 1, 2, 4, 6, 7, 9, 11))
    broken = next(path for path in folder.iterdir() if pydicom.dcmread(path).ImagePositionPatient[2] == 4)
    dataset = pydicom.dcmread(broken)
    dataset.PixelData = dataset.PixelData[:20]
    dataset.save_as(broken)
    found = read_volume(folder, resample=True)
    z = found.geometry.to_mm([(0, 0, k) for k in range(found.geometry.shape[2])])[:, 2]
    assert np.abs(found.voxels[0, 0] - 10 * z).max() <= 1
    assert said(found, "could not be decoded") and said(found, "RESAMPLED")


def test_masks_of_a_resampled_series_lie_on_its_grid(tmp_path) -> None:
    case = read_volume(series(tmp_path / "ct"), resample=True)
    mask = np.zeros(case.geometry.shape, np.uint8)
    mask[2:6, 2:6, 1:6] = 22
    for name in ("m.nii.gz", "m.seg.nrrd", "m.dcm"):
        write_mask(tmp_path / name, mask, case)
        assert np.array_equal(read_mask(tmp_path / name, case.geometry), mask)
    ras = nibabel.load(tmp_path / "m.nii.gz").affine
    assert np.allclose(np.diag([-1, -1, 1, 1]) @ ras, case.geometry.affine)
    segmentation = highdicom.seg.segread(str(tmp_path / "m.dcm"))
    referred = {uid for _, _, uid in segmentation.get_source_image_uids()}
    assert referred == set(case.source["instances"].values())


def test_no_file_of_a_resampled_series_is_written_over(tmp_path) -> None:
    folder = series(tmp_path / "ct")
    case = read_volume(folder, resample=True)
    mask = np.ones(case.geometry.shape, np.uint8)
    for path in folder.iterdir():
        with pytest.raises(OutputError, match="the image itself"):
            write_mask(path, mask, case)


def test_journal_recovery_replay_and_sidecar_know_that_it_was_resampled(tmp_path) -> None:
    folder = series(tmp_path / "ct")
    with Workspace(segmenter=FakeSegmenter()) as ws:
        with pytest.raises(OffGridError) as refused:
            ws.open(folder)
        call = refused.value.remedy_call
        assert call is not None and call.op == "open_image"
        ws.run(call.op, **call.args)
        ws.run("prompt_mask", prompt={"box": [[2, 2, 3], [6, 6, 3]], "label": "L3"})
        ws.export(tmp_path / "m.nii.gz")
        mask, path = ws.mask.copy(), ws.journal_path
    assert read_journal(path).case["args"] == {"path": str(folder), "resample": True}
    assert json.loads((tmp_path / "m.nii.gz.json").read_text())["image"]["resampled"] is True
    with recover(path, segmenter=FakeSegmenter()) as again:
        assert np.array_equal(again.mask, mask) and again.case.resampled
    assert replay(path, tmp_path / "again.nii.gz", segmenter=FakeSegmenter()).identical


def test_the_command_line_resamples_where_it_is_told_to(tmp_path, run: Run, fake_model: None) -> None:
    folder, out = series(tmp_path / "ct"), tmp_path / "m.nii.gz"
    run("segment", folder, "-o", out, "--box", "2,2,3,6,6,3", "--label", "L3").failed(3, "unevenly spaced", "--resample")
    assert not out.exists()
    answer = run("segment", folder, "-o", out, "--box", "2,2,3,6,6,3", "--label", "L3", "--resample")
    assert answer.code == 0, answer.err
    assert "note: RESAMPLED" in answer.err
    assert run("info", folder, "--resample", "--json").json["notes"][0].startswith("RESAMPLED")
    with pytest.raises(OffGridError):
        info(folder)


def test_a_mask_that_does_not_fit_says_which_call_would_resample_it(tmp_path) -> None:
    affine = np.diag([1.0, 1, 2, 1])
    nifti(tmp_path / "ct.nii.gz", np.abs(stored((12, 12, 6))).astype(np.int16) - 1000, affine)
    nifti(tmp_path / "m.nii.gz", np.full((6, 6, 6), 22, np.uint8), np.diag([2.0, 2, 2, 1]))
    for op in ("load_mask", "compare_mask"):
        with Workspace(segmenter=FakeSegmenter()) as ws:
            ws.open(tmp_path / "ct.nii.gz")
            if op == "compare_mask":
                ws.run("prompt_mask", prompt={"box": [[2, 2, 3], [6, 6, 3]], "label": "L3"})
            with pytest.raises(OffGridError, match="does not fit the image") as refused:
                ws.run(op, path=str(tmp_path / "m.nii.gz"))
            call = refused.value.remedy_call
            assert call is not None and call.op == op
            ws.run(call.op, **call.args)
