"""Old undo steps on disk: what a day's edits take of the memory is bounded, how far undo reaches is not.

The file is temporary and has no name: it goes with the process. It is no recovery; that is the journal.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from typing import IO

import numpy as np
from numpy.typing import NDArray

from spinalsam.control.packing import PackedEdit


@dataclass(frozen=True)
class SpilledEdit:
    """A `PackedEdit` whose bytes lie in a file. shell: the edit without its bytes. parts: (offset, length) of before and after."""

    shell: PackedEdit
    parts: tuple[tuple[int, int], tuple[int, int]]
    file: IO[bytes]

    lower_ijk = property(lambda self: self.shell.lower_ijk)
    upper_ijk = property(lambda self: self.shell.upper_ijk)
    lost = property(lambda self: self.shell.lost)
    won = property(lambda self: self.shell.won)

    def block(self, *, back: bool) -> NDArray[np.unsignedinteger]:
        """As of a `PackedEdit`."""
        packed, part = (self.shell.before, self.parts[0]) if back else (self.shell.after, self.parts[1])
        return replace(packed, data=self._read(*part)).array()

    @property
    def nbytes(self) -> int:
        """What it takes of the memory."""
        return 0

    def _read(self, offset: int, length: int) -> bytes:
        self.file.seek(offset)
        return self.file.read(length)


class SpillFile:
    """Where edits are put; made when the first one comes."""

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None
        self._end = 0

    def put(self, edit: PackedEdit) -> SpilledEdit:
        """Raises OSError when there is no room; the edit in memory is then as good as before."""
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="spinalsam-undo-")  # noqa: SIM115 - lives as long as the history
        parts = (self._write(edit.before.data), self._write(edit.after.data))
        self._file.flush()
        shell = replace(edit, before=replace(edit.before, data=b""), after=replace(edit.after, data=b""))
        return SpilledEdit(shell, parts, self._file)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write(self, data: bytes) -> tuple[int, int]:
        assert self._file is not None
        self._file.seek(self._end)
        self._file.write(data)
        place = (self._end, len(data))
        self._end += len(data)
        return place
