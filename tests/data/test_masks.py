"""Masks go out and come back on exactly the grid of their volume, as readers that share no code with ours see it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from spinalsam.data.formats import mask_path, read_label_volume, read_mask, read_volume, sidecar_path, write_mask
from spinalsam.data.volume import Volume
from spinalsam.errors import InputError, OutputError, UsageError
from spinalsam.support.geometry import Geometry
from spinalsam.support.planes import PLANES, SlicePlane
from tests.data.make import RAS_LPS, ct, dicom_series, labels, nifti, oblique, sitk_file, volume
from tests.support.grids import ORIENTATIONS, geometries

ENDINGS = (".nii", ".nii.gz", ".nrrd", ".seg.nrrd", ".mha")
SPACE_FIELDS = (
    "pixdim qform_code sform_code quatern_b quatern_c quatern_d qoffset_x qoffset_y qoffset_z srow_x srow_y srow_z xyzt_units".split()
)


def independent(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """(labels [i, j, k], LPS affine) as nibabel reads NIfTI and SimpleITK the rest."""
    if path.name.endswith((".nii", ".nii.gz")):
        image = nibabel.load(path)
        return np.asanyarray(image.dataobj), RAS_LPS @ image.affine
    image = SimpleITK.ReadImage(str(path))
    affine = np.eye(4)
    affine[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    return SimpleITK.GetArrayFromImage(image).T, affine


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_orientation_plane_and_format_comes_back_exactly(tmp_path, ending: str) -> None:
    """48 orientations, turned and not, x 3 planes: the same voxels at the same places, and the same pictures."""
    mask = labels((5, 6, 7))
    for number, orientation in enumerate(ORIENTATIONS):
        case = volume(oblique(orientation, degrees=0.0 if number % 2 else 23.0))
        path = tmp_path / f"mask{ending}"
        write_mask(path, mask, case)
        found, affine = independent(path)
        assert found.dtype == np.uint8
        assert np.array_equal(found, mask)
        geometry = Geometry(found.shape, affine)
        assert geometry.same_grid(case.geometry, tolerance_mm=1e-4)
        for plane in PLANES:
            drawn, wanted = SlicePlane(geometry, plane), SlicePlane(case.geometry, plane)
            assert drawn._layout == wanted._layout
            assert np.array_equal(drawn.cut(found, 2), wanted.cut(mask, 2))


@pytest.mark.parametrize("orientation", ORIENTATIONS[::5])
@pytest.mark.parametrize("ending", ENDINGS)
def test_simpleitk_finds_every_label_at_its_place_in_the_patient(tmp_path, ending: str, orientation) -> None:
    case = volume(oblique(orientation, degrees=15))
    mask = np.zeros(case.geometry.shape, np.uint8)
    mask[4, 1, 6] = 22
    write_mask(tmp_path / f"m{ending}", mask, case)
    image = SimpleITK.ReadImage(str(tmp_path / f"m{ending}"))
    place_mm = case.geometry.to_mm((4, 1, 6))
    assert image.TransformPhysicalPointToIndex(place_mm.tolist()) == (4, 1, 6)
    assert image[4, 1, 6] == 22
    assert np.allclose(image.TransformIndexToPhysicalPoint((4, 1, 6)), place_mm, atol=1e-4)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(geometry=geometries(), ending=st.sampled_from(ENDINGS), seed=st.integers(0, 999))
def test_any_grid_sheared_or_left_handed_comes_back(tmp_path, geometry: Geometry, ending: str, seed: int) -> None:
    mask = labels(geometry.shape, seed)
    case = Volume(ct(geometry.shape), geometry)
    path = tmp_path / f"m{ending}"
    write_mask(path, mask, case)
    back = read_label_volume(path)
    assert np.array_equal(back.voxels, mask)
    assert back.geometry.same_grid(geometry, tolerance_mm=1e-3)
    assert np.array_equal(read_mask(path, geometry), mask)


def header_bits(header) -> dict[str, bytes]:
    return {name: np.asarray(header[name]).astype(np.asarray(header[name]).dtype.newbyteorder("<")).tobytes() for name in SPACE_FIELDS}


@pytest.mark.parametrize("codes", [(1, 1), (2, 0), (0, 1), (0, 0), (4, 3)])
@pytest.mark.parametrize("endian", ["<", ">"])
@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_a_nifti_header_keeps_both_transforms_bit_by_bit(tmp_path, codes, endian: str, version: int, ending: str) -> None:
    def mark(header) -> None:
        header["qoffset_x"] += 3.3  # the two transforms may disagree; that is not ours to mend
        header["pixdim"][0] = -1
        header["pixdim"][4:8] = (2.5, 0, 7, 1)
        header["descrip"] = b"DOE^JANE"

    source = nifti(
        tmp_path / "ct.nii", ct(), oblique(ORIENTATIONS[7], degrees=31), sform_code=codes[0], qform_code=codes[1],
        endian=endian, version=version, edit=mark,
    )  # fmt: skip
    case = read_volume(source)
    mask = labels((5, 6, 7))
    write_mask(tmp_path / f"m{ending}", mask, case)
    before, after = nibabel.load(source), nibabel.load(tmp_path / f"m{ending}")
    assert header_bits(before.header) == header_bits(after.header)
    assert np.array_equal(before.affine, after.affine)
    assert type(after.header) is type(before.header)
    assert np.array_equal(np.asanyarray(after.dataobj), mask)
    assert after.header.get_data_shape() == (5, 6, 7)
    assert b"DOE" not in (tmp_path / f"m{ending}").read_bytes()


@pytest.mark.parametrize("name", ["verse004", "verse010", "gl003_dir-ax"])
def test_real_spines_come_back_with_their_header_bit_by_bit(tmp_path, shared_data, name: str) -> None:
    source = shared_data("verse_masks", f"sub-{name}_seg-vert_msk.nii.gz")
    case = read_volume(source)
    mask = read_mask(source)
    write_mask(tmp_path / "m.nii.gz", mask, case)
    before, after = nibabel.load(source), nibabel.load(tmp_path / "m.nii.gz")
    assert header_bits(before.header) == header_bits(after.header)
    assert np.array_equal(np.asanyarray(before.dataobj), np.asanyarray(after.dataobj))
    assert np.array_equal(before.affine, after.affine)


@pytest.mark.parametrize(
    "parts", [("matrad", "real_CT"), ("dcmqi", "ct-3slice"), ("cornerstone", "CTImage.dcm"), ("ts2d", "sample_s0521.nrrd")]
)
def test_masks_of_real_dicom_and_nrrd_lie_on_simpleitks_grid(tmp_path, shared_data, parts: tuple[str, ...]) -> None:
    source = shared_data(*parts)
    names = SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames(str(source)) if source.is_dir() else str(source)
    image = SimpleITK.ReadImage(names)
    case = read_volume(source)
    mask = np.zeros(case.geometry.shape, np.uint8)
    mask[10:40, 20:70, 0:2] = labels((30, 50, 2))[:, :, : mask.shape[2]]
    for ending in (".nii.gz", ".nrrd"):
        write_mask(tmp_path / f"m{ending}", mask, case)
        found = SimpleITK.ReadImage(str(tmp_path / f"m{ending}"))
        assert found.GetSize() == image.GetSize()
        assert np.allclose(found.GetSpacing(), image.GetSpacing(), atol=1e-5)
        assert np.allclose(found.GetOrigin(), image.GetOrigin(), atol=1e-4)
        assert np.allclose(found.GetDirection(), image.GetDirection(), atol=1e-6)
        assert np.array_equal(SimpleITK.GetArrayFromImage(found).T, mask)


def test_labels_above_255_are_written_in_16_bits(tmp_path) -> None:
    case = volume(np.eye(4))
    mask = labels(case.geometry.shape, highest=900)
    for ending in (*ENDINGS, ".nii"):
        write_mask(tmp_path / f"m{ending}", mask, case)
        found, _ = independent(tmp_path / f"m{ending}")
        assert found.dtype == np.uint16
        assert np.array_equal(found, mask)


@pytest.mark.parametrize("dtype", [bool, np.int16, np.int64, np.float32])
def test_whole_numbers_of_any_type_are_taken(tmp_path, dtype) -> None:
    case = volume(np.eye(4))
    mask = labels(case.geometry.shape, highest=1 if dtype is bool else 28).astype(dtype)
    write_mask(tmp_path / "m.nii.gz", mask, case)
    assert np.array_equal(independent(tmp_path / "m.nii.gz")[0], mask)


@pytest.mark.parametrize("value", [-1, 70000, 0.5, np.nan])
def test_values_that_are_no_labels_are_refused_and_nothing_is_left(tmp_path, value: float) -> None:
    case = volume(np.eye(4))
    with pytest.raises(InputError):
        write_mask(tmp_path / "m.nii.gz", np.full(case.geometry.shape, value), case)
    assert list(tmp_path.iterdir()) == []


def test_a_mask_of_another_size_is_refused(tmp_path) -> None:
    with pytest.raises(InputError, match="has the size"):
        write_mask(tmp_path / "m.nii.gz", np.zeros((1, 2, 3), np.uint8), volume(np.eye(4)))


def test_equal_masks_give_equal_files(tmp_path) -> None:
    case, mask = volume(np.eye(4)), labels((5, 6, 7))
    for ending in ENDINGS:
        for name in ("one", "two"):
            write_mask(tmp_path / f"{name}{ending}", mask, case)
        assert (tmp_path / f"one{ending}").read_bytes() == (tmp_path / f"two{ending}").read_bytes()


@dataclass
class ListedLabel:
    value: int
    name: str
    colour: tuple[int, int, int]


def test_the_sidecar_names_labels_program_and_what_the_caller_adds(tmp_path) -> None:
    case = volume(np.eye(4))
    mask = np.zeros(case.geometry.shape, np.uint8)
    mask[0, 0, :4] = (22, 30, 200, 23)
    listed = [ListedLabel(30, "rod", (1, 2, 3)), ListedLabel(7, "unused", (0, 0, 0))]
    write_mask(tmp_path / "m.nii.gz", mask, case, labels=listed, label_names={23: "vierter"}, sidecar={"model": {"name": "x"}})
    assert sidecar_path(tmp_path / "m.nii.gz") == tmp_path / "m.nii.gz.json"
    document = json.loads((tmp_path / "m.nii.gz.json").read_text())
    assert document["labels"] == {"22": "L3", "23": "vierter", "30": "rod", "200": "label 200"}
    assert document["model"] == {"name": "x"}
    assert document["program"]["name"] == "SpinalSAM"
    assert document["mask"] == "m.nii.gz"


def test_slicers_segmentation_carries_names_colours_and_codes(tmp_path) -> None:
    case = volume(oblique(ORIENTATIONS[3]))
    mask = np.zeros(case.geometry.shape, np.uint8)
    mask[0, 0, :2] = (22, 99)
    write_mask(tmp_path / "m.seg.nrrd", mask, case, labels=[ListedLabel(99, "my\nthing", (255, 0, 128))])
    image = SimpleITK.ReadImage(str(tmp_path / "m.seg.nrrd"))
    meta = {key: image.GetMetaData(key) for key in image.GetMetaDataKeys()}
    assert (meta["Segment0_Name"], meta["Segment0_LabelValue"], meta["Segment0_Layer"]) == ("L3", "22", "0")
    assert (meta["Segment1_Name"], meta["Segment1_LabelValue"]) == ("my thing", "99")
    assert [float(part) for part in meta["Segment1_Color"].split()] == pytest.approx([1, 0, 128 / 255], abs=1e-5)
    assert "SCT^36470004^L3 vertebra" in meta["Segment0_Tags"]
    assert (meta["Segment0_Extent"], meta["Segment1_Extent"]) == ("0 0 0 0 0 0", "0 0 0 0 1 1")
    assert meta["Segmentation_SourceRepresentation"] == meta["Segmentation_MasterRepresentation"] == "Binary labelmap"
    assert "Segment2_Name" not in meta


@pytest.mark.parametrize("name", ["m.jpg", "m", "m.nii.zip", ".nii.gz"])
def test_an_ending_that_is_no_masks_is_refused(tmp_path, name: str) -> None:
    with pytest.raises(UsageError, match="ending"):
        write_mask(tmp_path / name, labels((5, 6, 7)), volume(np.eye(4)))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "format", "expected"),
    [
        ("m.nii", None, "m.nii"),
        ("m", "nifti", "m.nii.gz"),
        ("m", "nrrd", "m.nrrd"),
        ("L3.final", "stl", "L3.final.stl"),
        ("m.SEG.NRRD", "nrrd", "m.SEG.NRRD"),
        ("m", "dicom_seg", "m.dcm"),
    ],
)
def test_formats_give_paths_their_ending(name: str, format: str | None, expected: str) -> None:
    assert mask_path(name, format).name == expected


@pytest.mark.parametrize(("name", "format"), [("m.nii.gz", "stl"), ("m.nii", "bmp"), ("m.dcm", "nifti")])
def test_a_format_that_contradicts_the_path_or_does_not_exist_is_refused(name: str, format: str) -> None:
    with pytest.raises(UsageError):
        mask_path(name, format)


def test_the_image_itself_is_never_written_over(tmp_path) -> None:
    source = nifti(tmp_path / "ct.nii", ct())
    before = source.read_bytes()
    with pytest.raises(OutputError, match="is the image itself"):
        write_mask(source, labels((5, 6, 7)), read_volume(source))
    assert source.read_bytes() == before


def test_an_older_mask_is_replaced_whole(tmp_path) -> None:
    case = volume(np.eye(4))
    (tmp_path / "m.nii.gz").write_bytes(b"old")
    write_mask(tmp_path / "m.nii.gz", labels((5, 6, 7)), case)
    assert np.array_equal(independent(tmp_path / "m.nii.gz")[0], labels((5, 6, 7)))
    assert sorted(os.listdir(tmp_path)) == ["m.nii.gz", "m.nii.gz.json"]


@pytest.mark.parametrize("where", ["no/such/folder/m.nii.gz", "."])
def test_a_place_that_cannot_be_written_to_is_said_and_nothing_is_left(tmp_path, where: str) -> None:
    target = tmp_path / where if where != "." else tmp_path / "folder.nii.gz"
    if where == ".":
        target.mkdir()
    with pytest.raises(OutputError, match=r"cannot be written|is a folder"):
        write_mask(target, labels((5, 6, 7)), volume(np.eye(4)))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


class TestReading:
    def test_a_mask_of_another_size_is_refused_with_both_sizes(self, tmp_path) -> None:
        write_mask(tmp_path / "m.nii.gz", labels((5, 6, 7)), volume(np.eye(4)))
        with pytest.raises(InputError, match="5x6x7 voxels and the image has 5x6x8"):
            read_mask(tmp_path / "m.nii.gz", Geometry((5, 6, 8), np.eye(4)))

    def test_a_mask_elsewhere_is_refused_with_the_distance(self, tmp_path) -> None:
        write_mask(tmp_path / "m.nii.gz", labels((5, 6, 7)), volume(np.eye(4)))
        moved = np.eye(4)
        moved[2, 3] = 2
        with pytest.raises(InputError, match=r"2.00 mm"):
            read_mask(tmp_path / "m.nii.gz", Geometry((5, 6, 7), moved))

    def test_resampling_brings_labels_to_their_place_in_the_patient(self, tmp_path) -> None:
        mask = np.zeros((6, 6, 6), np.uint8)
        mask[2:4, 2:4, 2:4] = 22
        write_mask(tmp_path / "m.nii.gz", mask, Volume(ct((6, 6, 6)), Geometry.from_parts((6, 6, 6), spacing_mm=(2, 2, 2))))
        fine = Geometry.from_parts((12, 12, 12), spacing_mm=(1, 1, 1), origin_mm=(-0.5, -0.5, -0.5))
        found = read_mask(tmp_path / "m.nii.gz", fine, resample=True)
        assert found.dtype == np.uint8
        assert np.array_equal(np.argwhere(found).min(axis=0), (4, 4, 4))
        assert np.array_equal(np.argwhere(found).max(axis=0), (7, 7, 7))
        assert np.count_nonzero(found == 22) == 64

    @pytest.mark.parametrize("orientation", ORIENTATIONS[::3])
    def test_axes_in_another_order_are_turned_without_loss(self, tmp_path, orientation) -> None:
        """A mask that another program wrote with its axes swapped and reversed."""
        case = volume(oblique(ORIENTATIONS[0], degrees=12))
        mask = labels(case.geometry.shape)
        axes = [int(np.argmax(np.abs(orientation[:, n]))) for n in range(3)]
        flips = [n for n in range(3) if orientation[axes[n], n] < 0]
        swapped = np.flip(mask.transpose(axes), flips)
        corner = [0, 0, 0]
        affine = case.geometry.affine.copy()
        for n in range(3):
            sign = -1 if n in flips else 1
            affine[:3, n] = sign * case.geometry.affine[:3, axes[n]]
            corner[axes[n]] = mask.shape[axes[n]] - 1 if sign < 0 else 0
        affine[:3, 3] = case.geometry.to_mm(corner)
        sitk_file(tmp_path / "other.nrrd", swapped, affine)
        assert np.array_equal(read_mask(tmp_path / "other.nrrd", case.geometry), mask)
        found = read_label_volume(tmp_path / "other.nrrd", case.geometry)
        assert found.geometry == case.geometry

    def test_labels_stored_as_floats_are_labels(self, tmp_path) -> None:
        mask = labels((5, 6, 7))
        nifti(tmp_path / "m.nii", mask.astype(np.float64))
        assert read_mask(tmp_path / "m.nii").dtype == np.uint8
        assert np.array_equal(read_mask(tmp_path / "m.nii"), mask)

    def test_a_ct_is_no_mask(self, tmp_path) -> None:
        nifti(tmp_path / "ct.nii", ct())
        with pytest.raises(InputError, match="is no mask"):
            read_mask(tmp_path / "ct.nii")

    def test_palette_pictures_give_their_indices(self, tmp_path) -> None:
        from PIL import Image

        mask = labels((9, 8, 1))
        picture = Image.fromarray(np.ascontiguousarray(mask[:, :, 0].T), "P")
        picture.putpalette([n % 256 for n in range(768)])
        picture.save(tmp_path / "m.png")
        assert np.array_equal(read_mask(tmp_path / "m.png"), mask)

    def test_a_jpeg_is_refused_as_a_mask(self, tmp_path) -> None:
        from PIL import Image

        Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "m.jpg")
        with pytest.raises(InputError, match="JPEG"):
            read_mask(tmp_path / "m.jpg")

    def test_slicer_layers_become_one_label_map(self, tmp_path) -> None:
        one, two = np.zeros((5, 6, 7), np.uint8), np.zeros((5, 6, 7), np.uint8)
        one[:2], two[3:] = 1, 2
        image = SimpleITK.Compose(*[SimpleITK.GetImageFromArray(np.ascontiguousarray(part.T)) for part in (one, two)])
        SimpleITK.WriteImage(image, str(tmp_path / "m.seg.nrrd"))
        assert np.array_equal(read_mask(tmp_path / "m.seg.nrrd"), one + two)

    def test_real_nrrd_masks_fit_their_dicom(self, shared_data) -> None:
        case = read_volume(shared_data("dcmqi", "ct-3slice"))
        mask = read_mask(shared_data("dcmqi", "liver_spine_seg.nrrd"), case.geometry)
        assert set(np.unique(mask)) == {0, 1, 2}
        # The vertebra is bone: brighter than the liver.
        assert case.voxels[mask == 2].mean() > case.voxels[mask == 1].mean() + 50


def test_a_mask_of_a_dicom_series_shows_where_its_slices_lie(tmp_path) -> None:
    folder = dicom_series(tmp_path / "ct", np.abs(ct((8, 9, 6))).astype(np.uint16), step=(0.0, 0.0, 2.0))
    case = read_volume(folder)
    mask = np.zeros(case.geometry.shape, np.uint8)
    mask[2, 3, 4] = 22
    write_mask(tmp_path / "m.nii.gz", mask, case)
    image = SimpleITK.ReadImage(str(tmp_path / "m.nii.gz"))
    assert np.allclose(image.TransformIndexToPhysicalPoint((2, 3, 4)), (2 * 0.7, 3 * 0.8, 8.0), atol=1e-5)
    assert image[2, 3, 4] == 22


class TestPictures:
    def test_a_mask_of_a_picture_has_its_size_and_simpleitks_grid(self, tmp_path) -> None:
        from PIL import Image

        Image.fromarray(np.arange(80, dtype=np.uint8).reshape(8, 10)).save(tmp_path / "p.png")
        case = read_volume(tmp_path / "p.png")
        mask = labels((10, 8, 1))
        picture = SimpleITK.ReadImage(str(tmp_path / "p.png"))
        for ending in (".nii.gz", ".nrrd", ".png"):
            write_mask(tmp_path / f"m{ending}", mask, case)
            image = SimpleITK.ReadImage(str(tmp_path / f"m{ending}"))
            assert image.GetSize() == picture.GetSize() == (10, 8)
            assert image.GetSpacing() == picture.GetSpacing()
            assert image.GetOrigin() == picture.GetOrigin()
            assert image.GetDirection() == picture.GetDirection()
            assert np.array_equal(SimpleITK.GetArrayFromImage(image).T, mask[:, :, 0])
            assert np.array_equal(read_mask(tmp_path / f"m{ending}", case.geometry), mask)

    def test_png_keeps_labels_above_255(self, tmp_path) -> None:
        case = Volume(np.zeros((4, 4, 1), np.uint8), Geometry((4, 4, 1), np.eye(4), has_spacing=False), False)
        mask = np.full((4, 4, 1), 700)
        write_mask(tmp_path / "m.png", mask, case)
        assert np.array_equal(read_mask(tmp_path / "m.png"), mask)

    def test_a_png_cannot_hold_a_volume(self, tmp_path) -> None:
        with pytest.raises(OutputError, match="one slice only"):
            write_mask(tmp_path / "m.png", labels((5, 6, 7)), volume(np.eye(4)))


@pytest.mark.parametrize("name", ["m.png", "m.tif", "m.nii"])
def test_colours_are_never_taken_for_labels(tmp_path: Path, name: str) -> None:
    """As grey values they would become labels that nobody gave, and 22 is L3."""
    if name == "m.nii":
        voxels = np.zeros((4, 5, 6), [("R", "u1"), ("G", "u1"), ("B", "u1")])
        voxels["R"][1, 1, 1] = 255
        nibabel.save(nibabel.Nifti1Image(voxels, np.eye(4)), tmp_path / name)
    else:
        colours = np.zeros((8, 9, 3), np.uint8)
        colours[2:4, 2:4] = 255, 0, 0
        Image.fromarray(colours).save(tmp_path / name)
    with pytest.raises(InputError, match="colours are no labels"):
        read_mask(tmp_path / name)


def test_a_grey_picture_saved_with_three_channels_keeps_its_labels(tmp_path: Path) -> None:
    grey = np.zeros((8, 9, 3), np.uint8)
    grey[2:4, 2:4] = 22
    Image.fromarray(grey).save(tmp_path / "m.png")
    assert set(np.unique(read_mask(tmp_path / "m.png"))) == {0, 22}
