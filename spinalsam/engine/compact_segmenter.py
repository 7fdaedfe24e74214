"""The compact network behind the `Segmenter` protocol: looks, two passes for clicks, candidates."""

from __future__ import annotations

import itertools
import json
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from spinalsam.device.interrupt import checkpoint
from spinalsam.device.manager import run_with_fallback
from spinalsam.device.threads import FEW, cpu_threads
from spinalsam.engine.compact import CLICK_MEANINGS, CompactConfig, CompactSam, standardise
from spinalsam.engine.look import Look, choose_look, cut, look_closer, look_for_box, paste, still_fits
from spinalsam.engine.segmenter import Candidates, Embedding, RoughShape, SliceImage, box_around
from spinalsam.errors import ModelError
from spinalsam.support.prompts import SlicePrompt

# Hounsfield units outside this range tell nothing about bone; the training slices are shown through such windows.
HU_RANGE = (-250.0, 1250.0)
# Encoded windows that are remembered, of all slices together: some 75 of the shipped network's.
LOOKS_BYTES = 128 << 20
MOST_PROMPTS = 8  # in one call of the decoder
# People draw boxes a few per cent off; what lies further outside than this share of the box is another structure.
BOX_MARGIN = 0.12
# Holes are filled whose mean logit is less than so much below the threshold; canals in real CT of 3 mm are 1.2 below it and more.
UNSURE = 1.0
# A rough shape is given to the network as an earlier mask with such a logit a mm of depth, so many mm smaller, and cut at such a logit.
SHAPE_LOGIT, SHAPE_RIM_MM, SHAPE_MOST = 0.2, 1.5, 6.0


@dataclass(frozen=True)
class LowRes:
    """A mask to refine: logits (1, 1, side/2, side/2) and the look in which they were made.

    box: the box (x0, y0, x1, y1) in which clicks were answered although nobody drew one, or None.
    """

    look: Look
    logits: Tensor
    box: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class _Slice:
    """Stands for one slice that was taken in; its encoded looks are remembered under this number."""

    number: int = field(default_factory=itertools.count().__next__)


