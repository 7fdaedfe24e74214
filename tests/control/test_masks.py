"""Masks from prompts: what is painted, what is replaced, what is never touched."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest

from spinalsam.control.workspace import Change, Workspace
from spinalsam.engine.segmenter import Candidates, Embedding
from spinalsam.errors import InputError, OutputError, RequirementError, UsageError
from spinalsam.support.anatomy import label_value
from spinalsam.support.prompts import SlicePrompt
from tests.control.conftest import BACK, FRONT, put_mask
from tests.fakes import FakeSegmenter

L3, L4 = label_value("L3"), label_value("L4")


def on_slice(block: tuple[slice, ...], index: int = 6) -> tuple[slice, slice, int]:
    return block[0], block[1], index


def test_a_box_gives_the_mask_on_its_slice_only(ws: Workspace) -> None:
    changes: list[Change] = []
    ws.subscribe(changes.append)
    put_mask(ws)
    assert (ws.mask[on_slice(FRONT)] == L3).all()
    assert int((ws.mask > 0).sum()) == 12 * 8
    assert changes[-1].box_ijk == ((10, 6, 6), (22, 14, 7))


def test_points_give_the_piece_they_lie_on(ws: Workspace) -> None:
    ws.run("add_points", at=[[15, 25]], regions=["L4"])
    ws.run("generate_point_mask")
    assert (ws.mask[on_slice(BACK)] == L4).all()
    assert int((ws.mask > 0).sum()) == 8 * 10


def test_each_box_and_each_label_gets_its_own_mask(ws: Workspace) -> None:
    ws.run("add_box", corners=[8, 4, 24, 16], regions=["L3"])
    ws.run("add_box", corners=[8, 18, 24, 34], regions=["L4"])
    result = ws.run("generate_box_mask")
    assert (ws.mask[on_slice(FRONT)] == L3).all() and (ws.mask[on_slice(BACK)] == L4).all()
    assert [one["label"] for one in result.data["masks"]] == [L3, L4]
    assert len(ws.undo_titles) == 3


def test_regions_restrict_what_is_generated(ws: Workspace) -> None:
    ws.run("add_box", corners=[8, 4, 24, 16], regions=["L3"])
    ws.run("add_box", corners=[8, 18, 24, 34], regions=["L4"])
    ws.run("generate_box_mask", regions=["L4"])
    assert set(np.unique(ws.mask)) == {0, L4}
    with pytest.raises(RequirementError, match="T1"):
        ws.run("generate_box_mask", regions=["T1"])


def test_an_unnamed_prompt_gets_the_region_that_is_said(ws: Workspace) -> None:
    ws.run("add_box", corners=[8, 4, 24, 16])
    ws.run("generate_box_mask", regions=["L3"])
    assert set(np.unique(ws.mask)) == {0, L3}


def test_without_prompts_on_the_slice_it_says_so(ws: Workspace) -> None:
    with pytest.raises(RequirementError, match="no boxes"):
        ws.run("generate_box_mask")
    ws.run("add_box", corners=[8, 4, 24, 16])
    ws.run("navigate", direction="next")
    with pytest.raises(RequirementError, match="axial slice 8"):
        ws.run("generate_box_mask")


def test_only_negative_points_say_what_is_missing(ws: Workspace) -> None:
    ws.run("add_points", at=[[15, 10]], label="negative")
    with pytest.raises(RequirementError, match="only negative"):
        ws.run("generate_point_mask")


def test_a_correcting_click_replaces_the_mask_and_refines_it(ws: Workspace, segmenter: FakeSegmenter) -> None:
    put_mask(ws)
    before = int((ws.mask > 0).sum())
    ws.run("add_points", at=[[12, 8]], label="negative")
    ws.run("generate_box_mask")
    assert int((ws.mask > 0).sum()) < before and ws.mask[12, 8, 6] == 0
    assert segmenter.refined == 1
    assert segmenter.encoded == 1  # the slice was encoded once for both


def test_a_new_box_leaves_the_masks_of_earlier_boxes_alone(ws: Workspace, segmenter: FakeSegmenter) -> None:
    put_mask(ws, None)
    ws.run("add_box", corners=[8, 18, 24, 34])
    decoded = segmenter.decoded
    ws.run("generate_box_mask")
    assert segmenter.decoded == decoded + 1
    assert (ws.mask[on_slice(FRONT)] > 0).all() and (ws.mask[on_slice(BACK)] > 0).all()


def test_a_correction_gives_back_what_lay_beneath(ws: Workspace) -> None:
    put_mask(ws, "L4")
    ws.run("clear_boxes")
    put_mask(ws, "L3", (8, 4, 14, 16))
    assert (ws.mask[10:15, 6:14, 6] == L3).all()
    ws.run("add_points", at=[[11, 8]], label="negative")
    ws.run("generate_box_mask")
    assert ws.mask[11, 8, 6] == L4


def test_a_later_prompt_overwrites_where_both_hold(ws: Workspace) -> None:
    whole = {"box": [[0, 0, 6], [39, 35, 6]], "label": "L4"}
    ws.run("prompt_mask", prompt=whole)
    ws.run("prompt_mask", prompt={"box": [[0, 0, 6], [15, 35, 6]], "label": "L3"})
    assert (ws.mask[10:16, 6:14, 6] == L3).all() and (ws.mask[16:22, 6:14, 6] == L4).all()


def test_a_locked_label_is_never_painted_over(ws: Workspace) -> None:
    put_mask(ws, "L4")
    ws.run("lock_label", value=L4, locked=True)
    ws.run("clear_boxes")
    put_mask(ws, "L3", (0, 0, 39, 35))
    assert (ws.mask[on_slice(FRONT)] == L4).all() and (ws.mask[on_slice(BACK)] == L3).all()
    with pytest.raises(RequirementError, match="locked"):
        ws.run("prompt_mask", prompt={"points": [[15, 10, 6]], "label": "L4"})
    message = ws.run("clear_mask").message
    assert "L4 stays" in message and set(np.unique(ws.mask)) == {0, L4}
    with pytest.raises(RequirementError, match="unlock"):
        ws.run("clear_mask")


def test_candidates_are_cycled_and_replace_each_other(ws: Workspace) -> None:
    put_mask(ws)
    areas = []
    for _ in range(3):
        areas.append(int((ws.mask > 0).sum()))
        ws.run("choose_candidate")
    assert areas == [96, 60, 136]
    assert int((ws.mask > 0).sum()) == 96
    ws.run("choose_candidate", number=2)
    assert int((ws.mask > 0).sum()) == 60
    with pytest.raises(InputError, match="there are 3"):
        ws.run("choose_candidate", number=4)
    ws.run("undo", count=5)
    assert not ws.has_mask


def test_candidates_are_gone_once_the_mask_has_changed_otherwise(ws: Workspace) -> None:
    put_mask(ws)
    ws.run("undo")
    with pytest.raises(RequirementError, match="candidates"):
        ws.run("choose_candidate")


def test_nothing_found_changes_nothing_and_is_no_step(ws: Workspace) -> None:
    ws.run("add_box", corners=[0, 0, 3, 3])
    steps = ws.undo_titles
    assert "Nothing was found" in ws.run("generate_box_mask").message
    assert ws.undo_titles == steps and not ws.has_mask


def test_generating_the_same_again_is_no_step(ws: Workspace) -> None:
    put_mask(ws)
    steps = ws.undo_titles
    assert "same as before" in ws.run("generate_box_mask").message
    assert ws.undo_titles == steps


@pytest.mark.parametrize(
    "prompt",
    [
        [],
        {"points": [[1, 2]]},
        {"points": [[1, 2, 3, 5]]},
        {"points": "1,2,3"},
        {"box": [[1, 2, 3]]},
        {"box": [[1, 2, 3], [4, "5", 3]]},
        {"plane": "oblique", "points": [[1, 2, 3]]},
        {"point": [[1, 2, 3]]},
        {"points": [[1, 2, 3]], "label": [3]},
        {},
        {"points": [[1, 2, 3], [1, 2, 4]]},
        {"points": [[1, 2, 99]]},
    ],
)
def test_a_prompt_of_the_wrong_form_is_refused(ws: Workspace, prompt: object) -> None:
    with pytest.raises(InputError):
        ws.run("prompt_mask", prompt=prompt)
    assert not ws.has_mask


def test_a_prompts_label_defaults_to_1(ws: Workspace) -> None:
    ws.run("prompt_mask", prompt={"points": [[15, 10, 6, 1]]})
    assert set(np.unique(ws.mask)) == {0, 1}


def test_clear_mask_clears_only_the_regions(ws: Workspace) -> None:
    put_mask(ws, "L3")
    put_mask(ws, "L4", (8, 18, 24, 34))
    ws.run("clear_mask", regions=["L3"])
    assert set(np.unique(ws.mask)) == {0, L4}
    with pytest.raises(RequirementError, match="no mask of L3"):
        ws.run("clear_mask", regions=["L3"])
    ws.run("clear_mask", regions=["lumbar"])
    assert not ws.has_mask
    ws.run("undo", count=2)
    assert set(np.unique(ws.mask)) == {0, L3, L4}


def test_measure_gives_volume_density_and_size(ws: Workspace) -> None:
    put_mask(ws)
    ws.run("propagate")
    found = ws.run("measure", regions=["L3"]).data["measurements"][0]
    assert found["volume_mm3"] == pytest.approx(12 * 8 * 8 * 2.5)
    assert found["volume_ml"] == pytest.approx(1.92)
    assert (found["mean_hu"], found["sd_hu"]) == (400, 0)
    assert (found["height_mm"], found["width_mm"], found["depth_mm"]) == pytest.approx((20, 12, 8))
    with pytest.raises(RequirementError, match="L4"):
        ws.run("measure", regions=["L4"])


def test_propagate_carries_the_mask_to_the_structures_end(ws: Workspace) -> None:
    put_mask(ws)
    result = ws.run("propagate", direction="up")
    assert [one["slice"] for one in result.data["slices"]] == [8, 9, 10]
    assert (ws.mask[10:22, 6:14, 6:10] == L3).all() and not (ws.mask[..., :6] > 0).any()
    ws.run("propagate", direction="down")
    assert (ws.mask[FRONT] == L3).all() and int((ws.mask > 0).sum()) == 12 * 8 * 8
    ws.run("undo", count=2)
    assert int((ws.mask > 0).sum()) == 96


def test_propagate_never_paints_over_other_labels(ws: Workspace) -> None:
    ws.run("prompt_mask", prompt={"box": [[0, 0, 7], [15, 35, 7]], "label": "L4"})
    put_mask(ws)
    ws.run("propagate")
    assert (ws.mask[10:16, 6:14, 7] == L4).all() and (ws.mask[16:22, 6:14, 7] == L3).all()


def test_propagate_keeps_slices_with_their_own_prompts(ws: Workspace) -> None:
    ws.run("go_to", slice=9)
    put_mask(ws, "L3", (8, 4, 18, 16))
    ws.run("go_to", slice=7)
    put_mask(ws, "L3")
    ws.run("propagate", direction="up")
    assert int((ws.mask[..., 8] > 0).sum()) == 9 * 8


def test_propagate_without_a_mask_on_the_slice_says_what_to_do(ws: Workspace) -> None:
    put_mask(ws)
    ws.run("go_to", slice=12)
    with pytest.raises(RequirementError, match="no mask on axial slice 12"):
        ws.run("propagate")


def test_propagate_asks_which_of_several_masks_is_meant(ws: Workspace) -> None:
    put_mask(ws, "L3")
    put_mask(ws, "L4", (8, 18, 24, 34))
    ws.run("undo")
    ws.run("redo")  # the last generation is not known any more
    ws.run("set_label", regions=["T1"])
    with pytest.raises(RequirementError, match="several masks"):
        ws.run("propagate")


def test_segment_says_honestly_what_it_cannot_do(ws: Workspace) -> None:
    with pytest.raises(RequirementError, match="No vertebra was found"):
        ws.run("segment", regions=["spine"])
    assert ws.undo_titles == ()


def test_segment_uses_the_prompts_of_the_region(ws: Workspace) -> None:
    ws.run("add_box", corners=[8, 4, 24, 16], regions=["L3"])
    ws.run("segment", regions=["L3"])
    assert (ws.mask[FRONT] == L3).all() and int((ws.mask > 0).sum()) == 12 * 8 * 8
    assert ws.undo_titles[0] == "Segment L3"


def test_segment_goes_on_from_a_mask_and_does_several_in_one_step(ws: Workspace) -> None:
    put_mask(ws, "L3")
    put_mask(ws, "L4", (8, 18, 24, 34))
    ws.run("clear_boxes")
    steps = len(ws.undo_titles)
    ws.run("segment", regions=["lumbar"])
    assert (ws.mask[FRONT] == L3).all() and (ws.mask[BACK] == L4).all()
    assert len(ws.undo_titles) == steps + 1


def test_segment_takes_the_boxes_of_a_locator(make_workspace) -> None:  # type: ignore[no-untyped-def]
    def locate(volume, regions, job):  # type: ignore[no-untyped-def]
        assert regions == ("L3",)
        return {"L3": ((8, 4, 2), (24, 16, 9))}

    ws = make_workspace(journal=False, locator=locate)
    ws.run("open_image", path="sample:toy")
    ws.run("segment", regions=["L3"])
    assert (ws.mask[FRONT] == L3).all() and int((ws.mask > 0).sum()) == 12 * 8 * 8


def test_change_label_moves_mask_prompts_and_active_label(ws: Workspace) -> None:
    put_mask(ws, None)
    ws.run("change_label", value=100, to=L4)
    assert set(np.unique(ws.mask)) == {0, L4}
    assert ws.state.boxes[0].label == L4 and ws.state.active_label == L4
    ws.run("undo")
    assert set(np.unique(ws.mask)) == {0, 100} and ws.state.boxes[0].label == 100


def test_a_large_label_makes_the_mask_16_bit(ws: Workspace) -> None:
    put_mask(ws, None)
    ws.run("change_label", value=100, to=300)
    assert ws.mask.dtype == np.uint16 and set(np.unique(ws.mask)) == {0, 300}
    ws.run("undo")
    assert set(np.unique(ws.mask)) == {0, 100}


def test_export_writes_the_grid_and_never_overwrites_by_surprise(ws: Workspace, tmp_path: Path) -> None:
    put_mask(ws)
    target = tmp_path / "mask.nrrd"
    ws.export(target)
    written = target.read_bytes()
    with pytest.raises(OutputError, match="exists already"):
        ws.export(target)
    assert target.read_bytes() == written
    ws.run("clear_mask")
    put_mask(ws, "L4")
    ws.export(target, overwrite=True)
    import json

    import SimpleITK as sitk

    image = sitk.ReadImage(str(target))
    assert image.GetSpacing() == (1.0, 1.0, 2.5)
    assert np.array_equal(sitk.GetArrayFromImage(image).T, ws.mask)
    sidecar = json.loads((tmp_path / "mask.nrrd.json").read_text())
    assert sidecar["labels"] == {str(L4): "L4"} and sidecar["model"]["name"] == "fake"
    assert sidecar["prompts"][-1]["label"] == L4


def test_export_needs_a_mask_and_a_format_that_fits_the_name(ws: Workspace, tmp_path: Path) -> None:
    with pytest.raises(RequirementError, match="no mask yet"):
        ws.export(tmp_path / "mask.nii.gz")
    put_mask(ws)
    with pytest.raises(UsageError):
        ws.export(tmp_path / "mask.nrrd", "nifti")
    assert list(tmp_path.iterdir()) == []


def test_export_without_a_path_finds_a_free_name_beside_the_image(empty: Workspace, ct_file: Path) -> None:
    empty.open(ct_file)
    empty.run("go_to", slice=7)
    put_mask(empty)
    first = empty.run("export_mask", format="nifti").data["path"]
    second = empty.run("export_mask").data["path"]
    assert (Path(first).name, Path(second).name) == ("ct_mask.nii.gz", "ct_mask_2.nii.gz")
    assert Path(first).parent == ct_file.parent


def test_a_mask_file_is_loaded_onto_the_case(ws: Workspace, tmp_path: Path) -> None:
    put_mask(ws)
    ws.export(tmp_path / "mask.nii.gz")
    mask = ws.mask.copy()
    ws.run("clear_mask")
    ws.run("load_mask", path=str(tmp_path / "mask.nii.gz"))
    assert np.array_equal(ws.mask, mask)


def test_a_mask_of_another_program_is_loaded_by_the_names_in_it(ws: Workspace, tmp_path: Path) -> None:
    """3D Slicer numbers its segments from 1, which is C1 here."""
    import SimpleITK

    voxels = np.zeros(ws.mask.shape, np.uint8)
    voxels[10:20, 8:12, 3:6], voxels[2, 2, 2] = 1, 2
    image = SimpleITK.GetImageFromArray(np.ascontiguousarray(voxels.T))
    image.SetSpacing((1.0, 1.0, 2.5))
    for number, name in enumerate(("vertebrae_L4", "cement")):
        for key, text in (("ID", f"Segment_{number + 1}"), ("Name", name), ("LabelValue", str(number + 1)), ("Layer", "0")):
            image.SetMetaData(f"Segment{number}_{key}", text)
    SimpleITK.WriteImage(image, str(tmp_path / "slicer.seg.nrrd"))
    result = ws.run("load_mask", path=str(tmp_path / "slicer.seg.nrrd"))
    assert np.array_equal(ws.mask, np.array([0, 23, 30], np.uint8)[voxels])
    assert ws.state.label(23).name == "L4" and ws.state.label(30).name == "cement"
    assert "1 is L4" in result.message
    ws.run("undo")
    assert not ws.has_mask


def test_a_loaded_mask_neither_paints_over_locked_labels_nor_adds_to_them(ws: Workspace, tmp_path: Path) -> None:
    put_mask(ws, "L3")
    voxels = np.zeros(ws.mask.shape, np.uint8)
    voxels[10:14, 8:12, 4:9], voxels[30:34, 8:12, 4:9] = 23, 22
    nibabel.save(nibabel.Nifti1Image(voxels, np.diag([-1.0, -1.0, 2.5, 1.0])), tmp_path / "m.nii.gz")
    ws.run("lock_label", value=22, locked=True)
    locked = ws.mask == 22
    result = ws.run("load_mask", path=str(tmp_path / "m.nii.gz"))
    assert np.array_equal(ws.mask == 22, locked) and (ws.mask == 23).any()
    assert "L3 stays as it is: locked." in result.message and "Loaded L4 from" in result.message


def test_a_mask_of_another_grid_is_refused_and_resampled_only_on_request(ws: Workspace, tmp_path: Path) -> None:
    import SimpleITK

    image = SimpleITK.GetImageFromArray(np.full((7, 18, 20), 22, np.uint8))
    image.SetSpacing((2.0, 2.0, 5.0))
    SimpleITK.WriteImage(image, str(tmp_path / "coarse.nrrd"))
    with pytest.raises(InputError, match=r"does not fit the image.*resampled"):
        ws.run("load_mask", path=str(tmp_path / "coarse.nrrd"))
    assert not ws.has_mask
    result = ws.run("load_mask", path=str(tmp_path / "coarse.nrrd"), resample=True)
    assert ws.mask[20, 20, 6] == 22
    assert "nearest" in result.message


def test_several_boxes_of_a_slice_go_to_the_network_in_one_call(ws: Workspace, segmenter: FakeSegmenter) -> None:
    calls: list[int] = []

    def decode_many(embedding: Embedding, prompts: list[SlicePrompt]) -> list[Candidates]:
        calls.append(len(prompts))
        return [segmenter.decode(embedding, prompt) for prompt in prompts]

    segmenter.decode_many = decode_many  # type: ignore[attr-defined]
    ws.run("add_box", corners=[8, 4, 24, 16])
    ws.run("add_box", corners=[10, 18, 22, 32])
    result = ws.run("generate_box_mask")
    assert calls == [2] and len(result.data["masks"]) == 2 and all(mask["pixels"] for mask in result.data["masks"])
