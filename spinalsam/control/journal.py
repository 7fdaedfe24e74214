"""The journal: one line of JSON for everything that took effect, on disk before it is acknowledged.

The first line says which case it is; each further line is one operation (docs/JOURNAL.md describes them all). Every line carries a
checksum that also covers the line before it, so a line that is damaged, missing or out of place is noticed. A last line that was cut
off by a crash is passed over. A line may carry what the operation did to the label map, so that restoring a case runs no network;
replaying ignores that and runs the operations again.

There is nothing about the patient in it except the path of the images, which is needed to open them again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, BinaryIO

from spinalsam.errors import JournalError, OutputError, ResourceError, is_disk_full

FORMAT_VERSION = 3

# Kinds of lines.
CASE, STATE, DONE, CLOSED = "case", "state", "done", "closed"
JOURNAL_ENDING = ".jsonl"

_FIRST_LINE_LIMIT = 1 << 16


@dataclass(frozen=True)
class Entry:
    """One line. number: its place, from 0. values: what it says, without number and checksum."""

    number: int
    values: dict[str, Any]

    @property
    def kind(self) -> str:
        return str(self.values.get("kind", ""))

    @property
    def op(self) -> str:
        return str(self.values.get("op", ""))


@dataclass(frozen=True)
class JournalContent:
    """What a journal file holds.

    entries: the whole lines in order. good_bytes: how long the file is up to the end of the last whole line. checksum: of that
    line. torn: whether something follows it that was not finished. damaged: whether lines cannot be trusted. rescued: whether the
    entries come from a snapshot and what follows it, so that nothing can be added to the file.
    """

    path: Path
    entries: tuple[Entry, ...]
    good_bytes: int
    checksum: str
    torn: bool = False
    damaged: bool = False
    rescued: bool = False

    @property
    def case(self) -> dict[str, Any]:
        return self.entries[0].values

    @property
    def done(self) -> tuple[Entry, ...]:
        return tuple(entry for entry in self.entries if entry.kind == DONE)

    @property
    def is_closed(self) -> bool:
        """Whether the session ended in an orderly way."""
        return bool(self.entries) and self.entries[-1].kind == CLOSED


def line_checksum(previous: str, body: str) -> str:
    """16 hexadecimal digits over the line before and this one's text."""
    return hashlib.sha256(f"{previous}\n{body}".encode()).hexdigest()[:16]


