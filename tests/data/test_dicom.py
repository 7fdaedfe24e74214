"""DICOM as it is in hospitals: unordered, doubled, gapped, tilted, mixed, compressed and damaged series."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK

from spinalsam.data.formats import info, list_series, read_volume
from spinalsam.errors import Cancelled, InputError
from tests.data.make import dicom_series, dicom_slice
from tests.support.grids import rotation


def stored(shape: tuple[int, int, int] = (9, 8, 6), seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 3000, shape).astype(np.uint16)


def by_simpleitk(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    image = SimpleITK.ReadImage(SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder)))
    affine = np.eye(4)
    affine[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    return SimpleITK.GetArrayFromImage(image).T, affine


def _z(path: Path) -> float:
    return float(pydicom.dcmread(path).ImagePositionPatient[2])


def said(found, text: str) -> bool:
    return any(text in note for note in found.notes)


def test_a_series_in_any_order_of_names_reads_like_simpleitk(tmp_path) -> None:
    folder = dicom_series(tmp_path / "ct", stored(), order=[3, 0, 5, 1, 4, 2])
    found = read_volume(folder)
    voxels, affine = by_simpleitk(folder)
    assert np.array_equal(found.voxels, voxels)
    assert np.array_equal(found.voxels, stored().astype(int) - 1024)
    assert np.allclose(found.geometry.affine, affine)
    assert found.voxels.dtype == np.int16
    assert found.is_hu
    assert found.notes == ()


@pytest.mark.parametrize("degrees", [0, 20, 65, 130, 200])
def test_oblique_series_read_like_simpleitk(tmp_path, degrees: float) -> None:
    turn = rotation(np.array([1.0, 0.4, -0.7]), degrees)
    folder = dicom_series(tmp_path / "ct", stored(), step=turn[:, 2] * 2.5, orientation=(*turn[:, 0], *turn[:, 1]))
    found = read_volume(folder)
    voxels, affine = by_simpleitk(folder)
    assert np.array_equal(found.voxels, voxels)
    assert np.allclose(found.geometry.affine, affine, atol=1e-6)


def test_slices_stacked_against_their_normal_are_turned_like_simpleitk_does(tmp_path) -> None:
    folder = dicom_series(tmp_path / "ct", stored(), step=(0, 0, -2.0))
    found = read_volume(folder)
    voxels, affine = by_simpleitk(folder)
    assert np.array_equal(found.voxels, voxels)
    assert np.allclose(found.geometry.affine, affine)
    assert found.geometry.axis_codes == "LPS"


def test_a_single_file_is_a_volume_of_one_slice(tmp_path) -> None:
    folder = dicom_series(tmp_path / "ct", stored())
    first = sorted(folder.iterdir())[0]
    found = read_volume(first)
    assert found.geometry.shape == (9, 8, 1)
    by_itk = SimpleITK.ReadImage(str(first))
    assert found.geometry.spacing_mm == pytest.approx(by_itk.GetSpacing())
    assert found.geometry.spacing_mm == pytest.approx((0.7, 0.8, 1.0))
    assert found.source["slice_thickness_mm"] == 2.0
    assert len(found.source["sop_instance_uids"]) == 1


def test_every_slice_knows_its_instance(tmp_path) -> None:
    folder = dicom_series(tmp_path / "ct", stored(), order=[3, 0, 5, 1, 4, 2])
    found = read_volume(folder)
    for k, (uid, file) in enumerate(zip(found.source["sop_instance_uids"], found.source["files"], strict=True)):
        dataset = pydicom.dcmread(file)
        assert dataset.SOPInstanceUID == uid
        assert np.array_equal(dataset.pixel_array.T.astype(int) - 1024, found.voxels[:, :, k])


def test_nothing_about_the_patient_leaves_the_files(tmp_path) -> None:
    folder = dicom_series(tmp_path / "ct", stored())
    found = read_volume(folder)
    told = json.dumps([found.name, found.notes, [one.to_json() for one in list_series(folder)]])
    for secret in ("DOE", "JANE", "4711", "1950"):
        assert secret not in told
    assert found.name == "CT series 3"


class TestRescaling:
    def test_slopes_of_every_slice_count(self, tmp_path) -> None:
        folder = tmp_path / "ct"
        folder.mkdir()
        raw = stored()
        slopes = [1, 2, 1, 3, 1, 2]
        for k, slope in enumerate(slopes):
            dicom_slice(folder / f"{k}.dcm", raw[:, :, k].T, position=(0, 0, 2 * k), instance=k + 1, slope=slope, intercept=-1000 + k)
        found = read_volume(folder)
        expected = raw.astype(int) * slopes + (np.arange(6) - 1000)
        assert np.array_equal(found.voxels, expected)
        assert found.voxels.dtype == np.int16

    def test_fractional_slopes_of_any_slice_give_floats(self, tmp_path) -> None:
        folder = dicom_series(tmp_path / "ct", stored(), slope=0.0444, intercept=-1024.25)
        found = read_volume(folder)
        assert found.voxels.dtype == np.float32
        assert np.allclose(found.voxels, stored() * 0.0444 - 1024.25, rtol=1e-6)

    def test_values_beyond_16_bits_are_kept(self, tmp_path) -> None:
        raw = stored().astype(np.uint16) + np.uint16(60000)
        found = read_volume(dicom_series(tmp_path / "ct", raw, intercept=0))
        assert np.array_equal(found.voxels, raw)
        assert found.voxels.dtype == np.int32

    def test_missing_slope_and_intercept_leave_the_values(self, tmp_path) -> None:
        found = read_volume(dicom_series(tmp_path / "ct", stored(), slope=None, intercept=None))
        assert np.array_equal(found.voxels, stored())

    def test_signed_pixels_and_their_padding_value(self, tmp_path) -> None:
        raw = stored().astype(np.int16) - 1000
        raw[0, 0] = -2000
        found = read_volume(dicom_series(tmp_path / "ct", raw, intercept=-24, PixelPaddingValue=-2000))
        assert np.array_equal(found.voxels, raw - 24)
        assert found.source["padding_value"] == -2024

    def test_fewer_stored_bits_are_masked_and_sign_extended(self, tmp_path) -> None:
        raw = (stored() % 4096).astype(np.uint16)
        found = read_volume(dicom_series(tmp_path / "ct", raw, BitsStored=12, HighBit=11, PixelRepresentation=1))
        assert np.array_equal(found.voxels, np.where(raw >= 2048, raw.astype(int) - 4096, raw) - 1024)

    def test_a_ct_whose_values_are_no_hu_is_none(self, tmp_path) -> None:
        assert not read_volume(dicom_series(tmp_path / "ct", stored(), RescaleType="HU_MOD")).is_hu
        assert read_volume(dicom_series(tmp_path / "ok", stored(), RescaleType="HU")).is_hu

    def test_an_mr_series_is_no_hu_picture(self, tmp_path) -> None:
        assert not read_volume(dicom_series(tmp_path / "mr", stored(), Modality="MR")).is_hu

    def test_a_table_of_values_is_applied_and_its_kind_decides_on_hu(self, tmp_path) -> None:
        for kind, is_hu in (("HU", True), ("OD", False)):
            item = pydicom.Dataset()
            item.LUTDescriptor, item.ModalityLUTType = [4, 0, 16], kind
            item.add_new(0x00283006, "US", [100, 250, 300, 999])
            pixels = np.array([[0, 1], [2, 3], [3, 0]], np.uint16)
            path = dicom_slice(tmp_path / "a.dcm", pixels, slope=None, intercept=None, ModalityLUTSequence=[item])
            case = read_volume(path)
            assert np.array_equal(case.voxels[:, :, 0].T, np.array([100, 250, 300, 999])[pixels])
            assert case.is_hu is is_hu


class TestGrid:
    @pytest.mark.parametrize("factor", [0.9995, 2.0])
    def test_direction_cosines_of_another_length_do_not_change_the_pixel_size(self, tmp_path, factor: float) -> None:
        case = read_volume(dicom_slice(tmp_path / "a.dcm", np.zeros((6, 5), np.uint16), orientation=(factor, 0, 0, 0, factor, 0)))
        assert np.allclose(case.geometry.spacing_mm, (0.7, 0.8, 1.0))

    def test_rows_and_columns_that_are_not_at_right_angles_are_said(self, tmp_path) -> None:
        case = read_volume(dicom_slice(tmp_path / "a.dcm", np.zeros((6, 5), np.uint16), orientation=(1, 0, 0, 0.1, 0.995, 0)))
        assert any("right angles" in note for note in case.notes)

    def test_copies_of_slices_are_dropped_and_counted(self, tmp_path) -> None:
        folder = dicom_series(tmp_path / "ct", stored())
        for name in list(folder.iterdir())[:2]:
            (folder / f"copy of {name.name}").write_bytes(name.read_bytes())
        found = read_volume(folder)
        assert np.array_equal(found.voxels, stored().astype(int) - 1024)
        assert said(found, "2 files are copies")

    def test_the_first_of_two_acquisitions_is_read_and_that_is_said(self, tmp_path) -> None:
        folder = dicom_series(tmp_path / "ct", stored(), AcquisitionNumber=1)
        for k in range(6):
            dicom_slice(
                folder / f"second{k}.dcm", stored(seed=1)[:, :, k].T, position=(0, 0, 2 * k), instance=k + 1,
                uid=f"1.2.9.{k}", AcquisitionNumber=2,
            )  # fmt: skip
        found = read_volume(folder)
        assert np.array_equal(found.voxels, stored().astype(int) - 1024)
        assert said(found, "6 more slices lie where another one does")

    def test_missing_slices_are_named_and_filled_between_their_neighbours(self, tmp_path) -> None:
        raw = stored((9, 8, 12))
        folder = dicom_series(tmp_path / "ct", raw, order=[k for k in range(12) if k not in (4, 5)])
        found = read_volume(folder)
        assert found.geometry.shape == (9, 8, 12)
        assert said(found, "Slices 5 (z = 8.0 mm), 6 (z = 10.0 mm) are missing")
        hu = raw.astype(float) - 1024
        assert np.array_equal(found.voxels[:, :, 4], np.rint(hu[:, :, 3] * 2 / 3 + hu[:, :, 6] / 3))
        kept = [k for k in range(12) if k not in (4, 5)]
        assert np.array_equal(found.voxels[:, :, kept], hu[:, :, kept])
        assert found.source["filled_slices"] == (4, 5)
        assert found.source["sop_instance_uids"][4] is None
        assert found.geometry.spacing_mm[2] == pytest.approx(2)

    def test_a_series_with_more_gaps_than_slices_is_refused(self, tmp_path) -> None:
        folder = dicom_series(tmp_path / "ct", stored((9, 8, 12)), order=[0, 1, 2, 9, 10, 11])
        with pytest.raises(InputError, match=r"unevenly spaced.*14.00 mm between slices 3 and 4"):
            read_volume(folder)

    def test_uneven_spacing_is_refused_with_where_and_how_much(self, tmp_path) -> None:
        folder = tmp_path / "ct"
        folder.mkdir()
        for k, z in enumerate((0, 2, 4, 7, 9, 11)):
            dicom_slice(folder / f"{k}.dcm", stored()[:, :, k].T, position=(0, 0, z), instance=k + 1)
        with pytest.raises(InputError, match=r"2.00 mm apart as a rule, but 3.00 mm between slices 3 and 4 of 6"):
            read_volume(folder)

    def test_rounded_positions_pass_without_a_word(self, tmp_path) -> None:
        folder = tmp_path / "ct"
        folder.mkdir()
        for k in range(20):
            dicom_slice(folder / f"{k}.dcm", stored((9, 8, 20))[:, :, k].T, position=(0, 0, round(0.625 * k, 2)), instance=k + 1)
        found = read_volume(folder)
        assert found.geometry.spacing_mm[2] == pytest.approx(0.625, abs=1e-3)
        assert found.notes == ()

    def test_gantry_tilt_is_kept_sheared_and_said(self, tmp_path) -> None:
        tilt = np.radians(15)
        columns = (0, np.cos(tilt), np.sin(tilt))
        folder = dicom_series(tmp_path / "ct", stored(), step=(0, 0, 3.0), orientation=(1, 0, 0, *columns), GantryDetectorTilt=15)
        found = read_volume(folder)
        assert said(found, "tilted by 15.0 degrees")
        assert not found.geometry.is_orthonormal
        # Every slice stands where its header says.
        for k, file in enumerate(found.source["files"]):
            header = pydicom.dcmread(file)
            assert np.allclose(found.geometry.to_mm((0, 0, k)), header.ImagePositionPatient, atol=1e-6)
            corner = np.array(header.ImagePositionPatient, float) + np.array(columns) * 0.8 * 7
            assert np.allclose(found.geometry.to_mm((0, 7, k)), corner, atol=1e-6)

    def test_files_without_positions_are_stacked_by_number_and_that_is_said(self, tmp_path) -> None:
        folder = tmp_path / "ct"
        folder.mkdir()
        for k in range(6):
            dicom_slice(folder / f"{k}.dcm", stored()[:, :, k].T, position=None, orientation=None, instance=6 - k)
        found = read_volume(folder)
        assert np.array_equal(found.voxels, stored()[:, :, ::-1].astype(int) - 1024)
        assert said(found, "do not say where the slices lie")

    def test_a_missing_pixel_size_is_said_and_not_invented(self, tmp_path) -> None:
        found = read_volume(dicom_series(tmp_path / "ct", stored(), spacing=None))
        assert not found.geometry.has_spacing
        assert said(found, "do not state the pixel size")


class TestFolders:
    def test_several_series_are_listed_and_one_is_read_by_its_uid(self, tmp_path) -> None:
        folder = tmp_path / "study"
        folder.mkdir()
        dicom_series(folder / "a", stored(), series="1.2.3.7", SeriesDescription="Wirbelsäule", SpecificCharacterSet="ISO_IR 192")
        dicom_series(folder / "b", stored((5, 4, 9), 1), series="1.2.3.8", SeriesNumber=8)
        series = list_series(folder)
        assert [(one.uid, one.size, one.number) for one in series] == [("1.2.3.8", (5, 4, 9), 8), ("1.2.3.7", (9, 8, 6), 3)]
        assert series[1].description == "Wirbelsäule"
        assert series[0].spacing_mm == pytest.approx((0.7, 0.8, 2.0))
        assert "5x4x9" in series[0].title
        assert read_volume(folder, series_uid="1.2.3.7").geometry.shape == (9, 8, 6)
        with pytest.raises(InputError, match=r"holds 2 series.*--series UID.*1\.2\.3\.8.*1\.2\.3\.7"):
            read_volume(folder)
        with pytest.raises(InputError, match=r"no series '9.9'"):
            read_volume(folder, series_uid="9.9")

    def test_slices_of_two_sizes_in_one_series_are_two_volumes(self, tmp_path) -> None:
        folder = dicom_series(tmp_path / "ct", stored())
        dicom_slice(folder / "big.dcm", stored((20, 20, 1))[:, :, 0], position=(0, 0, 50), instance=99)
        first, second = list_series(folder)
        assert (first.size, second.size) == ((9, 8, 6), (20, 20, 1))
        assert second.uid == f"{first.uid}#2"
        assert read_volume(folder, series_uid=second.uid).geometry.shape == (20, 20, 1)

    def test_localisers_and_files_of_other_kinds_are_left_out_with_their_counts(self, tmp_path) -> None:
        folder = dicom_series(tmp_path / "ct", stored())
        dicom_slice(folder / "scout.dcm", stored((30, 30, 1))[:, :, 0], ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"], instance=77)
        (folder / "notes.txt").write_text("hello")
        (folder / "empty.dcm").write_bytes(b"")
        (folder / "cut.dcm").write_bytes(next(folder.glob("IM*.dcm")).read_bytes()[:200])
        report = pydicom.dcmread(next(folder.glob("IM*.dcm")))
        del report.PixelData, report.Rows, report.Columns
        report.SOPClassUID, report.Modality = "1.2.840.10008.5.1.4.1.1.88.11", "SR"
        report.save_as(folder / "report.dcm")
        (folder / ".hidden").write_text("x")
        found = read_volume(folder)
        assert np.array_equal(found.voxels, stored().astype(int) - 1024)
        assert said(found, "1 file was left out (a localiser image)")
        assert said(found, "2 files were left out (not DICOM)")
        assert said(found, "1 file was left out (DICOM without a picture)")
        assert said(found, "1 file was left out (damaged)")

    def test_a_header_with_an_unknown_kind_of_value_is_damaged(self, tmp_path) -> None:
        path = next(dicom_series(tmp_path / "ct", stored()).iterdir())
        header = pydicom.dcmread(path)
        header.SeriesDescription = "Spine"
        header.save_as(path)
        raw = path.read_bytes()
        at = raw.index(b"\x08\0\x3e\x10LO")
        path.write_bytes(raw[: at + 4] + b"L\xff" + raw[at + 6 :])
        with pytest.raises(InputError, match="damaged"):
            read_volume(path)

    def test_a_slice_with_damaged_pixels_is_named_and_filled(self, tmp_path) -> None:
        raw = stored((9, 8, 12))
        folder = dicom_series(tmp_path / "ct", raw)
        broken = pydicom.dcmread(folder / f"IM{(5 * 7) % 101:03d}.dcm")
        broken.PixelData = broken.PixelData[:20]
        broken.save_as(broken.filename)
        found = read_volume(folder)
        assert said(found, "slice 6 could not be decoded")
        assert found.source["sop_instance_uids"][5] is None
        hu = raw.astype(float) - 1024
        assert np.array_equal(found.voxels[:, :, 5], np.rint((hu[:, :, 4] + hu[:, :, 6]) / 2))

    def test_a_series_of_which_nothing_can_be_decoded_is_refused(self, tmp_path) -> None:
        folder = dicom_series(tmp_path / "ct", stored())
        for file in folder.iterdir():
            dataset = pydicom.dcmread(file)
            dataset.PixelData = b"\0\0"
            dataset.save_as(file)
        with pytest.raises(InputError, match="6 of 6 slices cannot be decoded"):
            read_volume(folder)

    def test_a_dicomdir_opens_the_disc(self, tmp_path) -> None:
        from pydicom.fileset import FileSet

        folder = dicom_series(tmp_path / "ct", stored())
        disc = FileSet()
        for file in folder.iterdir():
            disc.add(file)
        disc.write(tmp_path / "disc")
        for path in (tmp_path / "disc" / "DICOMDIR", tmp_path / "disc"):
            assert np.array_equal(read_volume(path).voxels, stored().astype(int) - 1024)

    def test_a_dicomdir_without_its_files_is_refused(self, tmp_path) -> None:
        from pydicom.fileset import FileSet

        folder = dicom_series(tmp_path / "ct", stored())
        disc = FileSet()
        for file in folder.iterdir():
            disc.add(file)
        disc.write(tmp_path / "disc")
        alone = tmp_path / "alone"
        alone.mkdir()
        os.replace(tmp_path / "disc" / "DICOMDIR", alone / "DICOMDIR")
        with pytest.raises(InputError, match="none of them is there"):
            read_volume(alone / "DICOMDIR")

    def test_files_of_a_disc_that_are_not_there_are_counted(self, tmp_path) -> None:
        from pydicom.fileset import FileSet

        disc = FileSet()
        for file in dicom_series(tmp_path / "ct", stored((9, 8, 12))).iterdir():
            disc.add(file)
        disc.write(tmp_path / "disc")
        middle = next(p for p in (tmp_path / "disc").rglob("*") if p.name != "DICOMDIR" and p.is_file() and _z(p) == 8.0)
        middle.unlink()
        found = read_volume(tmp_path / "disc" / "DICOMDIR")
        assert said(found, "1 file that the DICOMDIR names is not there")
        assert said(found, "Slice 5 (z = 8.0 mm) is missing")

    @pytest.mark.parametrize("content", [b"hello", b"", b"\0" * 128 + b"DICM" + b"garbage" * 40])
    def test_a_damaged_dicomdir_is_refused(self, tmp_path, content: bytes) -> None:
        (tmp_path / "DICOMDIR").write_bytes(content)
        with pytest.raises(InputError, match="DICOMDIR"):
            read_volume(tmp_path / "DICOMDIR")

    @pytest.mark.parametrize("names", [["..", "secret.dcm"], ["/etc", "passwd"], ["/etc/passwd"], "..\\secret.dcm"])
    def test_a_dicomdir_leads_nowhere_outside_its_disc(self, tmp_path, names) -> None:
        from pydicom.fileset import FileSet

        disc = FileSet()
        disc.add(next(dicom_series(tmp_path / "ct", stored()).iterdir()))
        disc.write(tmp_path / "disc")
        dicom_slice(tmp_path / "secret.dcm", stored()[:, :, 0].T)
        directory = pydicom.dcmread(tmp_path / "disc" / "DICOMDIR")
        for record in directory.DirectoryRecordSequence:
            if "ReferencedFileID" in record:
                record.ReferencedFileID = names
        directory.save_as(tmp_path / "disc" / "DICOMDIR")
        with pytest.raises(InputError, match="none of them is there"):
            read_volume(tmp_path / "disc" / "DICOMDIR")

    @pytest.mark.parametrize("attributes", [{"Modality": "MR"}, {"FrameOfReferenceUID": "9.9.9"}])
    def test_what_was_measured_otherwise_is_no_slice_of_the_series(self, tmp_path, attributes: dict[str, str]) -> None:
        folder = dicom_series(tmp_path / "ct", stored())
        dicom_slice(folder / "other.dcm", stored()[:, :, 0].T, position=(0, 0, 12), instance=77, **attributes)
        first, second = list_series(folder)
        assert (first.size, second.size) == ((9, 8, 6), (9, 8, 1))
        assert second.modality == attributes.get("Modality", "CT")
        assert read_volume(folder, series_uid=first.uid).geometry.shape == (9, 8, 6)

    def test_a_file_without_preamble_opens(self, tmp_path) -> None:
        path = dicom_slice(tmp_path / "a.dcm", stored()[:, :, 0].T)
        dataset = pydicom.dcmread(path)
        bare = tmp_path / "bare"
        bare.mkdir()
        pydicom.dcmwrite(bare / "IM1", pydicom.Dataset(dataset), implicit_vr=True, little_endian=True)
        assert np.array_equal(read_volume(bare / "IM1").voxels[:, :, 0], stored()[:, :, 0].astype(int) - 1024)

    def test_progress_is_told_and_cancel_stops_reading(self, tmp_path) -> None:
        folder = dicom_series(tmp_path / "ct", stored())
        seen: list[float] = []
        read_volume(folder, progress=lambda fraction, message: seen.append(fraction))
        assert seen == sorted(seen)
        assert 0 <= seen[0] <= seen[-1] <= 1

        def cancel(fraction: float, message: str) -> None:
            if fraction > 0.3:
                raise Cancelled("stopped")

        with pytest.raises(Cancelled):
            read_volume(folder, progress=cancel)


def enhanced(path: Path, raw: np.ndarray, order: list[int]) -> Path:
    """A multi-frame CT whose frames lie in another order than they stand, with a slope of their own each."""
    from pydicom.dataset import Dataset

    dicom_slice(path, raw[:, :, 0].T)
    dataset = pydicom.dcmread(path)
    for name in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness", "RescaleSlope", "RescaleIntercept"):
        delattr(dataset, name)
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2.1"
    dataset.NumberOfFrames = len(order)
    measures, plane, shared = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = [0.8, 0.7], 2.0
    plane.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = [measures], [plane]
    dataset.SharedFunctionalGroupsSequence = [shared]
    frames = []
    for k in order:
        group, position, transform = Dataset(), Dataset(), Dataset()
        position.ImagePositionPatient = [0, 0, 2.0 * k]
        transform.RescaleSlope, transform.RescaleIntercept, transform.RescaleType = 1 + k % 2, -1000 - k, "HU"
        group.PlanePositionSequence, group.PixelValueTransformationSequence = [position], [transform]
        frames.append(group)
    dataset.PerFrameFunctionalGroupsSequence = frames
    dataset.PixelData = b"".join(raw[:, :, k].T.astype("<u2").tobytes() for k in order)
    dataset.save_as(path)
    return path


def test_enhanced_ct_is_sorted_and_rescaled_frame_by_frame(tmp_path) -> None:
    raw, order = stored(), [2, 0, 1, 5, 4, 3]
    found = read_volume(enhanced(tmp_path / "e.dcm", raw, order))
    k = np.arange(6)
    assert np.array_equal(found.voxels, raw.astype(int) * (1 + k % 2) - 1000 - k)
    assert found.geometry.spacing_mm == pytest.approx((0.7, 0.8, 2.0))
    assert [order[number - 1] for number in found.source["frame_numbers"]] == list(k)
    assert found.is_hu


LOSSLESS = (
    "BigEndianExplicit DeflatedExplicit JPEG2000LosslessOnly JPEGLSLossless JPEGProcess14SV1 JPEGProcess14Transfer "
    "LittleEndianExplicit LittleEndianImplicit RLELossless"
).split()
# Largest and mean difference in HU that the lossy encoders left; 8 bits for CT is a coarse thing.
LOSSY = {"JPEG2000Transfer": (8, 1), "JPEGLSLossy": (2, 1), "JPEGProcess2_4": (40, 5), "JPEGProcess10_12": (40, 5)}
LOSSY |= {"JPEGProcess6_8": (40, 5), "JPEGProcess1Transfer": (70, 25)}


@pytest.mark.parametrize("name", LOSSLESS)
def test_lossless_transfer_syntaxes_read_identically(shared_data, name: str) -> None:
    reference = read_volume(shared_data("cornerstone", "CTImage.dcm"))
    (path,) = shared_data("cornerstone").glob(f"CTImage.dcm_{name}*")
    found = read_volume(path)
    assert found.voxels.dtype == np.int16
    assert np.array_equal(found.voxels, reference.voxels)
    assert found.geometry == reference.geometry


@pytest.mark.parametrize("name", LOSSY)
def test_lossy_transfer_syntaxes_read_closely(shared_data, name: str) -> None:
    reference = read_volume(shared_data("cornerstone", "CTImage.dcm"))
    (path,) = shared_data("cornerstone").glob(f"CTImage.dcm_{name}*")
    off = np.abs(read_volume(path).voxels.astype(float) - reference.voxels)
    assert off.max() <= LOSSY[name][0]
    assert off.mean() <= LOSSY[name][1]


@pytest.mark.parametrize("parts", [("dcmqi", "ct-3slice"), ("matrad", "real_CT")])
def test_real_series_read_like_simpleitk(shared_data, parts: tuple[str, ...]) -> None:
    folder = shared_data(*parts)
    found = read_volume(folder)
    voxels, affine = by_simpleitk(folder)
    assert np.allclose(found.voxels, voxels, rtol=1e-6, atol=1e-4)
    assert np.allclose(found.geometry.affine, affine, atol=1e-5)
    assert found.is_hu


def test_info_of_a_folder_of_several_series_lists_them(tmp_path) -> None:
    dicom_series(tmp_path / "a", stored(), series="1.2.3.7")
    dicom_series(tmp_path / "b", stored(), series="1.2.3.8")
    document = info(tmp_path)
    assert sorted(one["uid"] for one in document["series"]) == ["1.2.3.7", "1.2.3.8"]
    assert "size" not in document
    chosen = info(tmp_path, series_uid="1.2.3.7")
    assert chosen["size"] == [9, 8, 6]
    assert chosen["orientation"] == "LPS"
    assert chosen["spacing_mm"] == [0.7, 0.8, 2.0]
    assert chosen["hu_range"] == [int(stored().min()) - 1024, int(stored().max()) - 1024]
    json.dumps(chosen, allow_nan=False)


@pytest.mark.parametrize(
    ("charset", "description"),
    [("ISO_IR 192", "腰椎 CT"), ("GB18030", "腰椎骨窗"), (["", "ISO 2022 IR 87"], "腰椎"), (["", "ISO 2022 IR 149"], "척추"),
     ("ISO_IR 144", "Позвоночник"), ("ISO_IR 100", "Wirbelsäule"), ("NONSENSE", "spine")],
)  # fmt: skip
def test_series_are_named_in_their_own_script(tmp_path, charset, description: str) -> None:
    path = dicom_slice(tmp_path / "a.dcm", np.zeros((4, 4), np.uint16), SpecificCharacterSet=charset, SeriesDescription=description)
    assert [series.description for series in list_series(path)] == [description]
