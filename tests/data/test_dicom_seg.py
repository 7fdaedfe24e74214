"""DICOM segmentations, read back with highdicom and pydicom."""

from __future__ import annotations

import highdicom
import numpy as np
import pydicom
import pytest

from spinalsam.data.formats import read_mask, read_volume, write_mask
from spinalsam.data.formats.terminology import CODES
from spinalsam.errors import InputError, OutputError
from tests.data.make import ct, dicom_series, oblique, volume
from tests.data.test_dicom import enhanced, stored
from tests.support.grids import ORIENTATIONS, rotation


def two_vertebrae(shape: tuple[int, int, int]) -> np.ndarray:
    mask = np.zeros(shape, np.uint8)
    mask[1:4, 2:5, 1:3], mask[5:8, 2:6, 3:5] = 22, 23
    return mask


def test_segments_carry_codes_names_colours_and_refer_to_their_slices(tmp_path) -> None:
    folder = dicom_series(tmp_path / "ct", stored(), order=[3, 0, 5, 1, 4, 2])
    case = read_volume(folder)
    mask = two_vertebrae(case.geometry.shape)
    write_mask(tmp_path / "m.dcm", mask, case)
    segmentation = highdicom.seg.segread(str(tmp_path / "m.dcm"))
    segments = [segmentation.get_segment_description(n) for n in segmentation.segment_numbers]
    assert [segment.segment_label for segment in segments] == ["L3", "L4"]
    assert [segment.segmented_property_type.value for segment in segments] == ["36470004", "11994002"]
    assert {segment.segmented_property_type.scheme_designator for segment in segments} == {"SCT"}
    assert segmentation.PatientID == "4711"
    known = {pydicom.dcmread(file).SOPInstanceUID for file in folder.iterdir()}
    referred = {uid for _, _, uid in segmentation.get_source_image_uids()}
    assert referred == known
    # Frame by frame, each on the slice that it refers to.
    for frame in segmentation.PerFrameFunctionalGroupsSequence:
        uid = frame.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
        k = case.source["sop_instance_uids"].index(uid)
        assert np.allclose(frame.PlanePositionSequence[0].ImagePositionPatient, case.geometry.to_mm((0, 0, k)))


@pytest.mark.parametrize("degrees", [0, 25, 140])
def test_a_segmentation_comes_back_on_the_grid_of_its_series(tmp_path, degrees: float) -> None:
    turn = rotation(np.array([1.0, 0.4, -0.7]), degrees)
    case = read_volume(dicom_series(tmp_path / "ct", stored(), step=turn[:, 2] * 2.5, orientation=(*turn[:, 0], *turn[:, 1])))
    mask = two_vertebrae(case.geometry.shape)
    write_mask(tmp_path / "m.dcm", mask, case)
    assert np.array_equal(read_mask(tmp_path / "m.dcm", case.geometry), mask)


def test_labels_without_a_code_and_above_255_survive(tmp_path) -> None:
    case = read_volume(dicom_series(tmp_path / "ct", stored()))
    mask = two_vertebrae(case.geometry.shape).astype(np.uint16)
    mask[0, 0, 0], mask[8, 7, 5] = 77, 900
    write_mask(tmp_path / "m.dcm", mask, case, labels={77: "screw"})
    assert np.array_equal(read_mask(tmp_path / "m.dcm", case.geometry), mask)


def test_enhanced_ct_and_missing_slices_are_referred_to_as_well(tmp_path) -> None:
    case = read_volume(enhanced(tmp_path / "e.dcm", stored(), [2, 0, 1, 5, 4, 3]))
    mask = two_vertebrae(case.geometry.shape)
    write_mask(tmp_path / "m.dcm", mask, case)
    assert np.array_equal(read_mask(tmp_path / "m.dcm", case.geometry), mask)
    gapped = read_volume(dicom_series(tmp_path / "ct", stored((9, 8, 8)), order=[0, 1, 2, 3, 5, 6, 7]))
    mask = two_vertebrae(gapped.geometry.shape)
    write_mask(tmp_path / "g.dcm", mask, gapped)
    assert np.array_equal(read_mask(tmp_path / "g.dcm", gapped.geometry), mask)


