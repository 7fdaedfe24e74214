"""The models that can be used: list them, load one as a `Segmenter`, check its parameters, import and download weights.

torch is imported only where weights are read, so `spinalsam models list` is fast.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spinalsam.engine import cards
from spinalsam.engine.cards import DEFAULT_MODEL, ModelCard, find_card, record_checksum
from spinalsam.engine.download import Progress, fetch
from spinalsam.errors import ModelError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from spinalsam.device.manager import Choice
    from spinalsam.engine.checkpoint_files import Fit, Recognised
    from spinalsam.engine.segmenter import Segmenter

__all__ = [
    "DEFAULT_MODEL",
    "Imported",
    "ModelInfo",
    "Verification",
    "download",
    "import_checkpoint",
    "list_models",
    "load_plain",
    "load_segmenter",
    "record_checksum",
    "verify",
]


@dataclass(frozen=True)
class ModelInfo:
    """One line of `spinalsam models list`. is_here: whether the weights are on this computer."""

    name: str
    title: str
    description: str
    architecture: str
    licence: str
    source: str
    is_here: bool
    is_default: bool
    path: str
    bytes: int
    sha256: str
    url: str
    figures: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def list_models() -> list[ModelInfo]:
    """Every known model, the default first. Nothing is hashed; the checksum is the card's or the recorded one."""
    return [_info(card) for card in cards.all_cards().values()]


def _info(card: ModelCard) -> ModelInfo:
    here = card.is_here
    return ModelInfo(
        name=card.name,
        title=card.title,
        description=card.description,
        architecture=card.architecture if not card.base else f"{card.base} adapted",
        licence=card.licence,
        source=card.source,
        is_here=here,
        is_default=card.name == DEFAULT_MODEL,
        path=str(card.path) if here else "",
        bytes=card.path.stat().st_size if here else card.bytes or (card.download.bytes if card.download else 0),
        sha256=card.sha256 or (str(cards.read_record(card.path).get("sha256", "")) if here else ""),
        url=card.download.url if card.download else "",
        figures=dict(card.figures),
    )


def load_segmenter(name: str | None = None, device: str = "auto", *, notice: Callable[[str], None] | None = None) -> Segmenter:
    """The network of a model, ready to encode and decode.

    name: of its card, None for the default. device: see `device.manager.choose`. notice: told when work moves to the CPU.
    Raises ModelError when there is no such model or its weights are missing, damaged or do not fit; UsageError for a
    device that is not here.
    """
    card = find_card(name)
    checksum = cards.checksum(card)
    from spinalsam.device.manager import choose, run_with_fallback

    choice = choose(device)

    def build(place: str) -> Segmenter:
        return _build(card, checksum, choice if place == choice.device else choose(place), notice)

    segmenter, used = run_with_fallback(build, choice.device, notice=notice, what=f"the model '{card.name}'")
    _speed_up(segmenter, used)
    return segmenter


def load_plain(name: str | None = None, device: str = "auto") -> Segmenter:
    """The network as training and measurements want it: PyTorch in float32, nothing exported. Raises as `load_segmenter`."""
    card = find_card(name)
    from spinalsam.device.manager import choose

    return _build(card, cards.checksum(card), replace(choose(device), precision="fp32"), None)


def _speed_up(segmenter: Segmenter, device: str) -> None:
    """Run a model's encoder the fastest way that is known for this device."""
    from spinalsam.engine.compact_segmenter import CompactSegmenter
    from spinalsam.engine.precision import use_remembered
    from spinalsam.engine.runtime import use_runtime
    from spinalsam.engine.sam import SamSegmenter

    if isinstance(segmenter, CompactSegmenter):
        use_runtime(segmenter)
    elif isinstance(segmenter, SamSegmenter) and device == "cpu":
        use_remembered(segmenter)


def _build(card: ModelCard, checksum: str, choice: Choice, notice: Callable[[str], None] | None) -> Segmenter:
    if card.architecture == "adapter":
        return _build_adapted(card, checksum, choice, notice)
    if card.architecture == "compact":
        from spinalsam.engine.compact_segmenter import load_compact

        return load_compact(card.path, checksum=checksum, name=card.name, device=choice.device, notice=notice)
    from spinalsam.engine.checkpoint_files import sam_shape
    from spinalsam.engine.sam import Preprocessing, SamSegmenter, load_sam

    return SamSegmenter(
        load_sam(sam_shape(card.architecture, card.img_size), _tensors(card)),
        checksum=checksum,
        name=card.name,
        preprocessing=Preprocessing(**card.preprocessing),
        device=choice.device,
        precision=choice.precision,
        notice=notice,
    )


