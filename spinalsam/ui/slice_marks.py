"""What is drawn over a slice: crosshair, prompts, orientation letters, scale bar and texts."""

from __future__ import annotations

from dataclasses import dataclass

from PyQt5.QtCore import QLineF, QPointF, QRectF, Qt
from PyQt5.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPainterPath, QPen, QPolygonF, QTransform

from spinalsam.support.morphometry.marks import COLOURS, LEGEND
from spinalsam.ui import keys
from spinalsam.ui.scene import BoxMark, MeasuredLine, Pixel, PointMark, SliceScene
from spinalsam.ui.viewport import Viewport, scale_bar_mm
from spinalsam.ui.words import region, tr

POSITIVE = QColor("#3ddc84")
NEGATIVE = QColor("#ff5a52")
BOX = QColor("#ffd23f")
TEXT = QColor("#e6edf3")
PREVIEW = QColor("#7fd4ff")
LETTER = QColor("#ffc46b")
SHADOW = QColor(0, 0, 0, 215)
PLANE_COLOURS = {"axial": QColor("#e0564f"), "sagittal": QColor("#e0b93b"), "coronal": QColor("#45b36b")}

POINT_RADIUS = 5.5
HANDLE = 3.0
HINT_EDGE = 44  # from the upper or lower edge: beside letters, scale bar and corner texts
CROSS_GAP = 14.0
BAR_SHARE = 0.25
EDGE = 8.0
FAINT = 0.4  # how strongly prompts are drawn that are not being worked on
LEGIBLE_POINTS_PER_MM = 3.0  # three figures side by side in a body need so much room


@dataclass(frozen=True)
class Hover:
    """What is under the pointer, for the corner text."""

    ijk: tuple[int, int, int]
    value: float


def shadow_text(painter: QPainter, rect: QRectF, flags: int, text: str, colour: QColor = TEXT) -> None:
    """Text that stays readable on black and on white."""
    painter.setPen(SHADOW)
    for right, down in ((1, 1), (-1, 1), (1, -1), (-1, -1)):
        painter.drawText(rect.translated(right, down), flags, text)
    painter.setPen(colour)
    painter.drawText(rect, flags, text)


def halo_text(painter: QPainter, rect: QRectF, text: str, colour: QColor, halo: float) -> None:
    """Text at the middle of a rectangle with a dark rim of `halo` points, for coloured masks and across lines."""
    metrics = QFontMetricsF(painter.font())
    left = rect.center().x() - metrics.horizontalAdvance(text) / 2
    path = QPainterPath()
    path.addText(QPointF(left, rect.center().y() + (metrics.ascent() - metrics.descent()) / 2), painter.font(), text)
    painter.save()
    painter.setRenderHint(QPainter.Antialiasing, True)
    painter.strokePath(path, QPen(SHADOW, 2 * halo, Qt.SolidLine, Qt.RoundCap, Qt.RoundJoin))
    painter.setPen(colour)
    painter.drawText(rect, Qt.AlignCenter, text)
    painter.restore()


def draw_crosshair(painter: QPainter, scene: SliceScene, viewport: Viewport) -> None:
    """Two lines in the colours of the planes that they stand for, with a gap so that the voxel stays visible."""
    x, y = viewport.to_screen(*scene.crosshair_xy)
    by_axis = {"axial": ("sagittal", "coronal"), "sagittal": ("coronal", "axial"), "coronal": ("sagittal", "axial")}
    vertical, horizontal = by_axis[scene.plane.plane]
    painter.setRenderHint(QPainter.Antialiasing, False)
    for colour, lines in (
        (PLANE_COLOURS[vertical], ((x, 0, x, y - CROSS_GAP), (x, y + CROSS_GAP, x, viewport.height))),
        (PLANE_COLOURS[horizontal], ((0, y, x - CROSS_GAP, y), (x + CROSS_GAP, y, viewport.width, y))),
    ):
        faint = QColor(colour)
        faint.setAlpha(170)
        painter.setPen(QPen(faint, 1))
        for x0, y0, x1, y1 in lines:
            painter.drawLine(QPointF(x0, y0), QPointF(x1, y1))


