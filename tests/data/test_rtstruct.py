"""RT structure sets: contours that other readers fill to exactly the mask, whichever way they treat holes."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path as File

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from spinalsam.data.formats import contours, read_label_volume, read_mask, read_volume, write_mask
from spinalsam.data.formats.masks import format_of, mask_path
from spinalsam.data.volume import Volume
from spinalsam.errors import InputError, OutputError, UsageError
from spinalsam.support.geometry import Geometry
from tests.data.make import dicom_series, labels, oblique, volume
from tests.data.test_dicom import enhanced, stored
from tests.data.test_dicom_resample import series as uneven
from tests.support.grids import ORIENTATIONS, rotation


def vertebra(shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Two rings with a canal each, one with a crumb in its canal, and a piece that touches another by a corner only."""
    mask = np.zeros(shape, np.uint8)
    mask[1:8, 1:7, 1:3] = 22
    mask[3:6, 3:5, 1:3] = 0
    mask[4, 3, 1] = 22
    mask[0:4, 0:4, 4] = 23
    mask[1:3, 1:3, 4] = 0
    mask[4:6, 4:6, 4] = 23
    return mask


def by_matplotlib(path: File, geometry: Geometry, how: str) -> dict[str, NDArray[np.bool_]]:
    """Every structure filled by another library's point-in-polygon test, from pydicom's numbers, slice by slice."""
    matplotlib = pytest.importorskip("matplotlib.path")
    dataset = pydicom.dcmread(path)
    names = {int(roi.ROINumber): str(roi.ROIName) for roi in dataset.StructureSetROISequence}
    ni, nj, nk = geometry.shape
    centres = np.stack(np.meshgrid(np.arange(ni), np.arange(nj), indexing="ij"), -1).reshape(-1, 2)
    found = {}
    for item in dataset.ROIContourSequence:
        mask = np.zeros((ni, nj, nk), bool)
        for contour in item.ContourSequence:
            assert contour.ContourGeometricType == "CLOSED_PLANAR"
            points = np.array(contour.ContourData, float).reshape(-1, 3)
            assert len(points) == contour.NumberOfContourPoints >= 3
            ijk = geometry.to_ijk(points)
            k = round(float(ijk[0, 2]))
            assert np.allclose(ijk[:, 2], k, atol=1e-6)
            ring = matplotlib.Path(np.vstack([ijk[:, :2], ijk[:1, :2]]), closed=True)
            inside = ring.contains_points(centres).reshape(ni, nj)
            mask[:, :, k] = mask[:, :, k] ^ inside if how == "xor" else mask[:, :, k] | inside
        found[names[int(item.ReferencedROINumber)]] = mask
    return found


@pytest.mark.parametrize("degrees", [0, 25, 140])
@pytest.mark.parametrize("how", ["xor", "union"])
def test_another_library_fills_the_contours_to_the_mask(tmp_path, degrees: float, how: str) -> None:
    turn = rotation(np.array([1.0, 0.4, -0.7]), degrees)
    case = read_volume(dicom_series(tmp_path / "ct", stored(), step=turn[:, 2] * 2.5, orientation=(*turn[:, 0], *turn[:, 1])))
    mask = vertebra(case.geometry.shape)
    write_mask(tmp_path / "m.rtstruct.dcm", mask, case)
    found = by_matplotlib(tmp_path / "m.rtstruct.dcm", case.geometry, how)
    assert found.keys() == {"L3", "L4"}
    for name, value in (("L3", 22), ("L4", 23)):
        assert np.array_equal(found[name], mask == value)