def now_text() -> str:
    """The time in UTC, to the millisecond."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def encode_line(number: int, values: dict[str, Any], previous: str) -> tuple[bytes, str]:
    """(the line's bytes, its checksum)."""
    body = json.dumps({"n": number, **values}, ensure_ascii=False, separators=(",", ":"), default=_plain)
    checksum = line_checksum(previous, body)
    # The checksum is the last value of the object, so that the covered text is the line without it.
    return f'{body[:-1]},"sum":"{checksum}"}}\n'.encode(), checksum


def _plain(value: Any) -> Any:
    """numpy's numbers and arrays as JSON."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} cannot be written into a journal")


def _decode(line: bytes, number: int, previous: str) -> tuple[Entry, str] | None:
    """The line's entry and checksum, or None when it is not whole or does not follow the one before."""
    try:
        text = line.decode("utf-8")
        body, mark, rest = text.rpartition(',"sum":"')
        if not mark or len(rest) != 18 or not rest.endswith('"}'):
            return None
        body += "}"
        checksum = rest[:16]
        if line_checksum(previous, body) != checksum:
            return None
        values = json.loads(body)
        if values.pop("n") != number:
            return None
    except (ValueError, KeyError, UnicodeDecodeError):
        return None
    return Entry(number, values), checksum


def read_journal(path: Path, *, tolerate_damage: bool = False) -> JournalContent:
    """Every whole line of a journal.

    Raises JournalError when the file cannot be read, is no journal, was written by a newer version, or is damaged before its
    last line (a torn last line is what a crash leaves and is passed over). tolerate_damage: give what stands before the damage.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise JournalError(f"The journal '{path}' cannot be read: {error.strerror or error}.") from None
    entries: list[Entry] = []
    checksum, position = "", 0
    while position < len(raw):
        end = raw.find(b"\n", position)
        decoded = _decode(raw[position:end], len(entries), checksum) if end >= 0 else None
        if decoded is None:
            break
        entry, checksum = decoded
        entries.append(entry)
        position = end + 1
    if not entries or entries[0].kind != CASE:
        raise JournalError(f"'{path}' is not a journal of this program, or its first line is damaged.")
    _check_version(path, entries[0])
    rest = raw[position:]
    damaged = b"\n" in rest[:-1]
    if damaged and not tolerate_damage:
        raise JournalError(f"Line {len(entries) + 1} of the journal '{path}' is damaged; what stands before it can be recovered.")
    return JournalContent(path, tuple(entries), position, checksum, bool(rest), damaged)


def first_line(path: Path) -> dict[str, Any] | None:
    """What a journal's first line says of its case, without reading the rest; None when that cannot be read."""
    try:
        with open(path, "rb") as file:
            decoded = _decode(file.readline(_FIRST_LINE_LIMIT).rstrip(b"\n"), 0, "")
    except OSError:
        return None
    return decoded[0].values if decoded is not None and decoded[0].kind == CASE else None


def follow(raw: bytes, number: int, checksum: str) -> list[Entry]:
    """The lines that follow line `number - 1`, of which only the checksum is known; empty where they cannot be found."""
    entries: list[Entry] = []
    for line in raw.split(b"\n"):
        decoded = _decode(line, number + len(entries), checksum) if line else None
        if decoded is not None:
            entry, checksum = decoded
            entries.append(entry)
        elif entries:
            break
    return entries


def _check_version(path: Path, first: Entry) -> None:
    version = first.values.get("format")
    if not isinstance(version, int) or version > FORMAT_VERSION:
        raise JournalError(f"The journal '{path}' was written by a newer version (format {version}); update the program.")


@dataclass
class Journal:
    """A journal that is being written; only one process may hold it (see `session`)."""

    path: Path
    _file: BinaryIO
    _number: int = 0
    _checksum: str = ""
    _good_bytes: int = field(default=0)

    @property
    def length(self) -> int:
        """How many lines it has."""
        return self._number

    @property
    def checksum(self) -> str:
        """Of its last line."""
        return self._checksum

    @classmethod
    def begin(cls, path: Path, case: dict[str, Any]) -> Journal:
        """A new journal with its first line. Raises OutputError or ResourceError; no file is left then."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            journal = cls(path, open(path, "xb", buffering=0))  # noqa: SIM115 - held until close
        except OSError as error:
            raise _write_error(path, error) from None
        try:
            journal.append({"kind": CASE, "format": FORMAT_VERSION, **case})
        except BaseException:
            journal.close()
            path.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)
        return journal

    @classmethod
    def resume(cls, content: JournalContent) -> Journal:
        """Go on with a journal after its last whole line; what was torn after it is cut off.

        A damaged journal is first copied beside itself, since cutting it loses lines that someone may still want to look at.
        """
        try:
            if content.damaged:
                shutil.copyfile(content.path, content.path.with_suffix(".damaged"))
            file = open(content.path, "r+b", buffering=0)  # noqa: SIM115 - held until close
            file.truncate(content.good_bytes)
            file.seek(content.good_bytes)
        except OSError as error:
            raise _write_error(content.path, error) from None
        return cls(content.path, file, len(content.entries), content.checksum, content.good_bytes)

    def append(self, values: dict[str, Any], *, durable: bool = True) -> None:
        """Add a line. Durable lines are on the disk on return; the others at least out of this process's hands.

        Raises OutputError or ResourceError when it could not be written; the journal is then as it was.
        """
        line, checksum = encode_line(self._number, values, self._checksum)
        self._check_untouched()
        try:
            _write_all(self._file, line)
            if durable:
                os.fsync(self._file.fileno())
        except OSError as error:
            self._take_back()
            raise _write_error(self.path, error) from None
        self._number += 1
        self._checksum = checksum
        self._good_bytes += len(line)

    def close(self) -> None:
        self._file.close()

    def _check_untouched(self) -> None:
        """Whether the file is still there and as it was left. Raises OutputError: writing on would be writing into nothing."""
        try:
            status = os.fstat(self._file.fileno())
        except OSError as error:
            raise _write_error(self.path, error) from None
        if status.st_nlink == 0 and os.name == "posix":
            raise _lost(f"The journal '{self.path}' was deleted by someone else")
        if status.st_size != self._good_bytes:
            raise _lost(f"The journal '{self.path}' was changed by someone else")

    def _take_back(self) -> None:
        try:
            self._file.truncate(self._good_bytes)
            self._file.seek(self._good_bytes)
        except OSError:
            pass  # the half line fails its checksum, so readers pass over it


def _write_all(file: BinaryIO, line: bytes) -> None:
    view = memoryview(line)
    while view:
        view = view[file.write(view) :]


# What can be done where the journal cannot be written any more: an operation's name, which the window offers as a button.
REMEDY = "keep_journal"
_REMEDY_WORDS = "'Keep journal elsewhere' in the File menu saves all of your work in another folder"


def _write_error(path: Path, error: OSError) -> OutputError | ResourceError:
    if is_disk_full(error):
        found: OutputError | ResourceError = ResourceError(
            f"The disk of '{path.parent}' is full, so the step could not be recorded and was not done; free some space and repeat it. "
            f"{_REMEDY_WORDS}."
        )
    else:
        reason = error.strerror or error
        found = OutputError(f"The journal '{path}' could not be written: {reason}; the step was not done. {_REMEDY_WORDS}.")
    found.remedy = REMEDY
    return found


def _lost(what: str) -> OutputError:
    found = OutputError(f"{what}, so the step could not be recorded and was not done. {_REMEDY_WORDS}.")
    found.remedy = REMEDY
    return found


def _sync_folder(folder: Path) -> None:
    """Make a new file's name durable, where the system can."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    except OSError:
        pass
    finally:
        os.close(descriptor)
