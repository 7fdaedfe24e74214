"""Whom a sitting is about: a DICOM series on disk, and what a person who knows anatomy sees in it, in LPS mm."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from tests.data.make import dicom_series

Mm = tuple[float, float, float]
L3 = 22
# The axis that runs across the slices of a plane, in a volume in LPS order.
ACROSS = {"sagittal": 0, "coronal": 1, "axial": 2}


@dataclass(frozen=True)
class Prompts:
    """A box by two opposite corners, a click on bone and one beside it, all on one slice."""

    box: tuple[Mm, Mm]
    bone: Mm
    beside: Mm


@dataclass(frozen=True)
class Patient:
    """middle: of L3's body. planes: what is pointed at in each plane; above: the box on another axial slice. other: a box on the next level
    on the sagittal slice. reference: label map [i, j, k] in LPS order with L3 = 22, where there is one. millilitres: what L3 may have.
    """

    series: Path
    middle: Mm
    planes: dict[str, Prompts]
    above: tuple[Mm, Mm]
    other: tuple[Mm, Mm]
    millilitres: tuple[float, float]
    reference: NDArray[np.uint8] | None = None


def phantom(folder: Path) -> Patient:
    """A generated patient from L2 to L4 as a DICOM series; the prompts come from its reference, with 2 mm to spare."""
    from spinalsam.training.phantom import TISSUES, make_phantom

    made = make_phantom(0, levels=("L2", "L4"), fov_mm=(190, 210), spacing_mm=(1.5, 1.5, 2.5), table=False)
    affine = made.volume.geometry.affine
    stored = (made.volume.voxels.astype(int) + 1024).clip(0, 4095).astype(np.uint16)
    series = dicom_series(folder / "phantom", stored, step=(0, 0, 2.5), spacing=(1.5, 1.5), thickness=2.5)
    # The series begins at the origin, the phantom's grid does not.
    to_mm = np.array(affine)
    to_mm[:3, 3] = 0

    def mm(ijk: NDArray) -> Mm:
        found = to_mm[:3, :3] @ np.asarray(ijk, float) + to_mm[:3, 3]
        return float(found[0]), float(found[1]), float(found[2])

    def nearest(where: NDArray[np.bool_], ijk: NDArray) -> NDArray:
        places = np.argwhere(where)
        return places[np.argmin(((places - ijk) ** 2).sum(1))]

    def on_slice(where: NDArray[np.bool_], axis: int, index: int) -> NDArray[np.bool_]:
        kept = np.zeros_like(where)
        kept[(slice(None),) * axis + (index,)] = where[(slice(None),) * axis + (index,)]
        return kept

    def box(value: int, axis: int, index: int) -> tuple[Mm, Mm]:
        places = np.argwhere(on_slice(made.mask == value, axis, index))
        spare = np.where(np.arange(3) == axis, 0, 1)
        return mm(places.min(0) - spare), mm(places.max(0) + spare)

    middle = np.rint(np.linalg.inv(affine) @ [*made.centres_mm["L3"], 1])[:3].astype(int)
    core = ndimage.binary_erosion(made.mask == L3, iterations=2)
    canal = np.isin(made.tissues, (TISSUES["thecal sac"], TISSUES["spinal cord"]))
    planes = {}
    for plane, axis in ACROSS.items():
        index = int(middle[axis])
        beside = nearest(on_slice(canal if plane != "coronal" else made.tissues == TISSUES["disc"], axis, index), middle)
        planes[plane] = Prompts(box(L3, axis, index), mm(nearest(on_slice(core, axis, index), middle)), mm(beside))
    return Patient(
        series,
        mm(middle),
        planes,
        above=box(L3, 2, int(middle[2]) + 4),
        other=box(L3 + 1, 0, int(middle[0])),
        millilitres=(40.0, 110.0),
        reference=made.mask,
    )


def real(series: Path) -> Patient:
    """The patient of the matRad series (3 x 3 x 2.5 mm), pointed at by hand; [i, j, k] of its voxels."""

    def mm(i: float, j: float, k: float) -> Mm:
        return 3 * i - 325, 3 * j - 354.8, 2.5 * k - 300.5

    return Patient(
        series,
        mm(105, 105, 46),
        {
            "axial": Prompts((mm(92, 98, 46), mm(117, 126, 46)), mm(105, 103, 46), mm(105, 111, 46)),
            "sagittal": Prompts((mm(105, 99, 40), mm(105, 112, 52)), mm(105, 105, 46), mm(105, 112, 46)),
            "coronal": Prompts((mm(96, 105, 40), mm(113, 105, 52)), mm(105, 105, 45), mm(105, 105, 38)),
        },
        above=(mm(97, 98, 50), mm(113, 120, 50)),
        other=(mm(105, 99, 24), mm(105, 114, 37)),
        millilitres=(25.0, 110.0),
    )
