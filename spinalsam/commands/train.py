"""`spinalsam train`: a network of our own from label volumes and images, or an adaptation of a known one."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spinalsam.commands.output import add_json, note, print_result

if TYPE_CHECKING:
    from spinalsam.training.sources import Sources

NAME = "train"
HELP = "Train the compact network, or adapt a model to your own images; a stopped training goes on where it was."
ADAPT_STEPS = 400


def add_arguments(parser: argparse.ArgumentParser) -> None:
    many: dict[str, Any] = {"action": "append", "default": []}
    add = parser.add_argument
    add("--out", required=True, metavar="DIR", help="where the run is kept, an existing one goes on; with --adapt the new model's name")
    parser.add_argument("--locator", action="store_true", help="train the locator, which finds vertebrae, instead")
    add("--data", metavar="DIR", help="your images with their masks: NAME.nii.gz and NAME_mask.nii.gz, DICOM folders, pictures")
    add("--shapes", **many, metavar="PATH", help="label volumes with VerSe values, or folders of them, to render slices of")
    add("--context", **many, metavar="FILE", help="organ maps with TotalSegmentator's values, as surroundings")
    add("--scans", **many, metavar="PATH", help="CT without labels, as surroundings")
    add("--phantoms", type=int, default=0, metavar="N", help="learn from N procedural phantoms too (1 without any other data)")
    add("--validate", metavar="DIR", help="image and mask pairs kept out of training")
    add("--adapt", metavar="METHODS", help="adapt --base instead of training anew: lora, cbam or lora,cbam")
    add("--base", metavar="NAME", help="the model that --adapt adapts (default: the shipped one)")
    add("--batch", type=int, metavar="N", help="slices a step, with --adapt")
    add("--init", metavar="FILE", help="begin with the weights of this .safetensors")
    add("--config", metavar="FILE", help="training settings as JSON; without it those of the shipped networks")
    add("--steps", type=int, metavar="N", help="train this many steps instead of the configured number")
    add("--seconds", type=float, metavar="S", help="stop after this time; the same command goes on later (by_time: time of the whole run)")
    add("--export", metavar="FILE", help="copy the best weights to this .safetensors when done")
    add_json(parser)


def run(options: argparse.Namespace) -> None:
    from spinalsam.training.sources import Sources

    _check(options)
    sources = Sources(
        shapes=[Path(path) for path in options.shapes],
        contexts=[Path(path) for path in options.context],
        scans=[Path(path) for path in options.scans],
        data=Path(options.data) if options.data else None,
        phantoms=options.phantoms,
    )
    document = _train_locator(options) if options.locator else _adapt(options, sources) if options.adapt else _train(options, sources)
    if document.pop("rank"):
        return  # under torchrun the first process speaks for all
    if options.export:
        from spinalsam.training.recipe import export

        document |= {"exported": options.export, "sha256": export(Path(options.out), Path(options.export))}
    print_result(options, document, lambda: _text(document))


def _train_locator(options: argparse.Namespace) -> dict[str, Any]:
    from spinalsam.training.locator_fit import LocatorConfig, train_locator
    from spinalsam.training.sources import label_files

    config = LocatorConfig.read(Path(options.config)) if options.config else LocatorConfig()
    return train_locator(
        config if options.steps is None else replace(config, steps=options.steps),
        shapes=label_files([Path(path) for path in options.shapes]),
        phantoms=max(1, options.phantoms),
        out=Path(options.out),
        stop_after_s=options.seconds,
        report=note,
        init=Path(options.init) if options.init else None,
        contexts=[Path(path) for path in options.context],
    )


def _train(options: argparse.Namespace, sources: Sources) -> dict[str, Any]:
    from spinalsam.assets import resource
    from spinalsam.training.recipe import read_config, train

    config = read_config(Path(options.config) if options.config else resource("training", "compact.json"))
    if options.steps is not None:
        config = replace(config, phases=shortened(config.phases, options.steps))
    return train(
        config,
        sources,
        out=Path(options.out),
        start=Path(options.init) if options.init else None,
        validate=Path(options.validate) if options.validate else None,
        stop_after_s=options.seconds,
        report=note,
    )


def _adapt(options: argparse.Namespace, sources: Sources) -> dict[str, Any]:
    from spinalsam.engine.cards import DEFAULT_MODEL
    from spinalsam.settings import data_dir
    from spinalsam.training.adapt import Adaptation, adapt

    out = Path(options.out)
    return adapt(
        options.base or DEFAULT_MODEL,
        Adaptation.parse(options.adapt),
        sources,
        name=out.name,
        folder=out if out.parent != Path(".") else data_dir() / "adaptations" / out.name,
        steps=options.steps or ADAPT_STEPS,
        batch=options.batch,
        validate=Path(options.validate) if options.validate else None,
        stop_after_s=options.seconds,
        report=note,
    )


def shortened(phases: Sequence[Any], steps: int) -> tuple[Any, ...]:
    """The phases of a training with another total of steps, each with its share, at least one step each."""
    total = sum(phase.steps for phase in phases)
    return tuple(replace(phase, steps=max(1, round(phase.steps * steps / total))) for phase in phases)


def _check(options: argparse.Namespace) -> None:
    """Mistakes that would otherwise show after minutes of work. Raises UsageError or InputError."""
    from spinalsam.errors import InputError, UsageError

    for name in ("steps", "batch"):
        if getattr(options, name) is not None and getattr(options, name) < 1:
            raise UsageError(f"--{name} must be at least 1.")
    if options.phantoms < 0:
        raise UsageError("--phantoms must be at least 0.")
    if options.seconds is not None and not options.seconds > 0:
        raise UsageError("--seconds must be more than 0.")
    _check_adaptation(options)
    named = [options.data, options.init, options.validate, options.config]
    for path in [*options.shapes, *options.context, *options.scans, *[path for path in named if path]]:
        if not Path(path).exists():
            raise InputError(f"'{path}' does not exist; check the path.")


def _check_adaptation(options: argparse.Namespace) -> None:
    from spinalsam.errors import UsageError

    if not options.adapt and (options.base or options.batch):
        raise UsageError("--base and --batch belong to an adaptation; add --adapt lora,cbam.")
    if options.adapt and (options.init or options.config or options.export):
        raise UsageError("--init, --config and --export belong to a training from the beginning; an adaptation starts from --base.")
    if options.adapt and not (options.data or options.shapes or options.phantoms):
        raise UsageError("An adaptation needs something to learn from: --data DIR with your images and masks.")


def _text(document: dict[str, Any]) -> str:
    best = "" if document["best"] is None else f", best validation score {document['best']:.4f}"
    lines = [f"step {document['step']} of {document['steps']} after {document['seconds']} s{best}", f"weights  {document['checkpoint']}"]
    if document.get("before"):
        lines.insert(1, f"before   validation score {document['before']['score']:.4f}")
    if "model" in document:
        lines.append(f"model    {document['model']}: use it with --model {document['model']}")
    if "exported" in document:
        lines.append(f"exported {document['exported']}  sha256 {document['sha256']}")
    return "\n".join(lines)
