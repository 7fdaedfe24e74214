"""The whole of a case in one journal line: where a journal begins anew, and what is kept aside in case a line gets damaged.

A journal's lines build on each other, so one damaged line would take everything after it along. A snapshot is a small journal of
its own beside the main one (``NAME.snapshot``): the first line, and one that holds prompts, view, labels and mask as they were after
a certain line. What the main journal holds after that line still follows from it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spinalsam.control.journal import (
    CASE,
    FORMAT_VERSION,
    STATE,
    Entry,
    Journal,
    JournalContent,
    encode_line,
    follow,
    now_text,
    read_journal,
)
from spinalsam.control.label_extents import LabelExtents
from spinalsam.control.packing import PackedArray
from spinalsam.control.painting import changed_counts
from spinalsam.control.slice_masks import SliceMask, SliceMasks
from spinalsam.control.state import decode_changes, encode_changes
from spinalsam.errors import JournalError, SpinalSamError

if TYPE_CHECKING:
    from spinalsam.control.workspace import CaseContent

# After so many changes of the mask another snapshot is due.
EVERY = 50
_FIELDS = ("points", "boxes", "view", "active_label", "labels")
Box = tuple[slice, ...]


def snapshot_path(journal: Path) -> Path:
    return journal.with_suffix(".snapshot")


def gather(content: CaseContent, box: Box | None) -> Callable[[], dict[str, Any]]:
    """What a state line needs, taken now; the returned function packs it, which may be done on another thread.

    box: the part of the label map that may hold labels, or None for all of it.
    """
    part = box or tuple(slice(0, n) for n in content.mask.shape)
    mask = content.mask[part].copy(order="F")
    lower = [piece.start for piece in part]
    changes = encode_changes({name: getattr(content.state, name) for name in _FIELDS})
    masks = content.slice_masks.all
    steps = len(content.history.undo_titles)

    def pack() -> dict[str, Any]:
        return {
            "kind": STATE,
            "t": now_text(),
            "steps": steps,
            "changes": changes,
            "mask": {"lower": lower, **PackedArray.pack(mask).to_json()},
            "masks": [
                {
                    "prompt": one.prompt.to_json(),
                    "mask": one.mask.to_json(),
                    "base": one.base.to_json() if one.base is not None else None,
                    "gone": [int(value) for value in one.gone],
                }
                for one in masks
            ],
        }

    return pack


def put_state(content: CaseContent, values: dict[str, Any]) -> None:
    """Make a fresh case what a state line says. Raises JournalError when the line does not fit the case."""
    from spinalsam.control.prompting import prompt_from_json

    try:
        block = PackedArray.from_json(values["mask"]).array()
        lower = [int(n) for n in values["mask"]["lower"]]
        box = tuple(slice(low, low + n) for low, n in zip(lower, block.shape, strict=True))
        if min(lower) < 0 or any(part.stop > n for part, n in zip(box, content.mask.shape, strict=True)):
            raise JournalError("a mask lies outside the volume.")
        mask = np.zeros(content.mask.shape, block.dtype, order="F")
        mask[box] = block
        state = replace(content.state, **decode_changes(values["changes"]), candidates=None)
        masks = SliceMasks()
        for item in values["masks"]:
            prompt = prompt_from_json(item["prompt"])
            ref = prompt.slice_ref(content.volume.geometry)
            base = PackedArray.from_json(item["base"]) if item["base"] is not None else None
            gone = tuple(int(value) for value in item.get("gone", ()))
            masks = masks.with_mask(SliceMask(ref, prompt, PackedArray.from_json(item["mask"]), base, gone))
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise JournalError(f"A state in the journal is damaged: {error}") from error
    content.mask, content.state, content.slice_masks = mask, state, masks
    content.extents = LabelExtents()
    i, j, k = (part.stop for part in box)
    content.extents.follow(((lower[0], lower[1], lower[2]), (i, j, k)), *changed_counts(np.zeros_like(block), block))


class SnapshotWriter:
    """Keeps the snapshot of one journal up to date, off the main thread. A snapshot that cannot be written is only a safety less."""

    def __init__(self, journal: Journal, case: dict[str, Any]) -> None:
        self._path = snapshot_path(journal.path)
        self._journal = journal
        self._case = case
        self._thread: threading.Thread | None = None

    @property
    def busy(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def write(self, content: CaseContent, box: Box | None, *, wait: bool = False) -> None:
        """Write the case as it is now, which is what the journal's last line left."""
        pack = gather(content, box)
        first = {**self._case, "kind": CASE, "format": FORMAT_VERSION}
        case = {**first, "snapshot_of": self._path.stem, "lines": self._journal.length, "follows": self._journal.checksum}
        self._thread = threading.Thread(target=_write, args=(self._path, case, pack), name="snapshot")
        self._thread.start()
        if wait:
            self.finish()

    def finish(self) -> None:
        if self._thread is not None:
            self._thread.join()

    def remove(self) -> None:
        self.finish()
        self._path.unlink(missing_ok=True)


def _write(path: Path, case: dict[str, Any], pack: Callable[[], dict[str, Any]]) -> None:
    from spinalsam.data.formats.safe_write import Output, write_all

    try:
        first, checksum = encode_line(0, case, "")
        second, _ = encode_line(1, pack(), checksum)
        write_all([Output(path, lambda file: _put(file, first + second))])
    except (SpinalSamError, OSError):
        pass


def _put(file: Any, content: bytes) -> None:
    file.write(content)


def read_with_snapshot(path: Path) -> JournalContent:
    """What can be had of a journal: all of it, or what its snapshot and the lines after that give, whichever is more.

    Raises JournalError when neither can be read.
    """
    try:
        journal = read_journal(path, tolerate_damage=True)
        if not journal.damaged:
            return journal
    except JournalError as error:
        journal, problem = None, error
    rescued = _rescued(path)
    if rescued is None or (journal is not None and len(journal.entries) >= rescued.case["lines"] + len(rescued.entries) - 2):
        if journal is None:
            raise problem
        return journal
    return rescued


def _rescued(path: Path) -> JournalContent | None:
    """The snapshot and the journal's lines after it, or None without a snapshot that can be read."""
    try:
        snapshot = read_journal(snapshot_path(path))
        lines, checksum = int(snapshot.case["lines"]), str(snapshot.case["follows"])
        raw = path.read_bytes() if path.exists() else b""
    except (SpinalSamError, OSError, KeyError, TypeError, ValueError, OverflowError):
        return None
    if len(snapshot.entries) != 2 or snapshot.entries[1].kind != STATE:
        return None
    later: list[Entry] = follow(raw, lines, checksum)
    return JournalContent(path, (*snapshot.entries, *later), 0, "", damaged=True, rescued=True)
