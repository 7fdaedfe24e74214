"""Tiny cases for batches, and works that workers can import."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import nibabel
import numpy as np

from spinalsam.control.batch.records import Recipe
from spinalsam.control.batch.work import Task, failed, keep

# The cuboid of `write_ct` on the slice that it names.
SAID_BOX = "go to slice 6, add a box [7, 9, 16, 20] and generate the mask"
RECIPE = Recipe(("segment the spine",), "fake", "f" * 16, "l" * 16)


def write_ct(path: Path, *, bone: int = 600, name: bytes = b"") -> Path:
    """A CT of 24 x 30 x 12 voxels with a bright cuboid at [8:16, 10:20, 3:9]; files with another `bone` hold something else."""
    path.parent.mkdir(parents=True, exist_ok=True)
    voxels = np.full((24, 30, 12), -100, np.int16)
    voxels[8:16, 10:20, 3:9] = bone
    image = nibabel.Nifti1Image(voxels, np.array([[-1.5, 0, 0, 40], [0, -1.5, 0, 50], [0, 0, 3, -20], [0, 0, 0, 1.0]]))
    image.header["descrip"] = name
    nibabel.save(image, path)
    return path


def write_cts(folder: Path, count: int) -> list[Path]:
    return [write_ct(folder / f"patient_{n:02}" / "ct.nii.gz", bone=500 + n) for n in range(count)]


def stub_record(task: Task, **changes: Any) -> dict[str, Any]:
    """What a case that was done looks like, without a network."""
    record = {**failed(task, "", 0), "status": "done", "flags": [], "seconds": 0.1, **changes}
    task.folder.mkdir(parents=True, exist_ok=True)
    (task.folder / "mask.nii.gz").write_bytes(b"mask")
    return keep(task, record)


def slow(task: Task) -> dict[str, Any]:
    """Says which process works on the case, takes a second, and is done."""
    started = task.folder
    started.mkdir(parents=True, exist_ok=True)
    with open(started / "pids", "a", encoding="ascii") as file:
        file.write(f"{os.getpid()}\n")
    time.sleep(1.0)
    return stub_record(task)


def poisonous(task: Task) -> dict[str, Any]:
    """Kills its own process over one kind of case."""
    task.folder.mkdir(parents=True, exist_ok=True)
    with open(task.folder / "pids", "a", encoding="ascii") as file:
        file.write(f"{os.getpid()}\n")
    if "poison" in task.case.source:
        os.kill(os.getpid(), signal.SIGKILL)
    return stub_record(task)
