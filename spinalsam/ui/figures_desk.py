"""Brings the live figures to where they are shown: the label panel and the window with the whole table."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from PyQt5.QtCore import QObject

from spinalsam.control.measuring import Measurement, measured_geometry
from spinalsam.control.operation import OperationResult
from spinalsam.control.state import Change
from spinalsam.support.anatomy import LABEL_NAMES, level_order
from spinalsam.ui import file_dialogs
from spinalsam.ui.figures_window import FiguresWindow
from spinalsam.ui.live_comparison import LiveComparison
from spinalsam.ui.live_table import LiveTable
from spinalsam.ui.words import tr


class FiguresDesk(QObject):
    """window: the main window, whose panel, dialogs and `run` are used."""

    def __init__(self, window: Any) -> None:
        super().__init__(window)
        self._window = window
        self.workspace = window.workspace
        self.table = LiveTable(window.workspace, window.background, self)
        self.table.changed.connect(self.show)
        self.comparison = LiveComparison(window.workspace, window.background, self)
        self.comparison.changed.connect(self._show_comparison)
        panel = window.panes.compare
        panel.requested.connect(window.run)
        panel.picked.connect(self._go_there)
        self.sheet: FiguresWindow | None = None
        window.labels.figures_wanted.connect(self.open)

    def follow(self, change: Change) -> None:
        """The workspace has changed."""
        self.table.follow(change)
        self.comparison.follow(change)
        if "case" in change.fields or ("labels" in change.fields and "mask" not in change.fields):
            self.show()
        if self.sheet is None:
            return
        if change.fields & {"case", "figures", "mask", "labels"}:
            self._show_vertebrae()
        reference = self.workspace.state.reference
        if "reference" in change.fields and reference is not None:
            self.sheet.show_state(reference.shown, reference.side_by_side)

    def open(self) -> None:
        """Show the window with the whole table."""
        if self.sheet is None:
            self.sheet = FiguresWindow(self._window)
            self.sheet.requested.connect(self._window.run)
            self.sheet.ask_reference.connect(self.ask_reference)
            self.sheet.ask_csv.connect(lambda: self._window.actions_of.plain["save_measurements"].trigger())
            self.sheet.vertebrae.ask_cobb.connect(lambda: self._window.actions_of.plain["measure_cobb"].trigger())
        self.show()
        self._show_vertebrae()
        self.sheet.show()
        self.sheet.raise_()

    def measured(self) -> None:
        """Vertebrae have been measured: show them where the window is open already."""
        if self.sheet is not None and self.sheet.isVisible():
            self.sheet.tabs.setCurrentWidget(self.sheet.vertebrae)

    def _show_vertebrae(self) -> None:
        assert self.sheet is not None
        figures = self.workspace.state.figures
        stale = figures is not None and figures.mask_revision != self.workspace.field_revisions.get("mask", 0)
        colours = {info.value: info.colour for info in self.workspace.state.labels}
        self.sheet.vertebrae.show_figures(figures, colours, stale=stale)

    def compared(self, result: OperationResult) -> None:
        """An operation has compared the masks."""
        self.comparison.take(result.data, result.message)
        reference = self.workspace.state.reference
        if reference is None or reference.side_by_side:
            return
        self.open()
        assert self.sheet is not None
        self.sheet.tabs.setCurrentIndex(0)
        self.sheet.show_state(reference.shown, reference.side_by_side)

    def _show_comparison(self) -> None:
        live, volume, state = self.comparison, self.workspace.volume, self.workspace.state
        if self.sheet is not None:
            self.sheet.show_comparison(live.data, live.sentence, stale=live.stale, comparing=state.reference is not None)
        if volume is None:
            return
        values = map(int, live.data["labels"]) if live.data is not None else ()
        self._window.panes.compare.show_comparison(
            live.data,
            live.sentence,
            stale=live.stale,
            colours={value: state.label(value).colour for value in values},
            voxel_ml=measured_geometry(volume).voxel_mm3 / 1000,
            unit="mm" if volume.geometry.has_spacing else "px",
        )

    def _go_there(self, value: int) -> None:
        """To a label of the comparison; where only the reference has it, to the middle of it there."""
        region, reference = LABEL_NAMES.get(value), self.workspace.state.reference
        if region is not None and value in self.workspace.case.extents.values:
            self._window.run("go_to", {"regions": [region]})
            return
        boxes = {**(reference.boxes if reference is not None else {}), **self.workspace.case.extents.boxes}
        if value in boxes:
            self._window.run("set_crosshair", {"ijk": [(low + high - 1) // 2 for low, high in zip(*boxes[value], strict=True)]})

    def show(self) -> None:
        """Put the figures as they are known where they belong."""
        self._show_comparison()
        warnings = self.table.warnings
        self._window.labels.show_figures({value: figures.measurement for value, figures in self.table.figures.items()}, warnings)
        if self.sheet is not None:
            volume = self.workspace.volume
            colours = {info.value: info.colour for info in self.workspace.state.labels}
            self.sheet.show_figures(self._named(), colours, is_hu=volume is None or volume.is_hu, warnings=warnings)

    def stop(self) -> None:
        self.table.stop()
        self.comparison.stop()
        if self.sheet is not None:
            self.sheet.close()

    def _named(self) -> list[Measurement]:
        """The measurements with the names that are shown, from head to foot."""
        values = sorted(self.table.figures, key=level_order)
        return [replace(self.table.figures[value].measurement, name=self.workspace.state.label(value).name) for value in values]

    def ask_reference(self) -> None:
        """Ask for the mask file to compare with."""
        window = self._window
        file_dialogs.ask_file(
            window,
            tr("Reference mask"),
            file_dialogs.start_folder(window.preferences.folder),
            lambda path: window.run("compare_mask", {"path": path}),
            names=file_dialogs.MASKS,
        )
