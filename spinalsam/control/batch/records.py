"""What a batch keeps of every case, so that it can be stopped at any moment: ``OUT/CASE/case.json``, written last and whole.

The record says what the case was made from (the image's content, the networks, the sentences), so that a second run knows what is done.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from spinalsam.errors import OutputError
from spinalsam.settings import write_atomically

FORMAT = 1
RECORD, MASK, PREVIEW, TRIES = "case.json", "mask.nii.gz", "preview.png", ".tries"
DONE, NOTHING, FAILED = "done", "nothing found", "failed"


@dataclass(frozen=True)
class Recipe:
    """What is to be done with every case: the sentences, and the networks by name and checksum.

    resample: bring series that are unevenly spaced onto an even grid, which fail otherwise. key: equal for two recipes that give the
    same masks of the same grid.
    """

    sentences: tuple[str, ...]
    model: str
    checksum: str
    locator: str
    device: str = "auto"
    resample: bool = False

    @property
    def key(self) -> str:
        parts = json.dumps([self.sentences, self.model, self.checksum, self.locator], ensure_ascii=False)
        return hashlib.blake2b(parts.encode(), digest_size=16).hexdigest()


def read_record(folder: Path) -> dict[str, Any] | None:
    """The record of a case's folder; None where there is none that can be understood."""
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) and record.get("format") == FORMAT and "status" in record else None


def write_record(folder: Path, record: Mapping[str, Any]) -> dict[str, Any]:
    """Keep a record in place of the one before, and return it with its time. Raises OutputError."""
    whole = {"finished": now(), **record}
    content = json.dumps(whole, indent=1, ensure_ascii=False, allow_nan=False)
    write_atomically(folder / RECORD, (content + "\n").encode())
    return whole


def all_records(out: Path) -> Iterator[dict[str, Any]]:
    """The records of every case in the results, by rising name."""
    try:
        folders = sorted(entry.path for entry in os.scandir(out) if entry.is_dir(follow_symlinks=False))
    except OSError:
        return
    for folder in folders:
        record = read_record(Path(folder))
        if record is not None:
            yield record


def now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def describe_file(path: Path) -> dict[str, Any]:
    """Name, size and SHA-256 of a file, to tell later whether somebody has changed it."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return {"file": path.name, "bytes": path.stat().st_size, "sha256": digest.hexdigest()}


def is_finished(record: Mapping[str, Any] | None, folder: Path, recipe: Recipe, signature: str) -> bool:
    """Whether a record stands for just this work on files that nobody has touched since, and its mask is there."""
    if record is None or not is_made_by(record, recipe):
        return False
    return bool(signature) and record.get("signature") == signature and has_mask(record, folder)


def is_made_by(record: Mapping[str, Any], recipe: Recipe) -> bool:
    """Whether a record is of a case that was done with this recipe."""
    same_grid = recipe.resample or not record.get("resampled")
    return record["status"] != FAILED and record.get("key") == recipe.key and same_grid


def has_mask(record: Mapping[str, Any], folder: Path) -> bool:
    """Whether the mask that the record names lies in the folder, corrected by hand since or not."""
    return record["status"] != DONE or (folder / MASK).is_file()


def put_mask_aside(folder: Path, record: Mapping[str, Any] | None, *, edited_only: bool = True) -> str:
    """Rename the mask of an earlier run so that it survives. Returns its new name, or nothing.

    edited_only: only when it is not as it was written, since somebody has corrected it. Raises OutputError when it cannot be renamed.
    """
    mask = folder / MASK
    if not mask.is_file():
        return ""
    written = (record or {}).get("mask")
    if edited_only and written and describe_file(mask)["sha256"] == written.get("sha256"):
        return ""
    stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S")
    names = (f"mask_kept_{stamp}{f'_{number}' if number > 1 else ''}.nii.gz" for number in itertools.count(1))
    name = next(name for name in names if not (folder / name).exists())  # two in one second are two masks
    try:
        os.replace(mask, folder / name)
        sidecar = folder / f"{MASK}.json"
        if sidecar.is_file():
            os.replace(sidecar, folder / f"{name}.json")
    except OSError as error:
        raise OutputError(f"The earlier mask in '{folder.name}' cannot be put aside: {error.strerror or error}.") from None
    return name


def drop_mask(folder: Path) -> None:
    """Take away the mask and the picture of an earlier run that this one does not bear out."""
    for name in (MASK, f"{MASK}.json", PREVIEW):
        (folder / name).unlink(missing_ok=True)


def count_try(folder: Path) -> int:
    """One more beginning of a case, kept on disk: a case that kills its process leaves nothing else. Returns how many there were before."""
    path = folder / TRIES
    try:
        before = int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        before = 0
    path.write_text(str(before + 1), encoding="ascii")  # not flushed: it is for processes that die, not for machines
    return before


def forget_tries(folder: Path) -> None:
    (folder / TRIES).unlink(missing_ok=True)


def sweep(out: Path) -> None:
    """Take away files that a killed process left half written. Only where nobody else can be at work on the results."""
    for pattern in (".*.part", ".*.part.*", "*/.*.part", "*/.*.part.*"):
        for path in out.glob(pattern):
            path.unlink(missing_ok=True)
