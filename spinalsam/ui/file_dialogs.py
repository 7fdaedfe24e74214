"""Dialogs that ask for a file or a folder. None of them blocks: each hands on what was chosen.

A window keeps two, one to open and one to save: to make one and to end one takes Qt longer than a click may take (some 20 ms each, most of
it for lists of folders and for the kernel to stop watching them).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from PyQt5.QtCore import QSize
from PyQt5.QtWidgets import QAbstractItemView, QFileDialog, QHeaderView, QLineEdit, QTreeView, QWidget

from spinalsam.ui.words import tr

IMAGES = "*.nii *.nii.gz *.nrrd *.nhdr *.mha *.mhd *.dcm *.dicom *.ima *.png *.jpg *.jpeg *.tif *.tiff *.jsonl"
EXPORTS = {
    "NIfTI (*.nii.gz)": ".nii.gz",
    "Slicer segmentation (*.seg.nrrd)": ".seg.nrrd",
    "NRRD (*.nrrd)": ".nrrd",
    "MetaImage (*.mha)": ".mha",
    "DICOM SEG (*.dcm)": ".dcm",
    "DICOM RTSTRUCT (*.rtstruct.dcm)": ".rtstruct.dcm",
    "STL (*.stl)": ".stl",
    "OBJ (*.obj)": ".obj",
    "PLY (*.ply)": ".ply",
}
SURFACES = {kind: EXPORTS[kind] for kind in ("STL (*.stl)", "OBJ (*.obj)", "PLY (*.ply)")}
# Operations that write one file of a kind of their own: (filter, ending).
SAVES = {
    "save_measurements": ("CSV (*.csv)", ".csv"),
    "save_picture": ("PNG (*.png)", ".png"),
    "save_label_table": ("ITK-SNAP (*.txt)", ".txt"),
}
SIZE = QSize(860, 540)
MASKS = "*.nii *.nii.gz *.nrrd *.mha *.dcm"


class _Kept(QFileDialog):
    """Asks again and again; of the answer before only the size and the arrangement of the dialog are left."""

    def __init__(self, parent: QWidget, accept: QFileDialog.AcceptMode) -> None:
        super().__init__(parent)
        self.setAcceptMode(accept)
        self.resize(SIZE)
        columns = self.findChild(QTreeView, "treeView")
        if columns is not None:  # not where the desktop brings its own dialog
            columns.header().setStretchLastSection(False)
            columns.header().setSectionResizeMode(QHeaderView.ResizeToContents)
            columns.header().setSectionResizeMode(0, QHeaderView.Stretch)
        self._chosen: Callable[[str], None] = lambda _: None
        self.fileSelected.connect(lambda path: self._chosen(path))
        self.finished.connect(self._stop_completing)

    def ask(
        self, title: str, folder: str, mode: QFileDialog.FileMode, filters: Sequence[str], chosen: Callable[[str], None], name: str = ""
    ) -> QFileDialog:
        """name: of the file that is suggested."""
        self._chosen = chosen
        self.setWindowTitle(title)
        self.setFileMode(mode)
        self.setOption(QFileDialog.ShowDirsOnly, False)  # files are shown, so that one sees where one is
        self.setOption(
            QFileDialog.HideNameFilterDetails, self.acceptMode() == QFileDialog.AcceptOpen
        )  # those of pictures are longer than the dialog
        self.setNameFilters(filters)
        self.setDirectory(folder)
        for view in self.findChildren(QAbstractItemView):
            view.clearSelection()
        for line in self._lines():
            line.clear()
        if name:
            self.selectFile(name)
        self.open()
        return self

    def _stop_completing(self, *_: object) -> None:
        """Names that have been looked for would come up when the dialog is gone; the line asks for them again when it gets the keys."""
        for line in self._lines():
            line.completer().setWidget(None)

    def _lines(self) -> list[QLineEdit]:
        return self.findChildren(QLineEdit, "fileNameEdit")


def prepare(parent: QWidget) -> Sequence[Callable[[], object]]:
    """Steps that make a window's dialogs before they are asked for."""
    return [lambda: _kept(parent, QFileDialog.AcceptOpen), lambda: _kept(parent, QFileDialog.AcceptSave)]


def _kept(parent: QWidget, accept: QFileDialog.AcceptMode) -> _Kept:
    found = next((dialog for dialog in parent.findChildren(_Kept) if dialog.acceptMode() == accept), None)
    return found or _Kept(parent, accept)


def ask_file(parent: QWidget, title: str, folder: str, chosen: Callable[[str], None], *, names: str = IMAGES) -> QFileDialog:
    """Ask for an existing file."""
    filters = (f"{tr('Images')} ({names})", f"{tr('All files')} (*)")
    return _kept(parent, QFileDialog.AcceptOpen).ask(title, folder, QFileDialog.ExistingFile, filters, chosen)


def ask_folder(parent: QWidget, title: str, folder: str, chosen: Callable[[str], None]) -> QFileDialog:
    """Ask for a folder."""
    return _kept(parent, QFileDialog.AcceptOpen).ask(title, folder, QFileDialog.Directory, (f"{tr('All files')} (*)",), chosen)


def ask_export(parent: QWidget, folder: str, name: str, chosen: Callable[[str, bool], None]) -> QFileDialog:
    """Ask where the masks go; see `ask_save`."""
    return ask_save(parent, tr("Export mask"), folder, name, EXPORTS, chosen)


def ask_save(
    parent: QWidget, title: str, folder: str, name: str, kinds: Mapping[str, str], chosen: Callable[[str, bool], None]
) -> QFileDialog:
    """Ask where a file goes. kinds: ending by filter. Calls ``chosen(path, agreed)``.

    agreed: whether the dialog asked before replacing exactly that file; where an ending had to be added, it asked for another.
    """
    dialog = _kept(parent, QFileDialog.AcceptSave)

    def done(path: str) -> None:
        whole = with_ending(path, dialog.selectedNameFilter(), kinds)
        chosen(whole, whole == path)

    return dialog.ask(title, folder, QFileDialog.AnyFile, tuple(kinds), done, name + next(iter(kinds.values())))


def with_ending(path: str, name_filter: str, kinds: Mapping[str, str] = EXPORTS) -> str:
    """The path with the filter's ending where it has none of the known ones."""
    known = path.lower().endswith((".nii", *kinds.values()))
    return path if known else path + kinds.get(name_filter, next(iter(kinds.values())))


def start_folder(last: str) -> str:
    """Where a file dialog begins."""
    return last if last and Path(last).is_dir() else str(Path.home())
