"""`spinalsam replay JOURNAL -o OUT`: a session again, with the network, to the identical mask."""

from __future__ import annotations

import argparse
from typing import Any

from spinalsam.commands.output import OUT_HELP, add_json, note, print_result

NAME = "replay"
HELP = "A session's journal again, to the identical mask."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("journal", metavar="JOURNAL", help="a .jsonl file of the journals folder")
    parser.add_argument("-o", "--out", required=True, metavar="OUT", help=OUT_HELP)
    parser.add_argument("--device", metavar="D", help="auto, cpu, cuda, cuda:N or mps (default: the one of the settings)")
    add_json(parser)


def run(options: argparse.Namespace) -> None:
    from spinalsam.commands.samples import SAMPLES
    from spinalsam.control.recovery import replay
    from spinalsam.settings import Settings

    settings = Settings.load()
    if options.device:
        settings = settings.with_changes(device=options.device)
    report = replay(options.journal, options.out, overwrite=True, samples=SAMPLES, settings=settings)
    document = report.to_json()
    if not document["identical"]:
        note(
            f"note: {document['differing_voxels']} voxels differ from what the journal recorded (Dice {document['dice']:.4f}); "
            "another device or precision can do that."
        )
    print_result(options, document, lambda: _text(document))


def _text(document: dict[str, Any]) -> str:
    same = "identical to the session's mask" if document["identical"] else f"{document['differing_voxels']} voxels differ"
    return f"{document['out']}: {document['operations']} operations, {same}"
