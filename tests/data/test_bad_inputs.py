"""Files that are not what they say: one clear line, and no memory taken for what they claim."""

from __future__ import annotations

import gzip
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from spinalsam.data.formats import info, list_series, read_mask, read_volume
from spinalsam.errors import InputError, ResourceError
from tests.conftest import REPOSITORY
from tests.data.make import ct, dicom_slice, nifti


def claim(*shape: int, dtype: int = 4):
    """Make a header claim a size it does not have."""

    def edit(header) -> None:
        header["dim"] = [len(shape), *shape, *[1] * (7 - len(shape))]
        header["datatype"] = dtype

    return edit


def text_as_nifti(folder: Path) -> Path:
    (folder / "v.nii.gz").write_text("this is a letter")
    return folder / "v.nii.gz"


def zipped_text(folder: Path) -> Path:
    (folder / "v.nii.gz").write_bytes(gzip.compress(b"this is a letter " * 100))
    return folder / "v.nii.gz"


def truncated_gzip(folder: Path) -> Path:
    path = nifti(folder / "v.nii.gz", ct((40, 40, 40)))
    path.write_bytes(path.read_bytes()[:20000])
    return path


def truncated_in_the_header(folder: Path) -> Path:
    path = nifti(folder / "v.nii.gz", ct())
    path.write_bytes(path.read_bytes()[:60])
    return path


def damaged_gzip(folder: Path) -> Path:
    path = nifti(folder / "v.nii.gz", ct((40, 40, 40)))
    data = bytearray(path.read_bytes())
    data[5000:5040] = b"\xff" * 40
    path.write_bytes(bytes(data))
    return path


def truncated(folder: Path) -> Path:
    path = nifti(folder / "v.nii", ct())
    path.write_bytes(path.read_bytes()[:-7])
    return path


def zero_bytes(folder: Path) -> Path:
    (folder / "v.nii").write_bytes(b"")
    return folder / "v.nii"


def binary_noise(folder: Path) -> Path:
    (folder / "v.nrrd").write_bytes(np.random.default_rng(0).bytes(5000))
    return folder / "v.nrrd"


def bad_pair(folder: Path) -> Path:
    nifti(folder / "v.hdr", ct())
    (folder / "v.img").unlink()
    return folder / "v.hdr"


def analyze(folder: Path) -> Path:
    nifti(folder / "v.hdr", ct())
    data = bytearray((folder / "v.hdr").read_bytes())
    data[344:348] = b"\0\0\0\0"
    (folder / "v.hdr").write_bytes(bytes(data))
    return folder / "v.hdr"


def empty_folder(folder: Path) -> Path:
    (folder / "empty").mkdir()
    return folder / "empty"


def junk_folder(folder: Path) -> Path:
    junk = folder / "junk"
    (junk / "deep").mkdir(parents=True)
    (junk / "a.txt").write_text("a")
    (junk / "deep" / "b.bin").write_bytes(b"\0" * 300)
    (junk / "c.dcm").write_text("no dicom")
    return junk


def folder_of_volumes(folder: Path) -> Path:
    nifti(folder / "one.nii.gz", ct())
    return folder


def missing(folder: Path) -> Path:
    return folder / "nowhere.nii.gz"


def no_name(folder: Path) -> Path:
    return folder / ("x" * 300)


def broken_link(folder: Path) -> Path:
    (folder / "link.nii").symlink_to(folder / "gone.nii")
    return folder / "link.nii"


def text_as_dicom(folder: Path) -> Path:
    (folder / "v.dcm").write_text("hello" * 100)
    return folder / "v.dcm"


def dicom_with_nothing_in_it(folder: Path) -> Path:
    (folder / "v.dcm").write_bytes(b"\0" * 128 + b"DICM")
    return folder / "v.dcm"


def truncated_dicom(folder: Path) -> Path:
    path = dicom_slice(folder / "v.dcm", np.zeros((40, 40), np.uint16))
    path.write_bytes(path.read_bytes()[:-500])
    return path


def half_a_picture(folder: Path) -> Path:
    from PIL import Image

    Image.fromarray(np.random.default_rng(0).integers(0, 255, (90, 90)).astype(np.uint8)).save(folder / "p.png")
    (folder / "p.png").write_bytes((folder / "p.png").read_bytes()[:3000])
    return folder / "p.png"


def with_header(name: str, edit):
    def make(folder: Path) -> Path:
        return nifti(folder / "v.nii.gz", ct(), edit=edit)

    make.__name__ = name
    return make


def set_field(field: str, value):
    def edit(header) -> None:
        header[field] = value

    return edit


BAD = [
    text_as_nifti, zipped_text, truncated_gzip, truncated_in_the_header, damaged_gzip, truncated, zero_bytes, binary_noise, bad_pair,
    analyze, empty_folder, junk_folder, folder_of_volumes, missing, no_name, broken_link, text_as_dicom, dicom_with_nothing_in_it,
    truncated_dicom, half_a_picture,
    with_header("a_million_million_voxels", claim(10000, 10000, 10000)),
    with_header("as_many_voxels_as_fit_into_the_header", claim(32767, 32767, 32767)),
    with_header("more_voxels_than_the_file_has", claim(50, 60, 70)),
    with_header("negative_size", claim(-5, 6, 7)),
    with_header("no_size", claim(0, 6, 7)),
    with_header("nine_dimensions", set_field("dim", [9, 5, 6, 7, 1, 1, 1, 1])),
    with_header("several_volumes", claim(5, 6, 1, 7)),
    with_header("unknown_type", set_field("datatype", 9999)),
    with_header("no_type", set_field("datatype", 0)),
    with_header("voxels_before_the_header", set_field("vox_offset", -400)),
    with_header("voxels_far_behind_the_end", set_field("vox_offset", 1e9)),
    with_header("voxels_nowhere", set_field("vox_offset", np.nan)),
]  # fmt: skip


