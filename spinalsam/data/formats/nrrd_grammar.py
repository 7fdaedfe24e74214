"""Whether a NRRD header is well-formed, field by field: the parser that reads it afterwards trusts what it is given and may crash.

The fields and their forms are those of teem.sourceforge.net/nrrd/format.html.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from spinalsam.errors import InputError
from spinalsam.support.geometry import LARGEST_MM

_LINE_LIMIT = 4096
# There is one way only to read a row of digits: with two, long ones in long lists would be tried in all combinations, without end.
_NUMBER = r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?"
_VECTOR = rf"\(\s*{_NUMBER}(?:\s*,\s*{_NUMBER})*\s*\)"
_ITEM = {
    "sizes": r"\d+",
    "spacings": rf"(?:{_NUMBER}|nan|NaN)",
    "thicknesses": rf"(?:{_NUMBER}|nan|NaN)",
    "axis mins": rf"(?:{_NUMBER}|nan|NaN)",
    "axis maxs": rf"(?:{_NUMBER}|nan|NaN)",
    "centerings": r"(?:cell|node|none|\?\?\?)",
    "centers": r"(?:cell|node|none|\?\?\?)",
    "kinds": r"[\w?-]+",
    "space directions": rf"(?:{_VECTOR}|none)",
    "labels": r'"[^"]*"',
    "units": r'"[^"]*"',
}
_SPACE_ITEM = {"measurement frame": _VECTOR, "space units": r'"[^"]*"'}
_FREE = frozenset(
    ("type", "dimension", "space", "space dimension", "space origin", "content", "number", "block size", "blocksize", "endian", "encoding")
    + ("min", "max", "old min", "oldmin", "old max", "oldmax", "data file", "datafile", "line skip", "lineskip", "byte skip", "byteskip")
    + ("sample units", "sampleunits")
)


def check(name: str, lines: list[str], fields: Mapping[str, str]) -> None:
    """lines: the header's, without its first. fields: by lower-case name. Raises InputError for the first that is not as it must be."""
    plain = [line for line in lines if line and not line.startswith("#") and ":=" not in line]
    seen: set[str] = set()
    for line in plain:
        key = line.split(":", 1)[0].strip().lower()
        value = line.split(":", 1)[-1].strip()
        known = key in _ITEM or key in _SPACE_ITEM or key in _FREE
        if len(line) > _LINE_LIMIT or not value or key in seen or not known:
            raise _damaged(name, key)
        seen.add(key)
        if key in ("data file", "datafile") and value.upper().startswith("LIST"):
            break  # what follows are names of files
    try:
        dimension = int(fields["dimension"])
        space = int(fields.get("space dimension", 0)) or _space_count(fields.get("space", ""))
    except (KeyError, ValueError):
        raise _damaged(name, "dimension") from None
    if not 1 <= dimension <= 8 or not 0 <= space <= 8:
        raise _damaged(name, "dimension")
    for key in seen & _ITEM.keys():
        _check_list(name, key, fields.get(key, ""), _ITEM[key], dimension)
    for key in seen & _SPACE_ITEM.keys():
        _check_list(name, key, fields.get(key, ""), _SPACE_ITEM[key], space)
    vectors = [fields[key] for key in ("space directions", "space origin", "measurement frame") if key in fields]
    for vector in (vector for text in vectors for vector in re.findall(r"\([^)]*\)", text)):
        if not space or vector.count(",") + 1 != space or not re.fullmatch(_VECTOR, vector) or not _is_place(vector):
            raise _damaged(name, "space directions")
    if "space origin" in fields and not re.fullmatch(_VECTOR, fields["space origin"]):
        raise _damaged(name, "space origin")


def _is_place(vector: str) -> bool:
    """Whether none of its numbers is absurd; whoever computes with such ones may not come to an end."""
    return all(abs(float(number)) <= LARGEST_MM for number in vector.strip("()").split(","))


def _space_count(space: str) -> int:
    """How many axes the named space has; 0 for none."""
    if not space:
        return 0
    return 4 if "time" in space.lower() or space.upper() in ("RAST", "LAST", "LPST") else 3


def _check_list(name: str, key: str, text: str, item: str, count: int) -> None:
    if not re.fullmatch(rf"{item}(?:\s+{item}){{{count - 1}}}" if count else "", text):
        raise _damaged(name, key)


def _damaged(name: str, key: str) -> InputError:
    return InputError(f"'{name}' has a damaged header: its field '{key[:40]}' is not as it must be; get the file again.")
