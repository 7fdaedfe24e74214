"""NRRD and MetaImage: every orientation, type and encoding, and directions that are not orthonormal."""

from __future__ import annotations

import bz2
import gzip

import numpy as np
import pytest
import SimpleITK

from spinalsam.data.formats import read_volume
from spinalsam.errors import InputError
from tests.data.make import ct, oblique, sitk_file, sitk_image
from tests.support.grids import ORIENTATIONS

ENDINGS = (".nrrd", ".nhdr", ".mha", ".mhd")


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_orientation_reads_like_simpleitk(tmp_path, ending: str) -> None:
    for number, orientation in enumerate(ORIENTATIONS):
        affine = oblique(orientation, degrees=number % 3 * 14.0)
        path = sitk_file(tmp_path / f"v{ending}", ct(), affine, compress=number % 2 == 0)
        found = read_volume(path)
        assert np.array_equal(found.voxels, ct())
        assert np.allclose(found.geometry.affine, affine, atol=1e-9)
        assert found.is_hu


@pytest.mark.parametrize("ending", [".nrrd", ".mha"])
def test_directions_that_are_not_orthonormal_open_as_they_stand(tmp_path, ending: str) -> None:
    affine = oblique(ORIENTATIONS[2], degrees=12)
    affine[0, 1] += 0.3
    affine[2, 0] -= 0.1
    found = read_volume(sitk_file(tmp_path / f"v{ending}", ct(), affine))
    assert np.allclose(found.geometry.affine, affine, atol=1e-9)
    assert not found.geometry.is_orthonormal


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "uint16", "int32", "uint32", "int64", "float32", "float64"])
@pytest.mark.parametrize("ending", [".nrrd", ".mha"])
def test_every_type_keeps_its_values(tmp_path, dtype: str, ending: str) -> None:
    voxels = (np.abs(ct()) % 127).astype(dtype)
    found = read_volume(sitk_file(tmp_path / f"v{ending}", voxels, np.eye(4)))
    assert np.array_equal(found.voxels, voxels)
    assert found.voxels.dtype in (np.uint8, np.int16)


def nrrd(encoding: str, data: bytes, *, space: str = "left-posterior-superior", endian: str = "little", extra: str = "") -> bytes:
    head = (
        f"NRRD0004\ntype: int16\ndimension: 3\nspace: {space}\nsizes: 5 6 7\nspace directions: (2,0,0) (0,3,0) (0,0,4)\n"
        f"endian: {endian}\nencoding: {encoding}\nspace origin: (10,20,30)\n{extra}\n"
    )
    return head.encode() + data


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("raw", bytes),
        ("gzip", gzip.compress),
        ("bzip2", bz2.compress),
        ("ascii", lambda data: " ".join(map(str, np.frombuffer(data, "<i2"))).encode()),
        ("hex", lambda data: data.hex().encode()),
    ],
)
def test_every_nrrd_encoding_opens(tmp_path, encoding: str, pack) -> None:
    path = tmp_path / "v.nrrd"
    path.write_bytes(nrrd(encoding, pack(ct().tobytes(order="F"))))
    if encoding == "bzip2":
        pytest.importorskip("bz2")
        try:
            SimpleITK.ReadImage(str(path))
        except RuntimeError:
            with pytest.raises(InputError):
                read_volume(path)
            return
    assert np.array_equal(read_volume(path).voxels, ct())


def test_ras_space_is_turned_to_lps(tmp_path) -> None:
    (tmp_path / "v.nrrd").write_bytes(nrrd("raw", ct().tobytes(order="F"), space="right-anterior-superior"))
    found = read_volume(tmp_path / "v.nrrd")
    assert np.allclose(found.geometry.affine[:3, 3], (-10, -20, 30))
    assert found.geometry.axis_codes == "RAS"


def test_big_endian_voxels_are_read_right(tmp_path) -> None:
    (tmp_path / "v.nrrd").write_bytes(nrrd("raw", ct().astype(">i2").tobytes(order="F"), endian="big"))
    found = read_volume(tmp_path / "v.nrrd")
    assert np.array_equal(found.voxels, ct())
    assert found.voxels.dtype.isnative


def test_a_flat_image_is_a_volume_of_one_slice(tmp_path) -> None:
    image = SimpleITK.GetImageFromArray(np.arange(20, dtype=np.int16).reshape(4, 5))
    image.SetSpacing((0.5, 0.7))
    SimpleITK.WriteImage(image, str(tmp_path / "v.nrrd"))
    found = read_volume(tmp_path / "v.nrrd")
    assert found.geometry.shape == (5, 4, 1)
    assert found.geometry.spacing_mm[:2] == pytest.approx((0.5, 0.7))


def test_vector_images_and_several_volumes_are_refused(tmp_path) -> None:
    image = sitk_image(ct(), np.eye(4))
    SimpleITK.WriteImage(SimpleITK.Compose(image, image), str(tmp_path / "v.nrrd"))
    SimpleITK.WriteImage(SimpleITK.JoinSeries([image, image, image]), str(tmp_path / "t.mha"))
    with pytest.raises(InputError, match="holds 2 values a voxel"):
        read_volume(tmp_path / "v.nrrd")
    with pytest.raises(InputError, match="holds 3 volumes"):
        read_volume(tmp_path / "t.mha")


