from __future__ import annotations

import numpy as np

from spinalsam.control.workspace import Workspace
from spinalsam.data.volume import Volume
from spinalsam.support.geometry import Geometry


def body_with_a_spine() -> Volume:
    """Tissue in air with a column of bone off the middle, ribs on some slices, right-to-left index order of many NIfTI files."""
    voxels = np.full((80, 60, 50), -1000, np.int16, order="F")
    voxels[10:70, 10:50] = 40
    voxels[42:52, 36:46] = 300
    voxels[12:14, 20:40, ::8] = 900
    geometry = Geometry.from_parts((80, 60, 50), spacing_mm=(4.0, 4.0, 5.0), direction=np.diag([-1.0, 1.0, 1.0]))
    return Volume(voxels, geometry, name="body")


def test_the_first_look_is_the_middle_of_the_spine_sagittal() -> None:
    with Workspace(journal=False, samples={"body": body_with_a_spine}) as ws:
        ws.run("open_image", path="sample:body")
        assert ws.state.view.active_plane == "axial"  # scripts start where they always did
        ws.run("hang_case")
        i, j, k = ws.state.view.crosshair_ijk
        assert ws.state.view.active_plane == "sagittal"
        assert 43 <= i <= 50 and 34 <= j <= 46 and 20 <= k <= 30


def test_without_a_spine_the_first_look_is_the_middle(ws: Workspace) -> None:
    ws.case.volume.voxels[...] = -1000
    ws.run("hang_case")
    assert ws.state.view.crosshair_ijk == (20, 18, 7)


def test_the_surface_is_cut_and_made_whole(ws: Workspace) -> None:
    ws.run("cut_surface", plane="sagittal")
    assert ws.state.view.surface_cut == "sagittal"
    ws.run("cut_surface", plane="none")
    assert ws.state.view.surface_cut == ""


def test_pixels_are_smooth_or_square(ws: Workspace) -> None:
    assert ws.state.view.smooth
    ws.run("set_smooth", smooth=False)
    assert not ws.state.view.smooth
