"""Bad inputs with a name each: files, arguments, prompts, journals and checkpoints that must be refused with one clear line."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import struct
import tempfile
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import numpy as np

from spinalsam.cli import main
from tests.data import test_bad_inputs as files
from tests.data.make import ct, dicom_series, dicom_slice, nifti, oblique, sitk_file
from tests.fakes import FakeSegmenter
from tests.support.grids import ORIENTATIONS

OUT = "out.nii.gz"
SHAPE = (12, 14, 10)


@dataclass(frozen=True)
class BadInput:
    """words: the command's arguments, made in an empty folder. code: the exit code that it must give."""

    name: str
    words: Callable[[Path], list[object]]
    code: int = 3


def segment(image: Callable[[Path], Path], *options: object) -> Callable[[Path], list[object]]:
    given = options or ("--point", "2,2,2")
    return lambda folder: ["segment", image(folder), "-o", folder / OUT, *given]


def good(folder: Path) -> Path:
    return nifti(folder / "ct.nii.gz", ct(SHAPE), oblique(ORIENTATIONS[0]))


def from_bytes(name: str, content: bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return make


def with_prompts(line: str) -> Callable[[Path], list[object]]:
    def words(folder: Path) -> list[object]:
        (folder / "p.jsonl").write_text(line)
        return ["segment", good(folder), "-o", folder / OUT, "--prompts", folder / "p.jsonl"]

    return words


def with_point(point: str) -> Callable[[Path], list[object]]:
    return segment(good, "--point", point)


def pictures(folder: Path) -> Path:
    from PIL import Image

    (folder / "stack").mkdir()
    for number in range(3):
        Image.fromarray(np.full((14, 12), 40 * number, np.uint8)).save(folder / "stack" / f"{number}.png")
    return folder / "stack"


def series(edit: Callable[[Path], None] = lambda _: None, **extra: object) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        found = dicom_series(folder / "ct", np.abs(ct(SHAPE)).astype(np.uint16), **extra)
        edit(found)
        return found

    return make


def _uneven(folder: Path) -> None:
    dicom_slice(folder / "extra.dcm", np.zeros((14, 12), np.uint16), position=(0, 0, 5.3), instance=77)


def _another_series(folder: Path) -> None:
    dicom_slice(folder / "other.dcm", np.zeros((14, 12), np.uint16), series="1.2.3.9", instance=1)


def _no_pixels(folder: Path) -> None:
    import pydicom

    for path in folder.iterdir():
        dataset = pydicom.dcmread(path)
        del dataset.PixelData
        dataset.save_as(path)


def _random_pixels(folder: Path) -> None:
    import pydicom
    from pydicom.encaps import encapsulate

    for path in folder.iterdir():
        dataset = pydicom.dcmread(path)
        dataset.PixelData = encapsulate([np.random.default_rng(1).bytes(300)])
        dataset["PixelData"].VR = "OB"
        dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.90"
        dataset.save_as(path)


def _only_every_fifth(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()
    for k in (0, 1, 2, 9, 17, 30):
        dicom_slice(folder / f"{k}.dcm", np.zeros((14, 12), np.uint16), position=(0, 0, 2.0 * k), instance=k + 1)


def nrrd(old: bytes, new: bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = sitk_file(folder / "v.nrrd", ct(SHAPE), oblique(ORIENTATIONS[0]))
        path.write_bytes(path.read_bytes().replace(old, new, 1))
        return path

    return make


def metaimage(old: bytes, new: bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = sitk_file(folder / "v.mha", ct(SHAPE), oblique(ORIENTATIONS[0]), compress=False)
        path.write_bytes(path.read_bytes().replace(old, new, 1))
        return path

    return make


def rgb_bomb(folder: Path) -> Path:
    """A PNG whose header claims 100000 x 100000 pixels."""
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 100000, 100000, 8, 2, 0, 0, 0))
    (folder / "p.png").write_bytes(b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b""))
    return folder / "p.png"


def gzip_bomb(folder: Path) -> Path:
    import nibabel

    header = nibabel.Nifti1Header()
    header.set_data_shape((2048, 2048, 2500))
    header.set_data_dtype(np.int16)
    header["magic"], header["vox_offset"] = b"n+1", 352
    piece = gzip.compress(b"\0" * (64 << 20), 9)
    (folder / "bomb.nii.gz").write_bytes(gzip.compress(header.binaryblock + b"\0\0\0\0") + piece * 321)
    return folder / "bomb.nii.gz"


def evaluated(pred: Callable[[Path], Path], truth: Callable[[Path], Path]) -> Callable[[Path], list[object]]:
    return lambda folder: ["evaluate", "--pred", pred(folder), "--truth", truth(folder)]


def mask_file(name: str, shape: tuple[int, int, int] = SHAPE, **extra: object) -> Callable[[Path], Path]:
    return lambda folder: nifti(folder / name, np.ones(shape, np.uint8), oblique(ORIENTATIONS[0]), **extra)  # type: ignore[arg-type]


def elsewhere(folder: Path) -> Path:
    return nifti(folder / "p.nii.gz", np.ones(SHAPE, np.uint8))


def fractions(folder: Path) -> Path:
    return nifti(folder / "soft.nii.gz", np.full(SHAPE, 0.5, np.float32), oblique(ORIENTATIONS[0]))


def replayed(content: bytes) -> Callable[[Path], list[object]]:
    def words(folder: Path) -> list[object]:
        (folder / "j.jsonl").write_bytes(content)
        return ["replay", folder / "j.jsonl", "-o", folder / OUT]

    return words


def _newer_journal() -> bytes:
    from spinalsam.control.journal import encode_line

    return encode_line(0, {"kind": "case", "format": 99, "op": "open_image", "args": {"path": "x"}}, "")[0]


def _journal_of_nothing() -> bytes:
    from spinalsam.control.journal import encode_line

    return encode_line(0, {"kind": "case", "format": 1, "op": "open_image", "args": {"path": "/no/such/ct.nii"}}, "")[0]


class _Malice:
    """What a malicious checkpoint does when it is unpickled carelessly."""

    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, (f"touch '{self.proof}'",)


def pickled(folder: Path) -> list[object]:
    (folder / "model.pth").write_bytes(pickle.dumps({"model": _Malice(folder / "RUN_BY_THE_CHECKPOINT")}))
    return ["models", "import", folder / "model.pth"]


def pickled_in_a_zip(folder: Path) -> list[object]:
    import torch

    torch.save({"model": _Malice(folder / "RUN_BY_THE_CHECKPOINT")}, folder / "model.pth")
    return ["models", "import", folder / "model.pth"]


def imported(name: str, content: bytes) -> Callable[[Path], list[object]]:
    def words(folder: Path) -> list[object]:
        (folder / name).write_bytes(content)
        return ["models", "import", folder / name]

    return words


def into(path: Callable[[Path], Path]) -> Callable[[Path], list[object]]:
    return lambda folder: ["segment", good(folder), "-o", path(folder), "--point", "2,2,2"]


def _folder_named_like_a_mask(folder: Path) -> Path:
    (folder / "m.nii.gz").mkdir()
    return folder / "m.nii.gz"


BAD: tuple[BadInput, ...] = (
    *(BadInput(make.__name__.replace("_", " "), segment(make)) for make in files.BAD),
    BadInput("a picture that claims 100000 x 100000 pixels", segment(rgb_bomb)),
    BadInput("20 GB of zeros in 20 MB", segment(gzip_bomb)),
    BadInput("a table of a spreadsheet", segment(from_bytes("t.xlsx", b"PK\x03\x04 table"))),
    BadInput("a NRRD without a size", segment(nrrd(b"sizes: 12 14 10\n", b""))),
    BadInput("a NRRD of 10^12 voxels", segment(nrrd(b"12 14 10", b"10000 10000 10000"))),
    BadInput("a NRRD of an unknown type", segment(nrrd(b"type: short", b"type: quaternion"))),
    BadInput("a NRRD that names a file that is not there", segment(nrrd(b"encoding: gzip", b"encoding: gzip\ndata file: no.raw"))),
    BadInput("a MetaImage of 10^12 voxels", segment(metaimage(b"DimSize = 12 14 10", b"DimSize = 10000 10000 10000"))),
    BadInput("a MetaImage of a negative size", segment(metaimage(b"DimSize = 12 14 10", b"DimSize = -12 14 10"))),
    BadInput("a MetaImage of an unknown type", segment(metaimage(b"MET_SHORT", b"MET_STRING"))),
    BadInput("a truncated MetaImage", segment(metaimage(b"DimSize = 12 14 10", b"DimSize = 12 14 11"))),
    BadInput("a DICOM series with a slice between two others", segment(series(_uneven))),
    BadInput("a DICOM series of which most slices are missing", segment(series(_only_every_fifth))),
    BadInput("a DICOM series without pixels", segment(series(_no_pixels))),
    BadInput("a DICOM series of noise in JPEG 2000", segment(series(_random_pixels))),
    BadInput("two DICOM series and none chosen", segment(series(_another_series))),
    BadInput("a DICOM series that is not there", segment(series(), "--series", "9.9.9", "--point", "2,2,2")),
    BadInput("a series of a file that is no DICOM", segment(good, "--series", "1.2.3.1", "--point", "2,2,2")),
    BadInput("a series of a folder of pictures", segment(pictures, "--series", "1.2.3.1", "--point", "2,2,0")),
    BadInput("a DICOMDIR of noise", segment(from_bytes("DICOMDIR", np.random.default_rng(5).bytes(600)))),
    BadInput("a DICOM file that claims 65535 x 65535 pixels", segment(series(Rows=65535, Columns=65535))),
    *(BadInput(f"a point at {point}", with_point(point)) for point in ("-1,2,3", "12,0,0", "0,14,0", "0,0,10", "1e30,0,0", "5,5,-0.6")),
    BadInput("a point that is not a number", with_point("1,2,nan"), 2),
    BadInput("a point of two numbers", with_point("1,2"), 2),
    BadInput("a box outside the volume", segment(good, "--box", "0,0,5,12,4,5")),
    BadInput("a box of five numbers", segment(good, "--box", "0,0,5,1,4"), 2),
    BadInput("points on two slices", segment(good, "--point", "3,3,3", "--point", "3,3,4")),
    BadInput("a label that is no vertebra", segment(good, "--point", "1,2,3", "--label", "L9"), 2),
    BadInput("no prompt at all", lambda folder: ["segment", good(folder), "-o", folder / OUT], 2),
    BadInput("a model that does not exist", segment(good, "--point", "1,2,3", "--model", "sam9"), 4),
    *(
        BadInput(f"a prompts file: {name}", with_prompts(line))
        for name, line in (
            ("empty", ""), ("no JSON", "{\n"), ("a list", "[1, 2]\n"),
            ("an unknown plane", '{"plane": "oblique", "points": [[1, 2, 3, 1]]}\n'),
            ("a short point", '{"points": [[1, 2]]}\n'), ("a voxel of letters", '{"points": [[1, 2, "x", 1]]}\n'),
            ("half a box", '{"box": [[1, 2, 3]]}\n'), ("an unknown label", '{"points": [[1, 2, 3, 1]], "label": "Q7"}\n'),
            ("an unknown key", '{"points": [[1, 2, 3, 1]], "lable": "L3"}\n'),
            ("a later line outside", '{"points": [[1, 2, 3, 1]]}\n{"points": [[99, 2, 3, 1]]}\n'),
            ("deeply nested", "[" * 100_000), ("a number without end", '{"points": [[' + "9" * 5000 + ", 2, 3, 1]]}\n"),
        )
    ),
    BadInput("a mask of another size", evaluated(mask_file("p.nii.gz", (5, 6, 7)), mask_file("t.nii.gz"))),
    BadInput("a mask at another place", evaluated(elsewhere, mask_file("t.nii.gz"))),
    BadInput("a mask of fractions", evaluated(fractions, mask_file("t.nii.gz"))),
    BadInput("a CT as a mask", evaluated(good, mask_file("t.nii.gz"))),
    BadInput("a journal of noise", replayed(np.random.default_rng(3).bytes(400))),
    BadInput("an empty journal", replayed(b"")),
    BadInput("a journal of a newer version", replayed(_newer_journal())),
    BadInput("a journal of an image that is gone", replayed(_journal_of_nothing())),
    BadInput("a malicious pickle as a checkpoint", pickled, 4),
    BadInput("a malicious pickle in PyTorch's zip", pickled_in_a_zip, 4),
    BadInput("noise as a checkpoint", imported("m.pth", np.random.default_rng(4).bytes(3000)), 4),
    BadInput("safetensors with a header of 10^18 bytes", imported("m.safetensors", struct.pack("<Q", 10**18) + b"{}"), 4),
    BadInput("a mask into a folder that is not there", into(lambda folder: folder / "no" / "m.nii.gz")),
    BadInput("a mask onto a folder", into(_folder_named_like_a_mask)),
    BadInput("a mask with an ending of nothing", into(lambda folder: folder / "m.docx"), 2),
    BadInput("a mask onto the image itself", into(lambda folder: folder / "ct.nii.gz")),
    BadInput("a DICOM segmentation of what is no DICOM", into(lambda folder: folder / "m.dcm")),
    BadInput("a mask where nobody may write", into(lambda folder: Path("/proc/m.nii.gz"))),
)  # fmt: skip


def complaint(bad: BadInput) -> str:
    """Give the bad input to the command line in an empty folder; what was wrong with the answer, or an empty string."""
    from spinalsam.engine import models

    plain = models.load_segmenter
    with tempfile.TemporaryDirectory() as name, patch.object(models, "load_segmenter", lambda model=None, device="auto", **_: (
        FakeSegmenter() if model in (None, "compact") else plain(model, device)
    )):  # fmt: skip
        folder = Path(name)
        words = [str(word) for word in bad.words(folder)]
        before = _contents(folder)
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = main(words)
        lines = [line for line in err.getvalue().splitlines() if line and not line.startswith("note:")]
        if code != bad.code:
            return f"exit code {code} instead of {bad.code}: {err.getvalue()[:300]}"
        if len(lines) != 1 or len(lines[0]) > 2000 or "Traceback" in lines[0] or ".part" in lines[0]:
            return f"not one clear line: {err.getvalue()[:300]}"
        if _contents(folder) != before:
            return f"files changed: {sorted(_contents(folder).keys() ^ before.keys()) or 'contents'}"
        return ""


def _contents(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file below the folder with its size and time of change."""
    found = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime_ns) for path in found}
