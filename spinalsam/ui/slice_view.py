"""One plane on the screen: paints a scene, and turns the pointer into voxels.

It knows neither the workspace nor any operation; what the user did leaves as a signal with voxels in it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from PyQt5.QtCore import QLineF, QPointF, QRectF, QSize, Qt, QTimer, pyqtSignal
from PyQt5.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent, QTransform, QWheelEvent
from PyQt5.QtWidgets import QSizePolicy, QWidget

from spinalsam.support.windowing import Window
from spinalsam.ui import slice_marks as marks
from spinalsam.ui.gestures import WHOLE, Gesture, Grabbed, Press, gesture_of, grab, is_positive, moved_box, shifted_box
from spinalsam.ui.scene import BoxMark, PointMark, SliceScene
from spinalsam.ui.slice_picture import MaskPicture, PictureCache, draw_labels, outline
from spinalsam.ui.viewport import Viewport
from spinalsam.ui.words import put, retell, tr

# A click is held back this long in case it is the first half of a double click; whatever else the user does ends the wait.
DOUBLE_CLICK_MS = 230
# The pointer rests this long before a preview of its click is wished for; while it drags a box, one comes this often.
REST_MS = 110
# And this long before the network answers what such a click would ask, so that it is known when the button goes down. A hand that aims
# still moves by so many points then.
SLOWING_MS, SLOWING_POINTS = 35, 4.0
WHEEL_NOTCH = 120
ZOOM_PER_NOTCH = 1.2
BACKGROUND = QColor(0, 0, 0)
_BUTTONS = {Qt.LeftButton: "left", Qt.RightButton: "right", Qt.MiddleButton: "middle"}


@dataclass(frozen=True)
class _Preview:
    """found: a `Preview`. lines: its mask's outline. drawn: the slice's masks with it as a picture, once that has been made."""

    found: Any
    lines: list[QLineF]
    drawn: list[MaskPicture | None]


class SliceView(QWidget):
    """Signals carry voxel indices (i, j, k), never pixels."""

    point_placed = pyqtSignal(object, tuple, bool)  # SliceRef, ijk, positive
    box_drawn = pyqtSignal(object, tuple, tuple)  # SliceRef, corner a ijk, corner b ijk
    point_moved = pyqtSignal(int, tuple)  # position in the case's points, ijk
    box_moved = pyqtSignal(int, tuple, tuple)  # position in the case's boxes, corner a ijk, corner b ijk
    point_deleted = pyqtSignal(int)
    box_deleted = pyqtSignal(int)
    crosshair_moved = pyqtSignal(tuple)
    scrolled = pyqtSignal(int)  # slices; positive is the next one
    window_dragged = pyqtSignal(float, float)  # level, width
    hovered = pyqtSignal(object)  # Hover or None
    preview_foreseen = pyqtSignal(object, dict)  # the same, to be known and not shown
    preview_wished = pyqtSignal(object, dict)  # SliceRef, what previewing.prompt_if takes; empty: none any more
    mask_asked = pyqtSignal(object, dict)  # the same, of a click that has begun
    activated = pyqtSignal()
    maximise_requested = pyqtSignal()
    looked = pyqtSignal(object)  # Viewport, after zoom, pan, fit or another size

    def __init__(self, plane_name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.plane_name = plane_name
        self.scene: SliceScene | None = None
        self.viewport = Viewport(1, 1, 1.0, 1.0)
        self._pictures = PictureCache()
        self._press: Press | None = None
        self._grabbed: Grabbed | None = None
        self._gesture = Gesture.NONE
        self._pointer: tuple[float, float] | None = None
        self._window_start: Window | None = None
        self._shown_window: Window | None = None
        self._pending: tuple[PointMark, tuple[int, int, int]] | None = None
        self._wheel_rest = 0
        self._alt = False
        # Off while a tool is in hand that takes clicks for itself.
        self.takes_prompts = True
        # Only to look at: the left button moves the crosshair.
        self.is_read_only = False
        self._other_pointer: tuple[int, int, int] | None = None
        # Until somebody zooms or pans, a new size of the pane shows the same part of the slice.
        self._moved_by_hand = False
        self._preview: _Preview | None = None
        # From the press of a click until its mask is there: what it gives is drawn as the mask, not as a preview.
        self._asks = False
        self._rest_timer = QTimer(self, singleShot=True, interval=REST_MS)
        self._rest_timer.timeout.connect(self._wish_preview)
        self._slows_at = (0.0, 0.0)
        self._slowing_timer = QTimer(self, singleShot=True, interval=SLOWING_MS)
        self._slowing_timer.timeout.connect(self._foresee)
        self._click_timer = QTimer(self, singleShot=True)
        self._click_timer.timeout.connect(self.flush_click)
        self._set_up()

    def _set_up(self) -> None:
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.StrongFocus)
        self.setAttribute(Qt.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Expanding, QSizePolicy.Expanding)
        self.setMinimumSize(120, 100)
        retell(self._say_name)
        put(
            self.setAccessibleDescription,
            "Left click adds a positive point, right click a negative one, drag draws a box, the wheel scrolls.",
        )

    def _say_name(self) -> None:
        self.setAccessibleName(tr("{plane} slice", plane=tr(self.plane_name.capitalize())))

    def sizeHint(self) -> QSize:
        return QSize(420, 360)

    # --- what is shown -----------------------------------------------------------------------------------------------

    def show_scene(self, scene: SliceScene | None) -> None:
        """Paint this from now on. Zoom and pan stay as long as the grid stays."""
        if scene is None or self.scene is None or scene.ref != self.scene.ref:
            self.show_preview(None)
        elif scene.revision != self.scene.revision:
            self._preview = None
            self._asks &= self._waits
        same_grid = scene is not None and self.scene is not None and scene.plane == self.scene.plane
        self.scene = scene
        self._shown_window = None
        if scene is None:
            self._forget_pointer()
        elif not same_grid:
            rows, columns = scene.plane.shape
            row_mm, column_mm = scene.plane.spacing_mm
            self.viewport = Viewport(rows, columns, row_mm, column_mm, self.width(), self.height())
            self._look_at_patient()
        self.update()

    def show_preview(self, found: Any | None) -> None:
        """Outline what a prompt would give (a `Preview`) if it is about the slice that is shown; None takes the outline away.

        While a click waits for its mask, that is drawn in full, before anything else happens: the step that follows is work.
        """
        before, self._preview = self._preview, None
        self._asks &= found is not None
        scene = self.scene
        here = found is not None and scene is not None and (found.ref, found.revision) == (scene.ref, scene.revision)
        if here and (self._pointer is not None or self._asks):
            self._preview = _Preview(found, outline(found.mask.astype(np.uint8), 1), [])
            self._foresee(other_button=True)
        if self._preview is not None and self._asks:
            self.repaint()
        elif self._preview is not before:
            self.update()
        if self._pending is not None and not self._pending[0].positive:
            self._click_timer.start(0)

    def end_asking(self) -> None:
        """The click that waited has its mask, or gets none. One that has followed it goes on waiting."""
        if self._asks and not self._waits:
            self.show_preview(None)

    @property
    def _waits(self) -> bool:
        """Whether a click has begun that is no point yet."""
        return self._press is not None or self._pending is not None

    def fit(self) -> None:
        """Show the patient; a second time, the whole slice."""
        before = self.viewport
        self._look_at_patient()
        if self.viewport == before:
            self._moved_by_hand = True
            self.viewport = self.viewport.fitted()
        self.update()
        self.looked.emit(self.viewport)

    def look_like(self, other: Viewport) -> None:
        """Show the same place at the same scale as another view of the slice."""
        if (other.rows, other.columns) == (self.viewport.rows, self.viewport.columns):
            self._moved_by_hand = True
            self.viewport = self.viewport.like(other)
            self.update()

    def remember_look(self) -> Callable[[], None]:
        """What brings back zoom, place and whether they were chosen by hand, whatever the pane's size is by then."""
        viewport, by_hand = self.viewport, self._moved_by_hand

        def bring_back() -> None:
            if (viewport.rows, viewport.columns) == (self.viewport.rows, self.viewport.columns):
                self.viewport = replace(self.viewport, zoom=viewport.zoom, pan_mm=viewport.pan_mm)
                self._moved_by_hand = by_hand
                self.update()

        return bring_back

    def show_other_pointer(self, ijk: tuple[int, int, int] | None) -> None:
        """Mark the voxel at which the pointer is in another view of the slice."""
        if ijk != self._other_pointer:
            self._other_pointer = ijk
            self.update()

    def _look_at_patient(self) -> None:
        self._moved_by_hand = False
        if self.scene is None or not self.scene.shown_first:
            self.viewport = self.viewport.fitted()
            return
        first, last = self.scene.plane.to_pixel(np.array(self.scene.shown_first).T)
        self.viewport = self.viewport.around(tuple(first), tuple(last))

    def zoom(self, factor: float) -> None:
        """Zoom to the pointer, or to the middle while the pointer is elsewhere."""
        x, y = self._pointer if self._pointer is not None else (self.width() / 2, self.height() / 2)
        self._moved_by_hand = True
        self.viewport = self.viewport.zoomed(factor, x, y)
        self.update()
        self.looked.emit(self.viewport)

    # --- painting ----------------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), BACKGROUND)
        if self.scene is not None:
            self._paint(painter, self.scene)
        painter.end()

    def _paint(self, painter: QPainter, scene: SliceScene) -> None:
        scene = replace(scene, window=self._shown_window) if self._shown_window else scene
        self._paint_pictures(painter, scene)
        marks.draw_measured(painter, scene, self.viewport)
        marks.draw_crosshair(painter, scene, self.viewport)
        if self._preview is not None and not self._asks:
            marks.draw_preview(painter, self.viewport, self._preview.lines, self._preview.found.score)
        self._paint_prompts(painter, scene)
        if self._other_pointer is not None:
            marks.draw_other_pointer(painter, scene, self.viewport, self._other_pointer)
        marks.draw_letters(painter, scene, self.viewport)
        marks.draw_scale_bar(painter, scene, self.viewport)
        marks.draw_corner_texts(painter, scene, self.viewport, self._hover())
        marks.draw_open_mask(painter, scene, self.viewport)

    def _paint_pictures(self, painter: QPainter, scene: SliceScene) -> None:
        left, top = self.viewport.to_screen(-0.5, -0.5)
        right, bottom = self.viewport.to_screen(self.viewport.columns - 0.5, self.viewport.rows - 0.5)
        target = QRectF(left, top, right - left, bottom - top)
        painter.setRenderHint(QPainter.SmoothPixmapTransform, scene.smooth)
        grey = self._pictures.grey(scene)
        painter.drawImage(target, grey)
        mask = self._asked_mask(scene) if self._asks and self._preview is not None else self._pictures.mask(scene)
        if mask is None:
            return
        fill, outlines = mask
        painter.setRenderHint(QPainter.SmoothPixmapTransform, False)
        painter.drawImage(target, fill)
        self._paint_outlines(painter, scene, outlines)

    def _asked_mask(self, scene: SliceScene) -> MaskPicture | None:
        """The slice's masks with that of the click that waits, drawn once."""
        assert self._preview is not None
        found = self._preview.found
        if not self._preview.drawn:
            value, style = found.info.value, (found.info.opacity, found.info.drawn)
            shown = {value: found.info.colour} if found.info.visible else {}
            asked = replace(scene, colours={**scene.colours, **shown}, styles={**scene.styles, value: style})
            self._preview.drawn.append(draw_labels(asked, found.labels) if scene.mask_visible else None)
        return self._preview.drawn[0]

    def _paint_outlines(self, painter: QPainter, scene: SliceScene, outlines: dict) -> None:
        left, top = self.viewport.to_screen(0, 0)
        across, down = self.viewport.pixel_points
        painter.save()
        painter.setTransform(QTransform(across, 0, 0, down, left, top), True)
        for value, lines in outlines.items():
            pen = QPen(QColor(*scene.colours[value]), 1.6)
            pen.setCosmetic(True)
            painter.setPen(pen)
            painter.drawLines(lines)
        painter.restore()

    def _paint_prompts(self, painter: QPainter, scene: SliceScene) -> None:
        under = self._grabbed if self._press else (grab(scene, self.viewport, self._pointer) if self._pointer else None)
        moving = self._moved_marks()
        for box in scene.boxes:
            is_under = under is not None and under.box == box
            if is_under and isinstance(moving, BoxMark):
                box = moving
            painter.setOpacity(marks.FAINT if not is_under and (box.faint or not self.takes_prompts) else 1.0)
            marks.draw_box(painter, self.viewport, box, highlighted=is_under)
        for point in scene.points:
            is_under = under is not None and under.point == point
            if is_under and isinstance(moving, PointMark):
                point = moving
            painter.setOpacity(marks.FAINT if not is_under and (point.faint or not self.takes_prompts) else 1.0)
            marks.draw_point(painter, self.viewport, point, highlighted=is_under)
        painter.setOpacity(1.0)
        if self._gesture is Gesture.BOX:
            marks.draw_box(painter, self.viewport, self._dragged_box(), dashed=True)
        if self._pending is not None:
            marks.draw_point(painter, self.viewport, self._pending[0])

    def _moved_marks(self) -> PointMark | BoxMark | None:
        """The grabbed prompt as it would be if the button were released now."""
        if self._grabbed is None or self._pointer is None:
            return None
        xy = self.viewport.clamped_pixel(*self._pointer)
        if self._gesture is Gesture.MOVE_POINT and self._grabbed.point is not None:
            return replace(self._grabbed.point, xy=xy)
        if self._gesture is Gesture.MOVE_CORNER and self._grabbed.box is not None:
            corner_a, corner_b = self._dragged_corners(self._grabbed.box, xy)
            return replace(self._grabbed.box, corner_a_xy=corner_a, corner_b_xy=corner_b)
        return None

    def _dragged_corners(self, box: BoxMark, xy: tuple[int, int]) -> tuple[tuple[float, float], tuple[float, float]]:
        assert self._grabbed is not None and self._press is not None
        if self._grabbed.corner == WHOLE:
            return shifted_box(box, self.viewport.clamped_pixel(*self._press.screen), xy, (self.viewport.columns, self.viewport.rows))
        return moved_box(box, self._grabbed.corner, xy)

    def _dragged_box(self) -> BoxMark:
        assert self._press is not None and self._pointer is not None
        return BoxMark(self.viewport.clamped_pixel(*self._press.screen), self.viewport.clamped_pixel(*self._pointer), -1)

    def _hover(self) -> marks.Hover | None:
        """The voxel under the pointer and its value."""
        if self.scene is None or self._pointer is None:
            return None
        pixel = self.viewport.nearest_pixel(*self._pointer)
        if pixel is None:
            return None
        ijk = self.scene.voxel(pixel)
        return marks.Hover(ijk, float(self.scene.volume.voxels[ijk]))

    # --- pointer -----------------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.flush_click()
        if self.scene is None or event.button() not in _BUTTONS or self._press is not None:
            return
        self.activated.emit()
        keys = event.modifiers()
        self._pointer = _xy(event.localPos())
        self._press = Press(
            self._pointer,
            _BUTTONS[event.button()],
            alt=bool(keys & Qt.AltModifier),
            shift=bool(keys & Qt.ShiftModifier),
            ctrl=bool(keys & Qt.ControlModifier) or (self.is_read_only and event.button() == Qt.LeftButton),
        )
        self._grabbed = grab(self.scene, self.viewport, self._pointer)
        self._window_start = self.scene.window
        self._gesture = gesture_of(self._press, 0.0, self._grabbed)
        self._ask() if self._gesture is Gesture.CLICK else self._take_preview_away()
        self._follow_drag((0.0, 0.0))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        before, self._pointer = self._pointer, _xy(event.localPos())
        if self._press is not None:
            if self._gesture is Gesture.CLICK:
                self._gesture = gesture_of(self._press, self._moved(), self._grabbed)
                if self._gesture is not Gesture.CLICK:
                    self._take_preview_away()
            self._follow_drag((self._pointer[0] - before[0], self._pointer[1] - before[1]) if before else (0.0, 0.0))
        self._update_cursor()
        self.hovered.emit(self._hover())
        self._rest(event)
        self.update()

    def follow_pointer(self, place: QPointF) -> None:
        """The pointer is here, but somebody else deals with it: only tell what is under it."""
        self._pointer = _xy(place)
        self.hovered.emit(self._hover())
        self.update()

    def _rest(self, event: QMouseEvent) -> None:
        """Wait for the pointer to rest; a box that grows does not wait."""
        self._alt = bool(event.modifiers() & Qt.AltModifier)
        if self._press is None or (self._gesture is Gesture.BOX and not self._rest_timer.isActive()):
            self._rest_timer.start()
        if self._press is None and self._pointer is not None:
            (x, y), (x0, y0) = self._pointer, self._slows_at
            if not self._slowing_timer.isActive() or (x - x0) ** 2 + (y - y0) ** 2 > SLOWING_POINTS**2:
                self._slows_at = self._pointer
                self._slowing_timer.start()

    def _foresee(self, *, other_button: bool = False) -> None:
        """The pointer is about to rest, or does: let a click here be answered before it is made."""
        if self.scene is None or self._pointer is None or not self.takes_prompts or self._asks or self._press is not None:
            return
        pixel = self.viewport.nearest_pixel(*self._pointer)
        if pixel is not None and grab(self.scene, self.viewport, self._pointer) is None:
            positive = self._alt if other_button else not self._alt
            self.preview_foreseen.emit(self.scene.ref, {"point_ijk": self.scene.voxel(pixel), "positive": positive})

    def _ask(self) -> None:
        """A click begins: its mask is wished for before the finger is up, and long before it is known that no second click follows."""
        self._take_preview_away()
        assert self.scene is not None and self._press is not None
        pixel = self._clicked_pixel(self._press)
        if pixel is not None:
            self._asks = True
            self.mask_asked.emit(self.scene.ref, {"point_ijk": self.scene.voxel(pixel), "positive": is_positive(self._press)})

    def _wish_preview(self) -> None:
        """Ask for the mask that a click here, or the box as it is dragged now, would give."""
        if self.scene is None or self._pointer is None or not self.takes_prompts:
            return
        if self._asks and (self._waits or self._preview is not None):
            return
        self._asks = False
        if self._gesture is Gesture.BOX and self._press is not None:
            box = self._dragged_box()
            corners = (self.scene.voxel(box.corner_a_xy), self.scene.voxel(box.corner_b_xy))
            self.preview_wished.emit(self.scene.ref, {"box_ijk": corners})
            return
        pixel = self.viewport.nearest_pixel(*self._pointer)
        if self._press is not None or pixel is None or grab(self.scene, self.viewport, self._pointer) is not None:
            self._take_preview_away()
            return
        self.preview_wished.emit(self.scene.ref, {"point_ijk": self.scene.voxel(pixel), "positive": not self._alt})

    def _take_preview_away(self) -> None:
        self._rest_timer.stop()
        self._slowing_timer.stop()
        self.show_preview(None)
        if self.scene is not None:
            self.preview_wished.emit(self.scene.ref, {})

    def _follow_drag(self, step: tuple[float, float]) -> None:
        """Show a drag while it goes on."""
        assert self._press is not None and self._pointer is not None
        if self._gesture is Gesture.PAN:
            self._moved_by_hand = True
            self.viewport = self.viewport.panned(*step)
            self.looked.emit(self.viewport)
        elif self._gesture is Gesture.CROSSHAIR and self.scene is not None:
            self.crosshair_moved.emit(self.scene.voxel(self.viewport.clamped_pixel(*self._pointer)))
        elif self._gesture is Gesture.WINDOW and self._window_start is not None:
            right, down = self._pointer[0] - self._press.screen[0], self._pointer[1] - self._press.screen[1]
            self._shown_window = dragged_window(self._window_start, right, down)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._press is None or _BUTTONS.get(event.button()) != self._press.button:
            return
        self._pointer = _xy(event.localPos())
        gesture, press, grabbed = self._gesture, self._press, self._grabbed
        if gesture is Gesture.CLICK:
            gesture = gesture_of(press, self._moved(), grabbed)
        moved = self._moved_marks()
        box = self._dragged_box() if gesture is Gesture.BOX else None
        self._press, self._grabbed, self._gesture = None, None, Gesture.NONE
        if self.scene is not None:
            self._finish(gesture, press, moved, box)
        self._update_cursor()
        self.update()

    def _finish(self, gesture: Gesture, press: Press, moved: PointMark | BoxMark | None, box: BoxMark | None) -> None:
        """Say what a finished gesture meant."""
        assert self.scene is not None
        if gesture is Gesture.CLICK:
            self._finish_click(press)
        elif box is not None:
            self.box_drawn.emit(self.scene.ref, self.scene.voxel(box.corner_a_xy), self.scene.voxel(box.corner_b_xy))
        elif isinstance(moved, PointMark):
            self.point_moved.emit(moved.position, self.scene.voxel(moved.xy))
        elif isinstance(moved, BoxMark):
            self.box_moved.emit(moved.position, self.scene.voxel(moved.corner_a_xy), self.scene.voxel(moved.corner_b_xy))
        elif gesture is Gesture.WINDOW and self._shown_window is not None:
            self.window_dragged.emit(self._shown_window.level, self._shown_window.width)

    def _clicked_pixel(self, press: Press) -> tuple[int, int] | None:
        """Where a click sets a point: on a box's edge too, but not on another point or on a corner."""
        assert self.scene is not None
        under = grab(self.scene, self.viewport, press.screen)
        if not self.takes_prompts or (under is not None and under.corner != WHOLE):
            return None
        return self.viewport.nearest_pixel(*press.screen)

    def _finish_click(self, press: Press) -> None:
        assert self.scene is not None
        pixel = self._clicked_pixel(press)
        if pixel is None:
            return
        mark = marks.pending_point(pixel, is_positive(press))
        self._pending = mark, self.scene.voxel(pixel)
        # What cannot become a double click waits only until its mask is seen.
        if mark.positive or (self._asks and self._preview is None):
            self._click_timer.start(DOUBLE_CLICK_MS)
        else:
            self.flush_click()

    def flush_click(self) -> None:
        """Let a click that waits for a second one become a point now."""
        self._click_timer.stop()
        if self._pending is None or self.scene is None:
            self._pending = None
            return
        (mark, ijk), self._pending = self._pending, None
        self.point_placed.emit(self.scene.ref, ijk, mark.positive)
        self.update()

    def forget_click(self) -> bool:
        """Take a click back that is no point yet, with its mask; False where there is none."""
        waits = self._pending is not None
        if waits:
            self._click_timer.stop()
            self._pending = None
            self._take_preview_away()
            self.update()
        return waits

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        # A first click on a corner or a point waits for nothing: it set no point.
        on_mark = self.scene is not None and event.modifiers() == Qt.NoModifier and grab(self.scene, self.viewport, _xy(event.localPos()))
        first = self._pending is not None and self._pending[0].positive
        if event.button() == Qt.LeftButton and (first or self.scene is None or on_mark):
            self._click_timer.stop()
            self._pending = None
            self._take_preview_away()
            self.maximise_requested.emit()
            self.update()
        else:
            self.mousePressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.accept()
        if self.scene is None:
            return
        self.flush_click()
        delta = event.angleDelta().y() or event.angleDelta().x()
        if event.modifiers() & Qt.ControlModifier:
            self._moved_by_hand = True
            self.viewport = self.viewport.zoomed(ZOOM_PER_NOTCH ** (delta / WHEEL_NOTCH), event.position().x(), event.position().y())
            self.update()
            self.looked.emit(self.viewport)
            return
        self._wheel_rest += delta
        notches = int(self._wheel_rest / WHEEL_NOTCH)
        self._wheel_rest -= notches * WHEEL_NOTCH
        if notches:
            self.scrolled.emit(-notches)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        under = grab(self.scene, self.viewport, self._pointer) if self.scene is not None and self._pointer else None
        if event.key() in (Qt.Key_Delete, Qt.Key_Backspace) and under is not None:
            if under.point is not None:
                self.point_deleted.emit(under.point.position)
            elif under.box is not None:
                self.box_deleted.emit(under.box.position)
        elif event.key() == Qt.Key_Escape and self._press is not None:
            self._forget_pointer()
        else:
            super().keyPressEvent(event)

    def leaveEvent(self, event: object) -> None:
        if self._press is None:
            if not self._asks:
                self._take_preview_away()
            self._pointer = None
            self.hovered.emit(None)
            self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        self.viewport = self.viewport.resized(self.width(), self.height())
        if not self._moved_by_hand:
            self._look_at_patient()
        self.looked.emit(self.viewport)

    def _moved(self) -> float:
        assert self._press is not None and self._pointer is not None
        right, down = self._pointer[0] - self._press.screen[0], self._pointer[1] - self._press.screen[1]
        return (right * right + down * down) ** 0.5

    def _update_cursor(self) -> None:
        if self.scene is None or self._pointer is None:
            return
        if self._gesture is Gesture.PAN:
            self.setCursor(Qt.ClosedHandCursor)
        elif self._press is None and grab(self.scene, self.viewport, self._pointer) is not None:
            self.setCursor(Qt.PointingHandCursor)
        else:
            self.setCursor(Qt.CrossCursor)

    def _forget_pointer(self) -> None:
        self._press, self._grabbed, self._gesture, self._pending = None, None, Gesture.NONE, None
        self._shown_window = None
        self._click_timer.stop()
        self._rest_timer.stop()
        self._slowing_timer.stop()
        self._preview, self._asks = None, False
        self.unsetCursor()
        self.update()


def dragged_window(start: Window, right_points: float, down_points: float) -> Window:
    """The window after a drag: to the right is wider, upwards is brighter; the step grows with the width."""
    step = max(start.width, 50.0) / 300.0
    return Window(round(start.level + down_points * step), max(1.0, round(start.width + right_points * step)))


def _xy(point: QPointF) -> tuple[float, float]:
    return point.x(), point.y()
