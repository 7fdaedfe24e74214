"""Single measurements, each in a process of its own so that its memory is its own: ``python -m tests.reliability.measure WHAT [ARGS]``.

memory KIND SLICES    peak memory while a 512 x 512 x SLICES volume is opened, as a multiple of its size
soak COUNT            memory over COUNT random operations
reopen COUNT SLICES   seconds to bring back a case of 512 x 512 x SLICES after COUNT operations
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import random
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from spinalsam.errors import SpinalSamError


def _kb(name: str) -> int:
    found = re.search(rf"{name}:\s+(\d+)", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1])


def memory(kind: str, slices: str) -> dict[str, Any]:
    from tests.data.make import dicom_series, nifti, sitk_file

    shape = (512, 512, int(slices))
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        child = os.fork()
        if child == 0:  # what making the file takes is not what opening it takes
            voxels = np.zeros(shape, np.int16, order="F")
            voxels[100:300] = -1000
            voxels[300:, ::2] = 700
            if kind == "dicom":
                dicom_series(folder / "ct", (voxels + 1024).astype(np.uint16))
            elif kind == "nrrd":
                sitk_file(folder / "v.nrrd", voxels, np.eye(4))
            else:
                nifti(folder / f"v.{kind}", voxels)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        import nibabel
        import pydicom
        import SimpleITK

        from spinalsam.data.formats import read_volume

        assert nibabel and pydicom and SimpleITK  # loaded before, so that the libraries do not count
        path = folder / "ct" if kind == "dicom" else folder / f"v.{kind}"
        before, started = _kb("VmRSS"), time.perf_counter()
        volume = read_volume(path)
        return {
            "share": round((_kb("VmHWM") - before) * 1024 / volume.nbytes, 3),
            "voxel_type": volume.voxels.dtype.name,
            "size": list(volume.geometry.shape),
            "seconds": round(time.perf_counter() - started, 1),
        }


def soak(count: str) -> dict[str, Any]:
    from spinalsam.control.workspace import Workspace
    from tests.control.crash_session import random_call
    from tests.fakes import FakeSegmenter

    os.environ["SPINALSAM_DATA_DIR"] = tempfile.mkdtemp()
    os.chdir(tempfile.mkdtemp())
    rng, done, refused = random.Random(5), 0, 0
    samples: list[float] = []
    total = int(count)
    with Workspace(segmenter=FakeSegmenter(), samples={"block": _block_of(96)}) as ws:
        ws.run("open_image", path="sample:block")
        for number in range(total):
            often = random_call(rng, ws)
            op, args = often if rng.random() < 0.9 else rng.choice([("measure", {}), ("go_to", {"slice": rng.randrange(1, 96)})])
            try:
                ws.run(op, **args)
                done += 1
            except SpinalSamError:
                refused += 1
            if number % max(1, total // 40) == 0:
                gc.collect()
                samples.append(_kb("VmRSS") / 1024)
    # The first quarter fills caches and loads what is imported when it is first needed.
    settled = samples[len(samples) // 4 :]
    half = len(settled) // 2
    early, late = float(np.median(settled[:half])), float(np.median(settled[half:]))
    return {"operations": total, "done": done, "refused": refused, "early_mb": round(early, 1), "late_mb": round(late, 1),
            "growth": round(late / early - 1, 4)}  # fmt: skip


def _block_of(edge: int) -> Any:
    from spinalsam.data.volume import Volume
    from spinalsam.support.geometry import Geometry

    def make() -> Volume:
        voxels = np.full((edge, edge, edge), -50, np.int16, order="F")
        voxels[10:22, 6:14, 2:70], voxels[12:20, 20:30, 4:80] = 400, 600
        return Volume(voxels, Geometry.from_parts((edge, edge, edge), spacing_mm=(1.0, 1.0, 2.5)), True, {}, (), "block")

    return make


def reopen(count: str, slices: str) -> dict[str, Any]:
    from spinalsam.control import journal
    from spinalsam.control.recovery import recover
    from spinalsam.control.workspace import Workspace
    from spinalsam.data.volume import Volume
    from spinalsam.support.geometry import Geometry
    from tests.fakes import FakeSegmenter

    os.environ["SPINALSAM_DATA_DIR"] = tempfile.mkdtemp()
    shape = (512, 512, int(slices))

    def big() -> Volume:
        voxels = np.full(shape, -50, np.int16, order="F")
        voxels[200:320, 260:400, ::3] = 500
        return Volume(voxels, Geometry.from_parts(shape, spacing_mm=(0.4, 0.4, 1.0)), True, {}, (), "big")

    plain = journal.os.fsync
    journal.os.fsync = lambda _: None  # waiting a thousand times for the disk is not what is measured
    try:
        with Workspace(segmenter=FakeSegmenter(), samples={"big": big}) as ws:
            ws.run("open_image", path="sample:big")
            rng = random.Random(8)
            while len(ws.undo_titles) < int(count):
                with contextlib.suppress(SpinalSamError):
                    ws.run("go_to", slice=rng.randrange(1, shape[2] + 1))
                    x, y = rng.randrange(180, 260), rng.randrange(240, 300)
                    ws.run("add_box", corners=[x, y, x + 100, y + 110], regions=[rng.choice(["L1", "L2", "L3", "L4"])])
                    ws.run("generate_box_mask")
            path, before = ws.journal_path, ws.mask.copy()
    finally:
        journal.os.fsync = plain
    assert path is not None
    open_seconds = time.process_time()
    with Workspace(segmenter=FakeSegmenter(), samples={"big": big}, journal=False) as ws:
        ws.run("open_image", path="sample:big")
    open_seconds = time.process_time() - open_seconds
    started = time.process_time()
    with recover(path, samples={"big": big}, segmenter=FakeSegmenter()) as ws:
        seconds = time.process_time() - started
        same = bool(np.array_equal(ws.mask, before))
        steps = len(ws.undo_titles)
    size_mb = path.stat().st_size / 1e6
    return {"steps": steps, "same": same, "image_s": round(open_seconds, 2), "journal_s": round(seconds - open_seconds, 2),
            "journal_mb": round(size_mb, 1), "size": list(shape)}  # fmt: skip


if __name__ == "__main__":
    sys.stdout.write(json.dumps({"memory": memory, "soak": soak, "reopen": reopen}[sys.argv[1]](*sys.argv[2:])) + "\n")
