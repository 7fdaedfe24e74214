"""Fetching published weights: resumes where it stopped, checks what arrived, and helps where a firewall stands in the way."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from spinalsam.engine.cards import sha256_of
from spinalsam.errors import ModelError, OutputError, ResourceError, is_disk_full
from spinalsam.settings import write_atomically

Progress = Callable[[float, str], None]  # fraction 0-1, message

BLOCK = 1 << 20
TIMEOUT_S = 30.0
TRIES = 5  # a dropped connection is taken up again this often
PAUSE_S = 1.0
MEGA = 1_000_000


def fetch(
    url: str,
    target: Path,
    *,
    sha256: str = "",
    size: int = 0,
    progress: Progress | None = None,
    pause_s: float = PAUSE_S,
) -> None:
    """Download to `target`, which appears only when it is whole and its SHA-256 is right.

    What has arrived stays in `target.part`, so a later call goes on from there (if the server's file is still the same).
    Raises ModelError when the server cannot be reached, refuses, or sends something else; ResourceError when the disk is
    full. `progress` may raise to stop.
    """
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise ModelError(f"'{url}' is not an address on the web; it must begin with https:// or http://.")
    part = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"The folder '{target.parent}' cannot be made: {error.strerror or error}.") from error
    for attempt in range(1, TRIES + 1):
        before = _size(part)
        try:
            _receive(url, part, size=size, progress=progress)
            break
        except urllib.error.HTTPError as error:
            error.close()
            raise ModelError(f"The server refused '{url}' ({error.code} {error.reason}). {_ELSEWHERE}") from error
        except (OSError, http.client.HTTPException) as error:
            if is_disk_full(error):
                raise ResourceError(f"The disk is full: '{target.name}' needs more room in '{target.parent}'.") from error
            if isinstance(error, (PermissionError, IsADirectoryError)):
                raise OutputError(f"'{part}' cannot be written: {error.strerror}.") from error
            # Only a connection that brought something is worth taking up again.
            if attempt == TRIES or _size(part) <= before:
                reason = getattr(error, "reason", None) or error
                raise ModelError(f"'{url}' could not be downloaded ({reason}). {_ELSEWHERE}") from error
            time.sleep(pause_s * attempt)
    _check(part, url, sha256, progress)
    os.replace(part, target)
    _facts_path(part).unlink(missing_ok=True)


_ELSEWHERE = (
    "If a hospital firewall or proxy blocks it, download the file on another computer, copy it here and run 'spinalsam models import FILE'."
)


def _receive(url: str, part: Path, *, size: int, progress: Progress | None) -> None:
    """One connection: append to the part file, or begin it anew where the server's file changed or it cannot resume."""
    have = _size(part)
    facts = _read_facts(part)
    request = urllib.request.Request(url, headers={"User-Agent": "spinalsam"})
    if have and facts.get("url") == url and facts.get("version"):
        request.add_header("Range", f"bytes={have}-")
        request.add_header("If-Range", facts["version"])
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT_S)
    except urllib.error.HTTPError as error:
        if error.code != 416 or not have:
            raise
        # Nothing left to send: the part is whole (its checksum decides) unless the server's file is of another length.
        error.close()
        if error.headers.get("Content-Range", "").endswith(f"/{have}"):
            return
        part.unlink()
        return _receive(url, part, size=size, progress=progress)
    with response:
        resumed = response.status == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        start = have if resumed else 0
        length = response.headers.get("Content-Length")
        total = start + int(length) if length else size
        _make_room(part, total - start)
        version = response.headers.get("ETag") or response.headers.get("Last-Modified") or ""
        write_atomically(_facts_path(part), json.dumps({"url": url, "version": version}).encode())
        with open(part, "ab" if resumed else "wb") as file:
            _copy(response, file, start, total, progress)


def _copy(response: Any, file: BinaryIO, done: int, total: int, progress: Progress | None) -> None:
    while block := response.read(BLOCK):
        file.write(block)
        done += len(block)
        if progress is not None:
            share = min(done / total, 1.0) if total else 0.0
            progress(share, f"{done / MEGA:.0f} of {total / MEGA:.0f} MB" if total else f"{done / MEGA:.0f} MB")
    file.flush()
    os.fsync(file.fileno())
    if total and done < total:
        raise http.client.IncompleteRead(b"", total - done)


def _check(part: Path, url: str, sha256: str, progress: Progress | None) -> None:
    if not sha256:
        return
    if progress is not None:
        progress(1.0, "checking the checksum")
    found = sha256_of(part)
    if found != sha256:
        part.unlink()
        _facts_path(part).unlink(missing_ok=True)
        raise ModelError(
            f"What came from '{url}' is not the published file: its SHA-256 is {found[:12]}…, not {sha256[:12]}…. "
            f"It was deleted. {_ELSEWHERE}"
        )


def _make_room(part: Path, needed: int) -> None:
    free = shutil.disk_usage(part.parent).free
    # The file is kept once more as safetensors before the download is deleted.
    if 2 * needed > free:
        raise ResourceError(f"The download needs {2 * needed / MEGA:.0f} MB in '{part.parent}', but {free / MEGA:.0f} MB are free.")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _facts_path(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _read_facts(part: Path) -> dict[str, str]:
    with contextlib.suppress(OSError, ValueError):
        value = json.loads(_facts_path(part).read_text(encoding="utf-8"))
        if isinstance(value, dict):
            return value
    return {}
