"""What the labels of other programs' masks mean: by name or code, never by a number that means something else here.

In 3D Slicer the first segment has the number 1, whatever it shows, and TotalSegmentator numbers L5 as 27. Here 1 is C1 and 27 the
coccyx, so a mask that says what its labels are is read by what it says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import TypeVar

from spinalsam.data.formats import program
from spinalsam.data.formats.gzip_source import head, is_gzip
from spinalsam.data.formats.labels import Label
from spinalsam.data.formats.terminology import CODES
from spinalsam.support.anatomy import LABEL_NAMES, LABEL_VALUES, label_colour, label_name

Key = TypeVar("Key", bound=Hashable)
_NIFTI_SUFFIXES = (".nii", ".nii.gz")
_TABLE_LIMIT = 1 << 20
_SIDECAR_LIMIT = 1 << 26
_LEVEL = re.compile(r"^(?:vertebra(?:e)? )?([ctdl]) ?0?(\d{1,2})(?: vertebra(?:e)?)?$")
# Everything is bounded, so that a table of nothing but beginnings is not read to its end from each of them.
_LABEL_LINE = re.compile(
    r'<Label\s[^>]{0,400}?Key="(\d{1,9})"[^>]{0,400}>\s{0,80}(?:<!\[CDATA\[(.{0,256}?)\]\]>|([^<]{0,256}))\s{0,80}</Label>', re.DOTALL
)
_SCT = re.compile(r"SCT\^(\d+)\^")
_NAMED_LIMIT = 8


@dataclass(frozen=True)
class FileLabel:
    """What a file says about one of its labels. codes: SNOMED CT. colour: RGB 0-255."""

    value: int
    name: str = ""
    codes: tuple[str, ...] = ()
    colour: tuple[int, int, int] | None = None


def region_of(name: str, codes: tuple[str, ...] = ()) -> int | None:
    """The label value of the region that a name or else a code means, or None where neither names one for certain."""
    words = " ".join(re.sub(r"[_\-.]+", " ", name).lower().split())
    if words in ("s1", "vertebra s1", "vertebrae s1"):
        return LABEL_VALUES["sacrum"]
    level = _LEVEL.match(words)
    told = f"{'T' if level[1] == 'd' else level[1].upper()}{int(level[2])}" if level else words
    value = LABEL_VALUES.get(told)
    if value is not None:
        return value
    found = {_BY_CODE[code] for code in codes if code in _BY_CODE}
    return found.pop() if len(found) == 1 else None


def _unique_codes() -> dict[str, int]:
    """Label values by the codes that mean one region only; that of any vertebra does not."""
    codes = [code.value for code in CODES.values()]
    return {code.value: value for value, code in CODES.items() if codes.count(code.value) == 1}


_BY_CODE = _unique_codes()


def renumbered(labels: Mapping[Key, FileLabel]) -> dict[Key, Label]:
    """For every label of a file what it is here: a region by name or code, else a value that is no region's.

    Labels that mean the same region become one.
    """
    found = {key: region_of(label.name, label.codes) for key, label in labels.items()}
    taken = {*LABEL_NAMES, 0}
    own = {label.value for label in labels.values()}
    out: dict[Key, Label] = {}
    for key, label in labels.items():
        value = found[key]
        if value is not None:
            named = region_of(label.name) is None and label.name.strip()
            out[key] = Label(value, label.name.strip() if named else label_name(value), label_colour(value))
            continue
        new = label.value if label.value not in taken else next(free for free in _free_values() if free not in taken | own)
        taken.add(new)
        out[key] = Label(new, label.name.strip() or label_name(label.value), label.colour or label_colour(new))
    return out


def _free_values() -> Iterator[int]:
    """Values that name nothing in the spine, small ones first."""
    return chain(range(30, 100), count(104))


def note_of(labels: Mapping[int, Label]) -> tuple[str, ...]:
    """What the user is told where numbers changed. labels: by the value in the file."""
    changed = [f"{number} is {label.name}" for number, label in sorted(labels.items()) if number != label.value]
    if not changed:
        return ()
    more = f" and {len(changed) - _NAMED_LIMIT} more" if len(changed) > _NAMED_LIMIT else ""
    return (f"The labels were taken by their names in the file, not by its numbers: {', '.join(changed[:_NAMED_LIMIT])}{more}.",)


# Where files keep their labels' names


def own_labels(path: Path) -> dict[int, Label]:
    """The labels of a mask that this program wrote, from its sidecar; empty when there is none that belongs to it."""
    sidecar = path.with_name(path.name + ".json")
    try:
        if sidecar.stat().st_size > _SIDECAR_LIMIT:
            return {}
        document = json.loads(sidecar.read_text(encoding="utf-8"))
        if document["mask"] != path.name or document["program"]["name"] != program.NAME:
            return {}
        return {int(value): Label(int(value), str(name), label_colour(int(value))) for value, name in document["labels"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def nifti_labels(path: Path) -> dict[int, FileLabel]:
    """The label table in a NIfTI header's extension, as Connectome Workbench and TotalSegmentator write it; empty without one."""
    if not path.name.lower().endswith(_NIFTI_SUFFIXES):
        return {}
    text = _start_of(path)
    begin, end = text.find(b"<LabelTable>"), text.find(b"</LabelTable>")
    if begin < 0 or end < begin:
        return {}
    lines = _LABEL_LINE.findall(text[begin:end].decode("utf-8", "replace"))
    return {int(key): FileLabel(int(key), (quoted or plain).strip()) for key, quoted, plain in lines}


def _start_of(path: Path) -> bytes:
    """Header and extensions of a single-file NIfTI, as far as they are of a sane length."""
    start = head(path, 352) if is_gzip(path) else _plain_head(path, 352)
    if len(start) < 352 or not start[348]:
        return b""
    return head(path, _TABLE_LIMIT) if is_gzip(path) else _plain_head(path, _TABLE_LIMIT)


def _plain_head(path: Path, length: int) -> bytes:
    with open(path, "rb") as file:
        return file.read(length)


def segment_labels(fields: Mapping[str, str]) -> dict[tuple[int, int], FileLabel]:
    """The segments of a Slicer segmentation by (layer, label value); empty for a NRRD that has none."""
    segments: dict[tuple[int, int], FileLabel] = {}
    for number in range(len(fields)):
        prefix = f"Segment{number}_"
        if f"{prefix}ID" not in fields and f"{prefix}Name" not in fields:
            break
        try:
            value, layer = int(fields.get(f"{prefix}LabelValue", number + 1)), int(fields.get(f"{prefix}Layer", 0))
        except ValueError:
            continue
        codes = tuple(_SCT.findall(fields.get(f"{prefix}Tags", "")))
        segments[layer, value] = FileLabel(value, fields.get(f"{prefix}Name", ""), codes, _colour(fields.get(f"{prefix}Color", "")))
    return segments


def _colour(text: str) -> tuple[int, int, int] | None:
    try:
        red, green, blue = (min(max(round(float(part) * 255), 0), 255) for part in text.split())
    except (ValueError, OverflowError):
        return None
    return red, green, blue
