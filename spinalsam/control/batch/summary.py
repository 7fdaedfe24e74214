"""What came out of a batch, for people and for programs: ``summary.csv``, one vertebra a line, and ``summary.html``, one case a line."""

from __future__ import annotations

import base64
import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from spinalsam.assets import resource
from spinalsam.control.batch.records import DONE, FAILED, NOTHING, PREVIEW
from spinalsam.settings import write_atomically
from spinalsam.support.anatomy import label_colour

CSV, HTML = "summary.csv", "summary.html"
Record = Mapping[str, Any]

_CASE = ("case", "status", "case_flags", "reason")
_VERTEBRA = ("label", "name", "flags", "partial", "confidence", "certainty", "agreement", "voxels", "volume_ml", "mean_hu", "sd_hu")
_LAST = ("spacing_x_mm", "spacing_y_mm", "spacing_z_mm", "model", "model_sha256", "version", "sentences", "seconds", "mask", "finished")
_INNER = ("doubtful", "largest_piece")  # what the flags say already
_FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")  # which a spreadsheet would run
_PICTURE = (420, 78)  # height in pixels and JPEG quality of the pictures in the page


def columns(records: Sequence[Record]) -> list[str]:
    """The columns of the table: those of every case, of every vertebra, whatever quantities there are, and where all came from."""
    known = {*_VERTEBRA, *_INNER}
    found = dict.fromkeys(name for record in records for row in record["vertebrae"] for name in row if name not in known)
    return [*_CASE, *_VERTEBRA, *found, *_LAST]


def csv_text(records: Sequence[Record]) -> str:
    """The table. A case without vertebrae has one line, so that none is missing."""
    names = columns(records)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, names, restval="", extrasaction="ignore", lineterminator="\r\n")
    writer.writeheader()
    for record in records:
        for row in record["vertebrae"] or [{}]:
            values = {**_of_case(record), **row}
            writer.writerow({name: _cell(values.get(name)) for name in names})
    return text.getvalue()


def _of_case(record: Record) -> dict[str, Any]:
    spacing = record.get("image", {}).get("spacing_mm") or (None, None, None)
    return {
        "case": record["case"],
        "status": record["status"],
        "case_flags": record["flags"],
        "reason": record["reason"],
        **dict(zip(("spacing_x_mm", "spacing_y_mm", "spacing_z_mm"), spacing, strict=True)),
        "model": record["model"]["name"],
        "model_sha256": record["model"]["checksum"],
        "version": record["version"],
        "sentences": record["sentences"],
        "seconds": record["seconds"],
        "mask": f"{record['case']}/{record['mask']['file']}" if record.get("mask") else "",
        "finished": record.get("finished", ""),
    }


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, (list, tuple)):
        value = "; ".join(map(str, value))
    if isinstance(value, str):
        value = " ".join(value.split())
        return f"'{value}" if value.startswith(_FORMULA_SIGNS) else value
    return value


def page(records: Sequence[Record], out: Path, *, title: str) -> str:
    """The page: one file with its own style, script and pictures, which asks nothing of any network."""
    template = Template(resource("batch", "summary.html").read_text(encoding="utf-8"))
    names = sorted({flag for record in records for flag in record["flags"]})
    counts = Counter(record["status"] for record in records)
    flagged = sum(bool(record["flags"]) for record in records if record["status"] == DONE)
    tiles = [
        ("all", "cases", len(records)),
        ("good", "without a flag", counts[DONE] - flagged),
        ("look", "to look at", flagged),
        ("none", NOTHING, counts[NOTHING]),
        ("bad", FAILED, counts[FAILED]),
    ]
    return template.substitute(
        title=escape(title),
        tiles="".join(f'<div class="tile {kind}"><b>{number}</b><span>{text}</span></div>' for kind, text, number in tiles),
        filters="".join(f'<button type="button" class="chip" data-flag="{escape(name)}">{escape(name)}</button>' for name in names),
        rows="\n".join(_row(record, out) for record in records),
        recipe=_recipe(records),
    )


def _recipe(records: Sequence[Record]) -> str:
    """What was asked for and by which networks, once for every combination there is."""
    found = dict.fromkeys(
        ("; ".join(record["sentences"]), record["model"]["name"], record["model"]["checksum"][:12], record["version"]) for record in records
    )
    return "<br>".join(
        f"“{escape(said)}” · model {escape(model)} ({escape(checksum)}…) · SpinalSAM {escape(version)}"
        for said, model, checksum, version in found
    )


