"""`spinalsam benchmark`: how long every stage takes on this machine."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from spinalsam.commands.output import add_json, figure, note, print_result, progress, table
from spinalsam.commands.segment import add_model

NAME = "benchmark"
HELP = "Speed of every stage on the sample case, side by side with other ways to do it."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--against", choices=["segment-anything"], help="also time this peer, in the same run with the same weights")
    parser.add_argument("--repeats", type=int, default=7, metavar="N", help="how often each stage is timed (default: 7)")
    parser.add_argument("--open", metavar="FILE", type=Path, help="time the opening of this file instead of the sample case's")
    parser.add_argument("--curves", metavar="PNG", type=Path, help="also draw how times grow with slice, prompts and volume")
    parser.add_argument("--gpu", action="store_true", help="instead: ViT-B and the compact model on an NVIDIA GPU, in every precision")
    parser.add_argument("--locator", action="store_true", help="instead of times: what the locator finds, invents and names on made-up CT")
    parser.add_argument(
        "--shapes", action="append", default=[], metavar="PATH", help="with --locator: label volumes with VerSe values to draw CT of"
    )
    parser.add_argument(
        "--views", type=int, default=2, metavar="N", help="with --locator: random fields of view of every spine (default: 2)"
    )
    add_model(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> None:
    from spinalsam import benchmark
    from spinalsam.errors import UsageError

    if not 1 <= options.repeats <= 1000:
        raise UsageError("--repeats must be from 1 to 1000.")
    if not 0 <= options.views <= 1000:
        raise UsageError("--views must be from 0 to 1000.")
    if options.locator:
        _try_locator(options)
        return
    if options.gpu:
        _on_gpu(options)
        return
    case = sample_case()
    document = benchmark.run(
        case,
        model=options.model,
        device=options.device or "auto",
        against=options.against,
        open_file=options.open,
        repeats=options.repeats,
        progress=progress,
    )
    if options.curves is not None:
        from spinalsam.benchmark.curves import draw, measure

        draw(measure(case, options.model, options.device or "auto", repeats=options.repeats, progress=progress), options.curves)
    print_result(options, document, lambda: _text(document))


def _on_gpu(options: argparse.Namespace) -> None:
    from spinalsam.benchmark import gpu

    document = gpu.run(device=options.device or "auto", repeats=options.repeats, progress=progress)
    print_result(options, document, lambda: _gpu_text(document))


def _gpu_text(document: dict[str, Any]) -> str:
    vit, compact = document["vit_b"], document["compact"]

    def rows(stage: str, measured: dict[str, Any]) -> list[list[str]]:
        return [[f"{stage}, {name}", figure(row["p50_ms"], 2), figure(row["p95_ms"], 2)] for name, row in measured.items()]

    lines = rows("encoder on the card", {name: row["ms"] for name, row in vit["encoder_on_card"].items()})
    lines += (
        rows("encode", vit["encode"]) + rows("click", vit["click"]) + rows("click", {"original program": vit["original_program_click"]})
    )
    lines += rows("compact on the GPU", compact["gpu"]) + rows("compact on the CPU", compact["cpu"])
    rates = ", ".join(f"{rate:.0f} Tflop/s in {name}" for name, rate in document["gemm_tflops"].items())
    text = [table(f"ViT-B ({vit['weights']} weights) and compact on {document['machine']['gpu']}", ["stage", "p50 ms", "p95 ms"], lines)]
    text += [f"{name}: {value:.2f} times as fast" for name, value in vit["ratios"].items()]
    text += [f"Dice of masks, ViT-B in {name}: {row}" for name, row in vit["mask_dice"].items()]
    return "\n".join([*text, f"Dice of masks, compact: {compact['mask_dice']}", f"matrix product {rates}"])


def _try_locator(options: argparse.Namespace) -> None:
    from spinalsam.training.locator_trial import try_shipped
    from spinalsam.training.sources import label_files

    rows = try_shipped(label_files([Path(path) for path in options.shapes]), options.views, report=note)
    shown = ("condition", "cases", "visible", "found", "invented", "named right", "wrong", "told", "sacrum")
    keys = ("condition", "cases", "visible", "found", "invented", "anchored_right", "wrong_names", "told_right", "sacrum_dice")
    text = table("The locator on made-up CT", list(shown), [["" if row[key] is None else str(row[key]) for key in keys] for row in rows])
    print_result(options, {"conditions": rows}, lambda: text)


def sample_case(region: str = "L3") -> Any:
    """A vertebra of the sample case on its clearest axial slice."""
    from spinalsam.benchmark import Case
    from spinalsam.commands.samples import phantom_reference, phantom_volume, sample_files
    from spinalsam.support.anatomy import label_value
    from spinalsam.support.planes import SlicePlane, SliceRef

    volume = phantom_volume()
    plane = SlicePlane(volume.geometry, "axial")
    wanted = phantom_reference(volume) == label_value(region)
    others = tuple(axis for axis in range(3) if axis != plane.normal_axis)
    index = int(wanted.sum(axis=others).argmax())
    return Case(Path(sample_files().image), volume, SliceRef("axial", index), plane.cut(wanted, index))


def _text(document: dict[str, Any]) -> str:
    machine, model = document["machine"], document["model"]
    rows = [[name, figure(row["p50_ms"], 1), figure(row["p95_ms"], 1)] for name, row in document["stages"].items()]
    title = f"{model['name']} on {machine['device']} ({machine['cpu']}, {machine['cores']} cores, load {machine['load']})"
    lines = [table(title, ["stage", "p50 ms", "p95 ms"], rows)]
    if "compared" in model:
        other = model["compared"]
        lines.append(f"compared on {other['name']} in {other['precision']}, {other['weights']} weights, Dice of masks {other['mask_dice']}")
    lines += [f"{name}: {value:.2f} times as fast" for name, value in document["ratios"].items()]
    limits = document["limits"]
    share = "" if limits["encode_share_of_gemm"] is None else f", of which the encoder reaches {limits['encode_share_of_gemm']:.0%}"
    lines.append(f"matrix product {limits['gemm_gflops']:.0f} Gflop/s{share}; peak memory {document['peak_memory_mb']:.0f} MB")
    return "\n".join(lines)
