"""`spinalsam evaluate`: masks against reference masks, or a model against images whose masks are known."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from spinalsam.commands.output import add_json, figure, note, notes_on_success, print_result, table
from spinalsam.errors import InputError, UsageError

NAME = "evaluate"
HELP = "Dice, IoU, MSD and HD95 in mm, NSD at 1 mm, per label and overall; with --cases how good a model is when a person prompts it."

_ENDINGS = (".nii.gz", ".nii", ".seg.nrrd", ".nrrd", ".mha", ".mhd", ".dcm", ".png", ".tif", ".tiff")
_COLUMNS = {"dice": "Dice", "iou": "IoU", "msd_mm": "MSD mm", "hd95_mm": "HD95 mm", "nsd_1mm": "NSD 1 mm"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--pred", metavar="FILE_OR_DIR", help="the masks to judge")
    parser.add_argument("--truth", metavar="FILE_OR_DIR", help="the reference masks, of the same names")
    parser.add_argument("--cases", metavar="DIR", help="judge a model instead: images with their masks, NAME.nii.gz and NAME_mask.nii.gz")
    parser.add_argument("--pictures", metavar="FILE", help="with --cases: the best, median and worst cases as a PNG")
    parser.add_argument("--alone", action="store_true", help="with --cases: slices by themselves, without the locator")
    parser.add_argument("--model", metavar="NAME", help="the model that --cases judges (default: the shipped one)")
    add_json(parser)


def run(options: argparse.Namespace) -> None:
    _check(options)
    if options.cases:
        document = judge_model(
            Path(options.cases), options.model, Path(options.pictures) if options.pictures else None, surroundings=not options.alone
        )
        print_result(options, document, lambda: _protocol_table(document))
        return
    with notes_on_success():
        document = evaluate(Path(options.pred), Path(options.truth))
    print_result(options, document, lambda: as_table(document, "Agreement with the reference"))


def _check(options: argparse.Namespace) -> None:
    if options.cases and (options.pred or options.truth):
        raise UsageError("--cases judges a model, --pred and --truth judge masks; use one or the other.")
    if not options.cases and not (options.pred and options.truth):
        raise UsageError("Two things are needed: --pred with the masks to judge and --truth with their references.")
    if (options.model or options.pictures or options.alone) and not options.cases:
        raise UsageError("--model, --pictures and --alone belong to --cases.")
    if options.pictures and not options.pictures.endswith(".png"):
        raise UsageError(f"--pictures writes a PNG; name it so, not '{options.pictures}'.")


def judge_model(folder: Path, model: str | None, pictures: Path | None = None, *, surroundings: bool = True) -> dict[str, Any]:
    """One box, one click, a box and up to five corrective clicks, with human jitter (`training/evaluate.py`), by case and plane.

    surroundings: whether the locator looks at each volume first, as the program does where the network can use what it sees.
    Raises InputError where the folder holds no pairs, ModelError where there is no such model.
    """
    from spinalsam.engine.models import load_segmenter
    from spinalsam.training.evaluate import evaluate_segmenter, grouped
    from spinalsam.training.recipe import real_cases

    segmenter = load_segmenter(model)
    cases = real_cases(folder, surroundings=surroundings and getattr(segmenter, "takes_shapes", False))
    figures = evaluate_segmenter(segmenter, cases)
    rows = figures.pop("cases")
    if pictures is not None:
        from spinalsam.training.gallery import draw_gallery

        draw_gallery(segmenter, cases, rows, pictures)
    sets = grouped(rows)
    return {"model": segmenter.name, "checksum": segmenter.checksum, "overall": figures, "sets": sets}


def _protocol_table(document: dict[str, Any]) -> str:
    names = {"dice": "box", "box_and_1": "+ 1 click", "box_and_3": "+ 3", "box_and_5": "+ 5", "point": "one click", "hd95_mm": "HD95 mm"}
    rows = [
        [name, str(row["count"]), *(figure(row[key], 2 if key == "hd95_mm" else 3) for key in names)]
        for name, row in [*document["sets"].items(), ("all", document["overall"])]
    ]
    return table(f"Dice of '{document['model']}' by prompts", ["set", "slices", *names.values()], rows)


def evaluate(pred: Path, truth: Path) -> dict[str, Any]:
    """The document of INTERFACES: overall and labels; for folders the means, and each pair's own under `cases`.

    Raises InputError where a file is missing, is no mask, or lies on another grid than its twin.
    """
    from spinalsam.support.metrics import mean_of_pairs

    pairs = match(pred, truth)
    results = {name: evaluate_files(first, second) for name, first, second in pairs}
    if not pred.is_dir():
        return next(iter(results.values()))
    return {**mean_of_pairs(list(results.values())), "cases": results}


def evaluate_files(pred: Path, truth: Path) -> dict[str, Any]:
    """The figures of one pair of files."""
    from spinalsam.data.formats import read_label_volume, read_mask
    from spinalsam.support.metrics import evaluate_pair

    reference = read_label_volume(truth)
    try:
        found = read_mask(pred, reference.geometry)
    except InputError as error:
        raise InputError(f"'{pred}' cannot be compared with '{truth}': {error}") from None
    if not reference.geometry.has_spacing:
        note(f"note: '{truth.name}' does not say how large a pixel is; distances are in pixels, not mm.")
    return evaluate_pair(found, reference.voxels, reference.geometry.spacing_mm)


def match(pred: Path, truth: Path) -> list[tuple[str, Path, Path]]:
    """(name, prediction, reference) for two files, or for the files of two folders whose names agree without their endings."""
    for path in (pred, truth):
        if not path.exists():
            raise InputError(f"'{path}' does not exist; check the path.")
    if pred.is_dir() != truth.is_dir():
        raise InputError(f"'{pred}' and '{truth}' must both be files or both be folders.")
    if not pred.is_dir():
        return [(pred.name, pred, truth)]
    found, wanted = _masks(pred), _masks(truth)
    names = [name for name in wanted if name in found]
    if not names:
        raise InputError(f"No mask in '{pred}' has the name of one in '{truth}'; name them alike, such as case1.nii.gz in both.")
    missing = [name for name in wanted if name not in found]
    if missing:
        raise InputError(f"'{pred}' lacks {len(missing)} of the {len(wanted)} masks of '{truth}', for example '{missing[0]}'.")
    extra = [name for name in found if name not in wanted]
    if extra:
        note(f"note: {len(extra)} masks of '{pred}' have no reference and are passed over, for example '{extra[0]}'.")
    return [(name, found[name], wanted[name]) for name in sorted(names)]


def _masks(folder: Path) -> dict[str, Path]:
    """Masks of a folder by their name without the ending. Raises InputError when two share one."""
    masks: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        ending = next((end for end in _ENDINGS if path.name.lower().endswith(end)), None)
        if ending is None or path.is_dir() or path.name.startswith("."):
            continue
        name = path.name[: -len(ending)]
        if name in masks:
            raise InputError(f"'{folder}' holds two masks named '{name}' ({masks[name].name} and {path.name}); keep one.")
        masks[name] = path
    return masks


def as_table(document: dict[str, Any], title: str) -> str:
    """Labels as rows, figures as columns."""
    from spinalsam.support.anatomy import label_name

    rows = [[label_name(int(value)), *_figures(row)] for value, row in document["labels"].items()]
    rows.append(["overall", *_figures(document["overall"])])
    return table(title, ["label", *_COLUMNS.values()], rows)


def _figures(row: dict[str, float | None]) -> list[str]:
    return [figure(row[name], 2 if name in ("msd_mm", "hd95_mm") else 3) for name in _COLUMNS]
