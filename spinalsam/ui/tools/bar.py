"""The strip of tools: which one the left button is, and how it works."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from PyQt5.QtCore import QSize, Qt, pyqtSignal
from PyQt5.QtGui import QResizeEvent
from PyQt5.QtWidgets import (
    QAbstractSpinBox,
    QAction,
    QActionGroup,
    QDoubleSpinBox,
    QLabel,
    QSizePolicy,
    QSpinBox,
    QToolBar,
    QToolButton,
    QWidget,
)

from spinalsam.control.keys import KeyEntry
from spinalsam.ui import keys, theme
from spinalsam.ui.actions import name_buttons
from spinalsam.ui.tools.drag import ToolSettings
from spinalsam.ui.words import follow, put, told, tr

# name, icon, title, key, tip, the operation behind it
TOOLS = (
    ("prompt", "pointer", "Points and boxes", "V", "Click for points, drag for boxes.", "add_points"),
    ("brush", "brush", "Brush", "T", "Paint the label of new masks. Shift erases, Shift and wheel or [ ] change the size.", "brush"),
    ("erase", "erase", "Eraser", "E", "Take the label away. Shift paints, Shift and wheel or [ ] change the size.", "erase"),
    ("lasso", "lasso", "Lasso", "L", "Drag around a part, or click corners and press Enter, to add it. Shift removes it.", "lasso"),
    ("cut", "split_by_line", "Cut", "X", "Drag a line through the label: the smaller part gets a label of its own.", "split_by_line"),
)
SMALLEST_MM, LARGEST_MM = 0.2, 60.0
SIZE_STEP = 1.15


class ToolBar(QToolBar):
    """tool_chosen(name), settings_changed(): what the user has set. The strip shows only what the chosen tool uses."""

    tool_chosen = pyqtSignal(str)
    settings_changed = pyqtSignal()

    def __init__(self, window: QWidget, panes: QWidget) -> None:
        super().__init__(window)
        put(self.setWindowTitle, "Mask tools")
        self.setObjectName("mask_tools")
        self.setMovable(False)
        self.setContextMenuPolicy(Qt.PreventContextMenu)
        self.setIconSize(QSize(18, 18))
        self.settings = ToolSettings()
        self.tool_actions: dict[str, QAction] = {}
        group = QActionGroup(self)
        for name, picture, title, key, tip, op in TOOLS:
            action = told(QAction(theme.icon(picture), "", window), title)
            action.setCheckable(True)
            entry = keys.declare(KeyEntry(f"tool:{name}", title, (key,), op))
            keys.bind(action, entry, panes)
            action.setProperty("keys", entry)
            follow(action, partial(_say_tip, tip=tip))
            action.setData(op)
            action.triggered.connect(lambda _=False, name=name: self.choose(name))
            group.addAction(action)
            self.addAction(action)
            button = self.widgetForAction(action)
            button.setToolButtonStyle(Qt.ToolButtonTextBesideIcon)
            self.tool_actions[name] = action
        self._asides: list[QToolButton] = []
        self.tool = "prompt"
        self.tool_actions["prompt"].setChecked(True)
        self._build_options()
        self._show_options()

    def _build_options(self) -> None:
        parting = self.addSeparator()
        self.label = QLabel()
        self.radius = QDoubleSpinBox()
        self.radius.setButtonSymbols(QAbstractSpinBox.NoButtons)
        self.radius.setRange(SMALLEST_MM, LARGEST_MM)
        self.radius.setDecimals(1)
        self.radius.setSingleStep(0.5)
        self.radius.setSuffix(" mm")
        self.radius.setValue(self.settings.radius_mm)
        put(self.radius.setAccessibleName, "Radius of the brush")
        put(self.radius.setToolTip, "Radius of the brush in mm  ([ and ], or Shift and the wheel)")
        self.ball = self._toggle("ball", "Ball", "Work in 3-D: a ball instead of a disc on this slice")
        self.over = self._toggle("over", "Over labels", "Also change other labels; locked ones never")
        self.threshold = self._toggle("range", "HU range", "Only where the image's values lie in this range")
        self.lowest, self.highest = self._bound("Lowest value", 150), self._bound("Highest value", 3000)
        options: dict[str, tuple[QWidget, ...]] = {
            "label": (self.label,),
            "radius": (told(QLabel(), "Radius"), self.radius),
            "ball": (self.ball,),
            "over": (self.over, self.threshold),
            "range": (self.lowest, QLabel("–"), self.highest),
        }
        self._options = {name: [self.addWidget(widget) for widget in widgets] for name, widgets in options.items()}
        self._options["label"].append(parting)
        for box in (self.radius, self.lowest, self.highest):
            box.valueChanged.connect(self._read)
        for button in (self.ball, self.over, self.threshold):
            button.toggled.connect(self._read)

    def _toggle(self, picture: str, title: str, tip: str) -> QToolButton:
        button = QToolButton()
        button.setIcon(theme.icon(picture))
        put(button.setText, title)
        button.setToolButtonStyle(Qt.ToolButtonTextBesideIcon)
        button.setCheckable(True)
        put(button.setToolTip, tip)
        put(button.setAccessibleName, title)
        return button

    def _bound(self, name: str, value: int) -> QSpinBox:
        box = QSpinBox()
        box.setButtonSymbols(QAbstractSpinBox.NoButtons)
        box.setRange(-100_000, 100_000)
        box.setSingleStep(10)
        box.setValue(value)
        put(box.setAccessibleName, name)
        put(box.setToolTip, name)
        return box

    def add_actions(self, actions: Sequence[QAction]) -> None:
        """Operations that go with the tools, at the right end."""
        space = QWidget()
        space.setSizePolicy(QSizePolicy.Expanding, QSizePolicy.Preferred)
        self.addWidget(space)
        for action in actions:
            self.addAction(action)
            button = self.widgetForAction(action)
            button.setToolButtonStyle(Qt.ToolButtonTextBesideIcon)
            self._asides.append(button)
        follow(self, name_buttons)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Where the options leave no room for words at the right end, the drawings stay: what does not fit would be out of reach."""
        for style in (Qt.ToolButtonTextBesideIcon, Qt.ToolButtonIconOnly):
            for button in self._asides:
                button.setToolButtonStyle(style)
            if self.sizeHint().width() <= self.width():
                break

    # --- what is set -------------------------------------------------------------------------------------------------

    def choose(self, name: str) -> None:
        """Take a tool in hand."""
        self.tool = name
        self.tool_actions[name].setChecked(True)
        self._show_options()
        self.tool_chosen.emit(name)

    def resize_brush(self, steps: int) -> None:
        """Make the brush larger (steps above 0) or smaller, by at least the tenth of a millimetre that is shown."""
        before = self.radius.value()
        self.radius.setValue(before + max(abs(before * SIZE_STEP**steps - before), 0.1) * (1 if steps > 0 else -1))

    def show_target(self, name: str, colour: tuple[int, int, int], locked: bool) -> None:
        """The label that is worked on."""
        red, green, blue = colour
        note = f" ({tr('locked')})" if locked else ""
        self.label.setText(f'<span style="color: rgb({red},{green},{blue})">■</span> {name}{note}&nbsp;')
        self.label.setAccessibleName(tr("The label that is worked on: {name}", name=f"{name}{note}"))

    def _read(self) -> None:
        self.settings = replace(
            self.settings,
            radius_mm=self.radius.value(),
            ball=self.ball.isChecked(),
            over=self.over.isChecked(),
            threshold=self.threshold.isChecked(),
            lowest_hu=float(self.lowest.value()),
            highest_hu=float(self.highest.value()),
        )
        self._show_options()
        self.settings_changed.emit()

    def _show_options(self) -> None:
        brushes = self.tool in ("brush", "erase")
        draws = brushes or self.tool == "lasso"
        shown = {
            "label": self.tool != "prompt",
            "radius": brushes,
            "ball": brushes,
            "over": draws,
            "range": draws and self.threshold.isChecked(),
        }
        for name, actions in self._options.items():
            for action in actions:
                action.setVisible(shown[name])
        self._fit()


def _say_tip(action: QAction, tip: str) -> None:
    key = keys.shown(action.property("keys"))
    action.setToolTip(f"{action.text()}{f'  ({key})' if key else ''}\n{tr(tip)}")
