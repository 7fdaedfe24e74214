"""Files that appear whole or not at all: written beside the target, flushed to disk, checked, then renamed."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from spinalsam.errors import OutputError, ResourceError, is_disk_full


@dataclass(frozen=True)
class Output:
    """A file to be: where it goes, who writes its bytes, and who re-reads it (raising OutputError when it is not right)."""

    path: Path
    write: Callable[[BinaryIO], None]
    check: Callable[[Path], None] | None = None


def write_all(outputs: Sequence[Output]) -> None:
    """Write every file, check every one, and only then put them into place.

    Raises OutputError when a place cannot be written to or a re-read file is not right, ResourceError when the disk is full;
    nothing partial is left then.
    """
    temporary = [(output, _temporary(output.path)) for output in outputs]
    try:
        for output, temp in temporary:
            with _explained(output.path):
                _refuse_bad_target(output.path)
                with open(temp, "xb") as file:
                    output.write(file)
                    file.flush()
                    os.fsync(file.fileno())
        for output, temp in temporary:
            if output.check is not None:
                with _explained(output.path):
                    output.check(temp)
        for output, temp in temporary:
            with _explained(output.path):
                os.replace(temp, output.path)
                _sync_folder(output.path.parent)
    finally:
        for _, temp in temporary:
            temp.unlink(missing_ok=True)


def _temporary(path: Path) -> Path:
    """A name beside the target with the same ending, so that readers that go by the ending can check it."""
    return path.with_name(f".{uuid.uuid4().hex[:12]}.part.{path.name[-80:]}")


def _refuse_bad_target(path: Path) -> None:
    if path.is_dir():
        raise OutputError(f"'{path}' is a folder; name a file in it.")
    if not path.parent.is_dir():
        raise OutputError(f"'{path}' cannot be written: the folder '{path.parent}' does not exist; make it or choose another.")
    if path.exists() and not os.access(path, os.W_OK):
        raise OutputError(f"'{path}' cannot be written: it is write-protected; choose another name.")


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if is_disk_full(error):
            raise ResourceError(f"'{path}' cannot be written: the disk is full; make room or choose another place.") from None
        reason = (error.strerror or str(error)).lower()
        raise OutputError(f"'{path}' cannot be written: {reason}; choose another place.") from None


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable, where the system can."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        pass
    finally:
        os.close(handle)
