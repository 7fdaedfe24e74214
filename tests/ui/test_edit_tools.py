"""Brush, eraser, lasso and cut with the pointer: each drag is one operation, and what is seen before is what is done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PyQt5.QtCore import QEvent, QPoint, QPointF, Qt
from PyQt5.QtGui import QMouseEvent
from PyQt5.QtTest import QTest
from PyQt5.QtWidgets import QApplication

from spinalsam.support.planes import PLANES
from spinalsam.ui.main_window import MainWindow
from spinalsam.ui.slice_view import SliceView
from tests.ui.pointing import at, drag, wheel

Settled = Callable[[MainWindow], None]
# A voxel inside the bright block and one beside it, on each plane's shown slice.
CENTRE = (20, 26, 6)


@pytest.fixture
def brush(case: MainWindow) -> MainWindow:
    """The case with L3 to paint and a brush of 3 mm in hand."""
    case.run("set_crosshair", {"ijk": list(CENTRE)})
    case.run("set_label", {"regions": ["L3"]})
    case.tools.bar.choose("brush")
    case.tools.bar.radius.setValue(3.0)
    return case


def move(view: SliceView, place: QPoint, button: Qt.MouseButton = Qt.NoButton, keys: Qt.KeyboardModifiers = Qt.NoModifier) -> None:
    local = QPointF(place)
    QApplication.sendEvent(view, QMouseEvent(QEvent.MouseMove, local, QPointF(view.mapToGlobal(place)), Qt.NoButton, button, keys))


@pytest.mark.parametrize("plane", PLANES)
def test_a_drag_paints_what_was_seen_while_dragging_as_one_step(brush: MainWindow, plane: str) -> None:
    view = brush.panes.slices[plane]
    start = at(view, CENTRE)
    QTest.mousePress(view, Qt.LeftButton, Qt.NoModifier, start)
    for step in range(1, 8):
        move(view, start + QPoint(5 * step, 3 * step), Qt.LeftButton)
    assert brush.tools.drag is not None and not brush.workspace.has_mask
    seen = brush.tools.drag.changed()
    QTest.mouseRelease(view, Qt.LeftButton, Qt.NoModifier, start + QPoint(35, 21))
    assert view.scene is not None and seen is not None
    painted = view.scene.plane.cut(brush.workspace.mask, view.scene.index) == 22
    # The journal keeps paths to a thousandth of a pixel, which can move a voxel on the very edge.
    assert np.count_nonzero(painted != seen) <= 1 and painted.any()
    assert np.count_nonzero(brush.workspace.mask) == np.count_nonzero(painted)
    assert brush.workspace.undo_titles[0].startswith(f"Brush L3 on {plane} slice")
    assert len(brush.workspace.undo_titles) == 2 and not brush.workspace.state.points and not brush.workspace.state.boxes
    brush.run("undo", {})
    assert not brush.workspace.has_mask


def test_a_click_paints_a_disc_of_the_radius_in_mm(brush: MainWindow) -> None:
    view = brush.panes.slices["axial"]
    QTest.mouseClick(view, Qt.LeftButton, Qt.NoModifier, at(view, CENTRE))
    area = np.count_nonzero(brush.workspace.mask) * 0.8 * 0.8
    assert area == pytest.approx(np.pi * 9, rel=0.1)


def test_shift_turns_the_brush_into_an_eraser_and_the_eraser_into_a_brush(brush: MainWindow) -> None:
    view = brush.panes.slices["axial"]
    place = at(view, CENTRE)
    QTest.mouseClick(view, Qt.LeftButton, Qt.NoModifier, place)
    move(view, place, keys=Qt.ShiftModifier)
    QTest.mouseClick(view, Qt.LeftButton, Qt.ShiftModifier, place)
    assert not brush.workspace.has_mask
    move(view, place)
    brush.tools.bar.choose("erase")
    move(view, place, keys=Qt.ShiftModifier)
    QTest.mouseClick(view, Qt.LeftButton, Qt.ShiftModifier, place)
    assert brush.workspace.has_mask


def test_ball_and_range_and_over_reach_the_operation(brush: MainWindow) -> None:
    view = brush.panes.slices["axial"]
    bar = brush.tools.bar
    bar.ball.setChecked(True)
    bar.threshold.setChecked(True)
    bar.lowest.setValue(500)
    bar.radius.setValue(5.0)
    QTest.mouseClick(view, Qt.LeftButton, Qt.NoModifier, at(view, (14, 20, 6)))
    mask = brush.workspace.mask == 22
    assert len(set(np.argwhere(mask)[:, 2])) == 3 and brush.workspace.volume.voxels[mask].min() == 700
    brush.run("set_label", {"regions": ["L4"]})
    QTest.mouseClick(view, Qt.LeftButton, Qt.NoModifier, at(view, (14, 20, 6)))
    assert not (brush.workspace.mask == 23).any()
    bar.over.setChecked(True)
    QTest.mouseClick(view, Qt.LeftButton, Qt.NoModifier, at(view, (14, 20, 6)))
    assert (brush.workspace.mask == 23).any()


def test_a_locked_label_is_not_painted_and_the_window_says_so(brush: MainWindow) -> None:
    brush.run("lock_label", {"value": 22, "locked": True})
    view = brush.panes.slices["axial"]
    move(view, at(view, CENTRE))
    assert view.cursor().shape() == Qt.ForbiddenCursor
    QTest.mouseClick(view, Qt.LeftButton, Qt.NoModifier, at(view, CENTRE))
    assert not brush.workspace.has_mask and "L3 is locked" in brush.notices.texts[0]
    assert brush.tools.overlays[view].drag is None


def test_a_lasso_by_dragging_and_by_corners(brush: MainWindow) -> None:
    brush.tools.bar.choose("lasso")
    view = brush.panes.slices["axial"]
    corners = [at(view, (i, j, 6)) for i, j in ((15, 21), (25, 21), (25, 31), (15, 31))]
    QTest.mousePress(view, Qt.LeftButton, Qt.NoModifier, corners[0])
    for corner in corners[1:]:
        move(view, corner, Qt.LeftButton)
    QTest.mouseRelease(view, Qt.LeftButton, Qt.NoModifier, corners[-1])
    dragged = brush.workspace.mask.copy()
    assert np.count_nonzero(dragged) == pytest.approx(100, abs=12)
    brush.run("undo", {})
    for corner in corners:
        QTest.mouseClick(view, Qt.LeftButton, Qt.NoModifier, corner)
        move(view, corner)
    assert not brush.workspace.has_mask
    QTest.keyClick(view, Qt.Key_Return)
    assert np.array_equal(brush.workspace.mask, dragged)


def test_esc_drops_a_drag_and_then_lays_the_tool_down(brush: MainWindow) -> None:
    brush.tools.bar.choose("lasso")
    view = brush.panes.slices["axial"]
    for place in ((15, 21, 6), (25, 21, 6), (25, 31, 6)):
        QTest.mouseClick(view, Qt.LeftButton, Qt.NoModifier, at(view, place))
    QTest.keyClick(view, Qt.Key_Backspace)
    assert brush.tools.drag is not None and len(brush.tools.drag.path) == 2
    QTest.keyClick(view, Qt.Key_Escape)
    assert brush.tools.drag is None and brush.tools.tool == "lasso" and not brush.workspace.has_mask
    QTest.keyClick(view, Qt.Key_Escape)
    assert brush.tools.tool == "prompt"


def test_a_cut_parts_a_label(brush: MainWindow, settled: Settled) -> None:
    view = brush.panes.slices["axial"]
    brush.tools.bar.radius.setValue(8.0)
    QTest.mouseClick(view, Qt.LeftButton, Qt.NoModifier, at(view, CENTRE))
    brush.tools.bar.choose("cut")
    drag(view, at(view, (5, 24, 6)), at(view, (35, 24, 6)), Qt.LeftButton)
    settled(brush)
    assert len(brush.workspace.case.extents.values) == 2
    assert brush.workspace.undo_titles[0].startswith("Split L3")


def test_the_other_buttons_and_ctrl_stay_the_panes_own(brush: MainWindow) -> None:
    view = brush.panes.slices["axial"]
    place = at(view, CENTRE)
    QTest.mouseClick(view, Qt.RightButton, Qt.NoModifier, place)
    drag(view, place, place + QPoint(40, 0), Qt.RightButton)
    drag(view, place, place + QPoint(10, 10), Qt.LeftButton, Qt.ControlModifier)
    wheel(view, -1)
    state = brush.workspace.state
    assert not state.points and not brush.workspace.has_mask
    assert state.view.width_hu > 1800 and state.view.crosshair_ijk != CENTRE


def test_keys_take_tools_and_change_the_size(brush: MainWindow) -> None:
    for key, tool in ((Qt.Key_E, "erase"), (Qt.Key_L, "lasso"), (Qt.Key_X, "cut"), (Qt.Key_V, "prompt"), (Qt.Key_T, "brush")):
        QTest.keyClick(brush, key)
        assert brush.tools.tool == tool
    view = brush.panes.slices["axial"]
    before = brush.tools.bar.settings.radius_mm
    QTest.keyClick(view, Qt.Key_BracketRight)
    assert brush.tools.bar.settings.radius_mm > before
    wheel(view, -1, Qt.ShiftModifier)
    wheel(view, -1, Qt.ShiftModifier)
    assert brush.tools.bar.settings.radius_mm < before


def test_the_outline_of_the_brush_has_its_true_size(brush: MainWindow, qtbot: Any) -> None:
    view = brush.panes.slices["axial"]
    move(view, at(view, (8, 8, 6)))
    centre, radius = at(view, (8, 8, 6)), 3.0 * view.viewport.points_per_mm
    picture = view.grab().toImage()
    rim = [picture.pixelColor(centre + QPoint(round(radius * np.cos(a)), round(radius * np.sin(a)))) for a in np.linspace(0, 6.2, 24)]
    inside = picture.pixelColor(centre + QPoint(round(radius / 2), round(radius / 2)))
    assert np.mean([max(c.red(), c.green(), c.blue()) for c in rim]) > max(inside.red(), inside.green(), inside.blue()) + 60


def test_without_a_case_no_tool_can_be_taken(window: MainWindow) -> None:
    assert not any(action.isEnabled() for action in window.tools.bar.tool_actions.values())


def test_every_tool_is_an_operation_with_a_key_of_its_own(window: MainWindow) -> None:
    from spinalsam.control.operations import SPECS

    keys = [action.shortcut().toString() for action in window.actions_of.all() if not action.shortcut().isEmpty()]
    for action in window.tools.bar.tool_actions.values():
        assert action.data() in SPECS
        keys.append(action.shortcut().toString())
    assert len(keys) == len(set(keys))


def test_a_label_is_drawn_in_its_style(brush: MainWindow) -> None:
    view = brush.panes.slices["axial"]
    brush.tools.bar.radius.setValue(6.0)
    QTest.mouseClick(view, Qt.LeftButton, Qt.NoModifier, at(view, CENTRE))
    brush.tools.bar.choose("prompt")
    brush.run("set_crosshair", {"ijk": [2, 2, 6]})
    inside = at(view, (19, 25, 6))

    def tint() -> int:
        colour = view.grab().toImage().pixelColor(inside)
        return max(colour.red(), colour.green(), colour.blue()) - min(colour.red(), colour.green(), colour.blue())

    faint = tint()
    brush.run("style_label", {"value": 22, "opacity": 0.9})
    assert tint() > faint
    brush.run("style_label", {"drawn": "outline"})
    assert tint() < 5


def test_a_large_brush_follows_the_hand(brush: MainWindow) -> None:
    """One step of a drag on a slice of 512 x 512, with what it shows: less than a frame."""
    import time

    from spinalsam.data.volume import Volume
    from spinalsam.support.geometry import Geometry
    from spinalsam.support.planes import SlicePlane
    from spinalsam.support.windowing import Window
    from spinalsam.ui.scene import SliceScene
    from spinalsam.ui.tools.drag import Drag, Target, ToolSettings

    geometry = Geometry.from_parts((512, 512, 4), spacing_mm=(0.7, 0.7, 1.0))
    volume = Volume(np.zeros((512, 512, 4), np.int16, order="F"), geometry)
    scene = SliceScene(volume, SlicePlane(geometry, "axial"), 1, Window(400, 1800), np.zeros((512, 512, 4), np.uint8, order="F"))
    stroke = Drag("brush", scene, ToolSettings(radius_mm=20, threshold=True, lowest_hu=-10), Target(22))
    times = []
    for step in range(60):
        began = time.process_time()
        stroke.add((150.0 + 3 * step, 200.0 + 2 * step))
        changed = stroke.changed()
        times.append(time.process_time() - began)
    assert changed is not None and changed.any() and sorted(times)[30] < 0.015
