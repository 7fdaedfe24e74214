"""Which cases a batch finds, and that nothing about them says who they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from spinalsam.control.batch.cases import find_cases, signature
from spinalsam.data.formats.dicom_studies import read_files
from spinalsam.errors import InputError
from tests.control.batch.make import write_ct


def write_series(
    folder: Path,
    slices: int,
    *,
    study: str,
    series: str | None = None,
    modality: str = "CT",
    first_mm: float = 0.0,
    patient: str = "P1",
    value: int = 0,
) -> str:
    """A DICOM series of 16 x 16 pixels, 2 mm apart; returns its UID."""
    folder.mkdir(parents=True, exist_ok=True)
    series = series or generate_uid()
    for number in range(slices):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = CTImageStorage, ExplicitVRLittleEndian
        meta.MediaStorageSOPInstanceUID = generate_uid()
        path = folder / f"{series[-8:]}_{first_mm:g}_{number:03}"
        one = FileDataset(path, {}, file_meta=meta, preamble=b"\0" * 128)
        one.SOPClassUID, one.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
        one.StudyInstanceUID, one.SeriesInstanceUID = study, series
        one.PatientID, one.PatientName, one.Modality = patient, "DOE^JANE", modality
        one.SeriesNumber, one.InstanceNumber = 3, number + 1
        one.Rows = one.Columns = 16
        one.PixelSpacing, one.SliceThickness = [1, 1], 2
        one.ImageOrientationPatient, one.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [0, 0, first_mm + 2 * number]
        one.SamplesPerPixel, one.PhotometricInterpretation = 1, "MONOCHROME2"
        one.BitsAllocated = one.BitsStored = 16
        one.HighBit, one.PixelRepresentation = 15, 1
        one.RescaleSlope, one.RescaleIntercept = 1, 0
        one.PixelData = np.full((16, 16), value, np.int16).tobytes()
        pydicom.dcmwrite(path, one, enforce_file_format=True)
    return series


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def test_of_a_study_the_ct_series_with_most_slices_is_taken_wherever_its_files_lie(tmp_path: Path, out: Path) -> None:
    study = generate_uid()
    write_series(tmp_path / "in" / "a", 3, study=study)
    long = write_series(tmp_path / "in" / "mixed", 6, study=study)
    write_series(tmp_path / "in" / "mixed", 9, study=study, modality="MR")
    [case] = find_cases([tmp_path / "in"], out).cases
    assert len(case.files) == 6
    assert all(long[-8:] in name for name in case.files)
    assert sorted(case.left_out) == ["CT series 3 (3 slices, 2 mm)", "MR series 3 (9 slices, 2 mm)"]


def test_a_series_cut_into_folders_is_one_volume(tmp_path: Path, out: Path) -> None:
    study, series = generate_uid(), generate_uid()
    for part in range(3):
        write_series(tmp_path / "in" / f"disc{part}", 4, study=study, series=series, first_mm=8.0 * part)
    [case] = find_cases([tmp_path / "in"], out).cases
    assert read_files(case.files).geometry.shape == (16, 16, 12)


def test_patients_with_the_same_uids_are_never_mixed(tmp_path: Path, out: Path) -> None:
    """Anonymisers write the same UIDs everywhere; slices at the same places cannot be parts of one stack."""
    study, series = generate_uid(), generate_uid()
    for n in range(3):
        write_series(tmp_path / "in" / f"p{n}" / "ct", 4, study=study, series=series, first_mm=float(n), value=n)
    cases = find_cases([tmp_path / "in"], out).cases
    assert len({case.id for case in cases}) == 3
    for case in cases:
        assert len(np.unique(read_files(case.files).voxels)) == 1


def test_masks_results_and_other_files_are_left_out_and_said(tmp_path: Path, out: Path) -> None:
    folder = tmp_path / "in"
    write_ct(folder / "one.nii.gz")
    write_ct(folder / "one_seg.nii.gz")
    write_ct(folder / "out" / "case-1" / "image.nii.gz")
    (folder / "odd").write_text("nothing that is known")
    (folder / "notes.txt").write_text("x")
    listing = find_cases([folder], folder / "out")
    assert len(listing.cases) == 1
    assert any("masks" in text for text in listing.left_out)
    assert any("no image" in text for text in listing.left_out)


def test_a_list_names_paths_and_ids_and_missing_ones_stay_cases(tmp_path: Path, out: Path) -> None:
    write_ct(tmp_path / "a" / "ct.nii.gz")
    write_ct(tmp_path / "b" / "ct.nii.gz")
    table = tmp_path / "list.csv"
    table.write_text("id,path\nS 1,a/ct.nii.gz\nS 1,b/ct.nii.gz\n../../x,gone.nii.gz\n", encoding="utf-8-sig")
    cases = find_cases([table], out).cases
    assert len({case.id for case in cases}) == 3
    assert any(case.id == "S_1" for case in cases)
    assert all("/" not in case.id and not case.id.startswith(".") for case in cases)
    assert [bool(case.problem) for case in cases if "gone" in case.source] == [True]
    plain = tmp_path / "list.txt"
    plain.write_text("# studies\na/ct.nii.gz\n\nb\na/ct.nii.gz\n")
    listing = find_cases([plain], out)
    assert len(listing.cases) == 2
    assert any("twice" in text for text in listing.left_out)


def test_ids_are_the_same_in_every_run_and_name_nobody(tmp_path: Path, out: Path) -> None:
    for name in ("DOE_JOHN", "ROE_JANE"):
        write_ct(tmp_path / "in" / name / "ct.nii.gz")
    first = {case.source: case.id for case in find_cases([tmp_path / "in"], out).cases}
    write_ct(tmp_path / "in" / "AAA" / "ct.nii.gz")
    again = {case.source: case.id for case in find_cases([tmp_path / "in"], out).cases}
    assert first.items() <= again.items()
    assert not any("doe" in id.lower() or "roe" in id.lower() for id in again.values())


def test_equal_names_below_two_folders_are_told_apart(tmp_path: Path, out: Path) -> None:
    for name in ("x/data", "y/data"):
        write_ct(tmp_path / name / "ct.nii.gz")
    cases = find_cases([tmp_path / "x" / "data", tmp_path / "y" / "data"], out).cases
    assert len({case.id for case in cases}) == 2


def test_a_touched_file_changes_the_signature_and_a_missing_one_has_none(tmp_path: Path, out: Path) -> None:
    path = write_ct(tmp_path / "in" / "ct.nii.gz")
    [case] = find_cases([tmp_path / "in"], out).cases
    before = signature(case)
    write_ct(path, bone=700)
    assert signature(case) != before
    path.unlink()
    assert signature(case) == ""


def test_inputs_without_a_case_are_refused(tmp_path: Path, out: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no CT"):
        find_cases([tmp_path / "empty"], out)
    with pytest.raises(InputError, match="no file or folder"):
        find_cases([tmp_path / "gone"], out)
    (tmp_path / "l.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not UTF-8"):
        find_cases([tmp_path / "l.txt"], out)


def test_a_table_with_a_field_beyond_bounds_is_refused(tmp_path: Path, out: Path) -> None:
    (tmp_path / "huge.csv").write_text("path\n" + 200_000 * "x" + "\n")
    with pytest.raises(InputError, match="no table of paths"):
        find_cases([tmp_path / "huge.csv"], out)


@pytest.mark.parametrize("line", [5000 * "x" + ".nii.gz", "~nobody-of-that-name/ct.nii.gz", "a\0b.nii.gz"])
def test_lines_that_can_be_no_path_are_cases_that_do_not_exist(tmp_path: Path, out: Path, line: str) -> None:
    (tmp_path / "l.txt").write_text(line + "\n")
    [case] = find_cases([tmp_path / "l.txt"], out).cases
    assert case.problem == "There is no such file or folder."
