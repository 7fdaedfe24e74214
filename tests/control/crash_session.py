"""Sessions that are killed while they work, and write down each operation once it has been acknowledged.

``python -m tests.control.crash_session FOLDER SEED COUNT`` starts COUNT sessions one after another, each in a folder of its own and
as a process of its own (forked, since starting Python takes longer than the session), and kills each at a random moment. A session
writes ``NUMBER CHECKSUM`` after each operation, so that a test knows what must be there at least.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sys
import time
import zlib
from pathlib import Path

from spinalsam.control.workspace import Workspace
from spinalsam.errors import SpinalSamError
from tests.control.conftest import toy_volume
from tests.fakes import FakeSegmenter


def fingerprint(ws: Workspace) -> int:
    """Checksum of everything that a restore must bring back."""
    state = ws.state
    parts = (state.points, state.boxes, state.active_label, state.labels, state.view, ws.undo_titles, ws.redo_titles)
    return zlib.crc32(repr(parts).encode(), zlib.crc32(ws.mask.tobytes(order="F")))


def random_call(rng: random.Random) -> tuple[str, dict[str, object]]:
    x, y = rng.randrange(40), rng.randrange(36)
    return rng.choice(
        [
            ("add_points", {"at": [[x, y]], "label": rng.choice(["positive", "negative"])}),
            ("add_box", {"corners": [x, y, rng.randrange(40), rng.randrange(36)]}),
            ("generate_point_mask", {}),
            ("generate_box_mask", {}),
            ("choose_candidate", {}),
            ("propagate", {}),
            ("clear_points", {}),
            ("clear_boxes", {}),
            ("set_label", {"regions": [rng.choice(["L1", "L2", "L3"])]}),
            ("navigate", {"direction": rng.choice(["next", "previous"])}),
            ("undo", {"count": rng.randint(1, 3)}),
            ("redo", {}),
            ("clear_mask", {}),
        ]
    )


def session(folder: Path, seed: int) -> None:
    """Work without end."""
    os.environ["SPINALSAM_DATA_DIR"] = str(folder)
    rng = random.Random(seed)
    log = os.open(folder / "acknowledged", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    with Workspace(segmenter=FakeSegmenter(), samples={"toy": toy_volume}) as ws:
        ws.run("open_image", path="sample:toy")
        ws.run("go_to", slice=7)
        number = 0
        while True:
            os.write(log, f"{number} {fingerprint(ws)}\n".encode())
            op, args = random_call(rng)
            before = ws.revision
            with contextlib.suppress(SpinalSamError):
                ws.run(op, **args)
            number += ws.revision != before


def kill_one(folder: Path, seed: int) -> None:
    """Start a session and kill it up to a third of a second after its first operation. Raises OSError when it ends by itself."""
    folder.mkdir()
    child = os.fork()
    if child == 0:
        try:
            session(folder, seed)
        finally:
            os._exit(1)
    log = folder / "acknowledged"
    while not (log.exists() and log.stat().st_size):
        if os.waitpid(child, os.WNOHANG) != (0, 0):
            raise OSError("the session ended by itself")
        time.sleep(0.002)
    time.sleep(random.Random(seed).uniform(0, 0.33))
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status):
        raise OSError("the session ended by itself")


def main(folder: Path, seed: int, count: int) -> None:
    for number in range(count):
        kill_one(folder / str(number), seed + number)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
