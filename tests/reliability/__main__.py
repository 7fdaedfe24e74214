"""``python -m tests.reliability``: the table of docs/RELIABILITY.md, measured now.

    python3 start.py test --reliability [--kills 300] [--soak 2000] [--fuzz-minutes 1] [--slices 600] [--only WORD] [--json] [--write]

Every row says what is promised, what is required, what was found and whether that holds; the exit code is 1 where one does not.
--write puts the table into docs/RELIABILITY.md. One process works at a time.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data"
PAGE = ROOT / "docs" / "RELIABILITY.md"
BEGIN, END = "<!-- table: python3 start.py test --reliability --write -->", "<!-- end of table -->"
MEMORY_LIMIT, SOAK_LIMIT, REOPEN_LIMIT_S = 2.5, 0.05, 2.0


@dataclass(frozen=True)
class Found:
    """What a row found, in words, and whether it is what was promised; None where it could not be tried here."""

    text: str
    holds: bool | None


@dataclass(frozen=True)
class Row:
    """One promise. required: what must be found for it to hold."""

    name: str
    required: str
    run: Callable[[], Found]


def counted(run: Callable[[], tuple[int, int]], least: int) -> Callable[[], Found]:
    """A row that counts: as many must be right as were tried, and at least so many tried."""

    def found() -> Found:
        good, tried = run()
        if not tried:
            return Found("not tried: the development data is not beside the repository", None)
        return Found(f"{good} of {tried}", good == tried >= least)

    return found


def rows(options: argparse.Namespace) -> list[Row]:
    from tests.reliability import geometry

    kinds = ("nii", "nii.gz", "nrrd", "dicom")
    return [
        Row("Orientations x planes x formats come back exactly (NIfTI packed and not, NRRD, Slicer segmentation, MetaImage)",
            "48 x 3 x 5 = 720", counted(geometry.orientations, 720)),
        Row("DICOM segmentations of series in every orientation, slice by slice", "24 x 3 = 72",
            counted(geometry.dicom_segmentations, 72)),
        Row("Sheared and left-handed grids, and VerSe 004, open and export as they came", "48 + 1",
            counted(lambda: geometry.sheared(SHARED), 48)),
        Row("One slice in 16 transfer-syntax files: lossless ones identical", "16",
            counted(lambda: geometry.transfer_syntaxes(SHARED), 16)),
        Row("The program is killed, in writes too: at most the operation in flight is lost, files are whole", "300 of 300",
            counted(lambda: kills(options.kills), options.kills)),
        Row("Bad inputs with a name: one clear line, the right exit code, no partial file", "60 or more", counted(bad_inputs, 60)),
        Row("Damage that fuzzing found once stays mended", "all", counted(findings, 1)),
        *(Row(f"Fuzzing of {name}", "no finding", lambda name=name: fuzz(name, options.fuzz_minutes))
          for name in ("images", "masks", "journals", "prompts", "cards", "sentences", "tables") if options.fuzz_minutes),
        Row(f"Memory over {options.soak} random operations", f"flat within {SOAK_LIMIT:.0%}", lambda: soak(options.soak)),
        *(Row(f"Peak memory while 512 x 512 x {options.slices} int16 opens ({kind})", f"{MEMORY_LIMIT} x its size or less",
              lambda kind=kind: memory(kind, options.slices)) for kind in kinds),
        Row("A case comes back after 1,000 steps on 512 x 512 x 300 (beyond reading the image)",
            f"under {REOPEN_LIMIT_S:g} s, identical", reopen),
        *(Row(name, "passes", lambda words=words: suite(words)) for name, words in SUITES),
    ]  # fmt: skip


# Promises that the suite's own tests hold, run once more by name.
SUITES = (
    ("Decompression bombs and headers of 10^12 voxels are refused before memory is touched",
     ["tests/data/test_bad_inputs.py", "-k", "bomb or memory"]),
    ("Replay gives the identical mask", ["tests/control/test_recovery.py", "-k", "replay"]),
    ("Replay by another runtime or precision: Dice 0.999 or more", ["tests/control/test_replay_runtimes.py"]),
    ("Unevenly spaced series: refused with where, or resampled on request and told, placed and recorded as such",
     ["tests/data/test_dicom_resample.py"]),
    ("RT structure sets are filled to exactly the mask by other libraries, holes and all", ["tests/data/test_rtstruct.py"]),
    ("Full disk, lost drive, deleted or changed journal, clock going backwards, changed image: nothing lost",
     ["tests/control/test_snapshot.py"]),
    ("Two windows on one case: the second is read-only and says why", ["tests/control/test_recovery.py", "-k", "second or elsewhere"]),
    ("A path in a sentence or a call never overwrites without asking",
     ["tests/control/test_saving.py", "tests/control/test_masks.py", "tests/ui/test_main_window.py",
      "tests/reliability/test_overwriting.py", "-k", "overwrit or replace or exists"]),
    ("Surfaces are watertight, outward and of true size, as VTK reads them", ["tests/data/test_surface.py"]),
    ("Masks of other programs keep their anatomy, not their numbers", ["tests/data/test_naming.py"]),
)  # fmt: skip


def kills(count: int) -> tuple[int, int]:
    from tests.control import test_crash

    survived = 0
    with tempfile.TemporaryDirectory() as place:
        python("tests.control.crash_session", place, "1000", str(count))
        for number in range(count):
            os.environ["SPINALSAM_DATA_DIR"] = str(Path(place) / str(number))
            try:
                test_crash.check(Path(place) / str(number))
                survived += 1
            except Exception as error:
                say(f"kill {number}: {type(error).__name__}: {error}")
    return survived, count


def bad_inputs() -> tuple[int, int]:
    from tests.reliability.bad_inputs import BAD, complaint

    complaints = {bad.name: complaint(bad) for bad in BAD}
    for name, wrong in complaints.items():
        if wrong:
            say(f"{name}: {wrong}")
    return sum(not wrong for wrong in complaints.values()), len(BAD)


def findings() -> tuple[int, int]:
    found = python("tests.reliability.fuzz", "findings")
    return sum(not wrong for wrong in found.values()), len(found)


def fuzz(name: str, minutes: float) -> Found:
    result = python("tests.reliability.fuzz", name, str(minutes * 60), str(int(time.time()) % 100000))
    words = f"{result['inputs']:,} inputs in {minutes:g} min, {len(result['findings'])} findings"
    return Found(words, not result["findings"])


def soak(count: int) -> Found:
    result = python("tests.reliability.measure", "soak", str(count))
    megabytes = f"{result['early_mb']:.0f} to {result['late_mb']:.0f} MB ({result['growth']:+.1%})"
    words = f"{megabytes}; {result['done']} done, {result['refused']} refused"
    return Found(words, abs(result["growth"]) <= SOAK_LIMIT)


def memory(kind: str, slices: int) -> Found:
    result = python("tests.reliability.measure", "memory", kind, str(slices))
    return Found(f"{result['share']:.2f} x, {result['seconds']} s", result["share"] <= MEMORY_LIMIT and result["voxel_type"] == "int16")


def reopen() -> Found:
    result = python("tests.reliability.measure", "reopen", "1000", "300")
    same = "identical" if result["same"] else "NOT identical"
    words = f"{result['journal_s']:.2f} s of processor time for {result['steps']} steps, {same}"
    return Found(words, result["same"] and result["journal_s"] < REOPEN_LIMIT_S)


def suite(words: list[str]) -> Found:
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    ends = [line for line in done.stdout.splitlines() if any(word in line for word in (" passed", " failed", " error"))]
    return Found(ends[-1].strip("= ").split(" in ")[0] if ends else "nothing ran", done.returncode == 0)


def python(module: str, *words: str) -> dict[str, Any]:
    """A module of the tests in a process of its own; its last line of JSON."""
    settings = {**os.environ, "OMP_NUM_THREADS": "1", "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run([sys.executable, "-m", module, *words], cwd=ROOT, env=settings, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{module} ended with {done.returncode}: {done.stderr[-400:]}")
    return json.loads(done.stdout.splitlines()[-1]) if done.stdout.strip() else {}


def say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def measure(wanted: list[Row], keep: Callable[[list[dict[str, Any]]], None] = lambda _: None) -> list[dict[str, Any]]:
    """keep: told after every row, so that a run that is stopped loses only the row that it was at."""
    document: list[dict[str, Any]] = []
    for row in wanted:
        started = time.monotonic()
        try:
            found = row.run()
        except Exception as error:  # a row that breaks is a row that does not hold
            found = Found(f"{type(error).__name__}: {error}"[:300], False)
        seconds = round(time.monotonic() - started)
        document.append({"promise": row.name, "required": row.required, "found": found.text, "holds": found.holds, "seconds": seconds})
        keep(document)
        say(f"{_mark(found.holds):8}{row.name}: {found.text} ({seconds} s)")
    return document


def _mark(holds: bool | None) -> str:
    return {True: "holds", False: "FAILS", None: "untried"}[holds]


def as_markdown(document: list[dict[str, Any]]) -> str:
    lines = ["| promise | required | found | |", "|---|---|---|---|"]
    return "\n".join([*lines, *(_line(row) for row in document)])


def _line(row: dict[str, Any]) -> str:
    return f"| {row['promise']} | {row['required']} | {row['found']} | {_mark(row['holds'])} |"


def write_page(document: list[dict[str, Any]], names: list[str]) -> None:
    """Put the measured rows into the page's table; rows that were not measured now stay as they are."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    table, _, after = rest.partition(END)
    known = {line.split(" | ")[0].removeprefix("| "): line for line in table.splitlines() if line.startswith("| ")}
    known |= {row["promise"]: _line(row) for row in document}
    lines = [known[name] for name in names if name in known]
    where = f"Python {platform.python_version()}, {platform.system()} on {platform.machine()}, {os.cpu_count()} processor cores"
    table = "\n".join([*as_markdown([]).splitlines(), *lines, "", f"Measured with {where}."])
    PAGE.write_text(f"{before}{BEGIN}\n\n{table}\n\n{END}{after}", encoding="utf-8")


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="start.py test --reliability", description="The table of docs/RELIABILITY.md, measured now.")
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--soak", type=int, default=2000)
    parser.add_argument("--slices", type=int, default=600)
    parser.add_argument("--fuzz-minutes", type=float, default=1.0)
    parser.add_argument("--only", default="", help="only rows whose text holds one of these words, separated by commas")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", action="store_true", help="put the table into docs/RELIABILITY.md")
    options = parser.parse_args(words)
    with tempfile.TemporaryDirectory() as home:
        for name in ("DATA", "CACHE", "CONFIG"):
            os.environ[f"SPINALSAM_{name}_DIR"] = str(Path(home) / name.lower())
        every = rows(options)
        names = [row.name for row in every]
        chosen = [row for row in every if any(word.lower() in row.name.lower() for word in options.only.split(","))]
        document = measure(chosen, (lambda document: write_page(document, names)) if options.write else lambda _: None)
    sys.stdout.write((json.dumps(document, indent=1, ensure_ascii=False) if options.json else as_markdown(document)) + "\n")
    return int(any(row["holds"] is False for row in document))


if __name__ == "__main__":
    sys.exit(main())
