"""A small case with two bright blocks in it, and workspaces that work on it without a network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import nibabel
import numpy as np
import pytest

from spinalsam.control.workspace import Workspace
from spinalsam.data.volume import Volume
from spinalsam.support.geometry import Geometry
from tests.fakes import FakeSegmenter

SHAPE = (40, 36, 14)
# Two 'vertebrae' in front of each other, as voxel ranges.
FRONT = (slice(10, 22), slice(6, 14), slice(2, 10))
BACK = (slice(12, 20), slice(20, 30), slice(4, 12))


def toy_voxels() -> np.ndarray:
    voxels = np.full(SHAPE, -50, np.int16, order="F")
    voxels[FRONT] = 400
    voxels[BACK] = 600
    return voxels


def toy_volume() -> Volume:
    return Volume(toy_voxels(), Geometry.from_parts(SHAPE, spacing_mm=(1.0, 1.0, 2.5)), True, {}, (), "toy")


@pytest.fixture
def volume() -> Volume:
    return toy_volume()


@pytest.fixture
def segmenter() -> FakeSegmenter:
    return FakeSegmenter()


@pytest.fixture
def make_workspace(segmenter: FakeSegmenter) -> Iterator[Callable[..., Workspace]]:
    """Workspaces that know the sample case 'toy'; closed at the end of the test."""
    made: list[Workspace] = []

    def make(**options: object) -> Workspace:
        workspace = Workspace(**{"segmenter": segmenter, "samples": {"toy": toy_volume}, **options})  # type: ignore[arg-type]
        made.append(workspace)
        return workspace

    yield make
    for workspace in made:
        workspace.close()


@pytest.fixture
def empty(make_workspace: Callable[..., Workspace]) -> Workspace:
    return make_workspace(journal=False)


@pytest.fixture
def ws(make_workspace: Callable[..., Workspace]) -> Workspace:
    """The toy case, open, on axial slice 7 (index 6), without a journal."""
    workspace = make_workspace(journal=False)
    workspace.run("open_image", path="sample:toy")
    workspace.run("go_to", slice=7)
    return workspace


@pytest.fixture
def recorded(make_workspace: Callable[..., Workspace]) -> Workspace:
    """The same with a journal."""
    workspace = make_workspace()
    workspace.run("open_image", path="sample:toy")
    workspace.run("go_to", slice=7)
    return workspace


@pytest.fixture
def ct_file(tmp_path: Path) -> Path:
    """The toy case as a NIfTI file (axis codes RAS)."""
    path = tmp_path / "ct.nii.gz"
    nibabel.save(nibabel.Nifti1Image(toy_voxels(), np.diag([1.0, 1.0, 2.5, 1.0])), path)
    return path


def put_mask(workspace: Workspace, label: str | None = "L3", corners: tuple[int, ...] = (8, 4, 24, 16)) -> None:
    """Segment the front block on the shown slice."""
    if label is not None:
        workspace.run("set_label", regions=[label])
    workspace.run("add_box", corners=list(corners))
    workspace.run("generate_box_mask")