def test_vtk_fills_a_ring_with_its_canal_open(tmp_path) -> None:
    """The polygon stencil with which 3D Slicer turns structure sets into label maps."""
    vtk = pytest.importorskip("vtkmodules.all")
    numpy_support = pytest.importorskip("vtkmodules.util.numpy_support")
    case = read_volume(dicom_series(tmp_path / "ct", stored()))
    mask = vertebra(case.geometry.shape)
    write_mask(tmp_path / "m.rtstruct.dcm", mask, case)
    for item in pydicom.dcmread(tmp_path / "m.rtstruct.dcm").ROIContourSequence:
        filled = np.zeros(mask.shape, bool)
        for contour in item.ContourSequence:
            ijk = case.geometry.to_ijk(np.array(contour.ContourData, float).reshape(-1, 3))
            points, lines = vtk.vtkPoints(), vtk.vtkCellArray()
            lines.InsertNextCell(len(ijk) + 1)
            for number, (i, j, _) in enumerate(ijk):
                points.InsertNextPoint(i, j, 0)
                lines.InsertCellPoint(number)
            lines.InsertCellPoint(0)
            outline, stencil, image = vtk.vtkPolyData(), vtk.vtkPolyDataToImageStencil(), vtk.vtkImageStencilToImage()
            outline.SetPoints(points), outline.SetLines(lines)
            stencil.SetInputData(outline)
            stencil.SetOutputWholeExtent(0, mask.shape[0] - 1, 0, mask.shape[1] - 1, 0, 0)
            image.SetInputConnection(stencil.GetOutputPort())
            image.SetInsideValue(1), image.SetOutsideValue(0), image.SetOutputScalarTypeToUnsignedChar()
            image.Update()
            values = numpy_support.vtk_to_numpy(image.GetOutput().GetPointData().GetScalars())
            filled[:, :, round(ijk[0, 2])] |= values.reshape(mask.shape[1], mask.shape[0]).T.astype(bool)
        assert np.array_equal(filled, mask == int(item.ReferencedROINumber))


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), share=st.floats(0.05, 0.97), shape=st.tuples(st.integers(1, 15), st.integers(1, 15)))
def test_any_scatter_of_voxels_comes_back(seed: int, share: float, shape: tuple[int, int]) -> None:
    mask = np.random.default_rng(seed).random(shape) < share
    rings = contours.outlines(mask)
    assert np.array_equal(contours.filled(rings, shape), mask)
    union = np.zeros(shape, bool)
    for ring in rings:
        union |= contours.filled([ring], shape)
        # No cut runs through a voxel's centre, where readers could differ.
        for (r0, c0), (r1, c1) in pairwise([*ring, ring[0]]):
            assert r0 % 1 == 0.5 or c0 % 1 == 0.5
            assert r0 != r1 or r0 % 1 == 0.5
            assert c0 != c1 or c0 % 1 == 0.5
    assert np.array_equal(union, mask)


def test_the_file_says_whose_it_is_and_what_it_refers_to(tmp_path) -> None:
    case = read_volume(dicom_series(tmp_path / "ct", stored(), order=[3, 0, 5, 1, 4, 2]))
    mask = vertebra(case.geometry.shape)
    write_mask(tmp_path / "m.rtstruct.dcm", mask, case, label_names={23: "第四腰椎"})
    dataset = pydicom.dcmread(tmp_path / "m.rtstruct.dcm")
    assert dataset.Modality == "RTSTRUCT" and dataset.PatientID == "4711" and str(dataset.PatientName) == "DOE^JANE"
    assert dataset.StudyInstanceUID == "1.2.3" and dataset.SeriesInstanceUID != "1.2.3.1"
    (frame,) = dataset.ReferencedFrameOfReferenceSequence
    assert frame.FrameOfReferenceUID == "1.2.3.4"
    images = frame.RTReferencedStudySequence[0].RTReferencedSeriesSequence[0].ContourImageSequence
    assert {image.ReferencedSOPInstanceUID for image in images} == set(case.source["sop_instance_uids"])
    assert [str(roi.ROIName) for roi in dataset.StructureSetROISequence] == ["L3", "第四腰椎"]
    codes = [item.RTROIIdentificationCodeSequence[0].CodeValue for item in dataset.RTROIObservationsSequence]
    assert codes == ["36470004", "11994002"]
    for item in dataset.ROIContourSequence:
        for contour in item.ContourSequence:
            k = case.source["sop_instance_uids"].index(contour.ContourImageSequence[0].ReferencedSOPInstanceUID)
            header = pydicom.dcmread(case.source["files"][k])
            assert np.allclose(np.array(contour.ContourData, float).reshape(-1, 3)[:, 2], header.ImagePositionPatient[2])
    assert json.loads((tmp_path / "m.rtstruct.dcm.json").read_text())["labels"] == {"22": "L3", "23": "第四腰椎"}
    # And what is not a name or a number of ours comes back as it was.
    assert np.array_equal(read_mask(tmp_path / "m.rtstruct.dcm", case.geometry), mask)


