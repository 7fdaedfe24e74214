"""A small form for the arguments of any operation, built from its description."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from PyQt5.QtCore import QSize, Qt, pyqtSignal
from PyQt5.QtGui import QDoubleValidator, QIntValidator
from PyQt5.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
    QWidget,
)

from spinalsam.control.operation import Operation
from spinalsam.errors import UsageError
from spinalsam.support.anatomy import CRANIOCAUDAL, GROUPS
from spinalsam.support.calls import ArgumentSpec, OperationCall, validate_call
from spinalsam.ui.words import argument_title, region, say, tr

_EXAMPLES = {"pixels": "120, 88; 140, 90", "corners": "100, 80, 160, 130", "ijk": "120, 88, 40"}
_UNSAID = "–"


def can_enter(operation: Operation) -> bool:
    """Whether a form can ask for all that the operation needs."""
    return not any(argument.kind == "json" and argument.required for argument in operation.spec.arguments)


def needs_form(operation: Operation) -> bool:
    """Whether the operation says nothing without arguments."""
    spec = operation.spec
    return (
        bool(spec.one_of) or any(argument.required for argument in spec.arguments) or spec.name in ("add_points", "add_box", "measure_cobb")
    )


class OperationForm(QDialog):
    """submitted(op, args) holds only the arguments that were filled in."""

    submitted = pyqtSignal(str, dict)

    def __init__(self, operation: Operation, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._operation = operation
        self._readers: dict[str, Callable[[], Any]] = {}
        self.setWindowTitle(tr(operation.spec.title))
        self.setMinimumWidth(380)
        self.setAttribute(Qt.WA_DeleteOnClose)
        help_text = QLabel(tr(operation.spec.help))
        help_text.setObjectName("hint")
        help_text.setWordWrap(True)
        self.fields = QFormLayout()
        self.fields.setLabelAlignment(Qt.AlignRight)
        self.fields.setSpacing(8)
        for argument in operation.spec.arguments:
            if argument.kind != "json":
                self._add(argument)
        self.problem = QLabel()
        self.problem.setWordWrap(True)
        self.problem.setProperty("bubble", "error")
        self.problem.hide()
        buttons = QDialogButtonBox(QDialogButtonBox.Ok | QDialogButtonBox.Cancel)
        buttons.button(QDialogButtonBox.Ok).setText(tr(operation.spec.title))
        buttons.button(QDialogButtonBox.Ok).setProperty("primary", True)
        buttons.button(QDialogButtonBox.Cancel).setText(tr("Cancel"))
        buttons.accepted.connect(self._submit)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(18, 16, 18, 14)
        column.setSpacing(12)
        column.addWidget(help_text)
        column.addLayout(self.fields)
        column.addWidget(self.problem)
        column.addWidget(buttons)

    def _add(self, argument: ArgumentSpec) -> None:
        widget, read = _field(argument)
        widget.setToolTip(tr(argument.help))
        widget.setAccessibleName(tr(argument_title(argument.name)))
        label = tr(argument_title(argument.name)) + (" *" if argument.required else "")
        self.fields.addRow(label, widget)
        self._readers[argument.name] = read

    def arguments(self) -> dict[str, Any]:
        """What was filled in. Raises UsageError for text that cannot be read."""
        values = {name: read() for name, read in self._readers.items()}
        return {name: value for name, value in values.items() if value is not None}

    def _submit(self) -> None:
        try:
            args = self.arguments()
            self._check_filled(args)
            validate_call(OperationCall(self._operation.name, args), {self._operation.name: self._operation.spec})
        except UsageError as error:
            self.problem.setText(say(str(error)))
            self.problem.show()
            return
        self.submitted.emit(self._operation.name, args)
        self.accept()

    def _check_filled(self, args: Mapping[str, Any]) -> None:
        """Say what is missing by the names that stand here. Raises UsageError."""
        spec = self._operation.spec
        needed = [argument.name for argument in spec.arguments if argument.required and argument.name not in args]
        if needed:
            raise UsageError(tr("Fill in: {names}.", names=_names(needed)))
        if spec.one_of and not any(name in args for name in spec.one_of):
            raise UsageError(tr("Fill in one of these: {names}.", names=_names(spec.one_of)))


def _names(names: Iterable[str]) -> str:
    return tr(", ").join(tr(argument_title(name)) for name in names)


def _field(argument: ArgumentSpec) -> tuple[QWidget, Callable[[], Any]]:
    """A widget for one argument and the function that reads it; None means nothing was entered."""
    if argument.kind in ("choice", "flag") or (argument.kind == "regions" and argument.single):
        return _choice(argument)
    if argument.kind == "regions":
        return _regions()
    line = QLineEdit()
    line.setPlaceholderText(_EXAMPLES.get(argument.kind, tr(argument.help)))
    if argument.kind == "count":
        line.setValidator(QIntValidator(1, 1_000_000))
    elif argument.kind == "number":
        line.setValidator(QDoubleValidator())
    return line, lambda: read_text(argument.kind, line.text())


def read_text(kind: str, text: str) -> Any:
    """The value of a text field, or None where it is empty. Raises UsageError."""
    text = text.strip()
    if not text:
        return None
    try:
        if kind == "count":
            return int(text)
        if kind == "number":
            return float(text)
        if kind == "pixels":
            return [[float(n) for n in pair.replace(",", " ").split()] for pair in text.split(";") if pair.strip()]
        if kind in ("corners", "ijk"):
            return [float(n) for n in text.replace(",", " ").split()]
    except ValueError:
        raise UsageError(f"'{text}' cannot be read; write it like {_EXAMPLES.get(kind, '12')}.") from None
    return text


def _choice(argument: ArgumentSpec) -> tuple[QWidget, Callable[[], Any]]:
    if argument.kind == "flag" and argument.required:
        tick = QCheckBox()
        tick.setChecked(True)
        return tick, tick.isChecked
    box = QComboBox()
    if not argument.required:
        box.addItem(_UNSAID, None)
    if argument.kind == "flag":
        box.addItem(tr("Yes"), True)
        box.addItem(tr("No"), False)
    names = (*CRANIOCAUDAL, *GROUPS) if argument.kind == "regions" else argument.choices
    for name in names:
        box.addItem(tr(name), [name] if argument.kind == "regions" else name)
    return box, box.currentData


def _regions() -> tuple[QWidget, Callable[[], Any]]:
    listed = QListWidget()
    listed.setFixedHeight(7 * 26)
    for name in (*GROUPS, *CRANIOCAUDAL):
        item = QListWidgetItem(region(name))
        item.setData(Qt.UserRole, name)
        item.setFlags(Qt.ItemIsEnabled | Qt.ItemIsUserCheckable | Qt.ItemIsSelectable)
        item.setCheckState(Qt.Unchecked)
        item.setSizeHint(QSize(0, 26))
        listed.addItem(item)

    def read() -> list[str] | None:
        """The ticked ones, else the one that is chosen: who types a name and presses Enter means it."""
        items = [listed.item(n) for n in range(listed.count())]
        ticked = [item for item in items if item.checkState() == Qt.Checked] or listed.selectedItems()
        return [item.data(Qt.UserRole) for item in ticked] or None

    return listed, read