class _Looks:
    """The encoded looks that were asked for last, of all slices, bounded in bytes. Losing one costs only time."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self._kept: OrderedDict[tuple[_Slice, Look], tuple[Tensor, ...]] = OrderedDict()
        self._nbytes = 0
        self._lock = Lock()

    def get(self, key: tuple[_Slice, Look]) -> tuple[Tensor, ...] | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def keep(self, key: tuple[_Slice, Look], features: tuple[Tensor, ...]) -> None:
        with self._lock:
            self._forget(key)
            self._kept[key] = features
            self._nbytes += _nbytes(features)
            while self._nbytes > self.limit_bytes and len(self._kept) > 1:
                self._forget(next(iter(self._kept)))

    def _forget(self, key: tuple[_Slice, Look]) -> None:
        gone = self._kept.pop(key, None)
        if gone is not None:
            self._nbytes -= _nbytes(gone)


def _nbytes(features: tuple[Tensor, ...]) -> int:
    return sum(level.nbytes for level in features)


class CompactSegmenter:
    """Encode and decode with a `CompactSam`. See `engine/segmenter.py` for the contract.

    The network looks at windows around the prompt (`engine/look.py`); the last ones are remembered with their features. A prompt
    that was asked before, or guessed (`control/ahead.py`), pays for the decoder alone, and so does every click in a box.
    """

    # Looking at many slices of a volume is affordable (engine/whole.py).
    encodes_windows = True
    takes_shapes = True

    def __init__(
        self,
        model: CompactSam,
        *,
        checksum: str,
        name: str = "compact",
        device: str | torch.device = "cpu",
        notice: Callable[[str], None] | None = None,
    ) -> None:
        self.name, self.checksum = name, checksum
        self._notice = notice  # told when the work moves to the CPU
        self.device = torch.device(device)
        self.model = model.eval().to(self.device)
        self.side = model.config.side
        self._looks = _Looks(LOOKS_BYTES)
        # engine/runtime.py puts faster forms of the same computations here.
        self.run_encoder: Callable[[Tensor], tuple[Tensor, ...]] = self.model.encode
        self.run_decoder: Callable[..., tuple[Tensor, Tensor]] = self.model.decode

    def encode(self, image: SliceImage) -> Embedding:
        """Take a slice in: (rows, columns) HU or grey values; windows are encoded when prompts ask for them."""
        pixels = np.nan_to_num(np.asarray(image.pixels, np.float32))
        if image.is_hu:
            pixels = np.clip(pixels, *HU_RANGE)
        prepared = SliceImage(pixels, image.is_hu, image.spacing_mm)
        return Embedding(prepared, _Slice(), self.checksum, pixels.nbytes)

    def decode(self, embedding: Embedding, prompt: SlicePrompt, previous: Any = None) -> Candidates:
        """Masks for points and/or a box, best first. Raises ModelError for another network's embedding."""
        self._check(embedding)
        return self._on_device(lambda: self._decode(embedding, prompt, previous))

    def _decode(self, embedding: Embedding, prompt: SlicePrompt, previous: Any) -> Candidates:
        if prompt.box_xyxy is None:
            if isinstance(previous, RoughShape):
                return self._decode_in_shape(embedding, prompt, previous)
            if isinstance(previous, LowRes) and previous.box is not None:
                return self._decode_again(embedding, prompt, previous, previous.box)
            return self._decode_clicks(embedding, prompt, previous)
        look = choose_look(embedding.image, prompt, side=self.side)
        logits, scores = self._ask(embedding, look, prompt, previous)
        return within_box(self._candidates(embedding, look, prompt, logits, scores, first=0), prompt)

    def decode_many(self, embedding: Embedding, prompts: Sequence[SlicePrompt]) -> list[Candidates]:
        """`decode` of each prompt; boxes with as many points go through the network in one call."""
        found = {n: self.decode(embedding, prompt) for n, prompt in enumerate(prompts) if prompt.box_xyxy is None}
        forms: dict[int, list[int]] = {}
        for number, prompt in enumerate(prompts):
            if prompt.box_xyxy is not None:
                forms.setdefault(len(prompt.points_xy), []).append(number)
        for numbers in forms.values():
            for first in range(0, len(numbers), MOST_PROMPTS):
                group = numbers[first : first + MOST_PROMPTS]
                asked = [prompts[n] for n in group]
                given = self._on_device(partial(self._decode_boxes, [embedding] * len(group), asked, self._remembered))
                found.update(zip(group, given, strict=True))
        return [found[number] for number in range(len(prompts))]

    def decode_slices(self, embeddings: Sequence[Embedding], prompts: Sequence[SlicePrompt]) -> list[Candidates]:
        """`decode` of one prompt a slice, all of them boxes with as many points. Windows go through the network together and are forgotten.

        Raises ModelError for another network's embedding.
        """
        for embedding in embeddings:
            self._check(embedding)
        found: list[Candidates] = []
        for first in range(0, len(prompts), MOST_PROMPTS):
            part = np.s_[first : first + MOST_PROMPTS]
            found += self._on_device(partial(self._decode_boxes, embeddings[part], prompts[part], self._encoded))
        return found

    def _decode_boxes(
        self,
        embeddings: Sequence[Embedding],
        prompts: Sequence[SlicePrompt],
        features_of: Callable[[Sequence[Embedding], Sequence[Look]], tuple[Tensor, ...]],
    ) -> list[Candidates]:
        looks = [choose_look(one.image, prompt, side=self.side) for one, prompt in zip(embeddings, prompts, strict=True)]
        inputs = zip(*(self._inputs(look, prompt, None) for look, prompt in zip(looks, prompts, strict=True)), strict=True)
        logits, scores = self.run_decoder(features_of(embeddings, looks), *(torch.cat(part) for part in inputs))
        logits, scores = logits.float().cpu(), scores.float().cpu()
        return [
            within_box(self._candidates(one, look, prompt, logits[n : n + 1], scores[n], first=0), prompt)
            for n, (one, look, prompt) in enumerate(zip(embeddings, looks, prompts, strict=True))
        ]

    def _remembered(self, embeddings: Sequence[Embedding], looks: Sequence[Look]) -> tuple[Tensor, ...]:
        """Features of looks, each encoded by itself unless it was before."""
        each = (self._features(one, look) for one, look in zip(embeddings, looks, strict=True))
        return tuple(torch.cat(level) for level in zip(*each, strict=True))

    def _encoded(self, embeddings: Sequence[Embedding], looks: Sequence[Look]) -> tuple[Tensor, ...]:
        """Features of looks, all encoded in one call and not remembered."""
        pixels = torch.cat([cut(one.image, look) for one, look in zip(embeddings, looks, strict=True)])
        return self.run_encoder(standardise(pixels.to(self.device)))

    def _on_device(self, work: Callable[[], Any]) -> Any:
        """Run on the device; where its memory is full, move the network to the CPU for good and go on there."""

        def run(_device: str) -> Any:
            with torch.inference_mode(), cpu_threads(FEW):
                return work()

        return run_with_fallback(run, str(self.device), move=self._move_to, notice=self._notice, what="the model")[0]

    def _move_to(self, device: str) -> None:
        from spinalsam.engine.runtime import use_runtime  # which knows this class

        self.device = torch.device(device)
        self.model.to(self.device)
        use_runtime(self)  # the faster forms hold copies of the weights, on the device that is full

    def _check(self, embedding: Embedding) -> None:
        if embedding.model != self.checksum or not isinstance(embedding.features, _Slice):
            raise ModelError("The slice was encoded by another model; encode it again.")

    def _decode_in_shape(self, embedding: Embedding, prompt: SlicePrompt, shape: RoughShape) -> Candidates:
        """Clicks in a structure of which is known about where it lies: as if somebody had drawn a box around it.

        The second and third candidate are those of the clicks alone.
        """
        box = shape.box_with(prompt.points_xy[prompt.positive])
        look = look_for_box(embedding.image, box, side=self.side)
        boxed = SlicePrompt(prompt.points_xy, prompt.positive, box)
        logits, scores = self._ask(embedding, look, boxed, shape)
        whole = self._candidates(embedding, look, prompt, logits[:, :1], scores[:1], first=0)
        logits, scores = self._ask(embedding, look, prompt, None)
        others = self._candidates(embedding, look, prompt, logits, scores, first=0)
        return Candidates(
            np.concatenate([whole.masks, others.masks[1:]]),
            np.concatenate([whole.scores, others.scores[1:]]),
            (replace(whole.low_res[0], box=box), *others.low_res[1:]),
        )

    def _decode_again(self, embedding: Embedding, prompt: SlicePrompt, previous: LowRes, box: NDArray[np.float32]) -> Candidates:
        """More clicks on a mask that was answered in a box that nobody drew."""
        box = box_around(np.concatenate([box.reshape(2, 2), prompt.points_xy[prompt.positive]]))
        look = look_for_box(embedding.image, box, side=self.side)
        logits, scores = self._ask(embedding, look, SlicePrompt(prompt.points_xy, prompt.positive, box), previous)
        given = self._candidates(embedding, look, prompt, logits, scores, first=0)
        return Candidates(given.masks, given.scores, tuple(replace(one, box=box) for one in given.low_res))

    def _decode_clicks(self, embedding: Embedding, prompt: SlicePrompt, previous: Any) -> Candidates:
        """Clicks alone: find the structure in a wide look, then look at it closely."""
        look = choose_look(embedding.image, prompt, side=self.side)
        logits, scores = self._ask(embedding, look, prompt, previous)
        single = len(prompt.points_xy) == 1 and previous is None
        best = 1 + CLICK_MEANINGS.index("whole vertebra") if single else 0
        wide = self._candidates(embedding, look, prompt, logits, scores, first=best)
        closer = self._look_closer(embedding, wide.masks[0], prompt, previous)
        if closer is None:
            return wide
        near_look, box = closer
        near_prompt = SlicePrompt(prompt.points_xy, prompt.positive, box)
        near_logits, near_scores = self._ask(embedding, near_look, near_prompt, LowRes(look, logits[:, best : best + 1]))
        near = self._candidates(embedding, near_look, prompt, near_logits[:, :1], near_scores[:1], first=0)
        return Candidates(
            np.concatenate([near.masks, wide.masks[1:]]),
            np.concatenate([near.scores, wide.scores[1:]]),
            near.low_res + wide.low_res[1:],
        )

    def _look_closer(
        self, embedding: Embedding, mask: NDArray[np.bool_], prompt: SlicePrompt, previous: Any
    ) -> tuple[Look, NDArray[np.float32]] | None:
        """The look around the mask and its box; the earlier mask's look where that fits, for it has been encoded."""
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if not len(rows):
            return None
        bounds = np.array([[columns[0], rows[0]], [columns[-1], rows[-1]]], np.float32)
        box = box_around(np.concatenate([bounds, prompt.points_xy[prompt.positive]]))
        if previous is not None and still_fits(previous.look, embedding.image, box):
            return previous.look, box
        return look_closer(embedding.image, box, side=self.side), box

    def _features(self, embedding: Embedding, look: Look) -> tuple[Tensor, ...]:
        key = embedding.features, look
        known = self._looks.get(key)
        if known is not None and known[0].device == self.device:  # not after the network has moved
            return known
        checkpoint()
        features = self.run_encoder(standardise(cut(embedding.image, look).to(self.device)))
        self._looks.keep(key, features)
        return features

    def _ask(self, embedding: Embedding, look: Look, prompt: SlicePrompt, previous: Any) -> tuple[Tensor, Tensor]:
        """Logits (1, 4, side/2, side/2) and predicted IoU (4,) in a look."""
        features = self._features(embedding, look)
        checkpoint()
        logits, scores = self.run_decoder(features, *self._inputs(look, prompt, previous))
        return logits.float().cpu(), scores[0].float().cpu()

    def _inputs(self, look: Look, prompt: SlicePrompt, previous: Any) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """What `CompactSam.decode` takes for one prompt: points, their kinds, box, earlier mask."""
        points = torch.from_numpy(look.to_look(prompt.points_xy.reshape(-1, 2)))[None]
        kinds = torch.from_numpy(prompt.positive.astype(np.float32))[None]
        if points.shape[1] == 0:
            points, kinds = torch.zeros(1, 1, 2), torch.full((1, 1), -1.0)
        box = torch.full((1, 4), float("nan"))
        if prompt.box_xyxy is not None:
            box = torch.from_numpy(look.to_look(prompt.box_xyxy.reshape(2, 2)).reshape(1, 4))
        mask = self._mask_input(look, previous)
        return points.to(self.device), kinds.to(self.device), box.to(self.device), mask.to(self.device)

    def _mask_input(self, look: Look, previous: Any) -> Tensor:
        half = self.side // 2
        if previous is None:
            return torch.zeros(1, 1, half, half)
        if isinstance(previous, RoughShape):
            return _drawn(previous, look, half)
        if previous.look == look:
            return previous.logits
        # The same place in another window: sample the old logits at the new window's pixels.
        centres = (np.arange(half) + 0.5) / half
        x = (look.column + centres * look.columns - previous.look.column) / previous.look.columns * 2 - 1
        y = (look.row + centres * look.rows - previous.look.row) / previous.look.rows * 2 - 1
        grid = np.stack(np.meshgrid(x, y), axis=-1).astype(np.float32)[None]
        return F.grid_sample(previous.logits, torch.from_numpy(grid), align_corners=False, padding_mode="border")

    def _candidates(
        self, embedding: Embedding, look: Look, prompt: SlicePrompt, logits: Tensor, scores: Tensor, *, first: int
    ) -> Candidates:
        """Candidate `first` first, the others by predicted IoU."""
        rest = [n for n in torch.argsort(scores, descending=True).tolist() if n != first]
        order = [first, *rest][:3]
        threshold, outside = self.model.config.mask_threshold, look.to_look(prompt.points_xy[~prompt.positive])
        shown = torch.stack([fill_unsure(one, threshold, outside / self.model.mask_stride) for one in logits[0, order]])
        masks = paste(shown, look, embedding.image.pixels.shape, threshold=threshold)
        low_res = tuple(LowRes(look, logits[:, n : n + 1]) for n in order)
        return Candidates(masks, scores[order].clamp(0, 1).numpy(), low_res)