@pytest.mark.parametrize("orientation", ORIENTATIONS[::5])
def test_every_label_comes_back_in_every_orientation(tmp_path, orientation) -> None:
    if np.linalg.det(orientation) < 0:
        orientation = orientation * (1, 1, -1)
    turn = rotation(np.array([1.0, 2.0, 0.5]), 23.0) @ orientation
    case = read_volume(dicom_series(tmp_path / "ct", stored(), step=turn[:, 2] * 2.5, orientation=(*turn[:, 0], *turn[:, 1])))
    mask = labels(case.geometry.shape, highest=300)
    write_mask(tmp_path / "m.rtstruct.dcm", mask, case)
    assert np.array_equal(read_mask(tmp_path / "m.rtstruct.dcm", case.geometry), mask)


def test_tilted_enhanced_gapped_and_resampled_series_can_be_contoured(tmp_path) -> None:
    tilt = (1, 0, 0, 0, np.cos(0.3), np.sin(0.3))
    cases = [
        read_volume(dicom_series(tmp_path / "tilted", stored(), orientation=tilt)),
        read_volume(enhanced(tmp_path / "e.dcm", stored(), [2, 0, 1, 5, 4, 3])),
        read_volume(dicom_series(tmp_path / "gap", stored((9, 8, 12)), order=[k for k in range(12) if k != 4])),
        read_volume(uneven(tmp_path / "uneven"), resample=True),
    ]
    for number, case in enumerate(cases):
        mask, path = vertebra(case.geometry.shape), tmp_path / f"{number}.rtstruct.dcm"
        write_mask(path, mask, case)
        assert np.array_equal(read_mask(path, case.geometry), mask)
        for item in pydicom.dcmread(path).ROIContourSequence:
            for contour in item.ContourSequence:
                k = round(float(case.geometry.to_ijk(np.array(contour.ContourData[:3], float))[2]))
                known = case.source["sop_instance_uids"][k]
                referred = [image.ReferencedSOPInstanceUID for image in contour.get("ContourImageSequence", [])]
                assert referred == ([known] if known else [])
                if case.source["frame_numbers"][k]:
                    assert contour.ContourImageSequence[0].ReferencedFrameNumber == case.source["frame_numbers"][k]


@pytest.mark.parametrize("parts", [("dcmqi", "ct-3slice"), ("matrad", "real_CT")])
def test_real_series_can_be_contoured(tmp_path, shared_data, parts: tuple[str, ...]) -> None:
    case = read_volume(shared_data(*parts))
    mask = np.zeros(case.geometry.shape, np.uint8)
    ring = np.hypot(*np.ogrid[-30:31, -30:31])
    mask[90:151, 90:151, 1] = np.where((ring < 28) & (ring > 9), 22, 0)
    write_mask(tmp_path / "m.rtstruct.dcm", mask, case)
    assert np.array_equal(by_matplotlib(tmp_path / "m.rtstruct.dcm", case.geometry, "union")["L3"], mask == 22)


def foreign(path: File, case: Volume, edit) -> File:
    """A structure set as another program writes it: no word of ours in it."""
    ours = path.with_suffix(".rtstruct.dcm")
    write_mask(ours, vertebra(case.geometry.shape), case)
    dataset = pydicom.dcmread(ours)
    dataset.Manufacturer = "Somebody"
    for number, roi in enumerate(dataset.StructureSetROISequence):
        dataset.ROIContourSequence[number].ReferencedROINumber = dataset.RTROIObservationsSequence[number].ReferencedROINumber = number + 1
        roi.ROINumber, roi.ROIDescription = number + 1, ""
    edit(dataset)
    dataset.save_as(path)
    return path


@pytest.fixture
def case(tmp_path) -> Volume:
    return read_volume(dicom_series(tmp_path / "ct", stored()))


def test_structures_of_other_programs_are_taken_by_name_and_code(tmp_path, case: Volume) -> None:
    def edit(dataset) -> None:
        dataset.StructureSetROISequence[0].ROIName = "vertebrae_L3"
        dataset.StructureSetROISequence[1].ROIName = "Wirbel"  # only its code says what it is

    found = read_label_volume(foreign(tmp_path / "f.dcm", case, edit), case.geometry, by_name=True)
    assert np.array_equal(found.voxels, vertebra(case.geometry.shape))
    assert "1 is L3" in found.notes[0]


