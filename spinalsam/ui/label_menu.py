"""What can be done with one label, as a menu: every entry is an operation call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from PyQt5.QtGui import QIcon
from PyQt5.QtWidgets import QMenu, QWidget

from spinalsam.control.state import LabelInfo
from spinalsam.support.anatomy import CRANIOCAUDAL, LABEL_NAMES, label_colour, label_value
from spinalsam.ui import theme, words
from spinalsam.ui.words import tr

Ask = Callable[[str, dict[str, Any]], None]
PROGRESS_WORDS = {"open": "To do", "in_progress": "In progress", "done": "Done (locks it)"}
_DRAWN_WORDS = {"both": "Filled with an outline", "fill": "Filled", "outline": "Outline only"}
_OPACITIES = (0.15, 0.34, 0.6, 0.9)
_SHAPES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("Fill holes in space", "fill_holes", {}),
    ("Fill between the shown plane's slices", "fill_between", {}),
    ("Keep largest piece", "keep_largest", {}),
    ("Smooth a little (1 mm)", "smooth", {"strength_mm": 1}),
    ("Grow by 1 mm", "resize", {"mm": 1}),
    ("Shrink by 1 mm", "resize", {"mm": -1}),
    ("Split at the thinnest place", "split_label", {"method": "watershed"}),
    ("Split into separate pieces", "split_label", {"method": "pieces", "parts": 30}),
)


class LabelMenu(QMenu):
    """info: the label. others: the labels that it could be merged into. ask(op, args) does an entry's operation."""

    def __init__(self, info: LabelInfo, others: Sequence[LabelInfo], ask: Ask, parent: QWidget) -> None:
        super().__init__(parent)
        self._ask = ask
        value = info.value
        self._levels(self.addMenu(theme.icon("number_from"), tr("This one is, and its neighbours follow")), "number_from", value)
        self._levels(self.addMenu(theme.icon("set_label"), tr("Only this one is")), "change_label", value)
        self.addSeparator()
        progress = self.addMenu(tr("Progress"))
        for name, text in PROGRESS_WORDS.items():
            picture = theme.icon("open_label" if name == "open" else name)
            self._add(progress, tr(text), "set_label_progress", {"value": value, "progress": name}, picture, info.progress == name)
        self._style(self.addMenu(tr("How it is drawn")), info)
        self._add(self, tr("Hide") if info.visible else tr("Show"), "set_label_visible", {"value": value, "visible": not info.visible})
        self._add(self, tr("Unlock") if info.locked else tr("Lock"), "lock_label", {"value": value, "locked": not info.locked})
        self.addSeparator()
        region = LABEL_NAMES.get(value)
        if region is not None:
            self._add(self, tr("Go there"), "go_to", {"regions": [region]}, theme.icon("go_to"))
            self._add(self, tr("Measure"), "measure", {"regions": [region]}, theme.icon("measure"))
        self._add(self, tr("Propagate up and down"), "propagate", {"direction": "both", "value": value}, theme.icon("propagate"))
        shapes = self.addMenu(theme.icon("smooth"), tr("Shape"))
        for title, op, args in _SHAPES:
            self._add(shapes, tr(title), op, {**args, "value": value}, theme.icon(op))
        if others:
            merge = self.addMenu(theme.icon("merge_labels"), tr("Merge into"))
            for other in others:
                self._add(
                    merge, words.region(other.name), "merge_labels", {"value": value, "into": other.value}, theme.swatch(other.colour)
                )
        self.addSeparator()
        if region is not None:
            self._add(self, tr("Clear its mask"), "clear_mask", {"regions": [region]}, theme.icon("clear_mask"))
        self._add(self, tr("Delete label"), "delete_label", {"value": value}, theme.icon("trash"))

    def _levels(self, menu: QMenu, op: str, value: int) -> None:
        for name in CRANIOCAUDAL:
            if op == "number_from" and name in ("sacrum", "coccyx"):
                continue
            args = {"value": value, "regions": [name]} if op == "number_from" else {"value": value, "to": label_value(name)}
            self._add(menu, words.region(name), op, args, theme.swatch(label_colour(label_value(name))))

    def _style(self, menu: QMenu, info: LabelInfo) -> None:
        for everywhere in (False, True):
            place = menu.addMenu(tr("All labels")) if everywhere else menu
            args = {} if everywhere else {"value": info.value}
            for drawn, text in _DRAWN_WORDS.items():
                self._add(place, tr(text), "style_label", {**args, "drawn": drawn}, None, info.drawn == drawn)
            place.addSeparator()
            for opacity in _OPACITIES:
                title = tr("{percent} % opaque", percent=round(100 * opacity))
                self._add(place, title, "style_label", {**args, "opacity": opacity}, None, info.opacity == opacity)
            if not everywhere:
                place.addSeparator()

    def _add(
        self, menu: QMenu, title: str, op: str, args: dict[str, Any], picture: QIcon | None = None, checked: bool | None = None
    ) -> None:
        action = menu.addAction(title)
        if picture is not None:
            action.setIcon(picture)
        if checked is not None:
            action.setCheckable(True)
            action.setChecked(checked)
        action.setData(op)
        action.triggered.connect(lambda _=False: self._ask(op, args))
