"""Sessions that are killed while they work, and write down each operation once it has been acknowledged.

``python -m tests.control.crash_session FOLDER SEED COUNT`` starts COUNT sessions one after another, each in a folder of its own and
as a process of its own (forked, since starting Python takes longer than the session), and kills each: one in three at a random
moment, one in three in the middle of a journal's line, one in three while a snapshot or an exported mask is written, checked or
renamed. A session writes ``NUMBER CHECKSUM`` after each operation, so that a test knows what must be there at least.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sys
import time
import traceback
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from spinalsam.control import journal
from spinalsam.control import session as sessions
from spinalsam.control.workspace import Workspace
from spinalsam.data.formats import safe_write
from spinalsam.errors import SpinalSamError
from tests.control import monkey
from tests.control.conftest import toy_volume
from tests.fakes import FakeSegmenter


def fingerprint(ws: Workspace) -> int:
    """Checksum of everything that a restore must bring back."""
    state = ws.state
    parts = (state.points, state.boxes, state.active_label, state.labels, state.view, ws.undo_titles, ws.redo_titles)
    return zlib.crc32(repr(parts).encode(), zlib.crc32(ws.mask.tobytes(order="F")))


def random_call(rng: random.Random, ws: Workspace) -> tuple[str, dict[str, object]]:
    """Any operation that works on the case, and exports now and then."""
    if rng.random() < 0.08:
        return "export_mask", {"path": "mask.nii.gz", "overwrite": True}
    return monkey.random_call(rng, ws)


def die_in_a_line(rng: random.Random) -> None:
    """Have the process die with a random part of one of its journal's next lines written."""
    wait = rng.randrange(4, 40)  # the first lines open the case
    plain = journal._write_all

    def write(file: Any, line: bytes) -> None:
        nonlocal wait
        wait -= 1
        if wait == 0:
            file.write(line[: rng.randrange(len(line) + 1)])
            os.kill(os.getpid(), signal.SIGKILL)
        plain(file, line)

    journal._write_all = write


def die_in_a_file(rng: random.Random) -> None:
    """Have the process die while one of the next snapshots or exports is written, flushed or renamed."""
    wait = rng.randrange(1, 12)

    def counted(plain: Callable[..., Any], *, after: bool) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            nonlocal wait
            wait -= 1
            if wait == 0 and not after:
                os.kill(os.getpid(), signal.SIGKILL)
            result = plain(*args)
            if wait == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return call

    class Hooked:
        """`os` as `safe_write` sees it."""

        def __getattr__(self, name: str) -> Any:
            plain = getattr(os, name)
            return counted(plain, after=rng.random() < 0.5) if name in ("replace", "fsync") else plain

    safe_write.os = Hooked()  # type: ignore[assignment]


def session(folder: Path, seed: int) -> None:
    """Work without end."""
    os.environ["SPINALSAM_DATA_DIR"] = str(folder)
    os.chdir(folder)
    rng = random.Random(seed)
    sessions.EVERY = 2
    (lambda _: None, die_in_a_line, die_in_a_file)[seed % 3](rng)
    log = os.open(folder / "acknowledged", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    with Workspace(segmenter=FakeSegmenter(), samples={"toy": toy_volume}) as ws:
        ws.run("open_image", path="sample:toy")
        ws.run("go_to", slice=7)
        number = 0
        while True:
            os.write(log, f"{number} {fingerprint(ws)}\n".encode())
            op, args = random_call(rng, ws)
            before = ws.revision
            with contextlib.suppress(SpinalSamError):
                ws.run(op, **args)
            number += ws.revision != before


def kill_one(folder: Path, seed: int) -> None:
    """Start a session and see that it dies: by itself where it has been told to, else up to a third of a second after its start.

    Raises OSError when it ends in any other way.
    """
    folder.mkdir()
    child = os.fork()
    if child == 0:
        try:
            session(folder, seed)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    log = folder / "acknowledged"
    while not (log.exists() and log.stat().st_size):
        if os.waitpid(child, os.WNOHANG) != (0, 0):
            raise OSError(f"session {seed} ended by itself")
        time.sleep(0.002)
    if seed % 3 == 0:
        time.sleep(random.Random(seed).uniform(0, 0.33))
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status):
        raise OSError(f"session {seed} ended by itself")


def main(folder: Path, seed: int, count: int) -> None:
    for number in range(count):
        kill_one(folder / str(number), seed + number)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
