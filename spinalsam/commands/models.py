"""`spinalsam models`: the known models, whether their weights are here and fit, and how to get them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from spinalsam.commands.output import add_json, note, print_result, progress, table
from spinalsam.errors import ModelError, UsageError

NAME = "models"
HELP = "The known models, whether the weights are here and fit, their checksums and licences."

_ACTIONS = ("list", "verify", "download", "import")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", nargs="?", choices=_ACTIONS, default="list", help="list (default), verify, download or import")
    parser.add_argument("target", nargs="?", metavar="NAME_OR_FILE", help="a model's name; for import the checkpoint's file")
    parser.add_argument("--name", help="import: the name of the new model")
    parser.add_argument("--base", help="import: the model that a LoRA file adapts")
    add_json(parser)


def run(options: argparse.Namespace) -> None:
    action = {"list": _list, "verify": _verify, "download": _download, "import": _import}[options.action]
    if options.action != "import" and (options.name or options.base):
        raise UsageError("--name and --base belong to 'spinalsam models import FILE'.")
    action(options)


def _list(options: argparse.Namespace) -> None:
    from spinalsam.engine.models import list_models

    if options.target:
        raise UsageError(f"'spinalsam models list' takes no name; 'spinalsam models verify {options.target}' checks one model.")
    models = list_models()
    document = {"models": [model.to_json() for model in models]}
    rows = [
        [
            model.name + (" (default)" if model.is_default else ""),
            "here" if model.is_here else "not here",
            f"{model.bytes / 1e6:.0f} MB" if model.bytes else "-",
            model.sha256[:12] or "-",
            model.licence or "-",
        ]
        for model in models
    ]
    print_result(options, document, lambda: table("Models", ["name", "weights", "size", "sha256", "licence"], rows))


def _verify(options: argparse.Namespace) -> None:
    """One model by name, else every one whose weights are here. Raises ModelError when one does not fit."""
    from spinalsam.engine.models import list_models, verify

    names = [options.target] if options.target else [model.name for model in list_models() if model.is_here]
    if not names:
        raise ModelError("No model's weights are here; 'spinalsam models list' shows where to get them.")
    found = [verify(name) for name in names]
    broken = [one for one in found if not one.ok]
    if broken:
        raise ModelError(broken[0].summary)
    print_result(options, {"models": [one.to_json() for one in found]}, lambda: "\n".join(one.summary for one in found))


def _download(options: argparse.Namespace) -> None:
    from spinalsam.engine.models import download

    if not options.target:
        raise UsageError("Which model? 'spinalsam models list' shows their names.")
    _report(options, download(options.target, progress=progress))


def _import(options: argparse.Namespace) -> None:
    from spinalsam.engine.models import import_checkpoint

    if not options.target:
        raise UsageError("Which file? Give the path of a checkpoint: .pth, .pt or .safetensors.")
    if not Path(options.target).is_file():
        raise ModelError(f"'{options.target}' is not a file; check the path.")
    _report(options, import_checkpoint(options.target, options.name, base=options.base, progress=progress))


def _report(options: argparse.Namespace, imported: Any) -> None:
    for name in imported.left_over[:3]:
        note(f"note: '{name}' in the file belongs to no part of the network and is left out.")
    print_result(options, imported.to_json(), lambda: f"'{imported.name}' can be used now: {imported.summary}\n{imported.path}")
