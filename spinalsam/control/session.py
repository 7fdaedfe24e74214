"""One sitting at one case: its journal, and the lock that keeps a second process from writing too."""

from __future__ import annotations

import hashlib
import os
import secrets
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spinalsam.control.case_lock import CaseLock
from spinalsam.control.journal import CLOSED, DONE, JOURNAL_ENDING, STATE, Journal, JournalContent, now_text, read_journal
from spinalsam.control.operation import Operation, OperationResult
from spinalsam.control.provenance import locator_identity
from spinalsam.control.snapshot import EVERY, SnapshotWriter, gather, snapshot_path
from spinalsam.control.state import CaseState, encode_changes
from spinalsam.errors import RequirementError, SpinalSamError
from spinalsam.settings import data_dir

if TYPE_CHECKING:
    from spinalsam.control.workspace import CaseContent
    from spinalsam.data.volume import Volume
    from spinalsam.engine.segmenter import Segmenter
    from spinalsam.settings import Settings
    from spinalsam.support.calls import OperationCall


_HASHED_PARTS = 4


def fingerprint(volume: Volume) -> str:
    """Hash of a volume's voxels and grid, whatever file they came from and however they lie in memory.

    Four parts are hashed at the same time where there are cores for it, since the first picture waits for this.
    """
    voxels, geometry = volume.voxels, volume.geometry
    head = repr((geometry.shape, voxels.dtype.name, np.round(geometry.affine, 6).tolist())).encode()
    with ThreadPoolExecutor(_HASHED_PARTS) as pool:
        parts = list(pool.map(lambda part: _hash(voxels, part), range(_HASHED_PARTS)))
    return hashlib.blake2b(head + b"".join(parts), digest_size=16).hexdigest()


def first_fingerprint(volume: Volume) -> str:
    """The hash that journals of format 1 name."""
    voxels, geometry = volume.voxels, volume.geometry
    digest = hashlib.blake2b(digest_size=16)
    digest.update(repr((geometry.shape, voxels.dtype.name, np.round(geometry.affine, 6).tolist())).encode())
    for k in range(geometry.shape[2]):
        digest.update(np.ascontiguousarray(voxels[:, :, k].T).data)
    return digest.hexdigest()


def _hash(voxels: NDArray, part: int) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for k in np.array_split(np.arange(voxels.shape[2]), _HASHED_PARTS)[part]:
        digest.update(np.ascontiguousarray(voxels[:, :, k].T).data)
    return digest.digest()


def journals_folder(settings: Settings | None = None) -> Path:
    return data_dir(settings) / "journals"


