"""`spinalsam devices`: what the operation gpu_status says."""

from __future__ import annotations

import argparse
from typing import Any

from spinalsam.commands.output import add_json, print_result

NAME = "devices"
HELP = "The processors that are here and the one that is used."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", default="auto", help="as for `segment`: auto, cpu, cuda, cuda:N or mps")
    add_json(parser)


def run(options: argparse.Namespace) -> None:
    from spinalsam.device.manager import report

    document = report(options.device)
    print_result(options, document, lambda: _text(document))


def _text(document: dict[str, Any]) -> str:
    lines = [document["summary"], document["selected"]["reason"], f"torch {document['torch']}"]
    lines += [f"{gpu['device']}: {gpu['name']}" for gpu in document["gpus"]]
    return "\n".join(lines)
