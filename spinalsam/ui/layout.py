"""Four panes in a grid that can be resized, one of which can fill it: axial, sagittal, coronal and 3-D."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from PyQt5.QtCore import Qt, pyqtSignal
from PyQt5.QtGui import QIcon, QMouseEvent
from PyQt5.QtWidgets import QFrame, QHBoxLayout, QLabel, QSplitter, QToolButton, QVBoxLayout, QWidget

from spinalsam.support.planes import PLANES
from spinalsam.ui import theme
from spinalsam.ui.compare_panel import ComparePanel
from spinalsam.ui.scene import SliceScene, box_marks, patient_box, reference_scene, scene_of, surface_cut
from spinalsam.ui.slice_bar import SliceBar
from spinalsam.ui.slice_marks import PLANE_COLOURS
from spinalsam.ui.slice_picture import thumbnail
from spinalsam.ui.slice_view import SliceView
from spinalsam.ui.status import ElidedLabel
from spinalsam.ui.surface_view import SurfaceView
from spinalsam.ui.volumes import Extents
from spinalsam.ui.words import follow, put, retell, say, told, tr

TITLES = {"axial": "Axial", "sagittal": "Sagittal", "coronal": "Coronal", "3d": "3-D", "reference": "Reference"}


class PaneHeader(QFrame):
    """The strip over a pane: its name and a button that lets it fill the grid; a double click does the same."""

    maximise_requested = pyqtSignal()

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setObjectName("paneHeader")
        self.setFixedHeight(24)
        dot = QLabel()
        colour = PLANE_COLOURS.get(name)
        if colour is not None:
            dot.setPixmap(theme.swatch((colour.red(), colour.green(), colour.blue())).pixmap(11, 11))
        self.title = told(ElidedLabel(0), TITLES[name])  # what a reference is called may be longer than the pane is wide
        self.button = QToolButton()
        self.button.setAutoRaise(True)
        self.button.clicked.connect(self.maximise_requested)
        self._maximised = False
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 0, 3, 0)
        row.setSpacing(6)
        if colour is not None:
            row.addWidget(dot)
        row.addWidget(self.title, 1)
        row.addWidget(self.button)
        retell(self._say_maximised)

    def add_tool(self, icon: QIcon, text: str) -> QToolButton:
        """Another button, left of the one that maximises. text: its English name."""
        button = QToolButton()
        button.setAutoRaise(True)
        button.setIcon(icon)
        put(button.setToolTip, text)
        put(button.setAccessibleName, text)
        row = self.layout()
        assert isinstance(row, QHBoxLayout)
        row.insertWidget(row.count() - 1, button)
        return button

    def set_maximised(self, maximised: bool) -> None:
        self._maximised = maximised
        self._say_maximised()

    def _say_maximised(self) -> None:
        self.button.setIcon(theme.icon("restore" if self._maximised else "maximise"))
        text = tr("Show all panes") if self._maximised else tr("Let this pane fill the window (double click)")
        self.button.setToolTip(text)
        self.button.setAccessibleName(f"{self.title.text()}: {text}")

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.maximise_requested.emit()


class Pane(QFrame):
    """A header, a view, and for slices a bar that scrolls through them."""

    index_chosen = pyqtSignal(int)

    def __init__(self, name: str, view: QWidget) -> None:
        super().__init__()
        self.name = name
        self.view = view
        self.setObjectName("pane")
        self.header = PaneHeader(name)
        self.bar = SliceBar() if isinstance(view, SliceView) else None
        body = QHBoxLayout()
        body.setSpacing(0)
        body.addWidget(view, 1)
        if self.bar is not None:
            follow(self.bar, lambda bar: bar.setAccessibleName(tr("{plane} slice number", plane=tr(TITLES[name]))))
            self.bar.setEnabled(False)
            self.bar.valueChanged.connect(self._bar_moved)
            self.bar.peeked.connect(self._peek)
            body.addWidget(self.bar)
        column = QVBoxLayout(self)
        column.setContentsMargins(1, 1, 1, 1)
        column.setSpacing(0)
        column.addWidget(self.header)
        column.addLayout(body, 1)
        self._quiet = False

    def show_scene(self, scene: SliceScene | None) -> None:
        """Paint it and put the bar where it belongs."""
        assert isinstance(self.view, SliceView) and self.bar is not None
        self.view.show_scene(scene)
        self._quiet = True
        self.bar.setEnabled(scene is not None)
        self.bar.setRange(0, scene.plane.count - 1 if scene is not None else 0)
        self.bar.setPageStep(max(1, self.bar.maximum() // 10))
        self.bar.setValue(scene.index if scene is not None else 0)
        self._quiet = False
        self.set_active(scene is not None and scene.active)

    def set_active(self, active: bool) -> None:
        if self.property("active") != active:
            self.setProperty("active", active)
            for widget in (self, self.header, self.header.title):
                theme.restyle(widget)

    def show_marks(self, extents: Extents) -> None:
        """Mark the slices that hold masks on the bar."""
        assert isinstance(self.view, SliceView) and self.bar is not None
        scene = self.view.scene
        self.bar.show_marks(extents.along(scene.plane.normal_axis) if scene else {}, scene.colours if scene else {})

    def _peek(self, index: int) -> None:
        assert isinstance(self.view, SliceView) and self.bar is not None
        if index >= 0 and self.view.scene is not None:
            self.bar.show_picture(thumbnail(replace(self.view.scene, index=index)))

    def _bar_moved(self, value: int) -> None:
        if not self._quiet:
            self.index_chosen.emit(value)


class CasePanes(QWidget):
    """The grid of panes. What the user does in a pane comes out as signals with the plane's name."""

    index_chosen = pyqtSignal(str, int)
    maximise_requested = pyqtSignal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.slices = {name: SliceView(name) for name in PLANES}
        self.surface = SurfaceView()
        views: dict[str, QWidget] = {**self.slices, "3d": self.surface}
        self.panes = {name: Pane(name, view) for name, view in views.items()}
        self.reference = SliceView("reference")
        self.reference.takes_prompts, self.reference.is_read_only = False, True
        self.reference_pane = Pane("reference", self.reference)
        self.reference_pane.header.set_maximised(True)
        self.compare = ComparePanel()
        self._beside: str | None = None
        self._bring_look_back: Callable[[], None] | None = None
        self._layout_name = "mpr"
        self._linking = False
        self._extents = Extents()
        self._patient: tuple[Any, tuple[tuple[float, float], ...]] | None = None
        self._arrange()
        for name, pane in self.panes.items():
            pane.header.maximise_requested.connect(lambda name=name: self.maximise_requested.emit(name))
            pane.index_chosen.connect(lambda index, name=name: self.index_chosen.emit(name, index))
        for name, view in self.slices.items():
            view.maximise_requested.connect(lambda name=name: self.maximise_requested.emit(name))

    def _arrange(self) -> None:
        self.rows = QSplitter(Qt.Vertical)
        self.upper, self.lower = QSplitter(Qt.Horizontal), QSplitter(Qt.Horizontal)
        for splitter, names in ((self.upper, ("axial", "sagittal")), (self.lower, ("coronal", "3d"))):
            for name in names:
                splitter.addWidget(self.panes[name])
            splitter.setSizes([1000, 1000])
            splitter.setChildrenCollapsible(False)
            splitter.setHandleWidth(3)
            self.rows.addWidget(splitter)
        self.rows.setSizes([1000, 1000])
        self.rows.setHandleWidth(3)
        self.rows.setChildrenCollapsible(False)
        self.upper.splitterMoved.connect(lambda *_: self.lower.setSizes(self.upper.sizes()))
        self.lower.splitterMoved.connect(lambda *_: self.upper.setSizes(self.lower.sizes()))
        self.beside = QSplitter(Qt.Horizontal)
        self.beside.setHandleWidth(3)
        self.beside.setChildrenCollapsible(False)
        self.beside.addWidget(self.rows)
        self.beside.addWidget(self.reference_pane)
        self.beside.setSizes([1000, 1000])
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.beside, 1)
        column.addWidget(self.compare)
        self.reference_pane.hide()
        self.compare.hide()
        for view in self.slices.values():
            view.looked.connect(lambda viewport, view=view: self._link(view, self.reference))
            view.hovered.connect(lambda hover, view=view: self._point(view, self.reference, hover))
        self.reference.looked.connect(lambda viewport: self._link(self.reference, self._left))
        self.reference.hovered.connect(lambda hover: self._point(self.reference, self._left, hover))

    # --- two masks side by side --------------------------------------------------------------------------------------

    @property
    def _left(self) -> SliceView | None:
        """The view beside which the reference is shown."""
        return self.slices.get(self._beside or "")

    def _link(self, moved: SliceView, other: SliceView | None) -> None:
        """Two views of one slice look at the same place."""
        left = self._left
        if self._linking or left is None or other is None or moved not in (left, self.reference):
            return
        self._linking = True
        other.look_like(moved.viewport)
        self._linking = False

    def _point(self, view: SliceView, other: SliceView | None, hover: Any) -> None:
        if self._left is not None and other is not None and view in (self._left, self.reference):
            other.show_other_pointer(hover.ijk if hover is not None else None)

    def _show_beside(self, workspace: Any) -> str | None:
        """Put the reference beside the active plane, or away; returns that plane."""
        reference = workspace.state.reference if workspace.volume is not None else None
        plane = workspace.state.view.active_plane if reference is not None and reference.side_by_side else None
        if plane != self._beside:
            for view in (self._left, self.reference):
                if view is not None:
                    view.show_other_pointer(None)
            if self._bring_look_back is not None:
                self._bring_look_back()
            self._beside = plane
            self._bring_look_back = self._left.remember_look() if self._left is not None else None
            self.reference_pane.setVisible(plane is not None)
            self.compare.setVisible(plane is not None)
            self.beside.setSizes([1000, 1000])
        if reference is not None:
            self.reference_pane.header.title.setText(f"{tr('Reference')} · {say(reference.title)}")
            self.compare.show_difference(reference.shown)
        return plane

    def show_layout(self, name: str) -> None:
        """'mpr' for all panes, else the one that fills the grid."""
        self._layout_name = name
        shown = set(self.panes) if name == "mpr" else {name}
        for pane_name, pane in self.panes.items():
            pane.setVisible(pane_name in shown)
            pane.header.set_maximised(name == pane_name)
        self.upper.setVisible(bool(shown & {"axial", "sagittal"}))
        self.lower.setVisible(bool(shown & {"coronal", "3d"}))

    @property
    def layout_name(self) -> str:
        return self._layout_name

    def show_case(self, workspace: Any) -> None:
        """Paint the workspace as it is now, in the panes that can be seen."""
        beside = self._show_beside(workspace)
        layout = beside or (workspace.state.view.layout if workspace.volume is not None else "mpr")
        if layout != self._layout_name:
            self.show_layout(layout)
        for name in self.slices:
            if workspace.volume is None or self._layout_name in ("mpr", name):
                self.panes[name].show_scene(scene_of(workspace, name, self._shown_first(workspace)))
            self.panes[name].show_marks(self._extents)
        if beside is not None:
            own = self.slices[beside]
            assert own.scene is not None
            scene = reference_scene(workspace, own.scene)
            self.reference_pane.show_scene(scene)
            self.reference_pane.bar.show_marks(box_marks(workspace.state.reference.boxes, scene), scene.colours)
            self._link(own, self.reference)
        self.surface.show_cut(*surface_cut(workspace))
        self.panes["3d"].set_active(workspace.volume is not None and layout == "3d")

    def _shown_first(self, workspace: Any) -> tuple[tuple[float, float], ...]:
        """Where the patient is, looked for once a case."""
        if workspace.volume is None:
            return ()
        if self._patient is None or self._patient[0] is not workspace.volume:
            self._patient = workspace.volume, patient_box(workspace.volume)
        return self._patient[1]

    def flush_clicks(self) -> None:
        """Let clicks that wait for a second one become points."""
        for view in self.slices.values():
            view.flush_click()

    def forget_clicks(self) -> bool:
        """Take back the clicks that are no points yet; False where there are none."""
        taken = [view.forget_click() for view in self.slices.values()]
        return any(taken)

    def fit_all(self) -> None:
        for view in self.slices.values():
            view.fit()
        self.surface.fit()

    def show_extents(self, extents: Extents) -> None:
        """Where the labels lie, for the marks on the bars."""
        self._extents = extents
        for name in self.slices:
            self.panes[name].show_marks(extents)

    def show_preview(self, found: Any | None) -> None:
        for view in self.slices.values():
            view.show_preview(found if found is not None and found.ref.plane == view.plane_name else None)

    def end_asking(self) -> None:
        """No click waits for its mask any more."""
        for view in self.slices.values():
            view.end_asking()

    @property
    def fullest_view(self) -> SliceView:
        """Sagittal, unless its slices are too narrow to tell anything, as in a scan of few slices."""
        scene = self.slices["sagittal"].scene
        if scene is None:
            return self.slices["axial"]
        sides = [n * mm for n, mm in zip(scene.plane.shape, scene.plane.spacing_mm, strict=True)]
        return self.slices["sagittal" if min(sides) > 0.25 * max(sides) else "axial"]

    @property
    def active_view(self) -> SliceView:
        """The slice that keys act on."""
        return next((view for view in self.slices.values() if view.scene is not None and view.scene.active), self.slices["axial"])
