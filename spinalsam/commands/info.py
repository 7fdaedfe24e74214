"""`spinalsam info IMAGE`: what is in a file or folder."""

from __future__ import annotations

import argparse
from typing import Any

from spinalsam.commands.output import add_json, add_series, print_result

NAME = "info"
HELP = "Geometry, spacing, orientation, HU range, and the series of a DICOM folder."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("image", metavar="IMAGE", help="a CT file, a DICOM folder, a picture or a folder of pictures")
    add_series(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> None:
    from spinalsam.data.formats import info

    document = info(options.image, series_uid=options.series, resample=options.resample)
    print_result(options, document, lambda: as_text(document))


def as_text(document: dict[str, Any]) -> str:
    """`name: value`, a line each; lists of records indented below their name."""
    lines = []
    for name, value in document.items():
        title = name.replace("_", " ")
        if isinstance(value, list) and value and isinstance(value[0], (dict, str)):
            lines += [f"{title}:", *(f"  {_record(item)}" for item in value)]
        elif value not in (None, [], {}, ""):
            lines.append(f"{title}: {_value(value)}")
    return "\n".join(lines)


def _record(item: Any) -> str:
    if isinstance(item, dict):
        return ", ".join(f"{name} {_value(value)}" for name, value in item.items() if value not in (None, "", []))
    return str(item)


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_value(item)}" for name, item in value.items())
    if isinstance(value, (list, tuple)):
        return "  ".join(_value(item) for item in value)
    return str(value)
