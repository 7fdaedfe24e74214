"""Masks of other programs are taken by what they say their labels are: a number means something else everywhere."""

from __future__ import annotations

import gzip
import json
import warnings
from pathlib import Path

import highdicom
import numpy as np
import pytest
import SimpleITK
from pydicom.sr.coding import Code

from spinalsam.data.formats import read_label_volume, read_mask, read_volume, write_mask
from spinalsam.data.formats.naming import FileLabel, region_of, renumbered
from spinalsam.errors import InputError
from spinalsam.support.anatomy import LABEL_NAMES
from tests.data.make import RAS_LPS, dicom_series, nifti, oblique, sitk_image, volume
from tests.data.test_dicom import stored
from tests.support.grids import ORIENTATIONS

SHAPE = (9, 8, 6)


@pytest.mark.parametrize(
    ("name", "codes", "value"),
    [
        ("L3", (), 22), ("l3", (), 22), ("L 3", (), 22), ("L03", (), 22), ("vertebrae_L3", (), 22), ("vertebra L3", (), 22),
        ("L3 vertebra", (), 22), ("D12", (), 19), ("T13", (), 28), ("S1", (), 26), ("vertebrae_S1", (), 26), ("Sacrum", (), 26),
        ("spine", (), 100), ("Segment_1", ("36470004",), 22), ("", ("54735007",), 26), ("C1", ("36470004",), 1),
        ("Segment_1", ("51282000",), None), ("x", ("36470004", "11994002"), None), ("spinal_cord", (), None), ("vertebrae_body", (), None),
        ("L3-L4 disc", (), None), ("L33", (), None), ("rib_left_12", (), None), ("liver", ("10200004",), None), ("", (), None),
    ],
)  # fmt: skip
def test_names_and_codes_mean_regions_only_where_that_is_certain(name: str, codes: tuple[str, ...], value: int | None) -> None:
    assert region_of(name, codes) == value


def test_what_is_no_region_never_gets_the_number_of_one() -> None:
    found = renumbered({n: FileLabel(n, f"organ {n}") for n in (*range(1, 60), 100, 101, 250)})
    values = [label.value for label in found.values()]
    assert not set(values) & {*LABEL_NAMES, 0}
    assert len(set(values)) == len(values)
    assert found[50].value == 50 and found[250].value == 250
    assert found[1].name == "organ 1"


def test_two_names_of_one_region_become_one_label() -> None:
    found = renumbered({25: FileLabel(25, "sacrum"), 26: FileLabel(26, "vertebrae_S1")})
    assert {label.value for label in found.values()} == {26}


def slicer_file(path: Path, layers: list[np.ndarray], segments: list[tuple[str, int, int, str]], affine: np.ndarray) -> Path:
    """A segmentation as 3D Slicer writes it. segments: (name, label value, layer, SNOMED code)."""
    images = [sitk_image(layer, affine) for layer in layers]
    image = SimpleITK.Compose(*images) if len(images) > 1 else images[0]
    image.SetMetaData("Segmentation_ReferenceImageExtentOffset", "0 0 0")
    for number, (name, value, layer, code) in enumerate(segments):
        entry = f"TerminologyEntry:Segmentation category~SCT^123037004^Anatomical Structure~SCT^{code}^x~^^~Anatomic codes~^^~^^|"
        for key, text in (
            ("ID", f"Segment_{number + 1}"), ("Name", name), ("LabelValue", str(value)), ("Layer", str(layer)), ("Color", "1 0.5 0"),
            ("Tags", f"Segmentation.Status:inprogress|{entry if code else ''}"),
        ):  # fmt: skip
            image.SetMetaData(f"Segment{number}_{key}", text)
    SimpleITK.WriteImage(image, str(path), True)
    return path


def blocks() -> np.ndarray:
    mask = np.zeros(SHAPE, np.uint8)
    mask[1:4, 2:5, 1:3], mask[5:8, 2:6, 3:5], mask[0, 0, 0] = 1, 2, 3
    return mask


AFFINE = oblique(ORIENTATIONS[0])


