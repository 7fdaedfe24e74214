"""`spinalsam train`: a network of our own from label volumes."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from spinalsam.commands.output import add_json, note, print_result

NAME = "train"
HELP = "Train the compact network on label volumes; a stopped training goes on where it was."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", required=True, metavar="DIR", help="where the run is kept; an existing run goes on")
    many: dict[str, Any] = {"action": "append", "default": []}
    parser.add_argument("--shapes", **many, metavar="PATH", help="label volumes with VerSe values, or a folder of them")
    parser.add_argument("--context", **many, metavar="FILE", help="organ maps with TotalSegmentator's values, as surroundings")
    parser.add_argument("--phantoms", type=int, default=0, metavar="N", help="also learn from N procedural phantoms (1 without --shapes)")
    parser.add_argument("--validate", metavar="DIR", help="image and mask pairs kept out of training")
    parser.add_argument("--config", metavar="FILE", help="training settings as JSON; without it those of the shipped network")
    parser.add_argument("--steps", type=int, metavar="N", help="train this many steps instead of the configured number")
    parser.add_argument("--seconds", type=float, metavar="S", help="stop after this time; the same command goes on later")
    parser.add_argument("--export", metavar="FILE", help="copy the best weights to this .safetensors when done")
    add_json(parser)


def run(options: argparse.Namespace) -> None:
    from spinalsam.assets import resource
    from spinalsam.training.recipe import export, read_config, train

    _check(options)
    config = read_config(Path(options.config) if options.config else resource("training", "compact.json"))
    if options.steps is not None:
        config = replace(config, phases=shortened(config.phases, options.steps))
    document = train(
        config,
        shapes=[Path(path) for path in options.shapes],
        contexts=[Path(path) for path in options.context],
        out=Path(options.out),
        phantoms=options.phantoms,
        validate=Path(options.validate) if options.validate else None,
        stop_after_s=options.seconds,
        report=note,
    )
    if options.export:
        document = {**document, "exported": options.export, "sha256": export(Path(options.out), Path(options.export))}
    print_result(options, document, lambda: _text(document))


def shortened(phases: Sequence[Any], steps: int) -> tuple[Any, ...]:
    """The phases of a training with another total of steps, each with its share, at least one step each."""
    total = sum(phase.steps for phase in phases)
    return tuple(replace(phase, steps=max(1, round(phase.steps * steps / total))) for phase in phases)


def _check(options: argparse.Namespace) -> None:
    """Mistakes that would otherwise show after minutes of work. Raises UsageError or InputError."""
    from spinalsam.errors import InputError, UsageError

    if options.steps is not None and options.steps < 1:
        raise UsageError("--steps must be at least 1.")
    if options.phantoms < 0:
        raise UsageError("--phantoms must be at least 0.")
    if options.seconds is not None and not options.seconds > 0:
        raise UsageError("--seconds must be more than 0.")
    for path in [*options.shapes, *options.context, *([options.validate] if options.validate else [])]:
        if not Path(path).exists():
            raise InputError(f"'{path}' does not exist; check the path.")


def _text(document: dict[str, Any]) -> str:
    best = "" if document["best"] is None else f", best validation score {document['best']:.4f}"
    lines = [f"step {document['step']} of {document['steps']} after {document['seconds']} s{best}", f"weights  {document['checkpoint']}"]
    if "exported" in document:
        lines.append(f"exported {document['exported']}  sha256 {document['sha256']}")
    return "\n".join(lines)
