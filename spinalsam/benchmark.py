"""How long every stage of the work takes on this machine, and how that compares with other ways to do it, in one run.

Times are of whole stages as a user waits for them, in milliseconds, as median and 95th percentile. A ratio above 1 means that
ours is faster. Every peer gets the same slice, the same prompt and the same weights, one after the other in the same process.
"""

from __future__ import annotations

import platform
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinalsam.data.volume import Volume
from spinalsam.engine.segmenter import Segmenter, SliceImage
from spinalsam.support.planes import SlicePlane, SliceRef
from spinalsam.support.prompts import SlicePrompt

PEERS = ("segment-anything",)
SENTENCES = (
    "segment L3",
    "add three points on L2 and generate the mask",
    "请在腰椎上加一个框",
    "propagate the mask up",
    "set the window to bone",
    "what a nice day",
)
Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Case:
    """What is measured on: the files of a case, and a structure on one of its slices.

    truth: (rows, columns) bool, the structure on the slice; prompts are taken from it.
    """

    image: Path
    volume: Volume
    ref: SliceRef
    truth: NDArray[np.bool_]

    def picture(self, offset: int = 0) -> SliceImage:
        """The slice, or one that lies `offset` beside it, ready for a network."""
        plane = SlicePlane(self.volume.geometry, self.ref.plane)
        index = int(np.clip(self.ref.index + offset, 0, plane.count - 1))
        return SliceImage(np.ascontiguousarray(plane.cut(self.volume.voxels, index), np.float32), self.volume.is_hu, plane.spacing_mm)

    @property
    def click(self) -> SlicePrompt:
        """One click in the middle of the structure."""
        from spinalsam.control.placing import interior_points

        return SlicePrompt(np.array(interior_points(self.truth, 1), np.float32), np.array([True]))

    @property
    def correction(self) -> SlicePrompt:
        """A second click on the same slice."""
        from spinalsam.control.placing import interior_points

        return SlicePrompt(np.array(interior_points(self.truth, 2), np.float32), np.array([True, True]))