@pytest.mark.parametrize("make", BAD, ids=lambda make: make.__name__)
def test_bad_input_gives_one_clear_line(tmp_path, make) -> None:
    path = make(tmp_path)
    with pytest.raises(InputError) as caught:
        read_volume(path)
    line = str(caught.value)
    assert "\n" not in line
    assert line.endswith(".")
    assert path.name[:60] in line
    assert caught.value.exit_code == 3
    with pytest.raises(InputError):
        read_mask(path)
    with pytest.raises(InputError):
        info(path)


def test_an_analyze_file_is_told_from_a_damaged_one_and_what_to_do_is_said(tmp_path) -> None:
    for path in (analyze(tmp_path), tmp_path / "v.img"):
        with pytest.raises(InputError, match=r"Analyze 7\.5.*left from right.*convert it to NIfTI"):
            read_volume(path)


@pytest.mark.parametrize("make", [missing, no_name, broken_link])
def test_series_of_what_is_not_there_are_refused(tmp_path, make) -> None:
    with pytest.raises(InputError):
        list_series(make(tmp_path))


@pytest.mark.parametrize("make", [text_as_nifti, empty_folder, junk_folder, folder_of_volumes])
def test_what_is_no_dicom_has_no_series(tmp_path, make) -> None:
    assert list_series(make(tmp_path)) == []


def run_with_little_memory(code: str, *, megabytes: int = 1500) -> subprocess.CompletedProcess[str]:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))

    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=REPOSITORY, preexec_fn=limit, check=False,
        env={"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PATH": ""},
    )  # fmt: skip


@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit on memory")
def test_a_decompression_bomb_is_refused_before_memory_is_touched(tmp_path) -> None:
    """20 GB of zeros in 20 MB, with a header that truly says so."""
    import nibabel

    header = nibabel.Nifti1Header()
    header.set_data_shape((2048, 2048, 2500))
    header.set_data_dtype(np.int16)
    header["magic"], header["vox_offset"] = b"n+1", 352
    path = tmp_path / "bomb.nii.gz"
    piece = gzip.compress(b"\0" * (64 << 20), 9)
    with open(path, "wb") as file:
        file.write(gzip.compress(header.binaryblock + b"\0\0\0\0"))
        for _ in range(2048 * 2048 * 2500 * 2 // (64 << 20) + 1):
            file.write(piece)
    code = (
        "from spinalsam.data.formats import read_volume\nfrom spinalsam.errors import InputError\n"
        f"try:\n    read_volume({str(path)!r})\nexcept InputError as error:\n    print(error)"
    )
    done = run_with_little_memory(code)
    assert "decompression bomb" in done.stdout, done.stderr


def test_a_volume_beyond_this_machines_memory_is_refused(tmp_path, monkeypatch) -> None:
    from spinalsam.data.formats import limits

    monkeypatch.setattr(limits, "available_memory_bytes", lambda: 1000)
    with pytest.raises(ResourceError, match="of memory") as caught:
        read_volume(nifti(tmp_path / "v.nii", ct((20, 20, 20))))
    assert caught.value.exit_code == 5


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from Linux's process status")
@pytest.mark.parametrize("kind", ["nii", "nii.gz", "nrrd", "dicom"])
def test_opening_takes_at_most_two_and_a_half_times_the_volume(tmp_path, kind: str) -> None:
    """A sixth of 512 x 512 x 600, so that the test stays quick; the share does not depend on the size."""
    from tests.data.make import dicom_series, sitk_file

    voxels = np.zeros((512, 512, 100), np.int16, order="F")
    voxels[100:300] = -1000
    voxels[300:, ::2] = 700
    if kind == "dicom":
        path = dicom_series(tmp_path / "ct", (voxels + 1024).astype(np.uint16))
    elif kind == "nrrd":
        path = sitk_file(tmp_path / "v.nrrd", voxels, np.eye(4))
    else:
        path = nifti(tmp_path / f"v.{kind}", voxels)
    code = (
        "import re, numpy, nibabel, SimpleITK, pydicom\nfrom spinalsam.data.formats import read_volume\n"
        "def kb(name): return int(re.search(name + r':\\s+(\\d+)', open('/proc/self/status').read())[1])\n"
        f"before = kb('VmRSS'); v = read_volume({str(path)!r}); print((kb('VmHWM') - before) * 1024 / v.nbytes, v.voxels.dtype)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=REPOSITORY, check=True)
    share, dtype = done.stdout.split()
    assert float(share) <= 2.5
    assert dtype == "int16"


def test_a_deflated_dicom_bomb_is_left_out_before_it_is_inflated(tmp_path, monkeypatch) -> None:
    import zlib

    from spinalsam.data.formats import dicom_pixels

    monkeypatch.setattr(dicom_pixels, "_INFLATE_LIMIT", 1 << 25)

    path = dicom_slice(tmp_path / "v.dcm", np.zeros((40, 40), np.uint16), syntax="1.2.840.10008.1.2.1.99")
    assert read_volume(path).geometry.shape == (40, 40, 1)
    whole = path.read_bytes()
    begin = 144 + int.from_bytes(whole[140:144], "little")
    squeeze = zlib.compressobj(9, wbits=-15)
    zeros = b"\0" * (1 << 24)
    rest = b"".join(squeeze.compress(zeros) for _ in range(dicom_pixels._INFLATE_LIMIT // len(zeros) + 1)) + squeeze.flush()
    path.write_bytes(whole[:begin] + rest)
    with pytest.raises(InputError, match="damaged"):
        read_volume(path)