class CaseSession:
    """path: the journal, or None when there is none. read_only: why nothing may be changed, or an empty string.

    problem: why nothing is recorded although the case can be changed (an unwritable folder), or an empty string.
    """

    def __init__(
        self,
        journal: Journal | None,
        lock: CaseLock | None,
        *,
        case: dict[str, Any] | None = None,
        read_only: str = "",
        problem: str = "",
        fresh: bool = True,
        box: tuple[slice, ...] | None = None,
    ) -> None:
        self._journal = journal
        self._lock = lock
        self.path = journal.path if journal else None
        self.read_only = read_only
        self.problem = problem
        self._worth_keeping = not fresh
        self._snapshots = SnapshotWriter(journal, case or {}) if journal else None
        self._unsaved_edits = 0
        # The part of the label map in which something was ever painted.
        self._box = box

    @classmethod
    def begin(cls, content: CaseContent, *, settings: Settings | None = None, origin: str = "script") -> CaseSession:
        """A new journal for a case that has just been opened; never fails, see `read_only` and `problem`."""
        folder = journals_folder(settings) / content.fingerprint
        lock = None
        try:
            lock = CaseLock.acquire(folder)
            if lock is None:
                return cls(None, None, read_only=_held(folder))
            case = _case_line(content, origin)
            journal = _begin_journal(folder, case, content)
            return cls(journal, lock, case=case, fresh=not content.carried, box=_whole(content) if content.carried else None)
        except (OSError, SpinalSamError) as error:
            if lock is not None:
                lock.release()
            return cls(None, None, problem=f"Nothing you do is recorded for recovery: {error}")

    @classmethod
    def resume(cls, journal: JournalContent) -> CaseSession:
        """Go on with the journal of an earlier session; never fails, see `read_only` and `problem`."""
        folder = journal.path.parent
        lock = None
        try:
            lock = CaseLock.acquire(folder)
            if lock is None:
                return cls(None, None, read_only=_held(folder))
            # A file of the same length is the one that was read; reading a long one again would take as long again.
            grown = journal.path.stat().st_size != journal.good_bytes
            if grown and len(read_journal(journal.path, tolerate_damage=True).done) != len(journal.done):
                lock.release()
                return cls(None, None, read_only="The session went on elsewhere while it was restored; open the image again.")
            return cls(Journal.resume(journal), lock, case=dict(journal.case), fresh=False, box=_painted(journal))
        except (OSError, SpinalSamError) as error:
            if lock is not None:
                lock.release()
            return cls(None, None, problem=f"Nothing you do is recorded for recovery: {error}")

    def record(
        self,
        operation: Operation,
        call: OperationCall,
        result: OperationResult,
        *,
        origin: str,
        segmenter: Segmenter | None,
        before: CaseState,
    ) -> None:
        """Write the line of an operation that is about to take effect on the state `before`. Raises OutputError or ResourceError."""
        if self._journal is None:
            return
        view_only = not operation.outside and result.edit is None and set(result.changes) <= {"view"}
        values: dict[str, Any] = {"kind": DONE, "t": now_text(), "op": call.op, "args": dict(call.args), "origin": origin}
        if result.title:
            values["title"] = result.title
        if segmenter is not None and "candidates" in operation.writes:
            values["model"] = {"name": segmenter.name, "checksum": segmenter.checksum}
        if result.located:
            values["locator"] = locator_identity()
        # What a step did goes into its line, so that bringing it back needs neither the network nor the program that did it.
        changes = encode_changes(result.changes, before)
        if changes or result.edit is not None:
            values["changes"] = changes
        if result.edit is not None:
            values["edit"] = {"lower": list(result.edit.lower_ijk), **result.edit.packed.after.to_json()}
        if "slice_masks" in result.changes:
            values["masks"] = [{"prompt": one.prompt.to_json(), "mask": one.mask.to_json()} for one in result.changes["slice_masks"]]
        # Where one looks is not worth a wait for the disk at every turn of the wheel; a killed process does not lose it either.
        self._journal.append(values, durable=not view_only)
        self._worth_keeping |= operation.undoable or operation.outside
        if result.edit is not None:
            self._box = _united(self._box, result.edit.box)
        self._unsaved_edits += result.edit is not None or "history" in result.changes

    def settled(self, content: CaseContent) -> None:
        """Told after every commit, when case and journal agree: now and then a snapshot is written aside."""
        if self._snapshots is not None and self._unsaved_edits >= EVERY and not self._snapshots.busy:
            self._snapshots.write(content, self._box)
            self._unsaved_edits = 0

    def move_to(self, folder: Path, content: CaseContent) -> Path:
        """Go on in a new journal in another folder, which begins with the case as it is; the old one stays as far as it came.

        Returns its path. Raises RequirementError in a window that may only look, OutputError or ResourceError when the folder
        cannot be written; the session is as before then.
        """
        if self.read_only:
            raise RequirementError(self.read_only)
        case = _case_line(content, "moved")
        journal = _begin_journal(folder, case, content, carried=True)
        old, self._journal = self._journal, journal
        if old is not None:
            old.close()
        self.path, self.problem, self._worth_keeping = journal.path, "", True
        self._snapshots, self._box = SnapshotWriter(journal, case), _whole(content)
        return journal.path

    def close(self, content: CaseContent | None = None) -> None:
        """End the session in an orderly way; a journal in which nothing was done is removed. content: for the last snapshot."""
        journal, self._journal = self._journal, None
        if journal is not None and self._snapshots is not None:
            self._snapshots.finish()
            if content is not None and self._worth_keeping and self._unsaved_edits:
                self._snapshots.write(content, self._box, wait=True)
        if journal is not None:
            try:
                if self._worth_keeping:
                    journal.append({"kind": CLOSED, "t": now_text()})
            except SpinalSamError:
                pass  # all that was done is in it; only the mark of an orderly end is missing
            journal.close()
            if not self._worth_keeping:
                journal.path.unlink(missing_ok=True)
                snapshot_path(journal.path).unlink(missing_ok=True)
        if self._lock is not None:
            self._lock.release()
            self._lock = None


def _case_line(content: CaseContent, origin: str) -> dict[str, Any]:
    from spinalsam import __version__

    return {
        "t": now_text(),
        "program": __version__,
        "op": "open_image",
        "args": content.opening_args,
        "origin": origin,
        "fingerprint": content.fingerprint,
        "size": list(content.volume.geometry.shape),
        "affine": content.volume.geometry.affine[:3].tolist(),
    }


def _begin_journal(folder: Path, case: dict[str, Any], content: CaseContent, *, carried: bool | None = None) -> Journal:
    """A new journal for a case, with the case as it is where it does not begin empty. No file is left when that fails."""
    stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S")
    journal = Journal.begin(folder / f"{stamp}-{os.getpid()}-{secrets.token_hex(3)}{JOURNAL_ENDING}", case)
    if content.carried if carried is None else carried:
        try:
            journal.append(gather(content, None)())
        except BaseException:
            journal.close()
            journal.path.unlink(missing_ok=True)
            raise
    return journal


def _whole(content: CaseContent) -> tuple[slice, ...]:
    return tuple(slice(0, n) for n in content.mask.shape)


def _united(one: tuple[slice, ...] | None, other: tuple[slice, ...]) -> tuple[slice, ...]:
    """The smallest box that holds both."""
    if one is None:
        return other
    return tuple(slice(min(a.start, b.start), max(a.stop, b.stop)) for a, b in zip(one, other, strict=True))


def _painted(journal: JournalContent) -> tuple[slice, ...] | None:
    """The part of the label map that the lines of a journal paint; None where none does."""
    box: tuple[slice, ...] | None = None
    for entry in journal.entries:
        edit = entry.values.get("edit") or (entry.values.get("mask") if entry.kind == STATE else None)
        if edit:
            box = _united(box, tuple(slice(int(low), int(low) + int(n)) for low, n in zip(edit["lower"], edit["shape"], strict=True)))
    return box


def _held(folder: Path) -> str:
    return f"This case is open already ({CaseLock.holder(folder)}); here it can be looked at and exported but not changed."