def test_slicers_segments_are_taken_by_name_and_code(tmp_path) -> None:
    segments = [("L3", 1, 0, ""), ("Segment_2", 2, 0, "11994002"), ("screw", 3, 0, "")]
    path = slicer_file(tmp_path / "m.seg.nrrd", [blocks()], segments, AFFINE)
    found = read_label_volume(path, by_name=True)
    expected = np.array([0, 22, 23, 30], np.uint8)[blocks()]
    assert np.array_equal(found.voxels, expected)
    assert {value: label.name for value, label in found.source["labels"].items()} == {22: "L3", 23: "Segment_2", 30: "screw"}
    assert found.source["labels"][30].colour == (255, 128, 0)
    assert any("1 is L3" in note for note in found.notes)
    # Without asking for names the numbers of the file stand: comparing two files needs them.
    assert np.array_equal(read_mask(path), blocks())


def test_slicers_layers_with_equal_values_are_told_apart_and_overlap_is_said(tmp_path) -> None:
    one, two = np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.uint8)
    one[:5], two[4:] = 1, 1
    path = slicer_file(tmp_path / "m.seg.nrrd", [one, two], [("L1", 1, 0, ""), ("L2", 1, 1, "")], AFFINE)
    found = read_label_volume(path, by_name=True)
    assert set(np.unique(found.voxels[:4])) == {20}
    assert set(np.unique(found.voxels[4:])) == {21}
    assert any("overlap" in note and "48" in note for note in found.notes)


def test_a_segmentation_that_slicer_cropped_lies_where_it_was_drawn(tmp_path) -> None:
    whole = blocks()
    cut = (slice(1, 8), slice(2, 6), slice(1, 5))
    cropped = AFFINE.copy()
    cropped[:3, 3] = (AFFINE @ (1, 2, 1, 1))[:3]
    path = slicer_file(tmp_path / "m.seg.nrrd", [whole[cut]], [("L3", 1, 0, ""), ("L4", 2, 0, "")], cropped)
    found = read_label_volume(path, volume(AFFINE, SHAPE).geometry, by_name=True)
    whole[0, 0, 0] = 0
    assert np.array_equal(found.voxels, np.array([0, 22, 23], np.uint8)[whole])
    cropped[:3, 3] += 0.3
    slicer_file(path, [whole[cut]], [("L3", 1, 0, "")], cropped)
    with pytest.raises(InputError, match="does not fit"):
        read_label_volume(path, volume(AFFINE, SHAPE).geometry, by_name=True)


def with_table(path: Path, mask: np.ndarray, names: dict[int, str]) -> Path:
    import nibabel

    colour = 'Red="0.0" Green="1.0" Blue="0" Alpha="1"'
    lines = "".join(f'<Label Key="{key}" {colour}><![CDATA[{name}]]></Label>\n' for key, name in names.items())
    table = f'<VolumeInformation Index="0"><LabelTable>{lines}</LabelTable></VolumeInformation>'
    xml = f'<?xml version="1.0"?><CaretExtension>{table}</CaretExtension>'
    image = nibabel.Nifti1Image(mask, RAS_LPS @ AFFINE)
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension(0, xml.encode()))
    nibabel.save(image, path)
    return path


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_a_nifti_label_table_counts_more_than_the_numbers(tmp_path, ending: str) -> None:
    path = with_table(tmp_path / f"m{ending}", blocks(), {1: "spleen", 2: "vertebrae_L5", 3: "vertebrae_S1", 90: "skull"})
    found = read_label_volume(path, by_name=True)
    assert np.array_equal(found.voxels, np.array([0, 30, 24, 26], np.uint8)[blocks()])
    assert {value: label.name for value, label in found.source["labels"].items()} == {30: "spleen", 24: "L5", 26: "sacrum"}


def test_a_nifti_without_names_keeps_its_numbers(tmp_path) -> None:
    path = nifti(tmp_path / "m.nii.gz", blocks())
    found = read_label_volume(path, by_name=True)
    assert np.array_equal(found.voxels, blocks()) and found.notes == ()