@pytest.mark.parametrize("ending", [".nrrd", ".mha"])
@pytest.mark.parametrize("compress", [True, False])
def test_truncated_files_are_refused(tmp_path, ending: str, compress: bool) -> None:
    whole = sitk_file(tmp_path / f"v{ending}", ct((20, 20, 20)), np.eye(4), compress=compress).read_bytes()
    (tmp_path / f"cut{ending}").write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(InputError, match=f"'cut{ending}'"):
        read_volume(tmp_path / f"cut{ending}")


@pytest.mark.parametrize("ending", [".nhdr", ".mhd"])
def test_a_header_without_its_data_file_is_refused(tmp_path, ending: str) -> None:
    sitk_file(tmp_path / f"v{ending}", ct(), np.eye(4))
    for file in tmp_path.iterdir():
        if file.suffix != ending:
            file.unlink()
    with pytest.raises(InputError, match="needs the file"):
        read_volume(tmp_path / f"v{ending}")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"sizes: 5 6 7", b"sizes: 900000 900000 900000"),
        (b"sizes: 5 6 7", b"sizes: -5 6 7"),
        (b"sizes: 5 6 7", b"sizes: five six seven"),
        (b"type: int16", b"type: banana"),
        (b"sizes: 5 6 7\n", b""),
    ],
)
@pytest.mark.parametrize("encoding", ["raw", "gzip", "ascii"])
def test_headers_that_lie_are_refused_before_anything_is_read(tmp_path, old: bytes, new: bytes, encoding: str, monkeypatch) -> None:
    monkeypatch.setattr(SimpleITK, "ReadImage", lambda *_: pytest.fail("memory was touched"))
    (tmp_path / "v.nrrd").write_bytes(nrrd(encoding, b"1 2 3").replace(old, new))
    with pytest.raises(InputError, match=r"'v\.nrrd'"):
        read_volume(tmp_path / "v.nrrd")


def test_a_metaimage_that_claims_absurd_sizes_is_refused(tmp_path) -> None:
    sitk_file(tmp_path / "v.mha", ct(), np.eye(4))
    damaged = (tmp_path / "v.mha").read_bytes().replace(b"DimSize = 5 6 7", b"DimSize = 90000 90000 90000")
    (tmp_path / "v.mha").write_bytes(damaged)
    with pytest.raises(InputError, match="claims"):
        read_volume(tmp_path / "v.mha")


def test_a_real_nrrd_reads_like_simpleitk(shared_data) -> None:
    path = shared_data("ts2d", "sample_s0521.nrrd")
    found, image = read_volume(path), SimpleITK.ReadImage(str(path))
    assert np.array_equal(found.voxels, SimpleITK.GetArrayFromImage(image).T)
    assert found.geometry.axis_codes == "RAS"
    assert found.is_hu


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"NDims = 3", b"NDims = 655363"), (b"NDims = 3", b"NDims = 2147483648"), (b"NDims = 3", b"NDims = 2"), (b"NDims = 3\n", b""),
        (b"Offset = ", b"Offset = 1 "), (b"Offset = ", b"Offset = x "), (b"ElementSpacing = ", b"ElementSpacing = 1 1 1 1 "),
        (b"DimSize = 5 6 7", b"DimSize = 5 6 7\nDimSize = 500 600 700"), (b"TransformMatrix = ", b"TransformMatrix = 1 0 0 "),
    ],
)  # fmt: skip
def test_metaimage_lists_that_do_not_fit_their_dimensions_are_refused(tmp_path, old: bytes, new: bytes) -> None:
    """ITK reads beyond its arrays for some of these and takes the program with it."""
    path = sitk_file(tmp_path / "v.mha", ct(), oblique(ORIENTATIONS[3]), compress=False)
    assert old in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(old, new, 1))
    with pytest.raises(InputError, match="damaged header"):
        read_volume(path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"dimension: 3", b"dimension: 4"), (b"sizes: ", b"sizes: 3 "), (b"space directions: ", b"space directions: (1,0,0) "),
        (b"space directions: (", b"space directions: inf("), (b"space origin: (", b"space origin: (1,"), (b"kinds: ", b"kinds: domain "),
        (b"endian: ", b"endyan: "), (b"type: short", b"type: short\ntype: double"), (b"space: left-posterior-superior\n", b""),
        (b"space directions: ", b"space directions: " + b"(1,0,0) " * 2000),
    ],
)  # fmt: skip
def test_nrrd_fields_that_do_not_fit_their_dimensions_are_refused(tmp_path, old: bytes, new: bytes) -> None:
    path = sitk_file(tmp_path / "v.nrrd", ct(), oblique(ORIENTATIONS[3]))
    assert old in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(old, new, 1))
    with pytest.raises(InputError, match="damaged header"):
        read_volume(path)


def test_a_nrrd_whose_voxels_lie_in_a_list_of_files_opens(tmp_path) -> None:
    voxels = ct((5, 6, 3))
    names = [f"slice{k}.raw" for k in range(3)]
    for k, name in enumerate(names):
        (tmp_path / name).write_bytes(voxels[:, :, k].astype("<i2").tobytes(order="F"))
    header = ["NRRD0004", "type: short", "dimension: 3", "sizes: 5 6 3", "encoding: raw", "endian: little",
              "space: left-posterior-superior", "space directions: (1,0,0) (0,1,0) (0,0,2)", "space origin: (1,2,3)",
              "data file: LIST", *names]  # fmt: skip
    (tmp_path / "v.nhdr").write_text("\n".join(header) + "\n")
    case = read_volume(tmp_path / "v.nhdr")
    assert np.array_equal(case.voxels, voxels)
    assert np.allclose(case.geometry.origin_mm, (1, 2, 3))