@pytest.mark.parametrize("parts", [("dcmqi", "ct-3slice"), ("matrad", "real_CT"), ("cornerstone", "CTImage.dcm")])
def test_real_series_can_be_segmented(tmp_path, shared_data, parts: tuple[str, ...]) -> None:
    case = read_volume(shared_data(*parts))
    mask = np.zeros(case.geometry.shape, np.uint8)
    mask[60:90, 70:95, : min(mask.shape[2], 20)] = 22
    write_mask(tmp_path / "m.dcm", mask, case)
    assert np.array_equal(read_mask(tmp_path / "m.dcm", case.geometry), mask)


def test_an_empty_mask_and_a_case_that_is_no_dicom_are_refused(tmp_path) -> None:
    case = read_volume(dicom_series(tmp_path / "ct", stored()))
    with pytest.raises(OutputError, match="empty"):
        write_mask(tmp_path / "m.dcm", np.zeros(case.geometry.shape, np.uint8), case)
    with pytest.raises(OutputError, match="not opened from DICOM"):
        write_mask(tmp_path / "m.dcm", np.ones((5, 6, 7), np.uint8), volume(oblique(ORIENTATIONS[0])))
    assert [path.name for path in tmp_path.iterdir()] == ["ct"]


def test_a_ct_slice_is_no_segmentation(tmp_path) -> None:
    folder = dicom_series(tmp_path / "ct", np.abs(ct((9, 8, 6))).astype(np.uint16))
    with pytest.raises(InputError, match="no segmentation"):
        read_mask(next(folder.iterdir()))


def test_codes_agree_with_pydicoms_dictionary() -> None:
    from pydicom.sr.codedict import codes

    from spinalsam.support.anatomy import CERVICAL, LABEL_VALUES, LUMBAR, THORACIC

    for name in (*CERVICAL, *THORACIC, *LUMBAR):
        assert CODES[LABEL_VALUES[name]].value == getattr(codes.SCT, f"{name}Vertebra").value, name
    for region, keyword in (("sacrum", "Sacrum"), ("coccyx", "Coccyx"), ("spine", "Spine"), ("lumbar", "LumbarSpine")):
        assert CODES[LABEL_VALUES[region]].value == getattr(codes.SCT, keyword).value
    assert set(CODES) == set(LABEL_VALUES.values())


@pytest.mark.parametrize("tilt_mm", [0.01, 0.05, 0.7, -1.2])
def test_a_tilted_series_can_be_segmented_on_its_sheared_grid(tmp_path, tilt_mm: float) -> None:
    """From a tilt that highdicom takes for straight (0.3 degrees) to one of 31 degrees; most slices hold nothing."""
    folder = dicom_series(tmp_path / "ct", np.abs(ct((9, 8, 30))).astype(np.uint16), step=(0, tilt_mm, 2.0))
    case = read_volume(folder)
    mask = np.zeros(case.geometry.shape, np.uint8)
    mask[1:4, 2:5, 1:3], mask[5:8, 2:6, 27] = 20, 24
    write_mask(tmp_path / "m.dcm", mask, case)
    assert np.array_equal(read_mask(tmp_path / "m.dcm", case.geometry), mask)
    segmentation = pydicom.dcmread(tmp_path / "m.dcm")
    pictures = segmentation.pixel_array
    for groups, picture in zip(segmentation.PerFrameFunctionalGroupsSequence, pictures, strict=True):
        uid = groups.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
        value = (20, 24)[groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber - 1]
        k = case.source["sop_instance_uids"].index(uid)
        assert np.array_equal(picture.T != 0, mask[:, :, k] == value)
        assert np.allclose(groups.PlanePositionSequence[0].ImagePositionPatient, case.geometry.to_mm((0, 0, k)), atol=1e-6)


def test_files_that_changed_or_went_since_they_were_opened_are_not_referred_to(tmp_path) -> None:
    folder = dicom_series(tmp_path / "ct", stored())
    case = read_volume(folder)
    mask = two_vertebrae(case.geometry.shape)
    victim = sorted(folder.iterdir())[2]
    header = pydicom.dcmread(victim)
    header.SOPInstanceUID = header.file_meta.MediaStorageSOPInstanceUID = "1.2.3.99"
    header.save_as(victim)
    with pytest.raises(OutputError, match="has changed"):
        write_mask(tmp_path / "m.dcm", mask, case)
    victim.unlink()
    with pytest.raises(OutputError, match="cannot be read"):
        write_mask(tmp_path / "m.dcm", mask, case)
    assert [path.name for path in tmp_path.iterdir()] == ["ct"]