def test_a_damaged_label_table_is_no_label_table(tmp_path) -> None:
    path = with_table(tmp_path / "m.nii", blocks(), {1: "L1"})
    data = path.read_bytes().replace(b"</LabelTable>", b"</LabelXable>")
    path.write_bytes(data)
    assert np.array_equal(read_label_volume(path, by_name=True).voxels, blocks())
    path.with_name("n.nii.gz").write_bytes(gzip.compress(data))
    assert np.array_equal(read_label_volume(path.with_name("n.nii.gz"), by_name=True).voxels, blocks())


@pytest.mark.parametrize("ending", [".nii.gz", ".nrrd", ".seg.nrrd", ".mha"])
def test_own_masks_keep_their_labels_and_the_names_that_were_given(tmp_path, ending: str) -> None:
    case = volume(AFFINE, SHAPE)
    mask = np.array([0, 22, 77, 100], np.uint8)[blocks()]
    write_mask(tmp_path / f"m{ending}", mask, case, labels={22: "L3 broken", 77: "screw"})
    found = read_label_volume(tmp_path / f"m{ending}", case.geometry, by_name=True)
    assert np.array_equal(found.voxels, mask)
    assert {value: label.name for value, label in found.source["labels"].items()} == {22: "L3 broken", 77: "screw", 100: "spine"}


def test_the_sidecar_of_an_earlier_mask_is_not_believed(tmp_path) -> None:
    case = volume(AFFINE, SHAPE)
    write_mask(tmp_path / "m.nii.gz", np.array([0, 77, 0, 0], np.uint8)[blocks()], case, labels={77: "screw"})
    sidecar = json.loads((tmp_path / "m.nii.gz.json").read_text())
    nifti(tmp_path / "m.nii.gz", blocks(), AFFINE)
    assert "labels" not in read_label_volume(tmp_path / "m.nii.gz", by_name=True).source
    for damage in ("[]", "{", '{"mask": "m.nii.gz"}', json.dumps({**sidecar, "labels": 3})):
        (tmp_path / "m.nii.gz.json").write_text(damage)
        assert np.array_equal(read_label_volume(tmp_path / "m.nii.gz", by_name=True).voxels, blocks())


def test_a_dicom_segmentation_of_another_program_is_taken_by_its_codes(tmp_path) -> None:
    import pydicom

    folder = dicom_series(tmp_path / "ct", stored(SHAPE))
    case = read_volume(folder)
    headers = sorted((pydicom.dcmread(file) for file in folder.iterdir()), key=lambda one: one.InstanceNumber)
    meanings = [("Segment 1", Code("36470004", "SCT", "L3")), ("vertebrae_L4", Code("51282000", "SCT", "Vertebra")),
                ("liver", Code("10200004", "SCT", "Liver"))]  # fmt: skip
    descriptions = [
        highdicom.seg.SegmentDescription(
            segment_number=number, segment_label=name, segmented_property_category=Code("123037004", "SCT", "Anatomical Structure"),
            segmented_property_type=code, algorithm_type="MANUAL",
        )
        for number, (name, code) in enumerate(meanings, 1)
    ]  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        segmentation = highdicom.seg.Segmentation(
            headers, blocks().transpose(2, 1, 0), "BINARY", descriptions, highdicom.UID(), 1, highdicom.UID(), 1, "x", "y", "1", "0"
        )
    segmentation.save_as(tmp_path / "m.dcm")
    found = read_label_volume(tmp_path / "m.dcm", case.geometry, by_name=True)
    assert np.array_equal(found.voxels, np.array([0, 22, 23, 30], np.uint8)[blocks()])
    assert found.source["labels"][30].name == "liver"
    assert np.array_equal(read_mask(tmp_path / "m.dcm", case.geometry), np.array([0, 22, 23, 3], np.uint8)[blocks()])


def test_real_masks_of_totalsegmentator_name_their_vertebrae(shared_data) -> None:
    path = shared_data("totalsegmentator", "totalseg.nii.gz")
    numbers, found = read_mask(path), read_label_volume(path, by_name=True)
    for theirs, ours in ((27, 24), (28, 23), (29, 22), (30, 21), (31, 20), (32, 19), (26, 26)):
        assert np.array_equal(numbers == theirs, found.voxels == ours)
