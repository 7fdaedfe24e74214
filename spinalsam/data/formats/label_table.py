"""ITK-SNAP's label description files: which label value has which name and colour."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from spinalsam.data.formats.labels import MAX_LABEL, Label
from spinalsam.data.formats.limits import file_size
from spinalsam.data.formats.safe_write import Output, write_all
from spinalsam.errors import InputError, OutputError

_HEADER = """\
################################################
# ITK-SnAP Label Description File
# File format:
# IDX   -R-  -G-  -B-  -A--  VIS MSH  LABEL
# Fields:
#    IDX:   Zero-based index
#    -R-:   Red color component (0..255)
#    -G-:   Green color component (0..255)
#    -B-:   Blue color component (0..255)
#    -A-:   Label transparency (0.00 .. 1.00)
#    VIS:   Label visibility (0 or 1)
#    MSH:   Label mesh visibility (0 or 1)
#  LABEL:   Label description
################################################
    0     0    0    0        0  0  0    "Clear Label"
"""
_LINE = re.compile(r'^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s+[\d.eE+-]+\s+[01]\s+[01]\s+"(.*)"\s*$')
_SIZE_LIMIT = 1 << 22


def write(path: Path, labels: Sequence[Label]) -> None:
    """Write the file, whole or not at all. Raises OutputError or ResourceError."""
    lines = [_line(label) for label in labels]
    text = _HEADER + "".join(f"{line}\n" for line in lines)

    def check(written: Path) -> None:
        if [_line(label) for label in read(written)] != lines:
            raise OutputError("The label table was not written: reading it back gave other labels; check the disk.")

    write_all([Output(path, lambda file: _put(file, text), check)])


def _put(file: object, text: str) -> None:
    file.write(text.encode("utf-8"))  # type: ignore[attr-defined]


def _line(label: Label) -> str:
    red, green, blue = label.colour
    name = " ".join(label.name.replace('"', "'").split())
    return f'{label.value:>5} {red:>5} {green:>4} {blue:>4}        1  1  1    "{name}"'


def read(path: Path) -> tuple[Label, ...]:
    """The labels of such a file, without the clear one. Raises InputError when it is none or has a line that cannot be read."""
    if file_size(path) > _SIZE_LIMIT:
        raise InputError(f"'{path.name}' is too large for a label table; choose a text file of ITK-SNAP.")
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise InputError(f"'{path.name}' is no label table of ITK-SNAP: it is not text.") from None
    labels = list(_labels(path, lines))
    if not labels:
        raise InputError(f"'{path.name}' is no label table of ITK-SNAP: no line of it describes a label.")
    return tuple(labels)


def _labels(path: Path, lines: Iterable[str]) -> Iterable[Label]:
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.match(line)
        if match is None:
            raise InputError(f"Line {number} of the label table '{path.name}' cannot be read; ITK-SNAP writes such files.")
        value, red, green, blue = (int(text) for text in match.groups()[:4])
        if value > MAX_LABEL or max(red, green, blue) > 255:
            raise InputError(f"Line {number} of the label table '{path.name}' holds a number that is too large.")
        if value:
            yield Label(value, match[5], (red, green, blue))
