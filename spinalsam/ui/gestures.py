"""What a press, a drag and a release on a slice mean: pure functions and a small state, no Qt.

Left click: positive point. Alt + left or right click: negative point. Left drag (with or without Shift): a box. Ctrl + left:
the crosshair. Right drag: window and level. Middle drag: pan. A point or box corner that is pressed and dragged is moved; a
box that is taken by its edge moves as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from spinalsam.ui.scene import BoxMark, Pixel, PointMark, SliceScene
from spinalsam.ui.viewport import Viewport

DRAG_POINTS = 4.0
GRAB_POINTS = 8.0
EDGE_POINTS = 4.0
WHOLE = 4


class Gesture(Enum):
    """What the pointer is doing between press and release."""

    NONE = auto()
    CLICK = auto()
    BOX = auto()
    CROSSHAIR = auto()
    WINDOW = auto()
    PAN = auto()
    MOVE_POINT = auto()
    MOVE_CORNER = auto()


@dataclass(frozen=True)
class Press:
    """Where and how a button went down. screen: in points of the pane."""

    screen: tuple[float, float]
    button: str
    alt: bool = False
    shift: bool = False
    ctrl: bool = False


@dataclass(frozen=True)
class Grabbed:
    """What lies under the pointer: a point, or a box and which of its corners (0 a, 1 b, 2 and 3 the mixed ones, 4 all)."""

    point: PointMark | None = None
    box: BoxMark | None = None
    corner: int = 0


def corners_of(box: BoxMark) -> tuple[Pixel, Pixel, Pixel, Pixel]:
    """The corner pixels: a, b, (a.x, b.y), (b.x, a.y)."""
    (ax, ay), (bx, by) = box.corner_a_xy, box.corner_b_xy
    return (ax, ay), (bx, by), (ax, by), (bx, ay)


def grab(scene: SliceScene, viewport: Viewport, screen: tuple[float, float]) -> Grabbed | None:
    """The prompt nearest to a screen point, if one is within reach; points win over box corners, and those over box edges."""
    found: list[tuple[float, int, Grabbed]] = []
    for point in scene.points:
        found.append((_distance(viewport, point.xy, screen), 0, Grabbed(point=point)))
    for box in scene.boxes:
        for corner, xy in enumerate(corners_of(box)):
            found.append((_distance(viewport, xy, screen), 1, Grabbed(box=box, corner=corner)))
        if _edge_distance(viewport, box, screen) <= EDGE_POINTS:
            found.append((0.0, 2, Grabbed(box=box, corner=WHOLE)))
    near = [entry for entry in found if entry[0] <= GRAB_POINTS]
    return min(near, key=lambda entry: (entry[1], entry[0]))[2] if near else None


def gesture_of(press: Press, moved_points: float, grabbed: Grabbed | None) -> Gesture:
    """The gesture of a press that has moved so far from its beginning."""
    dragging = moved_points >= DRAG_POINTS
    if press.button == "middle":
        return Gesture.PAN
    if press.button == "right":
        return Gesture.WINDOW if dragging else Gesture.CLICK
    if press.ctrl:
        return Gesture.CROSSHAIR
    if not dragging:
        return Gesture.CLICK
    if grabbed is not None and not press.shift:
        return Gesture.MOVE_POINT if grabbed.point is not None else Gesture.MOVE_CORNER
    return Gesture.BOX


def is_positive(press: Press) -> bool:
    """Whether a click means 'belongs to the structure'."""
    return press.button == "left" and not press.alt


def moved_box(box: BoxMark, corner: int, to_xy: Pixel) -> tuple[Pixel, Pixel]:
    """The two defining corners once one of the four is moved."""
    (ax, ay), (bx, by) = box.corner_a_xy, box.corner_b_xy
    x, y = to_xy
    return {
        0: ((x, y), (bx, by)),
        1: ((ax, ay), (x, y)),
        2: ((x, ay), (bx, y)),
        3: ((ax, y), (x, by)),
    }[corner]


def shifted_box(box: BoxMark, from_xy: Pixel, to_xy: Pixel, size: tuple[int, int]) -> tuple[Pixel, Pixel]:
    """The two defining corners of a box that is taken elsewhere as a whole; it stays on the slice of size (columns, rows)."""
    steps = []
    for axis in range(2):
        low, high = sorted((box.corner_a_xy[axis], box.corner_b_xy[axis]))
        steps.append(min(max(to_xy[axis] - from_xy[axis], -low), size[axis] - 1 - high))
    (ax, ay), (bx, by) = box.corner_a_xy, box.corner_b_xy
    return (ax + steps[0], ay + steps[1]), (bx + steps[0], by + steps[1])


def _edge_distance(viewport: Viewport, box: BoxMark, screen: tuple[float, float]) -> float:
    """From a screen point to the outline of a box, in points."""
    x0, y0, x1, y1 = box.edges_xyxy
    left, top = viewport.to_screen(x0, y0)
    right, bottom = viewport.to_screen(x1, y1)
    x, y = screen
    outside = max(left - x, x - right, 0.0), max(top - y, y - bottom, 0.0)
    if any(outside):
        return float((outside[0] ** 2 + outside[1] ** 2) ** 0.5)
    return float(min(x - left, right - x, y - top, bottom - y))


def _distance(viewport: Viewport, xy: Pixel, screen: tuple[float, float]) -> float:
    x, y = viewport.to_screen(*xy)
    return ((x - screen[0]) ** 2 + (y - screen[1]) ** 2) ** 0.5
