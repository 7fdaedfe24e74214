"""What an NVIDIA GPU makes of the networks: encoder, click, the other ways to do the same, and what the card could do at best.

Everything is measured on drawn slices of 512 x 512, so that it needs no files. ViT-B has its published weights where they are at hand and
random ones of the same shapes elsewhere, with position biases drawn as well: a mask that hangs on noise is the hardest one to keep.
Times are on the clock, from a call until its answer is in the processor's memory; those called `on_card` are between two of the card's own
events. All after warm-up, medians and 95th percentiles, what is compared in turn.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from spinalsam.benchmark import machine
from spinalsam.benchmark.peers import Predictor, original_program, sam_to_compare
from spinalsam.benchmark.timing import Work, in_turn, ratio, summary
from spinalsam.device.manager import Choice, choose, empty_caches, report
from spinalsam.engine.compact_segmenter import CompactSegmenter
from spinalsam.engine.fast_vit import FastEncoder
from spinalsam.engine.models import load_segmenter
from spinalsam.engine.sam import PRECISIONS, SamSegmenter, network_input
from spinalsam.engine.segmenter import Segmenter, SliceImage
from spinalsam.errors import UsageError
from spinalsam.support.metrics import dice
from spinalsam.support.prompts import SlicePrompt

SIDE = 512
SLICES = 4
GEMM_SIDE = 8192
CLICK = SlicePrompt(np.array([[250, 240]], np.float32), np.array([True]))
CORRECTION = SlicePrompt(np.array([[250, 240], [300, 250]], np.float32), np.array([True, False]))
BOX = SlicePrompt(box_xyxy=np.array([200, 190, 300, 290], np.float32))
Progress = Callable[[float, str], None]


def drawn_slice(number: int) -> SliceImage:
    """(512, 512) HU of 0.8 mm: a trunk, a body with a dense rim and an arch, in noise. The same number gives the same slice."""
    rng = np.random.default_rng([7, number])
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    pixels = np.full((SIDE, SIDE), -1000, np.float32)
    pixels[((x - 256) / 210) ** 2 + ((y - 256) / 160) ** 2 < 1] = 40
    radius = np.hypot((x - 250) / (44 + rng.uniform(-6, 6)), (y - 240) / (36 + rng.uniform(-6, 6)))
    pixels[radius < 1] = 700
    pixels[radius < 0.9] = 230
    arch = np.hypot(x - 250, y - 305)
    pixels[(arch > 20) & (arch < 30)] = 550
    return SliceImage(pixels + rng.normal(0, 20, pixels.shape).astype(np.float32), True, (0.8, 0.8))


def run(*, device: str = "cuda", repeats: int = 20, progress: Progress = lambda share, message: None) -> dict[str, Any]:
    """Measure everything on a CUDA device. Returns a JSON document. Raises UsageError where there is none."""
    choice = chosen_card(device)
    card = torch.device(choice.device)
    document: dict[str, Any] = {"machine": describe(choice.device)}
    plan: list[tuple[str, Callable[[], dict[str, Any]]]] = [
        ("gemm_tflops", lambda: gemm_tflops(card)),
        ("vit_b", lambda: vit_b(choice, repeats)),
        ("compact", lambda: compact(choice.device, repeats)),
    ]
    for number, (name, measure) in enumerate(plan):
        progress(number / len(plan), name)
        document[name] = measure()
        empty_caches(choice.device)
    for row in document["vit_b"]["encoder_on_card"].values():
        best = document["gemm_tflops"].get(row["precision"])
        row["share_of_gemm"] = float(f"{row['tflops'] / best:.3g}") if best else None
    progress(1.0, "measured")
    return document


def chosen_card(device: str) -> Choice:
    """The CUDA device of this name, or the first, and the precision that a warm-up on it found."""
    choice = choose("cuda" if device == "auto" else device)
    if not choice.device.startswith("cuda"):
        raise UsageError(f"'{device}' is no NVIDIA GPU; name one as cuda or cuda:N, or leave --gpu out.")
    return choice


def describe(device: str) -> dict[str, Any]:
    """The card, its driver and what runs on it."""
    found = report(device)
    gpu = next(gpu for gpu in found["gpus"] if gpu["device"] == device)
    return {
        "gpu": gpu["name"],
        "memory_gib": round(gpu["memory_bytes"] / 1024**3, 1),
        "capability": gpu["capability"],
        "driver": gpu["driver"],
        "chosen": found["selected"],
        "cpu": found["cpu"]["name"],
        "cores": found["cpu"]["cores"],
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "torch": found["torch"],
        "cuda": torch.version.cuda,
    }


def on_card_ms(works: Mapping[str, Work], repeats: int, *, warm_up: int = 5) -> dict[str, list[float]]:
    """Durations between two events of the card, of several works in turn."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    with torch.inference_mode():
        for number in range(repeats + warm_up):
            for name, work in works.items():
                begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
                torch.cuda.synchronize()
                begin.record()
                work()
                end.record()
                torch.cuda.synchronize()
                if number >= warm_up:
                    taken[name].append(begin.elapsed_time(end))
    return taken


