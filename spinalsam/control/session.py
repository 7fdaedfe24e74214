"""One sitting at one case: its journal, and the lock that keeps a second process from writing too."""

from __future__ import annotations

import hashlib
import os
import secrets
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spinalsam.control.case_lock import CaseLock
from spinalsam.control.journal import CLOSED, DONE, Journal, JournalContent, now_text, read_journal
from spinalsam.control.operation import Operation, OperationResult
from spinalsam.control.packing import PackedArray
from spinalsam.control.state import encode_changes
from spinalsam.errors import SpinalSamError
from spinalsam.settings import data_dir

if TYPE_CHECKING:
    from spinalsam.control.workspace import CaseContent
    from spinalsam.data.volume import Volume
    from spinalsam.engine.segmenter import Segmenter
    from spinalsam.settings import Settings
    from spinalsam.support.calls import OperationCall


def fingerprint(volume: Volume) -> str:
    """Hash of a volume's voxels and grid, whatever file they came from and however they lie in memory."""
    voxels, geometry = volume.voxels, volume.geometry
    digest = hashlib.blake2b(digest_size=16)
    digest.update(repr((geometry.shape, voxels.dtype.name, np.round(geometry.affine, 6).tolist())).encode())
    for k in range(geometry.shape[2]):
        digest.update(np.ascontiguousarray(voxels[:, :, k].T).data)
    return digest.hexdigest()


def journals_folder(settings: Settings | None = None) -> Path:
    return data_dir(settings) / "journals"


class CaseSession:
    """path: the journal, or None when there is none. read_only: why nothing may be changed, or an empty string.

    problem: why nothing is recorded although the case can be changed (an unwritable folder), or an empty string.
    """

    def __init__(
        self, journal: Journal | None, lock: CaseLock | None, *, read_only: str = "", problem: str = "", fresh: bool = True
    ) -> None:
        self._journal = journal
        self._lock = lock
        self.path = journal.path if journal else None
        self.read_only = read_only
        self.problem = problem
        self._worth_keeping = not fresh

    @classmethod
    def begin(cls, content: CaseContent, *, settings: Settings | None = None, origin: str = "script") -> CaseSession:
        """A new journal for a case that has just been opened; never fails, see `read_only` and `problem`."""
        folder = journals_folder(settings) / content.fingerprint
        lock = None
        try:
            lock = CaseLock.acquire(folder)
            if lock is None:
                return cls(None, None, read_only=_held(folder))
            stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S")
            path = folder / f"{stamp}-{os.getpid()}-{secrets.token_hex(3)}.jsonl"
            return cls(Journal.begin(path, _case_line(content, origin)), lock)
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
            if len(read_journal(journal.path, tolerate_damage=True).done) != len(journal.done):
                lock.release()
                return cls(None, None, read_only="The session went on elsewhere while it was restored; open the image again.")
            return cls(Journal.resume(journal), lock, fresh=False)
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
    ) -> None:
        """Write the line of an operation that is about to take effect. Raises OutputError or ResourceError."""
        if self._journal is None:
            return
        view_only = not operation.outside and result.edit is None and set(result.changes) <= {"view"}
        values: dict[str, Any] = {"kind": DONE, "t": now_text(), "op": call.op, "args": dict(call.args), "origin": origin}
        if result.title:
            values["title"] = result.title
        if segmenter is not None and "candidates" in operation.writes:
            values["model"] = {"name": segmenter.name, "checksum": segmenter.checksum}
        if view_only or result.edit is not None:
            values["changes"] = encode_changes(result.changes)
        if result.edit is not None:
            values["edit"] = {"lower": list(result.edit.lower_ijk), **PackedArray.pack(result.edit.after).to_json()}
        if "slice_masks" in result.changes:
            values["masks"] = [{"prompt": one.prompt.to_json(), "mask": one.mask.to_json()} for one in result.changes["slice_masks"]]
        # Where one looks is not worth a wait for the disk at every turn of the wheel; a killed process does not lose it either.
        self._journal.append(values, durable=not view_only)
        self._worth_keeping |= operation.undoable or operation.outside

    def close(self) -> None:
        """End the session in an orderly way; a journal in which nothing was done is removed."""
        journal, self._journal = self._journal, None
        if journal is not None:
            try:
                if self._worth_keeping:
                    journal.append({"kind": CLOSED, "t": now_text()})
            except SpinalSamError:
                pass  # all that was done is in it; only the mark of an orderly end is missing
            journal.close()
            if not self._worth_keeping:
                journal.path.unlink(missing_ok=True)
        if self._lock is not None:
            self._lock.release()
            self._lock = None


def _case_line(content: CaseContent, origin: str) -> dict[str, Any]:
    from spinalsam import __version__

    return {
        "t": now_text(),
        "program": __version__,
        "op": "open_image",
        "args": {"path": content.source, **({"series_uid": content.series_uid} if content.series_uid else {})},
        "origin": origin,
        "fingerprint": content.fingerprint,
        "size": list(content.volume.geometry.shape),
    }


def _held(folder: Path) -> str:
    return f"This case is open already ({CaseLock.holder(folder)}); here it can be looked at and exported but not changed."
