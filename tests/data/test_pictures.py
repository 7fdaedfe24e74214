"""PNG, JPEG and TIFF, one or a folder of them."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from spinalsam.data.formats import read_volume
from spinalsam.errors import InputError

GREY = np.arange(80, dtype=np.uint8).reshape(8, 10)


@pytest.mark.parametrize("ending", [".png", ".tif", ".tiff"])
def test_a_grey_picture_is_one_slice_in_simpleitks_order(tmp_path, ending: str) -> None:
    import SimpleITK

    Image.fromarray(GREY).save(tmp_path / f"p{ending}")
    found = read_volume(tmp_path / f"p{ending}")
    image = SimpleITK.ReadImage(str(tmp_path / f"p{ending}"))
    assert found.geometry.shape == (10, 8, 1)
    assert found.voxels[7, 2, 0] == GREY[2, 7] == image[7, 2]
    assert found.voxels.dtype == np.uint8
    assert not found.is_hu
    assert not found.geometry.has_spacing
    assert any("mm are not possible" in note for note in found.notes)


def test_a_picture_is_shown_as_it_is() -> None:
    from spinalsam.support.geometry import Geometry
    from spinalsam.support.planes import SlicePlane

    geometry = Geometry((10, 8, 1), np.eye(4), has_spacing=False)
    assert np.array_equal(SlicePlane(geometry, "axial").cut(GREY.T[:, :, None], 0), GREY)


def test_a_jpeg_opens(tmp_path) -> None:
    Image.fromarray(GREY).save(tmp_path / "p.JPG", "JPEG", quality=95)
    found = read_volume(tmp_path / "p.JPG")
    assert np.abs(found.voxels[:, :, 0].T.astype(int) - GREY).max() < 6


@pytest.mark.parametrize("ending", [".png", ".tif"])
def test_sixteen_bits_are_kept(tmp_path, ending: str) -> None:
    deep = (np.arange(80).reshape(8, 10) * 800).astype(np.uint16)
    Image.fromarray(deep).save(tmp_path / f"p{ending}")
    assert np.array_equal(read_volume(tmp_path / f"p{ending}").voxels[:, :, 0], deep.T)


def test_floating_point_tiffs_are_kept(tmp_path) -> None:
    values = np.linspace(-5, 5, 80, dtype=np.float32).reshape(8, 10)
    Image.fromarray(values).save(tmp_path / "p.tif")
    assert np.array_equal(read_volume(tmp_path / "p.tif").voxels[:, :, 0], values.T)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "LA", "CMYK"])
def test_grey_pictures_stored_as_colour_keep_their_values_without_a_word(tmp_path, mode: str) -> None:
    name = "p.tif" if mode == "CMYK" else "p.png"
    Image.fromarray(GREY).convert(mode).save(tmp_path / name)
    found = read_volume(tmp_path / name)
    assert np.array_equal(found.voxels[:, :, 0].T, GREY)
    assert not any("Colour" in note for note in found.notes)


def test_colours_become_their_brightness_and_that_is_said(tmp_path) -> None:
    colour = np.zeros((8, 10, 3), np.uint8)
    colour[..., 0], colour[..., 1] = 255, np.arange(10) * 20
    Image.fromarray(colour).save(tmp_path / "p.png")
    found = read_volume(tmp_path / "p.png")
    expected = 0.299 * 255 + 0.587 * np.arange(10) * 20
    assert np.abs(found.voxels[:, 3, 0] - expected).max() <= 1
    assert any("Colour pictures were turned into grey" in note for note in found.notes)


def test_black_and_white_becomes_0_and_255(tmp_path) -> None:
    Image.fromarray(GREY > 40).save(tmp_path / "p.png")
    assert np.array_equal(read_volume(tmp_path / "p.png").voxels[:, :, 0].T, (GREY > 40) * 255)


def test_the_pages_of_a_tiff_are_its_slices(tmp_path) -> None:
    pages = [Image.fromarray(GREY + n) for n in range(5)]
    pages[0].save(tmp_path / "p.tif", save_all=True, append_images=pages[1:])
    found = read_volume(tmp_path / "p.tif")
    assert found.geometry.shape == (10, 8, 5)
    assert [int(found.voxels[0, 0, k]) for k in range(5)] == [0, 1, 2, 3, 4]


def test_a_folder_is_a_stack_in_natural_order(tmp_path) -> None:
    for n in (1, 2, 10, 9, 100):
        Image.fromarray(np.full((8, 10), n, np.uint8)).save(tmp_path / f"slice {n}.png")
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / ".thumb.png").write_bytes((tmp_path / "slice 1.png").read_bytes())
    found = read_volume(tmp_path)
    assert found.voxels[0, 0].tolist() == [1, 2, 9, 10, 100]
    assert found.source["files"] == ("slice 1.png", "slice 2.png", "slice 9.png", "slice 10.png", "slice 100.png")


def test_damaged_pictures_of_a_folder_are_left_out_with_their_count(tmp_path) -> None:
    for n in range(3):
        Image.fromarray(GREY).save(tmp_path / f"{n}.png")
    whole = (tmp_path / "1.png").read_bytes()
    (tmp_path / "1.png").write_bytes(whole[:40])
    found = read_volume(tmp_path)
    assert found.geometry.shape == (10, 8, 2)
    assert any("1 damaged pictures were left out" in note for note in found.notes)


def test_pictures_of_different_size_are_refused_with_both_named(tmp_path) -> None:
    Image.fromarray(GREY).save(tmp_path / "a.png")
    Image.fromarray(GREY.T.copy()).save(tmp_path / "b.png")
    with pytest.raises(InputError, match=r"'a.png' has 10x8 pixels, 'b.png' 8x10"):
        read_volume(tmp_path)


def test_a_png_that_claims_absurd_sizes_is_refused(tmp_path) -> None:
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    for side in (20000, 2_000_000):
        header = side.to_bytes(4, "big") * 2 + b"\x08\x00\x00\x00\x00"
        data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
        (tmp_path / "p.png").write_bytes(data)
        with pytest.raises(InputError, match="pixels"):
            read_volume(tmp_path / "p.png")
