"""`spinalsam precompute IMAGE`: the slow half of the network's work on a case, done before anybody clicks."""

from __future__ import annotations

import argparse
import time
from typing import Any

from spinalsam.commands.output import add_json, add_series, print_result, progress
from spinalsam.commands.segment import add_model, workspace

NAME = "precompute"
HELP = "Encode a case's slices into the disk cache, so that no click in the window has to wait for it; an interrupted run goes on."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("image", metavar="IMAGE", help="a CT file, a DICOM folder, a picture or a folder of pictures")
    add_series(parser)
    parser.add_argument("--plane", choices=["axial", "sagittal", "coronal"], default="axial", help="plane of the slices (default: axial)")
    add_model(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> None:
    from spinalsam.errors import UsageError

    started = time.perf_counter()
    with workspace(options) as case:
        if not case.settings.disk_cache_mb:
            raise UsageError("The disk cache is switched off in the settings (disk_cache_mb), so nothing would be kept.")
        case.open(options.image, series_uid=options.series, resample=options.resample)
        case.segmenter()
        message = case.run("precompute", plane=options.plane).message
        work = case.ahead.precomputation
        if work is not None:
            work.job.subscribe(lambda job: progress(job.fraction or 0.0, job.message))
            work.job.wait()
            if work.job.error is not None:
                raise work.job.error
            message = work.sentence
        document: dict[str, Any] = {
            "model": case.segmenter().name,
            "plane": options.plane,
            "slices": work.total if work is not None else 0,
            "seconds": round(time.perf_counter() - started, 3),
        }
    print_result(options, document, lambda: message)
