"""What a training learns from: shapes and organs of label volumes, phantoms, unlabelled scans, and image and mask pairs."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spinalsam.errors import InputError
from spinalsam.training.render import Context, ContextMap, ContextScan, ShapeVolume, build_shape_volume, load_library, save_library

FINEST_MM, COARSEST_MM = 0.6, 0.8
LABEL_ENDINGS = (".nii", ".nii.gz", ".nrrd", ".mha", ".mhd")
VERTEBRAE = (*range(1, 26), 28)
SACRUM = 26
TOTALSEGMENTATOR_BONES = (*range(25, 51), *range(69, 79), *range(91, 118))
TOTALSEGMENTATOR_SACRUM, TOTALSEGMENTATOR_SPINE = (25, 26), tuple(range(25, 51))
REAL_SHAPE_WEIGHT = 3  # a real label volume is drawn from that many times as often as a phantom

Report = Callable[[str], None]


def to_stderr(line: str) -> None:
    """A `Report` for people who watch a terminal."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def label_files(folders: Sequence[Path]) -> list[Path]:
    """The label volumes among files and in folders. Raises InputError when places are named and there are none."""
    files = sorted(
        file for folder in folders for file in ([folder] if folder.is_file() else folder.rglob("*")) if file.name.endswith(LABEL_ENDINGS)
    )
    if folders and not files:
        raise InputError(f"No label volume ({', '.join(LABEL_ENDINGS)}) in {', '.join(map(str, folders))}.")
    return files


def gather_shapes(folders: Sequence[Path], cache: Path, *, report: Report) -> list[ShapeVolume]:
    """Vertebra shapes of all label volumes (VerSe values) in files or folders, kept in `cache` between runs.

    Raises InputError when there are none.
    """
    files = label_files(folders)
    key = hashlib.sha256("".join(f"{f.name}:{f.stat().st_size};" for f in files).encode()).hexdigest()[:16]
    stored = cache / f"shapes-{key}.npz"
    if stored.exists():
        return load_library(stored)
    volumes = [_read_shapes(file, report) for file in files]
    cache.mkdir(parents=True, exist_ok=True)
    save_library(volumes, stored)
    return volumes


def _read_shapes(file: Path, report: Report) -> ShapeVolume:
    from spinalsam.data.formats import read_volume

    report(f"reading shapes from {file.name}")
    volume = read_volume(file)
    labels = np.where(np.isin(volume.voxels, VERTEBRAE), volume.voxels, 0).astype(np.uint8)
    if not labels.any():
        raise InputError(f"{file} holds no vertebra labels; VerSe values (L1 = 20 ... L5 = 24) are expected.")
    spacing = volume.geometry.spacing_mm
    return build_shape_volume(file.name.split(".")[0], labels, spacing, grid_mm=float(np.clip(np.median(spacing), FINEST_MM, COARSEST_MM)))


def phantom_sources(count: int, cache: Path, *, report: Report) -> tuple[list[ShapeVolume], list[ContextMap]]:
    """Shapes and surroundings of procedural phantoms, each a different person; kept in `cache` between runs."""
    shapes, contexts = [], []
    for seed in range(1, count + 1):
        stored, organs = cache / f"phantom{seed}-shapes.npz", cache / f"phantom{seed}-organs.npz"
        if not (stored.exists() and organs.exists()):
            report(f"growing phantom {seed} of {count}")
            cache.mkdir(parents=True, exist_ok=True)
            _grow_phantom(seed, stored, organs)
        shapes += load_library(stored)
        contexts.append(_load_context(organs))
    return shapes, contexts


def _grow_phantom(seed: int, stored: Path, organs: Path) -> None:
    from spinalsam.training.phantom import TISSUES, PhantomOptions, make_phantom

    rng = np.random.default_rng([seed, 99])
    options = PhantomOptions(
        lordosis_scale=float(rng.uniform(0.7, 1.3)),
        scoliosis_deg=float(rng.choice([0.0, rng.uniform(5, 25)])),
        osteoporosis=float(rng.choice([0.0, rng.uniform(0.3, 0.9)])),
        osteophytes=float(rng.uniform(0, 0.9)),
        lumbar_count=6 if rng.random() < 0.15 else 5,
    )
    phantom = make_phantom(seed, options)
    spacing = phantom.volume.geometry.spacing_mm
    labels = np.where(np.isin(phantom.mask, (*VERTEBRAE, SACRUM)), phantom.mask, 0).astype(np.uint8)
    beside = np.isin(phantom.tissues, [TISSUES["rib"], TISSUES["ilium"]])
    save_library([build_shape_volume(f"phantom{seed}", labels, spacing, grid_mm=COARSEST_MM, beside=beside)], stored)
    bones = [TISSUES[name] for name in ("vertebral body", "posterior elements", "sacrum", "rib", "ilium", "calcification", "metal")]
    _save_context(phantom.tissues, spacing, bones, organs)


def gather_contexts(files: Sequence[Path], cache: Path, *, report: Report) -> list[ContextMap]:
    """Organ maps with the values of TotalSegmentator 2 (Wasserthal et al., Radiology: AI 2023) as surroundings, kept in `cache`."""
    from spinalsam.data.formats import read_volume

    contexts = []
    for file in files:
        stored = cache / f"organs-{_known_as(file)}.npz"
        if not stored.exists():
            report(f"reading organs from {file.name}")
            volume = read_volume(file)
            _save_context(volume.voxels.astype(np.uint8), volume.geometry.spacing_mm, TOTALSEGMENTATOR_BONES, stored)
        contexts.append(_load_context(stored))
    return contexts