def draw_point(painter: QPainter, viewport: Viewport, mark: PointMark, *, highlighted: bool = False) -> None:
    """A disc with a plus or a minus, so that the sign does not hang on the colour alone."""
    painter.setRenderHint(QPainter.Antialiasing, True)
    centre = QPointF(*viewport.to_screen(*mark.xy))
    radius = POINT_RADIUS + (2 if highlighted else 0)
    painter.setPen(QPen(QColor("white") if highlighted else QColor(0, 0, 0, 220), 1.5))
    painter.setBrush(POSITIVE if mark.positive else NEGATIVE)
    painter.drawEllipse(centre, radius, radius)
    painter.setPen(QPen(QColor("#06130b") if mark.positive else QColor("white"), 1.6))
    arm = radius - 2.5
    painter.drawLine(centre - QPointF(arm, 0), centre + QPointF(arm, 0))
    if mark.positive:
        painter.drawLine(centre - QPointF(0, arm), centre + QPointF(0, arm))


def draw_box(painter: QPainter, viewport: Viewport, mark: BoxMark, *, dashed: bool = False, highlighted: bool = False) -> None:
    """A box along the outer edges of its corner pixels, with handles at its corners."""
    x0, y0, x1, y1 = mark.edges_xyxy
    left, top = viewport.to_screen(x0, y0)
    right, bottom = viewport.to_screen(x1, y1)
    rect = QRectF(left, top, right - left, bottom - top)
    painter.setRenderHint(QPainter.Antialiasing, False)
    painter.setBrush(Qt.NoBrush)
    painter.setPen(QPen(SHADOW, 3))
    painter.drawRect(rect)
    painter.setPen(QPen(BOX, 2 if highlighted else 1.4, Qt.DashLine if dashed else Qt.SolidLine))
    painter.drawRect(rect)
    painter.setBrush(BOX)
    painter.setPen(QPen(SHADOW, 1))
    for corner in (rect.topLeft(), rect.topRight(), rect.bottomLeft(), rect.bottomRight()):
        painter.drawRect(QRectF(corner.x() - HANDLE, corner.y() - HANDLE, 2 * HANDLE, 2 * HANDLE))


def draw_open_mask(painter: QPainter, scene: SliceScene, viewport: Viewport) -> None:
    """Which candidate is shown, how sure the network is, and the keys that go on from here."""
    open_mask = scene.open_mask
    if open_mask is None:
        return
    font = QFont(painter.font())
    font.setBold(False)
    font.setPixelSize(12)
    painter.setFont(font)
    shown = {**vars(open_mask), "label": region(open_mask.label), "score": f"{open_mask.score:.2f}"}
    first = tr("{label}: candidate {number} of {count}, IoU {score}", **shown)
    hints = (("choose_candidate", "next"), ("window:accept", "keep"), ("window:stop", "drop"))
    told = "   ".join(f"{keys.shown(name)} {tr(what)}" for name, what in hints if keys.shown(name))
    metrics = QFontMetricsF(font)
    room = viewport.width - 4 * EDGE
    lines = [f"{first}    {told}"] if metrics.horizontalAdvance(f"{first}    {told}") < room - 24 else [first, told]
    width = min(room, max(metrics.horizontalAdvance(line) for line in lines) + 24)
    height = metrics.height() * len(lines) + 10
    rect = _beside_prompts(QRectF((viewport.width - width) / 2, viewport.height - height - HINT_EDGE, width, height), scene, viewport)
    painter.setRenderHint(QPainter.Antialiasing, True)
    painter.setPen(Qt.NoPen)
    painter.setBrush(QColor(8, 14, 22, 225))
    painter.drawRoundedRect(rect, 6, 6)
    painter.setPen(TEXT)
    painter.drawText(rect, Qt.AlignCenter, "\n".join(lines))


def _beside_prompts(rect: QRectF, scene: SliceScene, viewport: Viewport) -> QRectF:
    """The place at the lower edge, or at the upper one where it would cover what one grabs and that one would not."""
    above = QRectF(rect)
    above.moveTop(HINT_EDGE)
    reach = POINT_RADIUS + HANDLE
    grabbed = []
    for box in scene.boxes:
        x0, y0, x1, y1 = box.edges_xyxy
        corners = QPointF(*viewport.to_screen(x0, y0)), QPointF(*viewport.to_screen(x1, y1))
        grabbed += [QLineF(corners[0].x(), y, corners[1].x(), y) for y in (corners[0].y(), corners[1].y())]
    for point in scene.points:
        x, y = viewport.to_screen(*point.xy)
        grabbed.append(QLineF(x, y, x, y))
    hidden = [
        sum(place.intersects(QRectF(line.p1(), line.p2()).normalized().adjusted(-reach, -reach, reach, reach)) for line in grabbed)
        for place in (rect, above)
    ]
    return above if hidden[1] < hidden[0] else rect


