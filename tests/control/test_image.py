"""Opening and closing cases."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from spinalsam.control.workspace import Change, Workspace
from spinalsam.errors import InputError, RequirementError, UsageError
from tests.control.conftest import FRONT, put_mask
from tests.fakes import FakeSegmenter


def test_opening_a_file_gives_volume_mask_and_view(empty: Workspace, ct_file: Path) -> None:
    result = empty.open(ct_file)
    assert result.data["size"] == [40, 36, 14]
    assert empty.source_path == ct_file
    assert empty.mask is not None and empty.volume is not None
    assert empty.mask.shape == empty.volume.voxels.shape
    assert empty.mask.dtype == np.uint8 and empty.mask.flags.f_contiguous and not empty.mask.any()
    assert empty.state.view.crosshair_ijk == (20, 18, 7)


def test_opening_without_a_path_asks_for_one(empty: Workspace) -> None:
    with pytest.raises(UsageError, match="path"):
        empty.run("open_image")


def test_a_missing_file_leaves_the_open_case_as_it_is(ws: Workspace, tmp_path: Path) -> None:
    put_mask(ws)
    before = ws.content
    with pytest.raises(InputError):
        ws.open(tmp_path / "nothing.nii")
    assert ws.content is before and ws.has_mask


def test_an_unknown_sample_names_the_known_ones(empty: Workspace) -> None:
    with pytest.raises(InputError, match="sample:toy"):
        empty.run("open_image", path="sample:toi")


def test_closing_empties_the_workspace_and_tells_observers(ws: Workspace) -> None:
    put_mask(ws)
    seen: list[Change] = []
    ws.subscribe(seen.append)
    ws.run("clear_image")
    assert not ws.has_case and ws.mask is None and ws.undo_titles == ()
    assert "case" in seen[-1].fields
    with pytest.raises(RequirementError, match="open one first"):
        ws.run("add_points", at=[[1, 1]])


def test_opening_another_image_starts_afresh(ws: Workspace, ct_file: Path) -> None:
    put_mask(ws)
    ws.open(ct_file)
    assert not ws.has_mask and ws.undo_titles == () and ws.state.boxes == ()


def test_a_closed_case_is_offered_and_restored(make_workspace: Callable[..., Workspace], ct_file: Path) -> None:
    first = make_workspace()
    first.open(ct_file)
    first.run("go_to", slice=7)
    put_mask(first)
    mask, titles = first.mask.copy(), first.undo_titles
    assert "restore" in first.run("clear_image").message
    offered = first.open(ct_file).data["recoverable"]
    assert [item["steps"] for item in offered] == [3]
    assert first.run("restore_case", journal=offered[0]["journal"]).message.startswith("Restored")
    assert np.array_equal(first.mask, mask) and first.undo_titles == titles


def test_the_session_that_is_open_cannot_be_restored_over_itself(recorded: Workspace) -> None:
    put_mask(recorded)
    with pytest.raises(UsageError, match="open already"):
        recorded.run("restore_case", journal=str(recorded.journal_path))


def test_the_python_api_does_the_main_job(ct_file: Path, tmp_path: Path) -> None:
    import spinalsam

    with spinalsam.open(ct_file, segmenter=FakeSegmenter(), journal=False) as ws:
        ws.run("go_to", slice=7)
        ws.run("add_box", corners=[0, 0, 39, 35])
        ws.run("generate_box_mask")
        ws.export(tmp_path / "mask.nii.gz")
        assert ws.mask[FRONT][..., 4].all()
    import nibabel

    written = nibabel.load(tmp_path / "mask.nii.gz")
    assert np.array_equal(np.asarray(written.dataobj), ws_mask(ct_file))


def ws_mask(ct_file: Path) -> np.ndarray:
    """What the fake network must give on slice 7: every bright voxel."""
    import nibabel

    voxels = np.asarray(nibabel.load(ct_file).dataobj)
    expected = np.zeros(voxels.shape, np.uint8)
    expected[..., 6] = (voxels[..., 6] > 150) * 100
    return expected


def test_the_python_api_leaves_nothing_open_when_the_file_is_bad(tmp_path: Path) -> None:
    import spinalsam

    bad = tmp_path / "bad.nii.gz"
    bad.write_bytes(b"\x1f\x8b not gzip")
    with pytest.raises(InputError):
        spinalsam.open(bad)


def test_a_script_may_run_twice_on_one_case(ct_file: Path) -> None:
    """As a cell of a notebook that is run again, with the first workspace still there."""
    import spinalsam

    first = spinalsam.open(ct_file, segmenter=FakeSegmenter())
    with first, spinalsam.open(ct_file, segmenter=FakeSegmenter()) as again:
        again.run("add_box", corners=[1, 1, 4, 4])
        assert again.journal_path is None and not again.read_only
        again.undo()
        first.run("add_box", corners=[1, 1, 4, 4])
        assert first.journal_path is not None
