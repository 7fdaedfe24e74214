"""What is shown: slices, planes, window."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from spinalsam.control.workspace import Workspace
from spinalsam.data.volume import Volume
from spinalsam.errors import InputError, RequirementError, UsageError
from spinalsam.support.geometry import Geometry
from tests.control.conftest import put_mask


def shown(ws: Workspace) -> int:
    """Number of the shown slice, from 1."""
    return ws.shown.index + 1


def test_navigate_moves_by_count_and_stops_at_the_ends(ws: Workspace) -> None:
    ws.run("navigate", direction="next")
    assert shown(ws) == 8
    ws.run("navigate", direction="previous", count=3)
    assert shown(ws) == 5
    ws.run("navigate", direction="previous", count=100)
    assert shown(ws) == 1
    assert "first axial slice" in ws.run("navigate", direction="previous").message
    assert ws.run("navigate", direction="next", count=100).data["slice"] == 14
    assert "last axial slice" in ws.run("navigate", direction="next").message


def test_go_to_number_and_position(ws: Workspace) -> None:
    for position, number in (("first", 1), ("middle", 8), ("last", 14)):
        ws.run("go_to", position=position)
        assert shown(ws) == number
    with pytest.raises(InputError, match="from 1 to 14"):
        ws.run("go_to", slice=15)
    with pytest.raises(UsageError, match="needs one of"):
        ws.run("go_to")
    assert shown(ws) == 14


def test_go_to_a_region_shows_its_largest_slice(ws: Workspace) -> None:
    with pytest.raises(RequirementError, match="No vertebra was found"):
        ws.run("go_to", regions=["L3"])
    put_mask(ws)
    ws.run("go_to", slice=1)
    ws.run("go_to", regions=["lumbar"])
    assert shown(ws) == 7
    i, j, k = ws.state.view.crosshair_ijk
    assert ws.mask[i, j, k] > 0


def test_planes_keep_their_own_slices(ws: Workspace) -> None:
    ws.run("set_view", plane="coronal")
    assert ws.state.view.layout == "coronal" and shown(ws) == 19
    ws.run("go_to", slice=3)
    ws.run("set_view", plane="mpr")
    assert (ws.state.view.layout, ws.state.view.active_plane) == ("mpr", "coronal")
    ws.run("set_active_plane", plane="axial")
    assert shown(ws) == 7 and ws.shown_slice("coronal").index == 2
    ws.run("navigate", direction="next", plane="coronal")
    assert ws.shown_slice("coronal").index == 3 and shown(ws) == 7


def test_the_crosshair_stays_inside(ws: Workspace) -> None:
    ws.run("set_crosshair", ijk=[1, 2, 3])
    assert ws.state.view.crosshair_ijk == (1, 2, 3)
    with pytest.raises(InputError, match="outside"):
        ws.run("set_crosshair", ijk=[40, 0, 0])


def test_windows(ws: Workspace) -> None:
    ws.run("set_window", preset="lung")
    assert (ws.state.view.level_hu, ws.state.view.width_hu) == (-600, 1500)
    ws.run("set_window", level=80)
    assert (ws.state.view.level_hu, ws.state.view.width_hu) == (80, 1500)
    ws.run("set_window", width=600)
    assert ws.state.view.width_hu == 600
    for width in (0, -5):
        with pytest.raises(UsageError, match="above 0"):
            ws.run("set_window", width=width)


def test_presets_in_hu_are_refused_for_pictures(make_workspace: Callable[..., Workspace]) -> None:
    picture = Volume(np.zeros((8, 6, 1), np.uint8, order="F"), Geometry((8, 6, 1), np.eye(4), False), is_hu=False)
    ws = make_workspace(journal=False, samples={"picture": lambda: picture})
    ws.run("open_image", path="sample:picture")
    assert ws.state.view.layout == "axial"
    with pytest.raises(RequirementError, match="Hounsfield"):
        ws.run("set_window", preset="bone")
    ws.run("set_window", level=100, width=50)
    assert "only one slice" in ws.run("navigate", direction="next").message


def test_the_view_is_no_step_of_the_history(ws: Workspace) -> None:
    ws.run("show_mask", visible=False)
    ws.run("set_view", plane="3d")
    assert ws.undo_titles == () and not ws.state.view.mask_visible


def test_undo_does_not_move_what_one_looks_at(ws: Workspace) -> None:
    put_mask(ws)
    ws.run("go_to", slice=3)
    ws.run("undo", count=3)
    assert shown(ws) == 3
