"""One process works on a case at a time: a lock file that the system frees when its holder dies."""

from __future__ import annotations

import errno
import json
import os
import socket
import sys
from pathlib import Path
from typing import BinaryIO


class CaseLock:
    """The lock of one case's folder, held from `acquire` to `release`."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path = path
        self._file = file

    @classmethod
    def acquire(cls, folder: Path) -> CaseLock | None:
        """The lock, or None when another process (or another workspace of this one) holds it. Raises OSError."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "lock"
        file = open(path, "a+b", buffering=0)  # noqa: SIM115 - held until release
        if not _lock(file):
            file.close()
            return None
        try:
            file.truncate(0)
            file.write(json.dumps({"process": os.getpid(), "host": socket.gethostname()}).encode())
        except OSError:
            pass  # who holds it is only told to others; holding it is what counts
        return cls(path, file)

    @staticmethod
    def holder(folder: Path) -> str:
        """Who holds the lock, in words."""
        try:
            who = json.loads((folder / "lock").read_text(encoding="utf-8"))
            return f"process {int(who['process'])} on {who['host']}"
        except (OSError, ValueError, KeyError, TypeError):
            return "another window"

    def release(self) -> None:
        self._file.close()


if sys.platform == "win32":  # pragma: no cover - the tests run elsewhere
    import msvcrt

    # Far beyond the text, so that others can still read who holds it.
    _FAR = 1 << 30

    def _lock(file: BinaryIO) -> bool:
        try:
            file.seek(_FAR)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        file.seek(0)
        return True

else:
    import fcntl

    # What some network drives answer. A case there is worked on unguarded rather than unrecorded: every session has a journal of its own.
    _NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)

    def _lock(file: BinaryIO) -> bool:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
        return True