def gemm_tflops(card: torch.device) -> dict[str, float]:
    """The rate of a product of two 8192 x 8192 matrices by precision, the best of ten."""
    rates = {}
    for name in ("fp32", "bf16", "fp16"):
        left, right = (torch.randn(GEMM_SIDE, GEMM_SIDE, device=card, dtype=PRECISIONS[name]) for _ in range(2))
        best_ms = min(on_card_ms({name: lambda a=left, b=right: a @ b}, 10)[name])  # type: ignore[misc]
        rates[name] = float(f"{2 * GEMM_SIDE**3 / best_ms / 1e9:.4g}")
    return rates


def peak_mib(work: Work) -> float:
    """The most memory on the card that PyTorch held at once during some work, with what lay there before."""
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    work()
    torch.cuda.synchronize()
    return round(torch.cuda.max_memory_allocated() / 2**20, 1)


def vit_b(choice: Choice, repeats: int) -> dict[str, Any]:
    """ViT-B at 1024 x 1024: segment_anything's own in fp32 against ours in every precision that the card is tried in."""
    device, chosen = choice.device, choice.precision
    base, weights = sam_to_compare(device)
    precisions = list(choice.measured_ms) or ["fp32"]
    ours = {name: SamSegmenter(base.model, checksum="x", name=base.name, device=device, precision=name) for name in precisions}
    theirs = Predictor(base.model, base)
    image = drawn_slice(0)
    found: dict[str, Any] = {"weights": weights, "chosen": chosen}
    found["encoder_on_card"] = _encoders(base, precisions, image, repeats)
    found["peak_mib"] = {"segment_anything": peak_mib(lambda: theirs.set_image(image))}
    found["peak_mib"] |= {f"ours {name}": peak_mib(lambda s=s: s.encode(image)) for name, s in ours.items()}  # type: ignore[misc]
    works: dict[str, Work] = {"segment_anything": lambda: theirs.set_image(image)}
    works |= {f"ours {name}": lambda s=s: s.encode(image) for name, s in ours.items()}  # type: ignore[misc]
    encode = in_turn(works, repeats, warm_up=3)
    embeddings = {name: segmenter.encode(image) for name, segmenter in ours.items()}
    theirs.set_image(image)
    works = {"segment_anything": lambda: theirs.predict(CLICK)}
    works |= {f"ours {name}": lambda n=name: ours[n].decode(embeddings[n], CLICK) for name in precisions}  # type: ignore[misc]
    click = in_turn(works, 2 * repeats, warm_up=5)
    found["encode"] = {name: summary(taken) for name, taken in encode.items()}
    found["click"] = {name: summary(taken) for name, taken in click.items()}
    found["mask_dice"] = _mask_dice(theirs, ours)
    original = original_program(base, image, CLICK)
    found["original_program_click"] = summary(original)
    best = f"ours {chosen}"
    found["ratios"] = {
        "encode_vs_segment_anything": ratio(encode["segment_anything"], encode[best]),
        "click_vs_segment_anything": ratio(click["segment_anything"], click[best]),
        "click_vs_original_program": ratio(original, click[best]),
    }
    return found