def draw_preview(painter: QPainter, viewport: Viewport, lines: list[QLineF], score: float) -> None:
    """The outline of a mask that would come, dashed, with its predicted IoU at its lower edge."""
    if not lines:
        return
    painter.save()
    left, top = viewport.to_screen(0, 0)
    across, down = viewport.pixel_points
    painter.setRenderHint(QPainter.Antialiasing, False)
    painter.setTransform(QTransform(across, 0, 0, down, left, top), True)
    for colour, style in ((SHADOW, Qt.SolidLine), (PREVIEW, Qt.DotLine)):
        pen = QPen(colour, 2.0, style)
        pen.setCosmetic(True)
        painter.setPen(pen)
        painter.drawLines(lines)
    painter.restore()
    lowest = max(lines, key=lambda line: line.y2())
    x, y = viewport.to_screen(lowest.x1(), lowest.y2())
    shadow_text(painter, QRectF(x - 30, y + 2, 90, 18), Qt.AlignLeft | Qt.AlignTop, f"IoU {score:.2f}", PREVIEW)


def draw_measured(painter: QPainter, scene: SliceScene, viewport: Viewport) -> None:
    """Where figures were read, each in its kind's colour with its size beside it, and a legend that says what the colours mean."""
    if not scene.measured:
        return
    font = QFont(painter.font())
    font.setBold(False)
    font.setPixelSize(11)
    painter.setFont(font)
    painter.setRenderHint(QPainter.Antialiasing, True)
    painter.setBrush(Qt.NoBrush)
    for line in scene.measured:
        corners = QPolygonF([QPointF(*viewport.to_screen(*xy)) for xy in line.corners_xy])
        for colour, width in ((SHADOW, 3.4), (QColor(*COLOURS[line.kind]), 1.6)):
            painter.setPen(QPen(colour, width, Qt.SolidLine, Qt.RoundCap))
            painter.drawPolyline(corners)
        if line.kind in ("height", "disc"):
            painter.setBrush(QColor(*COLOURS[line.kind]))
            for corner in (corners.first(), corners.last()):
                painter.drawEllipse(corner, 2.2, 2.2)
            painter.setBrush(Qt.NoBrush)
    for line in scene.measured:
        least = LEGIBLE_POINTS_PER_MM if line.kind in ("height", "disc") else LEGIBLE_POINTS_PER_MM / 2
        if line.text and viewport.points_per_mm >= least:
            _write_figure(painter, viewport, line)
    _draw_legend(painter, scene, viewport)


def _write_figure(painter: QPainter, viewport: Viewport, line: MeasuredLine) -> None:
    x, y = viewport.to_screen(*line.text_xy)
    below = 10 if line.kind in ("core", "cobb") else 0
    rect = QRectF(x - 80, y - 8 + below, 160, 16)
    halo_text(painter, rect, line.text, QColor(*COLOURS[line.kind]), 2.0)


def _draw_legend(painter: QPainter, scene: SliceScene, viewport: Viewport) -> None:
    """At the upper left below the slice's number: the kinds that are on this slice, and that all this is for research only."""
    font = QFont(painter.font())
    font.setPixelSize(11)
    painter.setFont(font)
    line = QFontMetricsF(font).height() + 1
    kinds = [kind for kind in LEGEND if any(one.kind == kind for one in scene.measured)]
    top = EDGE + 34
    if viewport.height < top + line * (len(kinds) + 3) or viewport.width < 220:
        return
    for number, kind in enumerate(kinds):
        rect = QRectF(EDGE, top + line * number, viewport.width - 2 * EDGE, line)
        shadow_text(painter, rect, Qt.AlignLeft | Qt.AlignVCenter, f"\u2501 {tr(LEGEND[kind])}", QColor(*COLOURS[kind]))
    rect = QRectF(EDGE, top + line * len(kinds), viewport.width - 2 * EDGE, line)
    shadow_text(painter, rect, Qt.AlignLeft | Qt.AlignVCenter, tr("Research use only"), LETTER)