def _drawn(shape: RoughShape, look: Look, side: int) -> Tensor:
    """A rough shape as the logits (1, 1, side, side) of an earlier mask in a look: faint, and smaller than it is, for the network draws."""
    places = (np.arange(side) + 0.5) / side
    rows = np.clip(look.row + places * look.rows - 0.5, 0, shape.inside_mm.shape[0] - 1)
    columns = np.clip(look.column + places * look.columns - 0.5, 0, shape.inside_mm.shape[1] - 1)
    inside = ndimage.map_coordinates(shape.inside_mm, np.meshgrid(rows, columns, indexing="ij"), order=1)
    return torch.from_numpy(np.clip(SHAPE_LOGIT * (inside - SHAPE_RIM_MM), -SHAPE_MOST, SHAPE_MOST).astype(np.float32))[None, None]


def fill_unsure(logits: Tensor, threshold: float, outside_xy: NDArray[np.floating]) -> Tensor:
    """Logits (h, w) with the holes filled of which the network is not sure: a dark core or a hollow endplate, which nobody leaves out of
    an outline. The canal and the foramina are far below the threshold and stay, as does every hole with a click outside in it.

    outside_xy: (n, 2) negative clicks in pixels of the logits. Returns `logits` itself where there is nothing to fill.
    """
    values = logits.numpy()
    around, count = ndimage.label(values <= threshold)
    if count < 2:
        return logits
    open_ = {0, *around[0], *around[-1], *around[:, 0], *around[:, -1]}
    columns, rows = np.clip(np.rint(outside_xy), 0, np.array(values.shape[::-1]) - 1).astype(int).T
    open_.update(around[rows, columns])
    holes = [number for number in range(1, count + 1) if number not in open_]
    unsure = [number for number in holes if values[around == number].mean() > threshold - UNSURE]
    return torch.from_numpy(np.where(np.isin(around, unsure), threshold + 1, values).astype(np.float32)) if unsure else logits