def _encoders(base: SamSegmenter, precisions: list[str], image: SliceImage, repeats: int) -> dict[str, dict[str, Any]]:
    """The encoders alone: time on the card, arithmetic a second, distance from segment_anything's features in fp32."""
    encoder = base.model.image_encoder
    pixels = network_input(image, base.preprocessing, base.side)[0].to(base.device)

    def autocast() -> torch.Tensor:
        with torch.autocast(base.device.type, torch.bfloat16):
            return encoder(pixels)

    works: dict[str, tuple[str, Callable[[], torch.Tensor]]] = {
        "segment_anything fp32": ("fp32", lambda: encoder(pixels)),
        "segment_anything autocast bf16": ("bf16", autocast),
    }
    for name in precisions:
        fast = FastEncoder(encoder, PRECISIONS[name])
        segmenter = SamSegmenter(base.model, checksum="x", name=base.name, device=base.device, precision=name)
        recorded: Any = segmenter.forms().encoder
        works[f"ours {name}, step by step"] = name, lambda f=fast: f(pixels)  # type: ignore[misc]
        works[f"ours {name}, recorded"] = name, lambda r=recorded: r(pixels)[0]  # type: ignore[misc]
    with torch.inference_mode():
        expected = encoder(pixels)
        away = {name: float((work().float() - expected).norm() / expected.norm()) for name, (_, work) in works.items()}
        count = machine.flops(lambda: encoder(pixels))
    taken = on_card_ms({name: work for name, (_, work) in works.items()}, repeats)
    return {
        name: {
            "precision": works[name][0],
            "ms": summary(times),
            "tflops": float(f"{count / float(np.median(times)) / 1e9:.4g}"),
            "relative_difference": float(f"{away[name]:.2g}"),
        }
        for name, times in taken.items()
    }


def _mask_dice(theirs: Predictor, ours: Mapping[str, SamSegmenter]) -> dict[str, dict[str, float]]:
    """The lowest Dice with segment_anything's masks in fp32 over some slices, of one click, a correction and a box."""
    lowest: dict[str, dict[str, float]] = {name: {} for name in ours}
    for number in range(SLICES):
        image = drawn_slice(number)
        theirs.set_image(image)
        embeddings = {name: segmenter.encode(image) for name, segmenter in ours.items()}
        for kind, prompt in (("click", CLICK), ("correction", CORRECTION)):
            expected = theirs.predict(prompt)
            for name, segmenter in ours.items():
                value = same(segmenter.decode(embeddings[name], prompt).masks[0], expected)
                lowest[name][kind] = round(min(value, lowest[name].get(kind, 1.0)), 4)
        exact = ours["fp32"].decode(embeddings["fp32"], BOX).masks[0]
        for name, segmenter in ours.items():
            value = same(segmenter.decode(embeddings[name], BOX).masks[0], exact)
            lowest[name]["box, with ours in fp32"] = round(min(value, lowest[name].get("box, with ours in fp32", 1.0)), 4)
    return lowest


def same(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """Dice; 1 for two empty masks."""
    return float(dice(one, other)) if one.any() or other.any() else 1.0


def compact(device: str, repeats: int) -> dict[str, Any]:
    """The compact model: first click, the next ones, and its masks against the processor's."""
    here, there = load_segmenter("compact", device), load_segmenter("compact", "cpu")
    assert isinstance(here, CompactSegmenter) and isinstance(there, CompactSegmenter)
    found: dict[str, Any] = {"gpu": _prompts(here, repeats), "cpu": _prompts(there, max(3, repeats // 4))}
    found["peak_mib"] = peak_mib(lambda: here.decode(here.encode(drawn_slice(1)), CLICK))
    found["mask_dice"] = {kind: _lowest_dice(here, there, prompt) for kind, prompt in (("click", CLICK), ("box", BOX))}
    return found


def _prompts(segmenter: Segmenter, repeats: int) -> dict[str, dict[str, float]]:
    image = drawn_slice(0)
    embedding = segmenter.encode(image)
    given = segmenter.decode(embedding, CLICK).low_res[0]
    works: dict[str, Work] = {
        "first click": lambda: segmenter.decode(segmenter.encode(image), CLICK),
        "first box": lambda: segmenter.decode(segmenter.encode(image), BOX),
        "click again": lambda: segmenter.decode(embedding, CLICK),
        "correction": lambda: segmenter.decode(embedding, CORRECTION, given),
        "box again": lambda: segmenter.decode(embedding, BOX),
    }
    return {stage: summary(taken) for stage, taken in in_turn(works, repeats, warm_up=3).items()}


def _lowest_dice(here: Segmenter, there: Segmenter, prompt: SlicePrompt) -> float:
    values = []
    for number in range(SLICES):
        image = drawn_slice(number)
        values.append(same(*(each.decode(each.encode(image), prompt).masks[0] for each in (here, there))))
    return round(min(values), 4)
