"""Other ways to do the same, with the same weights on the same slice, in turn with ours.

segment-anything: what its `SamPredictor` does, step by step, on its own modules in PyTorch fp32. The original program: the network is
built and its checkpoint loaded at every click, then the same. Both need one of SAM's architectures; where the model that is measured is
not one of them, ViT-B is taken, with its published weights where they are at hand and random ones of the same shapes elsewhere: how long
a matrix product takes does not depend on what is in the matrix.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from spinalsam.benchmark import machine
from spinalsam.benchmark.case import Case
from spinalsam.benchmark.stages import read
from spinalsam.benchmark.timing import in_turn, ratio, summary
from spinalsam.device.threads import cpu_threads
from spinalsam.engine.sam import SHAPES, SamSegmenter, build_sam, network_input
from spinalsam.engine.segment_anything_parts import build_sam_vit_b, build_sam_vit_h, build_sam_vit_l
from spinalsam.engine.segmenter import Segmenter, SliceImage
from spinalsam.errors import ModelError
from spinalsam.support.metrics import dice
from spinalsam.support.prompts import SlicePrompt

_BUILDERS = {"vit_b": build_sam_vit_b, "vit_l": build_sam_vit_l, "vit_h": build_sam_vit_h}


@dataclass(frozen=True)
class Comparison:
    """ratios: of the document. details: what was compared, for its "model"."""

    ratios: dict[str, float]
    details: dict[str, Any]


def compare(case: Case, segmenter: Segmenter, *, device: str, open_file: Path, repeats: int) -> Comparison:
    """All ratios. Raises ModelError or ResourceError as loading and running a network does."""
    ours, weights = (segmenter, "the model's") if isinstance(segmenter, SamSegmenter) else sam_to_compare(device)
    theirs = Predictor(ours.model, ours)
    image, click, correction = case.picture(), case.clicks(1), case.clicks(2)
    few = max(2, repeats // 3)
    flops = machine.flops(lambda: theirs.set_image(image))
    encode = in_turn({"theirs": lambda: theirs.set_image(image), "ours": lambda: ours.encode(image)}, few, warm_up=0)
    embedding = ours.encode(image)
    clicks = in_turn({"theirs": lambda: theirs.predict(click), "ours": lambda: ours.decode(embedding, click)}, 3 * repeats, warm_up=2)
    same = dice(theirs.predict(correction), ours.decode(embedding, correction).masks[0])
    original = original_program(ours, image, click)
    with alone(open_file) as file:
        opened = in_turn({"theirs": lambda: simpleitk_open(file), "ours": lambda: read(file)}, few)
    return Comparison(
        {
            "click_vs_segment_anything": ratio(clicks["theirs"], clicks["ours"]),
            "encode_vs_segment_anything": ratio(encode["theirs"], encode["ours"]),
            "click_vs_original_program": ratio(original, clicks["ours"]),
            "open_vs_simpleitk": ratio(opened["theirs"], opened["ours"]),
        },
        {
            "name": ours.name,
            "weights": weights,
            "precision": ours.precision,
            "mask_dice": round(float(same), 4),
            "encode": {name: summary(taken) for name, taken in encode.items()},
            "click_to_mask": {name: summary(taken) for name, taken in clicks.items()},
            "original_program_click": summary(original),
            "encode_share_of_gemm": machine.share_of_gemm(flops, encode["ours"], machine.gemm_gflops(ours.device, ours.precision)),
        },
    )


def sam_to_compare(device: str) -> tuple[SamSegmenter, str]:
    """ViT-B, which both sides run, and where its weights come from."""
    from spinalsam.device.manager import choose
    from spinalsam.engine.models import load_segmenter

    try:
        published = load_segmenter("sam_vit_b", device)
    except ModelError:
        choice = choose(device)
        torch.manual_seed(0)
        model = build_sam(SHAPES["vit_b"]).requires_grad_(False)
        for name, parameter in model.named_parameters():
            if "rel_pos" in name or "pos_embed" in name:  # zeros where they are new, which nothing could be lost of
                torch.nn.init.normal_(parameter, std=0.02)
        return SamSegmenter(model, checksum="random", name="sam_vit_b", device=choice.device, precision=choice.precision), "random"
    assert isinstance(published, SamSegmenter)
    return published, "published"


class Predictor:
    """`segment_anything.SamPredictor` without its torchvision import: `set_image` encodes, `predict` answers one prompt."""

    def __init__(self, sam: Any, ours: SamSegmenter) -> None:
        self.sam, self.ours = sam, ours
        self._features: Any = None
        self._input_size: tuple[int, int] = (0, 0)
        self._shape: tuple[int, int] = (0, 0)

    def set_image(self, image: SliceImage) -> None:
        pixels, self._input_size = network_input(image, self.ours.preprocessing, self.ours.side)
        self._shape = (image.pixels.shape[0], image.pixels.shape[1])
        with torch.no_grad(), cpu_threads():
            self._features = self.sam.image_encoder(pixels.to(self.ours.device))

    def predict(self, prompt: SlicePrompt) -> NDArray[np.bool_]:
        """(rows, columns) of the best mask."""
        scale = np.array([self._input_size[1] / self._shape[1], self._input_size[0] / self._shape[0]])
        places = torch.as_tensor(prompt.points_xy * scale, dtype=torch.float, device=self.ours.device)[None]
        kinds = torch.as_tensor(prompt.positive, dtype=torch.int, device=self.ours.device)[None]
        with torch.no_grad(), cpu_threads():
            sparse, dense = self.sam.prompt_encoder(points=(places, kinds), boxes=None, masks=None)
            low_res, scores = self.sam.mask_decoder(
                image_embeddings=self._features,
                image_pe=self.sam.prompt_encoder.get_dense_pe(),
                sparse_prompt_embeddings=sparse,
                dense_prompt_embeddings=dense,
                multimask_output=len(prompt.points_xy) == 1,
            )
            masks = self.sam.postprocess_masks(low_res, self._input_size, self._shape) > self.sam.mask_threshold
        found: NDArray[np.bool_] = masks[0, int(scores[0].argmax())].cpu().numpy()
        return found


def original_program(ours: SamSegmenter, image: SliceImage, click: SlicePrompt) -> list[float]:
    """A click, twice, where the network is built and its checkpoint loaded each time."""
    depth = len(ours.model.image_encoder.blocks)
    name = next((name for name, shape in SHAPES.items() if shape.depth == depth and shape.img_size == ours.side), None)
    if name is None:
        raise ModelError(f"'{ours.name}' is not of one of SAM's own shapes, so the original program could not have loaded it.")
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder) / "sam.pth"
        torch.save(ours.model.state_dict(), checkpoint)

        def once() -> None:
            fresh = Predictor(_BUILDERS[name](checkpoint=str(checkpoint)).to(ours.device), ours)
            fresh.set_image(image)
            fresh.predict(click)

        return in_turn({"": once}, 2, warm_up=0)[""]


@contextmanager
def alone(path: Path) -> Iterator[Path]:
    """The file under a path with nothing beside it: ITK reads `ct.nii` where `ct.nii.gz` is asked for and both are there."""
    twin = path.with_name(path.name[:-3])
    if not (path.name.lower().endswith(".nii.gz") and twin.exists()):
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        copied = Path(folder) / path.name
        shutil.copyfile(path, copied)
        yield copied


def simpleitk_open(path: Path) -> None:
    """What reading a file with SimpleITK alone takes."""
    import SimpleITK

    SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))