def within_box(candidates: Candidates, prompt: SlicePrompt) -> Candidates:
    """Masks cut to the box with a margin; positive clicks outside widen it."""
    assert prompt.box_xyxy is not None
    corners = np.concatenate([prompt.box_xyxy.reshape(2, 2), prompt.points_xy[prompt.positive]])
    low, high = corners.min(axis=0), corners.max(axis=0)
    margin = BOX_MARGIN * (high - low + 1) + 0.5
    (x0, y0), (x1, y1) = np.ceil(low - margin).astype(int), np.floor(high + margin).astype(int)
    masks = np.zeros_like(candidates.masks)
    inside = np.s_[:, max(y0, 0) : max(y1 + 1, 0), max(x0, 0) : max(x1 + 1, 0)]
    masks[inside] = candidates.masks[inside]
    return Candidates(masks, candidates.scores, candidates.low_res)


def load_compact(
    path: Path, *, checksum: str, name: str = "compact", device: str = "cpu", notice: Callable[[str], None] | None = None
) -> CompactSegmenter:
    """Build the network that a checkpoint's own metadata describes and load it, strictly.

    Raises ModelError when the file is not a compact checkpoint or does not fit.
    """
    from safetensors import SafetensorError, safe_open
    from safetensors.torch import load_file

    try:
        with safe_open(str(path), framework="pt") as handle:
            metadata = handle.metadata() or {}
        config = CompactConfig.from_json(json.loads(metadata["config"]))
        model = CompactSam(config)
        model.load_state_dict(load_file(str(path)), strict=True)
    except (OSError, SafetensorError, KeyError, ValueError, TypeError, RuntimeError) as error:
        raise ModelError(f"The checkpoint {path.name} is not a compact SAM that fits: {str(error).splitlines()[0]}") from error
    return CompactSegmenter(model, checksum=checksum, name=name, device=device, notice=notice)
