"""The labels' figures as a table of text, for the clipboard."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from spinalsam.control.measuring import Measurement


def table_text(measured: Sequence[Measurement], *, is_hu: bool, compared: Mapping[str, Any] | None = None, separator: str = "\t") -> str:
    """A header and a row a label; numbers with a decimal point, whatever the desktop's language, and empty where there is none.

    compared: the `labels` of a comparison's data, for two more columns; labels that only the reference has get a row at the end.
    """
    unit = "hu" if is_hu else "value"
    header = ["label", "name", "voxels", "volume_ml", f"mean_{unit}", f"sd_{unit}", "height_mm", "width_mm", "depth_mm"]
    out = io.StringIO()
    writer = csv.writer(out, delimiter=separator, lineterminator="\n")
    writer.writerow(header + (["dice", "hd95_mm"] if compared is not None else []))
    for one in measured:
        volume = None if one.volume_mm3 is None else one.volume_mm3 / 1000
        row: list[Any] = [one.value, one.name, one.voxels]
        row += [_number(value, digits) for value, digits in ((volume, 3), (one.mean, 1), (one.sd, 1))]
        row += [_number(value, 1) for value in (one.height_mm, one.width_mm, one.depth_mm)]
        if compared is not None:
            figures = compared.get(str(one.value), {})
            row += [_number(figures.get("dice"), 4), _number(figures.get("hd95_mm"), 2)]
        writer.writerow(row)
    measured_values = {str(one.value) for one in measured}
    for value, figures in (compared or {}).items():
        if value not in measured_values and figures.get("reference_voxels"):
            dice = [_number(figures["dice"], 4), _number(figures["hd95_mm"], 2)]
            writer.writerow([value, figures["name"], 0, *[""] * (len(header) - 3), *dice])
    return out.getvalue()


def rows_text(rows: Sequence[Mapping[str, Any]], *, separator: str = "\t") -> str:
    """Rows of `measure` as a header and a line each; empty where there is no figure."""
    names = list(rows[0]) if rows else []
    out = io.StringIO()
    writer = csv.writer(out, delimiter=separator, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        values = [row[name] for name in names]
        writer.writerow([_number(value, 4) if isinstance(value, float) else "" if value is None else value for value in values])
    return out.getvalue()


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"
