"""Measurements as a table that spreadsheets read (CSV, UTF-8 with a mark of it, one label a line)."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from spinalsam.data.formats.safe_write import Output, write_all
from spinalsam.errors import OutputError

# What a spreadsheet would run as a formula.
_FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")


def write(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the table, whole or not at all; missing figures are empty cells. Raises OutputError or ResourceError.

    rows: one mapping a label, all with the same keys, which become the first line.
    """
    names = list(rows[0]) if rows else []
    cells = [names, *[[_cell(row[name]) for name in names] for row in rows]]
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(cells)

    def put(file: BinaryIO) -> None:
        # Without the mark Excel takes the bytes for its own character set.
        file.write(text.getvalue().encode("utf-8-sig"))

    def check(written: Path) -> None:
        with open(written, encoding="utf-8-sig", newline="") as file:
            if list(csv.reader(file)) != cells:
                raise OutputError("The table was not written: reading it back gave other figures; check the disk.")

    write_all([Output(path, put, check)])


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4f}"
    text = " ".join(str(value).split())
    # A label's name that begins like a formula is kept as text.
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULA_SIGNS) else text
