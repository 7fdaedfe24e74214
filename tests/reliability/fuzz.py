"""Damaged and nonsensical input by the thousand: whatever comes in, the answer is a result or one of the program's own errors.

``python -m tests.reliability.fuzz TARGET SECONDS [SEED]`` mutates well-formed examples of the target for so long, in a process whose memory
is bounded and where no input may take more than ten seconds, and prints one line of JSON. An input that brings anything else about (another
exception, no memory, no end) goes into the folder ``findings`` beside this file, from where the suite tries it again for ever
(``python -m tests.reliability.fuzz findings``).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import resource
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from spinalsam.errors import SpinalSamError

FINDINGS = Path(__file__).parent / "findings"
_LONGEST_S = 10
_MEMORY_BYTES = 6 << 30
_NUMBERS = (b"0", b"-1", b"1e308", b"nan", b"inf", b"99999999999999999999", b"2147483648", b"-32769", b"0.0000001", b"65536")


@dataclass(frozen=True)
class Target:
    """seeds: well-formed inputs. run: does with one what the program does; raises SpinalSamError where it refuses it."""

    seeds: Callable[[Path], list[bytes]]
    run: Callable[[bytes, Path], object]


def mutated(data: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    """A few changes: bits, bytes, numbers in text and in binary, pieces left out, doubled, moved or taken from elsewhere."""
    piece = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        if not piece:
            return bytes(rng.randbytes(rng.randrange(64)))
        at = rng.randrange(len(piece)) if rng.random() < 0.4 else rng.randrange(min(len(piece), 600))
        kind = rng.randrange(9)
        if kind == 0:
            piece[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            piece[at] = rng.choice((0, 1, 127, 128, 255, rng.randrange(256)))
        elif kind == 2:
            width = rng.choice((2, 4, 8))
            value = rng.choice((0, 1, -1, 2**31 - 1, -(2**31), 2**15, 2**16, 10**12)) & (256**width - 1)
            piece[at : at + width] = value.to_bytes(width, rng.choice(("little", "big")))
        elif kind == 3:
            del piece[at : at + rng.choice((1, 2, 4, 16, 200))]
        elif kind == 4:
            del piece[at:]
        elif kind == 5:
            piece[at:at] = piece[at : at + rng.choice((1, 8, 64, 512))] * rng.choice((1, 2, 50))
        elif kind == 6:
            piece[at:at] = rng.choice(_NUMBERS)
        elif kind == 7:
            digits = [n for n in range(at, min(at + 200, len(piece))) if 48 <= piece[n] <= 57]
            if digits:
                piece[digits[0] : digits[0] + 1] = rng.choice(_NUMBERS)
        else:
            other = rng.choice(others)
            start = rng.randrange(len(other) + 1)
            piece[at:at] = other[start : start + rng.choice((4, 40, 400))]
    return bytes(piece)


# Targets


def _image_seeds(folder: Path) -> list[bytes]:
    from PIL import Image

    from tests.data.make import ct, dicom_slice, nifti, oblique, sitk_file
    from tests.support.grids import ORIENTATIONS

    affine = oblique(ORIENTATIONS[5], degrees=12)
    paths = [nifti(folder / "a.nii", ct(), affine), nifti(folder / "b.nii", ct(), affine, version=2, endian=">")]
    paths += [nifti(folder / "c.nii.gz", ct(), affine, slope=2.0, intercept=-5.0)]
    paths += [sitk_file(folder / f"d.{ending}", ct(), affine, compress=packed) for ending in ("nrrd", "mha") for packed in (True, False)]
    stored = np.abs(ct((9, 8, 1)))[:, :, 0].astype(np.uint16)
    paths += [dicom_slice(folder / f"{n}.dcm", stored, syntax=f"1.2.840.10008.1.2{end}") for n, end in enumerate((".1", "", ".1.99"))]
    for ending in ("png", "tif", "jpg"):
        Image.fromarray((stored % 256).astype(np.uint8)).save(folder / f"e.{ending}")
        paths.append(folder / f"e.{ending}")
    return [path.read_bytes() for path in paths]


def _open_image(data: bytes, folder: Path) -> object:
    from spinalsam.data.formats import info, read_volume

    path = folder / f"fuzzed{_ending(data)}"
    path.write_bytes(data)
    info(path)
    return read_volume(path)


def _ending(data: bytes) -> str:
    if data[:4] == b"NRRD":
        return ".nrrd"
    if b"NDims" in data[:200] or b"ObjectType" in data[:100]:
        return ".mha"
    return ".dcm" if data[128:132] == b"DICM" else ".nii"


def _mask_seeds(folder: Path) -> list[bytes]:
    from spinalsam.data.formats import read_volume, write_mask
    from tests.data.make import dicom_series, labels, oblique, volume
    from tests.data.test_dicom import stored
    from tests.data.test_naming import with_table
    from tests.support.grids import ORIENTATIONS

    case, mask = volume(oblique(ORIENTATIONS[9])), labels((5, 6, 7))
    for ending in (".nii", ".seg.nrrd", ".mha"):
        write_mask(folder / f"m{ending}", mask, case)
    with_table(folder / "t.nii", mask, {1: "vertebrae_L1", 2: "liver"})
    series = read_volume(dicom_series(folder / "ct", stored()))
    write_mask(folder / "m.dcm", labels((9, 8, 6), highest=2), series)
    return [(folder / name).read_bytes() for name in ("m.nii", "m.seg.nrrd", "m.mha", "t.nii", "m.dcm")]


def _open_mask(data: bytes, folder: Path) -> object:
    from spinalsam.data.formats import read_label_volume

    path = folder / f"fuzzed{_ending(data)}"
    path.write_bytes(data)
    return read_label_volume(path, by_name=True)


def _journal_seeds(folder: Path) -> list[bytes]:
    from tests.control.test_snapshot import FORMAT_1

    return [FORMAT_1.read_bytes(), *(line + b"\n" for line in FORMAT_1.read_bytes().splitlines()[3:6])]


def _open_journal(data: bytes, folder: Path) -> object:
    """Both as it came, and with its checksums put right, so that what the lines say is reached too."""
    from spinalsam.control.journal import encode_line
    from spinalsam.control.recovery import recover
    from tests.control.conftest import toy_volume
    from tests.fakes import FakeSegmenter

    checksum, lines = "", []
    for number, line in enumerate(data.split(b"\n")):
        try:
            values = json.loads(line.decode("utf-8"))
            values.pop("n"), values.pop("sum")
            encoded, checksum = encode_line(number, values, checksum)
            lines.append(encoded)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            continue
    refused: SpinalSamError | None = None
    for content in (data, b"".join(lines)):
        path = folder / "journals" / "j.jsonl"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        try:
            recover(path, samples={"toy": toy_volume}, segmenter=FakeSegmenter(), accept_damage=True).close()
        except SpinalSamError as error:
            refused = error
    if refused is not None:
        raise refused
    return None


def _prompt_seeds(folder: Path) -> list[bytes]:
    return [
        b'{"plane": "axial", "points": [[1,2,3,1],[3,2,3,0]], "box": [[0,0,3],[4,5,3]], "label": "L3"}\n',
        b'{"points": [[1,2,3,1]]}\n{"plane": "sagittal", "box": [[1,0,0],[1,4,4]], "label": 255}\n',
    ]


def _read_prompts(data: bytes, folder: Path) -> object:
    from spinalsam.commands.prompts import read_file

    path = folder / "p.jsonl"
    path.write_bytes(data)
    return [prompt.slice_ref(_GEOMETRY) for prompt in read_file(path)]


def _card_seeds(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted((Path(__file__).parents[2] / "models").glob("*.toml"))]


def _read_card(data: bytes, folder: Path) -> object:
    from spinalsam.engine.cards import read_card

    path = folder / "card.toml"
    path.write_bytes(data)
    return read_card(path)


def _sentence_seeds(folder: Path) -> list[bytes]:
    texts = [
        "add three points on L2 and generate the mask", "clear the points, add a box around L2 at 10,20,30,40",
        "在L3到L5加三个点并生成掩膜",
        "export the mask as 'C:\\a b\\m.nii.gz'", "don't generate the mask yet", "window level 400 width 1800", "第三腰椎 测量 体积",
        "go to slice １２", "undo 3 times; next slice; next 5 images", "open \"/data/ct scan.nii\"",
    ]  # fmt: skip
    return [text.encode("utf-8") for text in texts]


def _parse(data: bytes, folder: Path) -> object:
    from spinalsam.control.operations import SPECS, SPOKEN_SPECS
    from spinalsam.language import parse
    from spinalsam.support.calls import validate_call

    parsed = parse(data.decode("utf-8", "replace"), SPOKEN_SPECS, {})
    for call in parsed.calls:
        validate_call(call, SPECS)
    return json.dumps([call.to_json() for call in parsed.calls])


def _table_seeds(folder: Path) -> list[bytes]:
    from tests.data.test_tables import SNAP

    return [SNAP.encode("utf-8")]


def _read_table(data: bytes, folder: Path) -> object:
    from spinalsam.data.formats import label_table

    path = folder / "labels.txt"
    path.write_bytes(data)
    return label_table.read(path)


def _geometry() -> Any:
    from spinalsam.support.geometry import Geometry

    return Geometry.from_parts((20, 20, 20))


_GEOMETRY = _geometry()
TARGETS: dict[str, Target] = {
    "images": Target(_image_seeds, _open_image),
    "masks": Target(_mask_seeds, _open_mask),
    "journals": Target(_journal_seeds, _open_journal),
    "prompts": Target(_prompt_seeds, _read_prompts),
    "cards": Target(_card_seeds, _read_card),
    "sentences": Target(_sentence_seeds, _parse),
    "tables": Target(_table_seeds, _read_table),
}


class _TooLong(BaseException):
    """An input that takes longer than any may."""


@contextmanager
def _time_limit() -> Any:
    def stop(*_: object) -> None:
        raise _TooLong

    # Of processor time: how long a busy machine lets an input wait says nothing about the input.
    signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, _LONGEST_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def try_one(name: str, data: bytes, folder: Path) -> str:
    """What was wrong with how the input was taken, or an empty string."""
    try:
        with warnings.catch_warnings(), _time_limit():
            warnings.simplefilter("ignore")
            TARGETS[name].run(data, folder)
    except SpinalSamError as error:
        return "" if str(error).strip() else "an error without a word"
    except _TooLong:
        return f"longer than {_LONGEST_S} s"
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:300]
    return ""


def fuzz(name: str, seconds: float, seed: int) -> dict[str, Any]:
    """Try mutations for so long; what came of it. A process that an input kills is a finding, and another one goes on."""
    count, found = 0, {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "seeds").mkdir()
        seeds = TARGETS[name].seeds(folder / "seeds")
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            child = os.fork()
            if child == 0:
                _fuzz_in_child(name, seeds, random.Random(f"{seed} {count}"), until, folder)
            status = _ended(child, folder)
            count += int((folder / "count").read_text() or 0)
            for line in (folder / "found").read_text().splitlines():
                wrong, kept = json.loads(line)
                found.setdefault(wrong, kept)
            if status:
                found.setdefault(f"the process died (status {status})", _keep(name, (folder / "last").read_bytes()))
    return {"target": name, "seconds": round(seconds), "seed": seed, "inputs": count, "findings": found}


def _ended(child: int, folder: Path) -> int:
    """How the process ended. One that computes on and on at one input is caught in a library that no alarm reaches, and is ended."""
    last, begun = folder / "last", (0.0, 0.0)
    while True:
        process, status = os.waitpid(child, os.WNOHANG)
        if process:
            return status
        time.sleep(0.2)
        with contextlib.suppress(OSError, psutil.Error):
            changed, spent = last.stat().st_mtime, sum(psutil.Process(child).cpu_times()[:2])
            if changed != begun[0]:
                begun = changed, spent
            elif spent - begun[1] > 3 * _LONGEST_S:
                os.kill(child, signal.SIGKILL)


def _fuzz_in_child(name: str, seeds: list[bytes], rng: random.Random, until: float, folder: Path) -> None:
    (folder / "found").write_text("")
    count, known = 0, set()
    while time.monotonic() < until:
        data = mutated(rng.choice(seeds), rng, seeds)
        (folder / "last").write_bytes(data)
        count += 1
        (folder / "count").write_text(str(count))
        wrong = try_one(name, data, folder)
        if wrong and wrong not in known:
            known.add(wrong)
            with open(folder / "found", "a", encoding="utf-8") as file:
                file.write(json.dumps([wrong, _keep(name, data)]) + "\n")
    os._exit(0)


def _keep(name: str, data: bytes) -> str:
    FINDINGS.mkdir(exist_ok=True)
    path = FINDINGS / f"{name}-{hashlib.sha256(data).hexdigest()[:12]}.bin"
    path.write_bytes(data)
    return path.name


def try_findings() -> dict[str, str]:
    """Every finding once more: what is wrong by file name."""
    wrong = {}
    with tempfile.TemporaryDirectory() as place:
        for path in sorted(FINDINGS.glob("*.bin")):
            sys.stderr.write(f"{path.name}\n")  # if the process dies, this says of what
            wrong[path.name] = try_one(path.name.split("-")[0], path.read_bytes(), Path(place))
    return wrong


def main(name: str, seconds: str = "0", seed: str = "1") -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    os.environ["SPINALSAM_DATA_DIR"] = tempfile.mkdtemp()
    document = try_findings() if name == "findings" else fuzz(name, float(seconds), int(seed))
    sys.stdout.write(json.dumps(document) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