def _row(record: Record, out: Path) -> str:
    rows = record["vertebrae"]
    volume = sum(row["volume_ml"] or 0.0 for row in rows)
    certainty = min((row["certainty"] for row in rows if row["certainty"] is not None), default=None)
    agreement = min((row["agreement"] for row in rows if row["agreement"] is not None), default=None)
    flags = record["flags"]
    kind = {FAILED: "bad", NOTHING: "none"}.get(record["status"], "look" if flags else "good")
    order = {"bad": 0, "none": 1, "look": 2, "good": 3}[kind]
    cells = [
        f'<td class="pic">{_picture(record, out)}</td>',
        f'<td data-v="{escape(record["case"])}"><div class="id">{escape(record["case"])}</div>{_details(record)}</td>',
        f'<td data-v="{order}"><span class="state {kind}">{escape(record["status"])}</span></td>',
        f'<td data-v="{len(rows)}" class="num">{len(rows) or "–"}<div class="dim">{escape(_levels(rows))}</div></td>',
        _number(volume or None, 1),
        _number(certainty, 2),
        _number(agreement, 2),
        f'<td data-v="{len(flags)}">{_flags(record)}</td>',
        _number(record["seconds"], 1),
    ]
    return f'<tr data-flags="{escape("|".join(flags))}" data-kind="{kind}">{"".join(cells)}</tr>'


def _flags(record: Record) -> str:
    marks = "".join(f'<span class="flag">{escape(flag)}</span>' for flag in record["flags"]) or "–"
    return f'{marks}<div class="dim reason">{escape(record["reason"])}</div>' if record["reason"] else marks


def _number(value: float | None, digits: int) -> str:
    if value is None:
        return '<td class="num" data-v="-1">–</td>'
    return f'<td class="num" data-v="{value:.6g}">{value:.{digits}f}</td>'


def _levels(rows: Sequence[Record]) -> str:
    names = [str(row["name"]) for row in rows]
    return "" if not names else names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"


def _details(record: Record) -> str:
    """The vertebrae one by one, and what else there is to say, folded away."""
    rows = "".join(_vertebra(row) for row in record["vertebrae"])
    head = "<tr><th>level<th>volume, ml<th>mean HU<th>confidence<th>certainty<th>agreement<th>flags</tr>"
    table = f'<table class="inner"><thead>{head}</thead><tbody>{rows}</tbody></table>' if rows else ""
    said = [*record.get("answers", ()), *record["notes"]]
    text = "".join(f"<p>{escape(one)}</p>" for one in dict.fromkeys(said) if one)
    return f"<details><summary>details</summary>{table}{text}</details>"


def _vertebra(row: Record) -> str:
    red, green, blue = label_colour(int(row["label"]))
    shown = [_plain(row.get(name), digits) for name, digits in (("volume_ml", 1), ("mean_hu", 0))]
    shown += [_plain(row.get(name), 2) for name in ("confidence", "certainty", "agreement")]
    cells = "".join(f'<td class="num">{text}' for text in shown)
    return (
        f'<tr><td><i style="background:rgb({red},{green},{blue})"></i>{escape(str(row["name"]))}{cells}'
        f"<td>{escape(', '.join(row['flags'])) or '–'}</tr>"
    )


def _plain(value: Any, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _picture(record: Record, out: Path) -> str:
    """The case's picture, smaller, in the page itself; a click on it shows it whole."""
    data = _thumbnail(out / record["case"] / PREVIEW) if record.get("preview") else None
    if data is None:
        return '<div class="nopic">no picture</div>'
    picture = f'<img loading="lazy" alt="{escape(record["case"])}" src="data:image/jpeg;base64,{data}">'
    return f'<button type="button" class="zoom">{picture}</button>'


def _thumbnail(path: Path) -> str | None:
    from PIL import Image

    height, quality = _PICTURE
    try:
        with Image.open(path) as picture:
            small = picture.convert("RGB").resize((max(1, round(picture.width * height / picture.height)), height))
    except (OSError, ValueError):
        return None
    data = io.BytesIO()
    small.save(data, format="JPEG", quality=quality)
    return base64.b64encode(data.getvalue()).decode("ascii")


def write_summaries(records: Sequence[Record], out: Path) -> None:
    """Both files, each whole or not at all. Raises OutputError."""
    write_atomically(out / CSV, csv_text(records).encode("utf-8-sig"))
    write_atomically(out / HTML, page(records, out, title="SpinalSAM: summary").encode())
