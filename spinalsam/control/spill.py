"""Old undo steps on disk: what a day's edits take of the memory is bounded, how far undo reaches is not.

The file is temporary and has no name: it goes with the process. It is no recovery; that is the journal.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from typing import IO

from spinalsam.control.operation import MaskEdit
from spinalsam.control.packing import PackedEdit


@dataclass(frozen=True)
class SpilledEdit:
    """A `PackedEdit` whose bytes lie in a file. shell: the edit without its bytes. parts: (offset, length) of before and after."""

    shell: PackedEdit
    parts: tuple[tuple[int, int], tuple[int, int]]
    file: IO[bytes]

    def edit(self) -> MaskEdit:
        before, after = (self._read(*part) for part in self.parts)
        shell = self.shell
        return PackedEdit(shell.lower_ijk, replace(shell.before, data=before), replace(shell.after, data=after)).edit()

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
        shell = PackedEdit(edit.lower_ijk, replace(edit.before, data=b""), replace(edit.after, data=b""))
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