def draw_other_pointer(painter: QPainter, scene: SliceScene, viewport: Viewport, ijk: tuple[int, int, int]) -> None:
    """A small cross where the pointer is in the view beside this one."""
    x, y = viewport.to_screen(*(float(n) for n in scene.plane.to_pixel(ijk)))
    painter.setRenderHint(QPainter.Antialiasing, False)
    for colour, width in ((SHADOW, 3.0), (TEXT, 1.0)):
        painter.setPen(QPen(colour, width))
        painter.drawLine(QPointF(x - 7, y), QPointF(x + 7, y))
        painter.drawLine(QPointF(x, y - 7), QPointF(x, y + 7))


def draw_letters(painter: QPainter, scene: SliceScene, viewport: Viewport) -> None:
    """Orientation letters at the middle of the four edges; none over a picture, of which nobody knows how the patient lay."""
    if scene.volume.source.get("format") == "picture":
        return
    left, right, top, bottom = scene.plane.edge_letters
    width, height = viewport.width, viewport.height
    font = QFont(painter.font())
    font.setBold(True)
    font.setPixelSize(14)
    painter.setFont(font)
    for letter, rect in (
        (left, QRectF(EDGE, height / 2 - 10, 20, 20)),
        (right, QRectF(width - EDGE - 20, height / 2 - 10, 20, 20)),
        (top, QRectF(width / 2 - 10, EDGE - 2, 20, 20)),
        (bottom, QRectF(width / 2 - 10, height - EDGE - 18, 20, 20)),
    ):
        halo_text(painter, rect, letter, LETTER, 3.0)


def draw_scale_bar(painter: QPainter, scene: SliceScene, viewport: Viewport) -> None:
    """A bar of a round length in mm, or in pixels where the size of a pixel is unknown."""
    length_mm = scale_bar_mm(BAR_SHARE * viewport.width / viewport.points_per_mm)
    width = length_mm * viewport.points_per_mm
    y, x1 = viewport.height - EDGE - 4, viewport.width - EDGE - 4
    painter.setRenderHint(QPainter.Antialiasing, False)
    for colour, thickness in ((SHADOW, 4.0), (TEXT, 1.6)):
        painter.setPen(QPen(colour, thickness))
        painter.drawLine(QPointF(x1 - width, y), QPointF(x1, y))
        painter.drawLine(QPointF(x1 - width, y - 4), QPointF(x1 - width, y + 1))
        painter.drawLine(QPointF(x1, y - 4), QPointF(x1, y + 1))
    text = f"{length_mm:g} {'mm' if scene.volume.geometry.has_spacing else 'px'}"
    shadow_text(painter, QRectF(x1 - max(width, 60), y - 24, max(width, 60), 18), Qt.AlignRight | Qt.AlignVCenter, text)


def draw_corner_texts(painter: QPainter, scene: SliceScene, viewport: Viewport, hover: Hover | None) -> None:
    """Slice number and position at the upper left, window at the upper right, the value under the pointer at the lower left."""
    font = QFont(painter.font())
    font.setBold(False)
    font.setPixelSize(12)
    painter.setFont(font)
    line = QFontMetricsF(font).height()
    full = QRectF(EDGE, EDGE - 2, viewport.width - 2 * EDGE, viewport.height - 2 * EDGE + 4)
    shadow_text(painter, full, Qt.AlignLeft | Qt.AlignTop, slice_text(scene))
    unit = "HU" if scene.volume.is_hu else ""
    window = f"W {scene.window.width:.0f}  L {scene.window.level:.0f} {unit}".rstrip()
    shadow_text(painter, full, Qt.AlignRight | Qt.AlignTop, window)
    if hover is not None and viewport.height > 6 * line:
        value = f"{hover.value:.0f} {unit}".rstrip()
        i, j, k = hover.ijk
        shadow_text(painter, full, Qt.AlignLeft | Qt.AlignBottom, f"{value}\n[{i}, {j}, {k}]")


def slice_text(scene: SliceScene) -> str:
    """Number of the slice, counted from 1 as people do, and its position."""
    number = f"{scene.index + 1} / {scene.plane.count}"
    return f"{number}\n{round(scene.position_mm(), 1) + 0.0:.1f} mm" if scene.volume.geometry.has_spacing else number


def pending_point(xy: Pixel, positive: bool) -> PointMark:
    """A mark for a click that is not yet part of the case."""
    return PointMark(xy, positive, -1)
