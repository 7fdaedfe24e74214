"""NIfTI as it is in research: every orientation, type and byte order, transforms that disagree, are missing or sheared."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest
import SimpleITK
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spinalsam.data.formats import read_volume
from spinalsam.errors import InputError
from spinalsam.support.geometry import Geometry
from tests.data.make import RAS_LPS, ct, nifti, oblique
from tests.support.grids import ORIENTATIONS, geometries

DTYPES = ["uint8", "int8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64"]


@pytest.mark.parametrize("degrees", [0.0, 17.0, 33.0])
def test_every_orientation_reads_like_nibabel_and_simpleitk(tmp_path, degrees) -> None:
    voxels = ct()
    for orientation in ORIENTATIONS:
        path = nifti(tmp_path / "v.nii.gz", voxels, oblique(orientation, degrees=degrees))
        found = read_volume(path)
        assert np.array_equal(found.voxels, np.asanyarray(nibabel.load(path).dataobj))
        assert np.allclose(found.geometry.affine, RAS_LPS @ nibabel.load(path).affine, atol=1e-9)
        image = SimpleITK.ReadImage(str(path))
        for ijk in ((0, 0, 0), (4, 5, 6), (1, 2, 3)):
            assert image[ijk] == found.voxels[ijk]
            assert np.allclose(image.TransformIndexToPhysicalPoint(ijk), found.geometry.to_mm(ijk), atol=1e-3)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(geometry=geometries(), version=st.sampled_from([1, 2]), endian=st.sampled_from("<>"))
def test_any_affine_opens_as_it_stands(tmp_path, geometry: Geometry, version: int, endian: str) -> None:
    voxels = ct(geometry.shape)
    path = nifti(tmp_path / "v.nii", voxels, geometry.affine, qform_code=0, version=version, endian=endian)
    found = read_volume(path)
    assert np.array_equal(found.voxels, voxels)
    assert np.array_equal(found.geometry.affine, RAS_LPS @ nibabel.load(path).header.get_sform())


@pytest.mark.parametrize("endian", ["<", ">"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("ending", [".nii", ".nii.gz", ".hdr"])
def test_every_type_and_byte_order_keeps_its_values(tmp_path, dtype: str, endian: str, ending: str) -> None:
    voxels = np.abs(ct()).astype(dtype) if dtype[0] == "u" else (ct() // 12 if dtype == "int8" else ct()).astype(dtype)
    found = read_volume(nifti(tmp_path / f"v{ending}", voxels, endian=endian))
    assert np.array_equal(found.voxels, voxels)
    assert found.voxels.dtype in (np.uint8, np.int16)
    assert found.voxels.dtype.isnative


def test_the_image_half_of_a_pair_opens_too_and_so_does_a_packed_pair(tmp_path) -> None:
    voxels = ct()
    nifti(tmp_path / "one.hdr", voxels)
    nifti(tmp_path / "two.hdr.gz", voxels)
    for name in ("one.img", "two.hdr.gz", "two.img.gz"):
        assert np.array_equal(read_volume(tmp_path / name).voxels, voxels), name


@pytest.mark.parametrize("dtype", ["uint32", "int32", "float32"])
def test_values_beyond_16_bits_are_kept(tmp_path, dtype: str) -> None:
    voxels = (np.abs(ct()).astype(int) * 50).astype(dtype)
    found = read_volume(nifti(tmp_path / "v.nii", voxels))
    assert np.array_equal(found.voxels, voxels)
    assert found.voxels.dtype in (np.int32, np.float32)


def test_fractions_stay_fractions_in_32_bits(tmp_path) -> None:
    voxels = np.random.default_rng(1).normal(0, 500, (5, 6, 7))
    found = read_volume(nifti(tmp_path / "v.nii.gz", voxels))
    assert found.voxels.dtype == np.float32
    assert np.allclose(found.voxels, voxels, rtol=1e-6)


@pytest.mark.parametrize(("slope", "intercept"), [(1, -1024), (2, 10), (-1, 0), (1, 0), (3, -32000)])
def test_whole_slopes_keep_16_bits(tmp_path, slope: float, intercept: float) -> None:
    raw = np.abs(ct()).astype(np.uint16)
    path = nifti(tmp_path / "v.nii", raw, slope=slope, intercept=intercept)
    found = read_volume(path)
    assert found.voxels.dtype == np.int16
    assert np.array_equal(found.voxels, raw.astype(int) * slope + intercept)
    assert np.array_equal(found.voxels, nibabel.load(path).get_fdata())


def test_a_uint16_offset_that_crosses_the_sign_bit_is_exact(tmp_path) -> None:
    raw = np.full((2, 2, 2), 60000, np.uint16)
    raw[0] = 30000
    found = read_volume(nifti(tmp_path / "v.nii", raw, slope=1, intercept=-40000))
    assert sorted({int(value) for value in found.voxels.flat}) == [-10000, 20000]


def test_fractional_slopes_give_what_nibabel_gives(tmp_path) -> None:
    path = nifti(tmp_path / "v.nii.gz", ct(), slope=0.044, intercept=-1024.5)
    found = read_volume(path)
    assert found.voxels.dtype == np.float32
    assert np.allclose(found.voxels, nibabel.load(path).get_fdata(), rtol=1e-6)


@pytest.mark.parametrize("slope", [0.0, float("nan"), float("inf")])
def test_a_slope_that_is_none_means_no_scaling(tmp_path, slope: float) -> None:
    assert np.array_equal(read_volume(nifti(tmp_path / "v.nii", ct(), slope=slope, intercept=5)).voxels, ct())


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
def test_voxels_that_are_no_numbers_are_replaced_and_counted(tmp_path, broken: float) -> None:
    voxels = ct().astype(np.float32)
    voxels[1, 2, 3] = voxels[0, 0, 0] = broken
    found = read_volume(nifti(tmp_path / "v.nii", voxels))
    assert found.voxels.dtype == np.int16
    assert found.voxels[1, 2, 3] == found.voxels.min() == np.nanmin(voxels[np.isfinite(voxels)])
    assert any("2 voxels were not numbers" in note for note in found.notes)
    good = np.isfinite(voxels)
    assert np.array_equal(found.voxels[good], voxels[good])


def test_a_volume_of_nothing_but_nan_is_refused(tmp_path) -> None:
    with pytest.raises(InputError, match="No voxel"):
        read_volume(nifti(tmp_path / "v.nii", np.full((3, 3, 3), np.nan, np.float32)))


@pytest.mark.parametrize("shape", [(5, 6, 7, 1), (5, 6, 7, 1, 1), (5, 6), (5,)])
def test_more_or_fewer_dimensions_of_one_volume_open(tmp_path, shape: tuple[int, ...]) -> None:
    voxels = np.random.default_rng(0).integers(-900, 900, shape).astype(np.int16)
    found = read_volume(nifti(tmp_path / "v.nii", voxels))
    assert np.array_equal(found.voxels.reshape(shape), voxels)


def test_several_volumes_are_refused_with_their_number(tmp_path) -> None:
    with pytest.raises(InputError, match="holds 4 volumes"):
        read_volume(nifti(tmp_path / "v.nii", np.zeros((3, 3, 3, 4), np.int16)))


def test_sform_is_used_where_both_disagree_and_that_is_said(tmp_path) -> None:
    def shift(header) -> None:
        header["qoffset_x"] += 10

    found = read_volume(nifti(tmp_path / "v.nii", ct(), oblique(ORIENTATIONS[0]), edit=shift))
    assert np.allclose(found.geometry.origin_mm, (-31.5, 12.25, 108.125), atol=1e-4)
    assert any("differ by up to 10.00 mm; the sform was used" in note for note in found.notes)


def test_agreeing_transforms_are_not_talked_about(tmp_path) -> None:
    assert read_volume(nifti(tmp_path / "v.nii", ct(), oblique(ORIENTATIONS[5], degrees=20))).notes == ()


def test_qform_is_used_where_there_is_no_sform(tmp_path) -> None:
    path = nifti(tmp_path / "v.nii", ct(), oblique(ORIENTATIONS[9], degrees=25), sform_code=0)
    found = read_volume(path)
    assert np.allclose(found.geometry.affine, RAS_LPS @ nibabel.load(path).header.get_qform(), atol=1e-9)
    assert found.notes == ()


def test_missing_codes_are_read_like_simpleitk_and_said(tmp_path) -> None:
    path = nifti(tmp_path / "v.nii", ct(), oblique(ORIENTATIONS[9]), sform_code=0, qform_code=0)
    found = read_volume(path)
    image = SimpleITK.ReadImage(str(path))
    assert np.allclose(found.geometry.direction.ravel(), image.GetDirection())
    assert np.allclose(found.geometry.origin_mm, image.GetOrigin())
    assert np.allclose(found.geometry.spacing_mm, image.GetSpacing())
    assert any("does not say how the patient lies" in note for note in found.notes)


@pytest.mark.parametrize("field", ["srow_x", "srow_y"])
@pytest.mark.parametrize("value", [0.0, np.nan])
def test_a_broken_sform_gives_way_to_the_qform_and_that_is_said(tmp_path, field: str, value: float) -> None:
    def damage(header) -> None:
        header[field] = value

    path = nifti(tmp_path / "v.nii", ct(), oblique(ORIENTATIONS[3]), edit=damage)
    found = read_volume(path)
    assert np.allclose(found.geometry.affine, RAS_LPS @ nibabel.load(path).header.get_qform(), atol=1e-9)
    assert any("sform is not usable" in note for note in found.notes)


def test_an_impossible_quaternion_and_no_sform_is_read_without_orientation(tmp_path) -> None:
    def damage(header) -> None:
        header["quatern_b"] = header["quatern_c"] = header["quatern_d"] = 0.9

    found = read_volume(nifti(tmp_path / "v.nii", ct(), sform_code=0, edit=damage))
    assert any("qform is not usable" in note for note in found.notes)


@pytest.mark.parametrize(("unit", "factor"), [("meter", 1000.0), ("micron", 0.001)])
def test_other_lengths_than_mm_are_converted_and_said(tmp_path, unit: str, factor: float) -> None:
    found = read_volume(nifti(tmp_path / "v.nii", ct(), oblique(ORIENTATIONS[0]), edit=lambda header: header.set_xyzt_units(unit)))
    assert np.allclose(found.geometry.spacing_mm, np.array([0.7, 0.9, 2.5]) * factor, rtol=1e-6)
    assert any("converted to mm" in note for note in found.notes)


def test_sheared_and_left_handed_affines_are_kept(tmp_path) -> None:
    affine = oblique(ORIENTATIONS[1])
    affine[0, 2] += 0.4
    found = read_volume(nifti(tmp_path / "v.nii", ct(), affine, qform_code=0))
    assert np.allclose(found.geometry.affine, affine, atol=1e-5)
    assert not found.geometry.is_orthonormal
    assert np.linalg.det(affine[:3, :3]) < 0


def test_colours_become_grey_and_that_is_said(tmp_path) -> None:
    rgb = np.zeros((3, 4, 5), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    rgb["R"], rgb["G"], rgb["B"] = 10, 200, 90
    found = read_volume(nifti(tmp_path / "v.nii", rgb))
    assert set(np.unique(found.voxels)) == {round(0.299 * 10 + 0.587 * 200 + 0.114 * 90)}
    assert any("grey" in note for note in found.notes)


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_complex_voxels_are_refused(tmp_path, dtype: str) -> None:
    with pytest.raises(InputError, match="complex"):
        read_volume(nifti(tmp_path / "v.nii", np.zeros((3, 3, 3), dtype)))


@pytest.mark.parametrize(
    ("voxels", "expected"),
    [
        (ct(), True),
        (ct().astype(np.float32) + 0.5, True),
        (np.arange(0, 256, dtype=np.uint8).reshape(4, 8, 8), False),
        (np.arange(0, 256, dtype=np.float64).reshape(4, 8, 8), False),
        (np.arange(0, 4096, dtype=np.uint16).reshape(16, 16, 16), False),
        (np.random.default_rng(0).normal(0, 1, (9, 9, 9)).astype(np.float32), False),
    ],
    ids=["ct", "ct with fractions", "8 bit", "8 bit as floats", "12 bit without a sign", "standardised"],
)
def test_hu_are_told_from_grey_values(tmp_path, voxels, expected: bool) -> None:
    assert read_volume(nifti(tmp_path / "v.nii.gz", voxels)).is_hu is expected


def test_a_single_cold_voxel_between_the_sampled_ones_still_makes_it_hu(tmp_path) -> None:
    voxels = np.abs(ct((9, 9, 9)))
    voxels[1, 1, 1] = -900
    assert read_volume(nifti(tmp_path / "v.nii", voxels)).is_hu


def test_name_and_source_hold_what_later_steps_need(tmp_path) -> None:
    found = read_volume(nifti(tmp_path / "sub-01_ct.nii.gz", ct()))
    assert found.name == "sub-01_ct"
    assert found.source["format"] == "nifti"
    assert len(found.source["header"]) == 348


def test_trailing_bytes_and_several_gzip_members_do_no_harm(tmp_path) -> None:
    import gzip

    plain = nifti(tmp_path / "v.nii", ct()).read_bytes()
    (tmp_path / "trailing.nii").write_bytes(plain + b"more")
    (tmp_path / "members.nii.gz").write_bytes(gzip.compress(plain[:400]) + gzip.compress(plain[400:]))
    (tmp_path / "padded.nii.gz").write_bytes(gzip.compress(plain) + b"\0" * 600)
    (tmp_path / "plain.nii.gz").write_bytes(plain)
    (tmp_path / "packed.nii").write_bytes(gzip.compress(plain))
    for name in ("trailing.nii", "members.nii.gz", "padded.nii.gz", "plain.nii.gz", "packed.nii"):
        assert np.array_equal(read_volume(tmp_path / name).voxels, ct()), name


@pytest.mark.parametrize(
    "parts",
    [
        ("totalsegmentator", "example_ct.nii.gz"),
        ("verse_masks", "sub-verse004_seg-vert_msk.nii.gz"),
        ("verse_masks", "sub-verse010_seg-vert_msk.nii.gz"),
        ("verse_masks", "sub-gl003_dir-ax_seg-vert_msk.nii.gz"),
    ],
)
def test_real_files_read_like_nibabel(shared_data, parts: tuple[str, ...]) -> None:
    path = shared_data(*parts)
    found, image = read_volume(path), nibabel.load(path)
    assert np.array_equal(found.voxels, np.asanyarray(image.dataobj))
    assert np.allclose(found.geometry.affine, RAS_LPS @ image.affine, atol=1e-9)


@pytest.mark.parametrize("sign", [0.0, 5.0, 1.0, -1.0])
@pytest.mark.parametrize("orientation", ORIENTATIONS[::7])
def test_any_sign_field_of_a_quaternion_is_read_like_simpleitk(tmp_path, sign: float, orientation) -> None:
    def edit(header) -> None:
        header["pixdim"][0] = sign

    path = nifti(tmp_path / "v.nii", ct(), oblique(orientation, degrees=20), sform_code=0, edit=edit)
    case, image = read_volume(path), SimpleITK.ReadImage(str(path))
    assert np.allclose(case.geometry.direction.ravel(), image.GetDirection(), atol=1e-5)
    assert np.allclose(case.geometry.origin_mm, image.GetOrigin(), atol=1e-4)
    assert np.allclose(case.geometry.spacing_mm, image.GetSpacing(), atol=1e-5)
    assert case.notes == ()


def test_a_voxel_size_that_is_not_positive_is_said(tmp_path) -> None:
    def edit(header) -> None:
        header["pixdim"][2] *= -1

    case = read_volume(nifti(tmp_path / "v.nii", ct(), oblique(ORIENTATIONS[0]), sform_code=0, edit=edit))
    assert np.allclose(case.geometry.spacing_mm, (0.7, 0.9, 2.5))
    assert any("not positive" in note for note in case.notes)