def run(
    case: Case,
    *,
    model: str | None = None,
    device: str = "auto",
    against: str | None = None,
    repeats: int = 7,
    progress: Progress = lambda fraction, message: None,
) -> dict[str, Any]:
    """Measure everything. Returns the JSON document of the command. Raises ModelError when there is no such model."""
    from spinalsam.engine.models import load_segmenter

    segmenter = load_segmenter(model, device)
    stages: dict[str, dict[str, float]] = {}
    plan: list[tuple[str, Callable[[], dict[str, dict[str, float]]]]] = [
        ("opening", lambda: _files(case, repeats)),
        ("prompting", lambda: _prompts(case, segmenter, repeats)),
        ("parsing", lambda: {"parse": _parsing(repeats)}),
        ("propagating", lambda: _whole(case, segmenter, max(2, repeats // 3))),
    ]
    for number, (name, measure) in enumerate(plan):
        progress(number / (len(plan) + 1), name)
        stages.update(measure())
    ratios: dict[str, float] = {}
    if against:
        progress(len(plan) / (len(plan) + 1), "comparing")
        ratios = _ratios(case, segmenter, stages, model=model, device=device, repeats=repeats)
    progress(1.0, "measured")
    return {
        "machine": _machine(device),
        "model": {"name": segmenter.name, "checksum": segmenter.checksum},
        "stages": stages,
        "ratios": ratios,
        "limits": _limits(case, segmenter, stages["encode"]["p50_ms"]),
        "peak_memory_mb": _peak_memory_mb(),
    }


def times_ms(work: Callable[[], object], repeats: int, *, warm_up: int = 1) -> list[float]:
    """Durations of repeated calls, without the first ones."""
    taken = []
    for number in range(repeats + warm_up):
        started = time.perf_counter()
        work()
        if number >= warm_up:
            taken.append((time.perf_counter() - started) * 1000)
    return taken


def summary(taken_ms: list[float]) -> dict[str, float]:
    """Median and 95th percentile."""
    return {"p50_ms": round(float(np.percentile(taken_ms, 50)), 3), "p95_ms": round(float(np.percentile(taken_ms, 95)), 3)}


# Our own stages


def _files(case: Case, repeats: int) -> dict[str, dict[str, float]]:
    from spinalsam.data.formats import read_volume
    from spinalsam.support.windowing import apply_window, default_window

    def first_slice() -> None:
        volume = read_volume(case.image)
        plane = SlicePlane(volume.geometry, "axial")
        window = default_window(volume.voxels, is_hu=volume.is_hu)
        apply_window(plane.cut(volume.voxels, plane.count // 2).astype(np.float32), window)

    few = max(3, repeats // 2)
    return {
        "open": summary(times_ms(lambda: read_volume(case.image), few)),
        "first_slice": summary(times_ms(first_slice, few)),
    }


def _prompts(case: Case, segmenter: Segmenter, repeats: int) -> dict[str, dict[str, float]]:
    """Each repeat takes another slice, so that nothing is remembered of it; encoding is what the first click pays extra."""
    first, warm, encode = [], [], []
    segmenter.decode(segmenter.encode(case.picture()), case.click)
    for number in range(repeats):
        image = case.picture(number - repeats // 2)
        started = time.perf_counter()
        embedding = segmenter.encode(image)
        given = segmenter.decode(embedding, case.click)
        first.append((time.perf_counter() - started) * 1000)
        again = times_ms(lambda e=embedding: segmenter.decode(e, case.click), 1, warm_up=0)[0]  # type: ignore[misc]
        encode.append(max(0.0, first[-1] - again))
        previous = given.low_res[0] if given.low_res else None
        warm += times_ms(lambda e=embedding, p=previous: segmenter.decode(e, case.correction, p), 3)  # type: ignore[misc]
    return {"encode": summary(encode), "click_to_mask": summary(warm), "first_click": summary(first)}


def _parsing(repeats: int) -> dict[str, float]:
    from spinalsam.control.operations import SPOKEN_SPECS
    from spinalsam.language import parse

    taken: list[float] = []
    for text in SENTENCES:
        taken += times_ms(lambda t=text: parse(t, SPOKEN_SPECS), repeats)  # type: ignore[misc]
    return summary(taken)


def _whole(case: Case, segmenter: Segmenter, repeats: int) -> dict[str, dict[str, float]]:
    """Propagation through the structure and export, by the operations of the window; nothing is remembered between repeats."""
    from spinalsam.control.workspace import Workspace

    propagate, export = [], []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(repeats):
            with Workspace(journal=False, segmenter=segmenter, reader=lambda *_a, **_k: case.volume) as ws:
                ws.cache.clear()
                ws.open(case.image)
                ws.run("prompt_mask", prompt=_box_prompt(case))
                started = time.perf_counter()
                ws.run("propagate", direction="both", plane=case.ref.plane, slice=case.ref.index + 1, value=1)
                propagate.append((time.perf_counter() - started) * 1000)
                export += times_ms(lambda w=ws: w.export(Path(folder) / "mask.nii.gz", overwrite=True), 1, warm_up=0)  # type: ignore[misc]
    return {"propagate": summary(propagate), "export": summary(export)}


def _box_prompt(case: Case) -> dict[str, Any]:
    plane = SlicePlane(case.volume.geometry, case.ref.plane)
    rows, columns = np.flatnonzero(case.truth.any(axis=1)), np.flatnonzero(case.truth.any(axis=0))
    corners = plane.to_voxel([[columns[0], rows[0]], [columns[-1], rows[-1]]], case.ref.index)
    return {"plane": case.ref.plane, "box": corners.tolist(), "label": 1}


# Peers


def _ratios(
    case: Case, segmenter: Segmenter, stages: dict[str, dict[str, float]], *, model: str | None, device: str, repeats: int
) -> dict[str, float]:
    from spinalsam.engine.models import load_segmenter

    peer = plain_predictor(segmenter)
    image, click, correction = case.picture(), case.click, case.correction
    encode, warm = [], []
    for _ in range(repeats):
        started = time.perf_counter()
        peer.set_image(image)
        encode.append((time.perf_counter() - started) * 1000 + peer.deferred_encode_ms(click))
        peer.predict(click)
        warm += times_ms(lambda: peer.predict(correction), 3)

    def original_program() -> None:
        fresh = load_segmenter(model, device)
        fresh.decode(fresh.encode(image), click)

    original = times_ms(original_program, max(2, repeats // 3), warm_up=0)
    ours = {name: row["p50_ms"] for name, row in stages.items()}
    return {
        "click_vs_segment_anything": _ratio(warm, ours["click_to_mask"]),
        "encode_vs_segment_anything": _ratio(encode, ours["encode"]),
        "click_vs_original_program": _ratio(original, ours["click_to_mask"]),
        "open_vs_simpleitk": _ratio(times_ms(lambda: _simpleitk_open(case.image), 3), ours["open"]),
    }


def _ratio(theirs_ms: list[float], ours_ms: float) -> float:
    return round(float(np.percentile(theirs_ms, 50)) / max(ours_ms, 1e-3), 3)


def _simpleitk_open(path: Path) -> None:
    import SimpleITK

    SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))


class _SamPredictor:
    """What `segment_anything.SamPredictor` does, step by step, in PyTorch fp32 on the CPU or GPU where the network lies."""

    def __init__(self, segmenter: Any) -> None:
        self.segmenter, self.sam = segmenter, segmenter.model
        self._features: Any = None
        self._input_size: tuple[int, int] = (0, 0)
        self._shape: tuple[int, ...] = ()

    def set_image(self, image: SliceImage) -> None:
        import torch

        from spinalsam.engine.sam import network_input

        pixels, self._input_size = network_input(image, self.segmenter.preprocessing, self.segmenter.side)
        self._shape = tuple(image.pixels.shape)
        with torch.no_grad():
            self._features = self.sam.image_encoder(pixels.to(self.segmenter.device))

    def deferred_encode_ms(self, prompt: SlicePrompt) -> float:
        """Encoding that only the first prompt does: none here."""
        return 0.0

    def predict(self, prompt: SlicePrompt) -> NDArray[np.bool_]:
        import torch

        scale = np.array([self._input_size[1] / self._shape[1], self._input_size[0] / self._shape[0]])
        places = torch.as_tensor(prompt.points_xy * scale, dtype=torch.float, device=self.segmenter.device)[None]
        kinds = torch.as_tensor(prompt.positive, dtype=torch.int, device=self.segmenter.device)[None]
        with torch.no_grad():
            sparse, dense = self.sam.prompt_encoder(points=(places, kinds), boxes=None, masks=None)
            low_res, _ = self.sam.mask_decoder(
                image_embeddings=self._features,
                image_pe=self.sam.prompt_encoder.get_dense_pe(),
                sparse_prompt_embeddings=sparse,
                dense_prompt_embeddings=dense,
                multimask_output=len(prompt.points_xy) == 1,
            )
            masks = self.sam.postprocess_masks(low_res, self._input_size, self._shape)
        return (masks > self.sam.mask_threshold)[0].cpu().numpy()


class _CompactPredictor:
    """The compact network as plain PyTorch fp32 modules, prompted like `SamPredictor`: encode once, then prompt."""

    def __init__(self, segmenter: Any) -> None:
        from spinalsam.engine.compact_segmenter import CompactSegmenter

        self.plain = CompactSegmenter(segmenter.model, checksum=segmenter.checksum, device=segmenter.device)
        self._embedding: Any = None

    def set_image(self, image: SliceImage) -> None:
        self._embedding = self.plain.encode(image)

    def deferred_encode_ms(self, prompt: SlicePrompt) -> float:
        """The compact network encodes the window around the first prompt: what that prompt costs more than the same again."""
        first = times_ms(lambda: self.predict(prompt), 1, warm_up=0)[0]
        return max(0.0, first - times_ms(lambda: self.predict(prompt), 1, warm_up=0)[0])

    def predict(self, prompt: SlicePrompt) -> NDArray[np.bool_]:
        return self.plain.decode(self._embedding, prompt).masks


def plain_predictor(segmenter: Segmenter) -> Any:
    """A peer that holds the same network: `set_image`, `predict`."""
    from spinalsam.engine.sam import SamSegmenter

    return _SamPredictor(segmenter) if isinstance(segmenter, SamSegmenter) else _CompactPredictor(segmenter)


# The machine


def _machine(device: str) -> dict[str, Any]:
    from spinalsam.device.manager import report

    found = report(device)
    return {
        "cpu": found["cpu"]["name"],
        "cores": found["cpu"]["cores"],
        "gpus": [gpu["name"] for gpu in found["gpus"]],
        "device": found["selected"]["device"],
        "precision": found["selected"]["precision"],
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "torch": found["torch"],
    }


def _limits(case: Case, segmenter: Segmenter, encode_ms: float) -> dict[str, float | None]:
    """The rate of a large fp32 matrix product here, and the share of it that the encoder reaches."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    side = 1536
    device = getattr(segmenter, "device", torch.device("cpu"))
    left, right = torch.randn(side, side, device=device), torch.randn(side, side, device=device)
    with torch.inference_mode():
        best_ms = min(times_ms(lambda: (left @ right).sum().item(), 5))
    gemm = 2 * side**3 / best_ms / 1e6
    click = case.click
    with FlopCounterMode(display=False) as first:
        embedding = segmenter.encode(case.picture())
        segmenter.decode(embedding, click)
    with FlopCounterMode(display=False) as again:
        segmenter.decode(embedding, click)
    flops = first.get_total_flops() - again.get_total_flops()
    share = flops / (encode_ms / 1000) / (gemm * 1e9) if encode_ms > 0 and flops > 0 else None
    return {"gemm_gflops": round(gemm, 1), "encode_share_of_gemm": None if share is None else round(share, 3)}


def _peak_memory_mb() -> float:
    """The most memory that this process has held."""
    try:
        import resource
    except ImportError:  # Windows
        import psutil

        return round(psutil.Process().memory_info().peak_wset / 1e6, 1)
    unit = 1 if platform.system() == "Darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6, 1)
