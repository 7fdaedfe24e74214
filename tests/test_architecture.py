"""The rules of the house: imports point down, heavy libraries stay where they belong, and nothing names one machine."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

# Blocks libraries as if they were not installed, then runs what follows in the same process.
BLOCK = """
import sys

class Missing:
    def __init__(self, names):
        self.names = names

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in self.names:
            raise ImportError(f"{name} is blocked in this test")

sys.meta_path.insert(0, Missing({names!r}))
"""
QT = {"PyQt5", "pyqtgraph", "sip"}
LISTED = ("py", "md", "toml", "yaml", "yml", "lock", "txt", "json", "cfg", "sh", "svg", "qss")


def run_python(code: str, *, blocked: set[str] = frozenset(), **options: object) -> subprocess.CompletedProcess:
    """Run code in a fresh interpreter that finds the package as the tests do."""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
    source = BLOCK.replace("{names!r}", repr(set(blocked))) + code
    return subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=300, env=environment, **options)


def test_imports_point_down() -> None:
    # In a process of its own: it sets logging up anew, which would silence the loggers that later tests listen to.
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(config_filename='pyproject.toml', no_logo=True))"
    done = run_python(code, cwd=REPOSITORY)
    assert done.returncode == 0, done.stdout


def test_libraries_are_imported_only_where_they_belong() -> None:
    """Qt in ui; torch and its relatives in engine, device and training; readers of files in data; openai in language."""
    allowed = {
        "PyQt5": ("ui",),
        "pyqtgraph": ("ui",),
        "vtk": ("ui",),
        "vtkmodules": ("ui",),
        "torch": ("engine", "device", "training", "benchmark"),
        "segment_anything": ("engine",),
        "peft": ("engine", "training"),
        "onnxruntime": ("engine", "device"),
        "openvino": ("engine", "device"),
        "SimpleITK": ("data", "benchmark"),
        "pydicom": ("data",),
        "highdicom": ("data",),
        "nibabel": ("data",),
        "openai": ("language",),
        "dask": ("control",),
        "distributed": ("control",),
    }
    wrong = []
    for path in sorted((REPOSITORY / "spinalsam").rglob("*.py")):
        place = path.relative_to(REPOSITORY / "spinalsam").parts[0]
        for line in path.read_text(encoding="utf-8").splitlines():
            found = re.match(r"\s*(?:from|import)\s+(\w+)", line)
            if found and found[1] in allowed and place not in allowed[found[1]]:
                wrong.append(f"{path.relative_to(REPOSITORY)}: {line.strip()}")
    assert not wrong


def test_qt_is_imported_by_the_window_only() -> None:
    """Every module but those of ui can be imported with Qt missing."""
    code = """
import importlib, pkgutil, spinalsam
names = [m.name for m in pkgutil.walk_packages(spinalsam.__path__, "spinalsam.", onerror=lambda n: None)
         if not m.name.startswith(("spinalsam.ui", "spinalsam.__main__"))]
for name in names:
    importlib.import_module(name)
print(len(names))
"""
    done = run_python(code, blocked=QT)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 60


def test_the_main_job_is_done_without_qt(ct: Path, tmp_path: Path) -> None:
    """Commands and the Python package, with the shipped network, as on a server on which PyQt5 was never installed."""
    code = f"""
import spinalsam
from spinalsam.cli import main
ct, out = {str(ct)!r}, {str(tmp_path)!r}
codes = [main(words) for words in (
    ["segment", ct, "-o", out + "/a.nii.gz", "--box", "7,9,5,16,20,5", "--label", "L3"],
    ["segment", ct, "-o", out + "/b.nrrd", "--say", "go to slice 6, add a box [7, 9, 16, 20] and generate the mask"],
    ["evaluate", "--pred", out + "/a.nii.gz", "--truth", out + "/a.nii.gz"],
    ["info", ct], ["devices"], ["models"], ["models", "verify"], ["parse", "segment L3"],
)]
with spinalsam.open(ct) as ws:
    ws.run("go_to", slice=6)
    ws.run("add_box", corners=[7, 9, 16, 20], regions=["L3"])
    ws.run("generate_box_mask")
    ws.export(out + "/c.nii.gz")
    journal = str(ws.journal_path)
codes.append(main(["replay", journal, "-o", out + "/d.nii.gz"]))
print("codes", codes, "window", main(["open", ct]), [name for name in sys.modules if "qt" in name.lower()])
"""
    done = run_python(code, blocked=QT)
    assert done.stdout.splitlines()[-1:] == [f"codes {[0] * 9} window 2 []"], done.stdout + done.stderr
    assert "PyQt5" in done.stderr.splitlines()[-1]
    assert {path.name for path in tmp_path.iterdir()} >= {"a.nii.gz", "b.nrrd", "c.nii.gz", "d.nii.gz"}


@pytest.mark.parametrize(
    ("arguments", "limit"),
    [(["parse", "add three points on L2"], 1), (["segment", "--help"], 1), (["segment", "missing.nii.gz"], 1)],
)
def test_light_commands_import_neither_torch_nor_qt_nor_simpleitk(arguments: list[str], limit: int) -> None:
    code = f"""
from spinalsam.cli import main
main({arguments!r})
heavy = sorted({{name.split(".")[0] for name in sys.modules}} & {{"torch", "PyQt5", "SimpleITK", "pydicom", "nibabel", "vtk", "scipy"}})
print("heavy:", heavy)
"""
    done = run_python(code)
    assert done.stdout.rstrip().endswith("heavy: []"), done.stdout + done.stderr
    assert limit


def test_importing_the_package_is_light() -> None:
    code = """
import spinalsam, spinalsam.cli, spinalsam.control.operations, spinalsam.language
print(sorted(set(sys.modules) & {"torch", "SimpleITK", "pydicom", "nibabel", "PyQt5", "skimage", "openai", "PIL", "scipy"}))
"""
    done = run_python(code)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_no_file_names_a_machine() -> None:
    """No home folders, work folders or addresses of package registries in anything that is kept."""
    folders = [re.escape("/" + "work/"), re.escape("/" + "root/"), r"/home/[a-z]+/", r"C:\\+Users", "/" + "opt/wheels"]
    registries = ["pypi" + r"\.org", "index-" + "url"]
    pattern = re.compile("|".join(folders + registries))
    wrong = []
    for path in kept_files():
        if path.suffix.lstrip(".") in LISTED or path.name in ("LICENSE", "run"):
            for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
                if pattern.search(line):
                    wrong.append(f"{path.relative_to(REPOSITORY)}:{number}: {line.strip()[:120]}")
    assert not wrong


def test_every_package_has_an_init_and_every_module_says_what_it_is() -> None:
    silent = []
    for path in sorted((REPOSITORY / "spinalsam").rglob("*.py")):
        if not path.read_text(encoding="utf-8").lstrip().startswith(('"""', "'''", "#")):
            silent.append(str(path.relative_to(REPOSITORY)))
        assert (path.parent / "__init__.py").exists(), path.parent
    assert not silent


def kept_files() -> list[Path]:
    """The files under version control, or all of them where there is no repository (an unpacked source archive)."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True)
    if done.returncode == 0 and done.stdout:
        return [path for name in done.stdout.decode().split("\0") if name and (path := REPOSITORY / name).is_file()]
    hidden = (".venv", ".git", "__pycache__")
    return [path for path in REPOSITORY.rglob("*") if path.is_file() and not set(path.parts) & set(hidden)]
