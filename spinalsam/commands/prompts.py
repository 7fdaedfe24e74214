"""Prompts as the command line and prompts files write them, to `support.prompts.Prompt`."""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

from spinalsam.errors import InputError, SpinalSamError, UsageError
from spinalsam.support.anatomy import parse_label
from spinalsam.support.planes import PLANES
from spinalsam.support.prompts import BoxPrompt, PointPrompt, Prompt

_POINT_FORM = "--point takes i,j,k or i,j,k,1 (inside) or i,j,k,0 (outside)"
_BOX_FORM = "--box takes two corner voxels, i0,j0,k0,i1,j1,k1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that say where something is. They take text, so that mistakes are explained here and not by argparse."""
    parser.add_argument("--plane", choices=PLANES, default="axial", help="the plane of the slice that is prompted (default: axial)")
    parser.add_argument("--point", action="append", default=[], metavar="I,J,K[,0|1]", help="a voxel inside (1) or outside (0); repeatable")
    parser.add_argument(
        "--box", action="append", default=[], metavar="I0,J0,K0,I1,J1,K1", help="two opposite corner voxels, inclusive, on one slice"
    )
    parser.add_argument("--label", metavar="L3", help="a region name or an integer 1-255 (default: 1)")
    parser.add_argument("--prompts", metavar="FILE", help="JSON Lines, one mask a line, in order")


def from_options(options: argparse.Namespace) -> list[Prompt]:
    """All prompts in the order in which they apply: those of the file first. Raises UsageError or InputError."""
    label = parse_label(1 if options.label is None else options.label)
    if len(options.box) > 1:
        raise UsageError("--box can be given once; write several masks into a file for --prompts.")
    prompts = read_file(Path(options.prompts)) if options.prompts else []
    points = tuple(_point(text) for text in options.point)
    box = _box(options.box[0]) if options.box else None
    if points or box:
        prompts.append(Prompt(options.plane, points, box, label))
    return prompts


def read_file(path: Path) -> list[Prompt]:
    """The prompts of a JSON Lines file. Raises InputError that names the line."""
    from spinalsam.control.prompting import prompt_from_json

    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise InputError(f"The prompts file '{path}' cannot be read: {reason}.") from None
    prompts = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                prompts.append(prompt_from_json(json.loads(line)))
            except RecursionError:
                raise InputError(f"Line {number} of '{path}': it is nested too deeply to be a prompt.") from None
            except ValueError:
                raise InputError(f"Line {number} of '{path}' is not JSON; write one object a line.") from None
            except SpinalSamError as error:
                raise InputError(f"Line {number} of '{path}': {error}") from None
    if not prompts:
        raise InputError(f"The prompts file '{path}' holds no prompt; write one JSON object a line.")
    return prompts


def _point(text: str) -> PointPrompt:
    i, j, k, *kind = _numbers(text, (3, 4), _POINT_FORM)
    if kind and kind[0] not in (0, 1):
        raise UsageError(f"{_POINT_FORM}, not '{text}'.")
    return PointPrompt((i, j, k), kind != [0])


def _box(text: str) -> BoxPrompt:
    i0, j0, k0, i1, j1, k1 = _numbers(text, (6,), _BOX_FORM)
    return BoxPrompt((i0, j0, k0), (i1, j1, k1))


def _numbers(text: str, counts: tuple[int, ...], form: str) -> list[float]:
    """Finite numbers between commas. Raises UsageError."""
    try:
        numbers = [float(word) for word in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) not in counts or not all(map(math.isfinite, numbers)):
        raise UsageError(f"{form}, not '{text}'.")
    return numbers
