"""SNOMED CT codes of the spine, as DICOM's context groups name them.

L6 and T13 have no code of their own; they carry that of a vertebra, and their name says the rest.
"""

from __future__ import annotations

from dataclasses import dataclass

from spinalsam.support.anatomy import LABEL_VALUES


@dataclass(frozen=True)
class Code:
    """A SNOMED CT concept (scheme SCT)."""

    value: str
    meaning: str


# 3D Slicer's terminology list files anatomy under this one, DICOM's context group 7150 under the other.
ANATOMICAL_STRUCTURE = Code("123037004", "Anatomical Structure")
DICOM_CATEGORY = Code("91723000", "Anatomical Structure")
VERTEBRA = Code("51282000", "Vertebra")
TISSUE = Code("85756007", "Tissue")

_VERTEBRAE = {
    "C1": "14806007",
    "C2": "39976000",
    "C3": "113205007",
    "C4": "5329002",
    "C5": "36978003",
    "C6": "36054005",
    "C7": "87391001",
    "T1": "64864005",
    "T2": "53733008",
    "T3": "1626008",
    "T4": "73071006",
    "T5": "56401006",
    "T6": "45296009",
    "T7": "62487009",
    "T8": "11068009",
    "T9": "82687006",
    "T10": "7610001",
    "T11": "12989004",
    "T12": "23215003",
    "L1": "66794005",
    "L2": "14293000",
    "L3": "36470004",
    "L4": "11994002",
    "L5": "49668003",
}
CODES: dict[int, Code] = {
    **{LABEL_VALUES[name]: Code(value, f"{name} vertebra") for name, value in _VERTEBRAE.items()},
    LABEL_VALUES["L6"]: VERTEBRA,
    LABEL_VALUES["T13"]: VERTEBRA,
    LABEL_VALUES["sacrum"]: Code("54735007", "Sacrum"),
    LABEL_VALUES["coccyx"]: Code("64688005", "Coccyx"),
    LABEL_VALUES["spine"]: Code("421060004", "Spine"),
    LABEL_VALUES["cervical"]: Code("122494005", "Cervical spine"),
    LABEL_VALUES["thoracic"]: Code("122495006", "Thoracic spine"),
    LABEL_VALUES["lumbar"]: Code("122496007", "Lumbar spine"),
}


def code_of(value: int) -> Code | None:
    """The code of a label value, or None for one that names nothing in the spine."""
    return CODES.get(value)