def test_inner_contours_are_holes_whether_by_type_or_by_lying_inside(tmp_path, case: Volume) -> None:
    def ring(a: float, b: float) -> list[float]:
        return case.geometry.to_mm([(a, a, 2), (b, a, 2), (b, b, 2), (a, b, 2)]).ravel().tolist()

    for kind in ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR"):

        def edit(dataset, kind: str = kind) -> None:
            del dataset.StructureSetROISequence[1], dataset.ROIContourSequence[1], dataset.RTROIObservationsSequence[1]
            first = dataset.ROIContourSequence[0].ContourSequence[0]
            inner = pydicom.Dataset()
            inner.update(first)
            for contour, data in ((first, ring(0.5, 6.5)), (inner, ring(2.5, 4.5))):
                contour.ContourGeometricType, contour.NumberOfContourPoints, contour.ContourData = kind, 4, [round(n, 6) for n in data]
            dataset.ROIContourSequence[0].ContourSequence = [first, inner]

        found = read_mask(foreign(tmp_path / f"{kind}.dcm", case, edit), case.geometry)
        wanted = np.zeros(case.geometry.shape, bool)
        wanted[1:7, 1:7, 2], wanted[3:5, 3:5, 2] = True, False
        assert np.array_equal(found == 22, wanted)


def test_where_structures_overlap_the_smaller_one_counts_and_that_is_said(tmp_path, case: Volume) -> None:
    def edit(dataset) -> None:
        for contour in dataset.ROIContourSequence[1].ContourSequence:
            ijk = case.geometry.to_ijk(np.array(contour.ContourData, float).reshape(-1, 3))
            contour.ContourData = [round(n, 6) for n in case.geometry.to_mm(ijk + (0, 0, -3)).ravel().tolist()]

    found = read_label_volume(foreign(tmp_path / "f.dcm", case, edit), case.geometry, by_name=True)
    moved = np.roll(vertebra(case.geometry.shape) == 23, -3, axis=2)
    assert np.array_equal(found.voxels == 23, moved)
    assert any("overlap" in note for note in found.notes)


def _shift(mm: float):
    def edit(dataset) -> None:
        for contour in dataset.ROIContourSequence[0].ContourSequence:
            points = np.array(contour.ContourData, float).reshape(-1, 3) + (0, 0, mm)
            contour.ContourData = points.round(6).ravel().tolist()

    return edit


def _points_only(dataset) -> None:
    for item in dataset.ROIContourSequence:
        for contour in item.ContourSequence:
            contour.ContourGeometricType = "POINT"


def _odd_number(dataset) -> None:
    dataset.ROIContourSequence[0].ContourSequence[0].ContourData = [1.0, 2.0, 3.0, 4.0]


def _no_number(dataset) -> None:
    del dataset.StructureSetROISequence[0].ROINumber


@pytest.mark.parametrize(
    ("edit", "words"),
    [(_shift(1.0), "do not lie on the slices"), (_shift(40.0), "outside the image"), (_points_only, "no closed contours"),
     (_odd_number, "cannot be read"), (_no_number, "cannot be read")],
)  # fmt: skip
def test_what_does_not_fit_or_is_damaged_is_refused(tmp_path, case: Volume, edit, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_mask(foreign(tmp_path / "f.dcm", case, edit), case.geometry)


def test_contours_need_an_image(tmp_path, case: Volume) -> None:
    write_mask(tmp_path / "m.rtstruct.dcm", vertebra(case.geometry.shape), case)
    with pytest.raises(InputError, match="need the image"):
        read_mask(tmp_path / "m.rtstruct.dcm")
    with pytest.raises(InputError, match="holds no DICOM picture"):
        read_volume(tmp_path / "m.rtstruct.dcm")


def test_what_cannot_be_contoured_is_refused_and_nothing_is_left(tmp_path, case: Volume) -> None:
    empty = np.zeros(case.geometry.shape, np.uint8)
    bare = read_volume(dicom_series(tmp_path / "bare", stored(), spacing=None))
    before = sorted(tmp_path.iterdir())
    for mask, of, words in (
        (empty, case, "empty"),
        (labels((5, 6, 7)), volume(oblique(ORIENTATIONS[0])), "not opened from DICOM"),
        (vertebra(bare.geometry.shape), bare, "size of a pixel"),
    ):
        with pytest.raises(OutputError, match=words):
            write_mask(tmp_path / "m.rtstruct.dcm", mask, of)
    assert sorted(tmp_path.iterdir()) == before


def test_the_ending_tells_a_structure_set_from_a_segmentation() -> None:
    assert format_of(File("a.rtstruct.dcm")) == "rtstruct" and format_of(File("a.dcm")) == "dicom_seg"
    assert mask_path(File("a"), "rtstruct") == File("a.rtstruct.dcm")
    with pytest.raises(UsageError):
        mask_path(File("a.rtstruct.dcm"), "dicom_seg")