def _known_as(path: Path) -> str:
    """A name for a file or a folder of files that changes when what is in it does, as far as sizes tell."""
    sizes = [path.stat().st_size] if path.is_file() else sorted(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return f"{path.name.split('.')[0]}-{hashlib.sha256(str(sizes).encode()).hexdigest()[:12]}"


def gather_sacra(files: Sequence[Path], cache: Path, *, report: Report) -> list[ShapeVolume]:
    """The sacra of organ maps with their neighbours, as VerSe masks seldom have one; kept in `cache` between runs.

    The vertebrae of an organ map are drawn beside its sacrum and are not shapes to ask for: they are a network's output.
    """
    from spinalsam.data.formats import read_volume

    sacra = []
    for file in files:
        stored = cache / f"sacrum-{file.name.split('.')[0]}-{file.stat().st_size}.npz"
        if not stored.exists():
            report(f"reading the sacrum of {file.name}")
            volume = read_volume(file)
            sacrum = np.isin(volume.voxels, TOTALSEGMENTATOR_SACRUM)
            if not sacrum.any():
                continue
            labels = np.where(np.isin(volume.voxels, TOTALSEGMENTATOR_SPINE), volume.voxels, 0).astype(np.uint8)
            labels[sacrum] = SACRUM
            beside = np.isin(volume.voxels, sorted(set(TOTALSEGMENTATOR_BONES) - set(TOTALSEGMENTATOR_SPINE)))
            built = build_shape_volume("sacrum", labels, volume.geometry.spacing_mm, grid_mm=COARSEST_MM, beside=beside)
            cache.mkdir(parents=True, exist_ok=True)
            save_library([replace(built, shapes=tuple(shape for shape in built.shapes if shape.label == SACRUM))], stored)
        sacra += load_library(stored)
    return sacra


def gather_scans(paths: Sequence[Path], cache: Path, *, report: Report) -> list[ContextScan]:
    """Real CT without labels as surroundings, kept in `cache`. Raises InputError for a picture, which has no Hounsfield units."""
    from spinalsam.data.formats import read_volume

    scans = []
    for path in paths:
        stored = cache / f"scan-{_known_as(path)}.npz"
        if stored.exists():
            with np.load(stored, allow_pickle=False) as store:
                scans.append(ContextScan(float(store["spacing"]), store["voxels"]))
            continue
        report(f"reading {path.name} as surroundings")
        volume = read_volume(path)
        if not volume.is_hu:
            raise InputError(f"{path} has no Hounsfield units; only CT can lie around rendered bone.")
        spacing_mm = np.asarray(volume.geometry.spacing_mm, float)
        grid_mm = max(1.0, float(spacing_mm.min()))
        voxels = ndimage.zoom(np.clip(volume.voxels, -1024, 3000).astype(np.int16), spacing_mm / grid_mm, order=1)
        scans.append(ContextScan(grid_mm, voxels))
        _store(stored, voxels=voxels, spacing=np.array(grid_mm))
    return scans


def _isotropic(labels: NDArray[np.uint8], spacing_mm: NDArray[np.float64], bones: Sequence[int]) -> ContextMap:
    grid_mm = max(1.5, float(np.min(spacing_mm)))
    zoom = np.asarray(spacing_mm, float) / grid_mm
    return ContextMap(grid_mm, ndimage.zoom(labels, zoom, order=0), tuple(bones))


def _save_context(labels: NDArray[np.uint8], spacing_mm: NDArray[np.float64], bones: Sequence[int], path: Path) -> None:
    context = _isotropic(labels, spacing_mm, bones)
    _store(path, labels=context.labels, spacing=np.array(context.spacing_mm), bones=np.array(context.bones))


def _store(path: Path, **arrays: NDArray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}.npz")  # several processes may make it at once
    np.savez_compressed(temporary, **arrays)  # type: ignore[arg-type]
    temporary.replace(path)


def _load_context(path: Path) -> ContextMap:
    with np.load(path, allow_pickle=False) as store:
        return ContextMap(float(store["spacing"]), store["labels"], tuple(int(value) for value in store["bones"]))


@dataclass(frozen=True)
class Sources:
    """Where the slices come from. shapes: label volumes or folders of them. contexts: organ maps. scans: CT without labels.
    data: a folder of image and mask pairs. phantoms: how many procedural ones."""

    shapes: Sequence[Path] = ()
    contexts: Sequence[Path] = ()
    scans: Sequence[Path] = ()
    data: Path | None = None
    phantoms: int = 0

    def rendered(self, cache: Path, *, report: Report) -> tuple[list[ShapeVolume], list[Context]]:
        """Shapes to render slices of, and what lies around them; both empty where only pairs are asked for.

        Raises InputError when a source cannot be read.
        """
        surroundings: list[Context] = [
            *gather_contexts(self.contexts, cache, report=report),
            *gather_scans(self.scans, cache, report=report),
        ]
        library: list[ShapeVolume] = []
        if self.shapes:
            library += gather_shapes(self.shapes, cache, report=report) * REAL_SHAPE_WEIGHT
            library += gather_sacra(self.contexts, cache, report=report)
        phantoms = self.phantoms or (0 if self.shapes or self.data else 1)
        if phantoms:
            bodies, organs = phantom_sources(phantoms, cache, report=report)
            library, surroundings = library + bodies, [*surroundings, *organs]
        return library, surroundings