def _tensors(card: ModelCard) -> dict[str, Tensor]:
    from spinalsam.engine.checkpoint_files import read_weights

    return read_weights(card.path)[0]


def _build_adapted(card: ModelCard, checksum: str, choice: Choice, notice: Callable[[str], None] | None) -> Segmenter:
    """The base's network with the adaptation merged in; its checksum speaks for both files."""
    base = find_card(card.base)
    base_checksum = cards.checksum(base)
    segmenter: Any = _build(base, base_checksum, choice, notice)
    metadata = _adapt(segmenter.model, card)
    made_for = metadata.get("base_sha256")
    if made_for and made_for != base_checksum:
        raise ModelError(f"'{card.name}' was made for another version of '{base.name}'; adapt or import it again.")
    segmenter.model.eval()
    segmenter.name = card.name
    segmenter.checksum = hashlib.sha256(f"{base_checksum} {checksum}".encode()).hexdigest()
    return segmenter


def _adapt(model: nn.Module, card: ModelCard) -> Mapping[str, str]:
    """Merge a card's adaptation into its base, in place: ours, or a LoRA file made elsewhere."""
    from spinalsam.engine.checkpoint_files import read_weights
    from spinalsam.engine.lora import load_adapter, merge_lora, read_lora

    tensors, metadata = read_weights(card.path)
    if metadata.get("architecture") == "adapter":
        return load_adapter(model, card.path)
    scale = float(metadata.get("lora_scale", 1.0))
    weights = replace(read_lora(tensors), scale=scale)
    merge_lora(model, weights)
    _load_extra(model, tensors)
    return metadata


def _load_extra(model: nn.Module, tensors: Mapping[str, Any]) -> list[str]:
    """Prompt encoder and mask decoder that SAMed saves with its adapters, where their shapes fit; returns their names."""
    own = model.state_dict()
    fitting = {name: tensor for name, tensor in tensors.items() if name in own and tuple(own[name].shape) == tuple(tensor.shape)}
    model.load_state_dict(fitting, strict=False)
    return list(fitting)


@dataclass(frozen=True)
class Verification:
    """Whether a model's weights are those of its card and fit its architecture; what `verify_parameters` says.

    checksum: "matches", "differs" or "not recorded". wrong_shape: (name, expected, found). not_finite: NaN or infinity.
    """

    name: str
    architecture: str
    path: str
    sha256: str
    expected_sha256: str
    checksum: str
    matched: int
    missing: tuple[str, ...] = ()
    left_over: tuple[str, ...] = ()
    wrong_shape: tuple[tuple[str, tuple[int, ...], tuple[int, ...]], ...] = ()
    not_finite: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        broken = self.missing or self.wrong_shape or self.not_finite or self.left_over
        return not broken and self.checksum != "differs"

    @property
    def summary(self) -> str:
        """One sentence."""
        from spinalsam.engine.checkpoint_files import Fit

        fit = Fit(self.matched, self.missing, self.left_over, self.wrong_shape).summary
        if self.not_finite:
            fit += f", {len(self.not_finite)} hold NaN or infinity ({self.not_finite[0]})"
        verdict = "fits" if self.ok else "does not fit"
        return f"'{self.name}' {verdict}: {fit}; its checksum {self.checksum.replace('not', 'is not')}."

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"ok": self.ok, "summary": self.summary}


def verify(name: str | None = None) -> Verification:
    """Read a model's weights, compare every parameter with the architecture, and hash the file.

    Raises ModelError when there is no such model, or its weights are not here or cannot be read. Weights that do not fit
    are no error here: the result says so.
    """
    from spinalsam.engine.checkpoint_files import not_finite, recognise

    card = find_card(name)
    if not card.is_here:
        raise ModelError(cards.missing_weights(card))
    found = cards.sha256_of(card.path)
    expected = card.sha256 or str(cards.read_record(card.path).get("sha256", ""))
    recognised = recognise(card.path)
    fit = _fit_adapter(card) if card.architecture == "adapter" else _fit(recognised, card)
    return Verification(
        name=card.name,
        architecture=card.architecture,
        path=str(card.path),
        sha256=found,
        expected_sha256=expected,
        checksum="not recorded" if not expected else "matches" if found == expected else "differs",
        matched=fit.matched,
        missing=fit.missing,
        left_over=fit.left_over,
        wrong_shape=fit.wrong_shape,
        not_finite=not_finite(recognised.weights.tensors),
    )


