"""Adapt a trained network to a scanner, a hospital or a kind of patient: LoRA on the attention, CBAM, and the mask decoder.

Everything else stays as it is (Hu et al., ICLR 2022; Woo et al., ECCV 2018). The result is a small file beside the base: a model
of its own for `--model NAME`, with the adapters merged into the base's weights when it is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spinalsam.engine import cards
from spinalsam.engine.cbam import CbamSettings, attach_cbam, cbam_modules
from spinalsam.engine.compact_segmenter import CompactSegmenter
from spinalsam.engine.lora import LoraSettings, TrainableShare, adapter_metadata, add_lora, freeze_for_adaptation, is_adapted
from spinalsam.engine.models import import_checkpoint, load_plain
from spinalsam.errors import InputError, UsageError
from spinalsam.training.batches import Batches, BatchSource, MixedBatches, PairBatches
from spinalsam.training.config import Phase, TrainConfig
from spinalsam.training.evaluate import SliceCase, find_pairs, read_pair, slice_cases
from spinalsam.training.fit import Run
from spinalsam.training.networks import network_of
from spinalsam.training.objective import PromptMix
from spinalsam.training.pairs import PairSlices, look_view, whole_slice_view
from spinalsam.training.recipe import figures_on, finish, real_cases
from spinalsam.training.sources import Report, Sources
from spinalsam.training.task import Task

METHODS = ("lora", "cbam")
CASES_AT_MOST = 24  # slices that a validation looks at; a ViT on a processor takes seconds for each


@dataclass(frozen=True)
class Adaptation:
    """What is added to the base. methods: some of METHODS; the mask decoder trains in any case."""

    methods: tuple[str, ...] = METHODS
    lora: LoraSettings = field(default_factory=LoraSettings)

    @classmethod
    def parse(cls, text: str) -> Adaptation:
        """From ``lora,cbam``. Raises UsageError for anything else."""
        methods = tuple(part.strip() for part in text.split(",") if part.strip())
        unknown = [method for method in methods if method not in METHODS]
        if unknown or not methods:
            raise UsageError(f"--adapt takes some of {', '.join(METHODS)}, separated by commas, not '{text}'.")
        return cls(methods)


def settings(*, steps: int, batch: int, side: int, seed: int = 0, bfloat16: bool = False) -> TrainConfig:
    """A training of some minutes: a gentle rate for a decoder that knows its work, stopped early when nothing gets better."""
    return TrainConfig(
        phases=(Phase(side, batch, steps, 4e-4, 1e-5),),
        prompts=PromptMix(),
        seed=seed,
        weight_decay=0.01,
        warmup=20,
        ema=0.98,
        patience=5,
        validate_every=max(10, steps // 8),
        save_every=50,
        bfloat16=bfloat16,
    )


def prepare(segmenter: Any, adaptation: Adaptation, *, base: str, base_sha256: str) -> tuple[dict[str, str], TrainableShare]:
    """Add the adapters to a segmenter's network, in place, and freeze the rest; returns the file's metadata and the share."""
    model = segmenter.model
    cbam = None
    if "cbam" in adaptation.methods and not cbam_modules(model.image_encoder):
        cbam = CbamSettings(after=places_for_cbam(segmenter))
        attach_cbam(model.image_encoder, cbam)
    lora = adaptation.lora if "lora" in adaptation.methods else None
    if lora is not None:
        add_lora(model, lora)
    share = freeze_for_adaptation(model)
    metadata = adapter_metadata(base=base, base_sha256=base_sha256, lora=lora, cbam=cbam.to_json() if cbam else None)
    return metadata, share


def places_for_cbam(segmenter: Any) -> tuple[str, ...]:
    """After the compact network's stride-8 stage and its last block; after a ViT's blocks with global attention."""
    encoder = segmenter.model.image_encoder
    last = len(encoder.blocks) - 1
    if isinstance(segmenter, CompactSegmenter):
        return ("stage8", f"blocks.{last}")
    return tuple(f"blocks.{n}" for n, block in enumerate(encoder.blocks) if block.window_size == 0)


def task_for(
    segmenter: Any,
    config: TrainConfig,
    metadata: Mapping[str, str],
    *,
    pairs: Sequence[tuple[Path, Path]] = (),
    library: Sequence[Any] = (),
    contexts: Sequence[Any] = (),
) -> Task:
    """What a run trains. Rendered slices fit the compact network only; raises UsageError for another."""
    compact = isinstance(segmenter, CompactSegmenter)
    if library and not compact:
        raise UsageError("Rendered slices are looks of the compact network; give image and mask pairs (--data) for another base.")
    view = look_view(segmenter.side) if compact else whole_slice_view(segmenter.side, segmenter.preprocessing)

    def batches(rank: int, world: int) -> BatchSource:
        own = PairBatches(PairSlices(pairs, view, batch=config.phases[0].batch, seed=config.seed), rank, world) if pairs else None
        if not library:
            assert own is not None
            return own
        rendered = Batches(library, config, rank, contexts)
        return MixedBatches(rendered, own, config.data_share) if own else rendered

    normalise = "" if compact else segmenter.preprocessing.normalise
    return Task(network_of(segmenter.model, normalise=normalise), batches, metadata, keep=is_adapted, frozen_statistics=True)


def adapt(
    base: str,
    adaptation: Adaptation,
    sources: Sources,
    *,
    name: str,
    folder: Path,
    steps: int,
    batch: int | None = None,
    validate: Path | None = None,
    stop_after_s: float | None = None,
    seed: int = 0,
    report: Report,
) -> dict[str, Any]:
    """Adapt a model and keep the result as the model `name`; an interrupted adaptation in `folder` goes on.

    Raises ModelError for an unknown base or a name that is taken, InputError for data that cannot be learned from.
    """
    cards.check_name(name)
    base_card = cards.find_card(base)
    if base_card.base:
        raise UsageError(f"'{base}' is an adaptation itself; adapt '{base_card.base}' with all of the data instead.")
    segmenter: Any = load_plain(base)
    metadata, share = prepare(segmenter, adaptation, base=base, base_sha256=segmenter.checksum)
    report(str(share))
    compact = isinstance(segmenter, CompactSegmenter)
    config = settings(steps=steps, batch=batch or (6 if compact else 2), side=segmenter.side, seed=seed)
    library, contexts = sources.rendered(folder / "cache", report=report)
    pairs, kept_out = _divide(find_pairs(sources.data), validate is None) if sources.data else ([], [])
    task = task_for(segmenter, config, metadata, pairs=pairs, library=library, contexts=contexts)
    cases = real_cases(validate) if validate else _cases(kept_out)
    before = figures_on(segmenter, cases[:: max(1, len(cases) // CASES_AT_MOST)]) if cases else None

    def check(_network: Any) -> dict[str, float]:
        return figures_on(segmenter, cases[:: max(1, len(cases) // CASES_AT_MOST)])

    document = finish(Run(folder, config, task, check if cases else None), stop_after_s=stop_after_s, report=report)
    document |= {"before": before, "trained_share": share.share}
    if document["rank"] == 0:
        imported = import_checkpoint(Path(document["checkpoint"]), name, base=base)
        document |= {"model": imported.name, "sha256": imported.sha256, "checkpoint": imported.path}
    return document


def _divide(pairs: list[tuple[Path, Path]], keep_some: bool) -> tuple[list[tuple[Path, Path]], list[tuple[Path, Path]]]:
    """Every fifth pair is kept out to look at, where there are enough of them."""
    if not keep_some or len(pairs) < 5:
        return pairs, []
    return [pair for n, pair in enumerate(pairs) if n % 5], pairs[::5]


def _cases(pairs: Sequence[tuple[Path, Path]]) -> list[SliceCase]:
    cases: list[SliceCase] = []
    for image, mask in pairs:
        cases += slice_cases(image.name.split(".")[0], *read_pair(image, mask), per_label=2)
    if pairs and not cases:
        raise InputError(f"The masks of {pairs[0][0].parent} hold no structure of a size that can be learned.")
    return cases