def _fit(recognised: Recognised, card: ModelCard | None = None) -> Fit:
    """How the tensors fit the architecture: the card's where there is one, else the recognised."""
    from spinalsam.engine.checkpoint_files import compare, sam_shape
    from spinalsam.engine.sam import expected_shapes

    found = {name: tuple(tensor.shape) for name, tensor in recognised.weights.tensors.items()}
    architecture = card.architecture if card else recognised.architecture
    if architecture == "compact":
        expected = _compact_shapes(recognised)
    else:
        expected = expected_shapes(sam_shape(architecture, card.img_size if card else recognised.img_size))
    return compare(expected, found, recognised.weights.left_over)


def _compact_shapes(recognised: Recognised) -> dict[str, tuple[int, ...]]:
    import json

    from spinalsam.engine.compact import CompactConfig, CompactSam

    try:
        config = CompactConfig.from_json(json.loads(recognised.weights.metadata["config"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"The compact model's configuration cannot be understood: {error}.") from error
    # Really built: it is small, and the device that only knows shapes first imports a compiler, seconds in which a window stutters and
    # PyTorch, where another thread computes at that moment, can fail.
    return {name: tuple(value.shape) for name, value in CompactSam(config).state_dict().items()}


def _fit_adapter(card: ModelCard) -> Fit:
    """An adaptation fits when it can be merged into its base."""
    from spinalsam.device.manager import Choice
    from spinalsam.engine.checkpoint_files import Fit, read_weights

    names = tuple(read_weights(card.path)[0])
    try:
        _build_adapted(card, "", Choice("cpu", "fp32", ""), None)
    except ModelError:
        return Fit(0, left_over=names)
    return Fit(len(names))


@dataclass(frozen=True)
class Imported:
    """name: under which the model can be used now. summary: what was recognised and how it fits, for the user."""

    name: str
    architecture: str
    path: str
    sha256: str
    source_sha256: str
    summary: str
    left_over: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def import_checkpoint(file: Path | str, name: str | None = None, *, base: str | None = None, progress: Progress | None = None) -> Imported:
    """Recognise a checkpoint, convert it to safetensors in the user's data folder and give it a card.

    file: official or fine-tuned SAM (.pth, .pt, .safetensors), MedSAM, a LoRA file, our compact model or adapters.
    name: for the new model; by default the official name of an official file, else made from the file's name.
    base: the model that a LoRA file adapts, where its size does not tell.
    Raises ModelError when the file is not recognised, does not fit, holds NaN, or holds more than weights.
    """
    from spinalsam.engine.checkpoint_files import recognise

    path = Path(file)
    say = progress or (lambda _share, _message: None)
    say(0.0, f"reading {path.name}")
    recognised = recognise(path)
    say(0.4, "checking")
    source_sha256 = cards.sha256_of(path)
    published = _published(source_sha256)
    if published is not None and name in (None, published.name):
        card = published
    else:
        card = _new_card(path, recognised, name, base)
    return _install(path, recognised, card, source_sha256, say)


def _published(sha256: str) -> ModelCard | None:
    """The card whose published file this is, by its checksum."""
    found = (card for card in cards.all_cards().values() if card.download and card.download.sha256 == sha256)
    return next(found, None)


def _new_card(path: Path, recognised: Recognised, name: str | None, base: str | None) -> ModelCard:
    name = cards.check_name(name or re.sub(r"[^a-z0-9]+", "_", path.stem.lower()).strip("_") or "model")
    architecture, preprocessing = recognised.architecture, {}
    if architecture in ("adapter", "lora"):
        base = base or recognised.weights.metadata.get("base") or _base_for(recognised)
        find_card(base)
        architecture = "adapter"
    elif architecture != "compact":
        # MedSAM and what was trained from it by its own script share its preprocessing; nothing in the file tells.
        like = "medsam_vit_b" if "medsam" in path.stem.lower() and architecture == "vit_b" else "sam_vit_b"
        preprocessing = dict(find_card(like).preprocessing)
    return ModelCard(
        name=name,
        architecture=architecture,
        file=f"{name}.safetensors",
        title=name,
        description=f"Imported from {path.name}.",
        base=base or "",
        img_size=recognised.img_size,
        preprocessing=preprocessing,
    )


def _base_for(recognised: Recognised) -> str:
    """The official model as wide as a LoRA file."""
    from spinalsam.engine.lora import read_lora
    from spinalsam.engine.sam import SHAPES

    width = read_lora(recognised.weights.tensors).width
    for architecture, shape in SHAPES.items():
        if shape.embed_dim == width:
            return f"sam_{architecture}"
    raise ModelError(f"The LoRA file is for an encoder {width} channels wide; name the model that it adapts.")


def _install(source: Path, recognised: Recognised, card: ModelCard, source_sha256: str, say: Progress) -> Imported:
    """Check, convert, record and (for a new model) write the card; nothing is left behind when one of these fails."""
    from spinalsam.engine.checkpoint_files import not_finite, save_weights

    bad = not_finite(recognised.weights.tensors)
    if bad:
        raise ModelError(f"'{source.name}' holds NaN or infinity in {len(bad)} parameters ({bad[0]}); it is damaged.")
    tensors, metadata, summary = _checked(source, recognised, card)
    left_over = tuple(name for name in recognised.weights.tensors if name not in tensors) + recognised.weights.left_over
    target = cards.user_models_dir() / card.file
    if target.resolve() != source.resolve():
        say(0.6, "converting to safetensors")
        save_weights(tensors, target, {**metadata, "source_sha256": source_sha256})
    sha256 = cards.write_record(target, source_sha256=source_sha256, source_file=source.name)
    if not card.comes_with_program:
        cards.write_user_card(replace(card, sha256=sha256, bytes=target.stat().st_size))
    say(1.0, "done")
    return Imported(
        name=card.name,
        architecture=recognised.architecture,
        path=str(target),
        sha256=sha256,
        source_sha256=source_sha256,
        summary=f"{source.name} is {summary}; it is now the model '{card.name}'.",
        left_over=left_over,
    )


def _checked(source: Path, recognised: Recognised, card: ModelCard) -> tuple[dict[str, Tensor], dict[str, str], str]:
    """The tensors to keep, their metadata, and what to say. Raises ModelError when the file does not fit."""
    metadata = {**recognised.weights.metadata, "architecture": recognised.architecture}
    if recognised.architecture == "adapter":
        return dict(recognised.weights.tensors), metadata, f"an adaptation of '{card.base}'"
    if recognised.architecture == "lora":
        return _checked_lora(source, recognised, card, metadata)
    fit = _fit(recognised)
    if not fit.ok:
        raise ModelError(f"'{source.name}' looks like {recognised.architecture} but does not fit: {fit.summary}.")
    kept = {name: tensor for name, tensor in recognised.weights.tensors.items() if name not in fit.left_over}
    size = f" for {recognised.img_size}-pixel input" if recognised.img_size != 1024 else ""
    return kept, metadata, f"{recognised.architecture}{size}: {fit.summary}"


def _checked_lora(
    source: Path, recognised: Recognised, card: ModelCard, metadata: dict[str, str]
) -> tuple[dict[str, Tensor], dict[str, str], str]:
    import json

    from spinalsam.engine.lora import read_lora

    config_path = source.with_name("adapter_config.json")
    config = None
    if config_path.is_file() and any("lora_A" in name for name in recognised.weights.tensors):
        try:
            config = json.loads(config_path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ModelError(f"'{config_path.name}' beside the LoRA file cannot be read: {error}.") from error
    weights = read_lora(recognised.weights.tensors, config=config)
    metadata = {**metadata, "base": card.base, "lora_scale": repr(weights.scale)}
    return dict(recognised.weights.tensors), metadata, f"LoRA for {len(weights.blocks)} blocks of '{card.base}'"


def download(name: str, url: str | None = None, *, progress: Progress | None = None, keep_original: bool = False) -> Imported:
    """Fetch a model's published weights, check them and convert them; goes on where an earlier try stopped.

    url: another place of the same file, such as a mirror inside the hospital; its checksum must be the published one.
    Raises ModelError when the card names no address, the server cannot be reached or the file is not the published one.
    """
    card = find_card(name)
    if card.download is None:
        raise ModelError(f"The model '{card.name}' is not downloaded: it comes with the program or was imported.")
    say = progress or (lambda _share, _message: None)
    original = cards.user_models_dir() / card.download.file
    if not (original.is_file() and cards.sha256_of(original) == card.download.sha256):
        fetch(
            url or card.download.url,
            original,
            sha256=card.download.sha256,
            size=card.download.bytes,
            progress=lambda share, message: say(0.9 * share, message),
        )
    imported = import_checkpoint(original, card.name, progress=lambda share, message: say(0.9 + 0.1 * share, message))
    if not keep_original:
        original.unlink(missing_ok=True)
    return imported
