"""What every test shares: folders of its own, no visible window, and the way to real CT where it is at hand."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
SHARED_DATA = REPOSITORY.parent / "shared" / "data"

# Before anything imports Qt; a test that needs a real window sets its own platform in a process of its own.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


@pytest.fixture(autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test keeps its settings, downloads, cache and journals in a folder of its own, and reaches no language endpoint."""
    home = tmp_path_factory.mktemp("home")
    for name in ("DATA", "CACHE", "CONFIG"):
        monkeypatch.setenv(f"SPINALSAM_{name}_DIR", str(home / name.lower()))
        monkeypatch.setenv(f"XDG_{name}_HOME", str(home / f"xdg_{name.lower()}"))
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "xdg_state"))
    for name in ("DEEPSEEK_API_KEY", "SPINALSAM_API_KEY", "OPENAI_API_KEY", "SPINALSAM_SETTINGS"):
        monkeypatch.delenv(name, raising=False)
    return home


@pytest.fixture(autouse=True)
def no_listener_fails(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """What a listener of a workspace raises is only logged, as the step is done; in a test it is a failure."""
    yield
    failed = [record for when in ("setup", "call") for record in caplog.get_records(when) if record.name == "spinalsam.control.workspace"]
    assert not failed, [record.exc_text or record.getMessage() for record in failed]


@pytest.fixture(scope="session")
def shared_data() -> Callable[..., Path]:
    """``shared_data("dcmqi", "ct-3slice")`` is that path of the development data; the test is skipped where it is absent."""

    def find(*parts: str) -> Path:
        path = SHARED_DATA.joinpath(*parts)
        if not path.exists():
            pytest.skip(f"the development data '{'/'.join(parts)}' is not beside the repository")
        return path

    return find


Run = Callable[..., "Answer"]


class Answer:
    """What one command did."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def json(self) -> dict:
        return json.loads(self.out)

    def failed(self, code: int, *words: str) -> None:
        """It failed with this code and one line that holds the words, and printed nothing else."""
        lines = self.err.splitlines()
        assert self.code == code, self.err
        assert len(lines) == 1, self.err
        assert "Traceback" not in self.err
        assert self.out == ""
        for word in words:
            assert word in lines[0], lines[0]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    """Run a command in this process."""

    def call(*words: object) -> Answer:
        from spinalsam.cli import main

        capfd.readouterr()
        code = main([str(word) for word in words])
        out, err = capfd.readouterr()
        return Answer(code, out, err)

    return call


@pytest.fixture
def fake_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that answers at once; an unknown name is still an unknown name."""
    from spinalsam.engine import models
    from spinalsam.errors import ModelError
    from tests.fakes import FakeSegmenter

    def load(name: str | None = None, device: str = "auto", **_: object) -> FakeSegmenter:
        if name not in (None, "fake"):
            raise ModelError(f"There is no model '{name}'.")
        return FakeSegmenter()

    monkeypatch.setattr(models, "load_segmenter", load)


@pytest.fixture
def ct(tmp_path: Path) -> Path:
    """A small CT with a bright cuboid at [8:16, 10:20, 3:9]."""
    import nibabel
    import numpy as np

    voxels = np.full((24, 30, 12), -100, np.int16)
    voxels[8:16, 10:20, 3:9] = 600
    affine = np.array([[-1.5, 0, 0, 40], [0, -1.5, 0, 50], [0, 0, 3, -20], [0, 0, 0, 1.0]])
    path = tmp_path / "ct.nii.gz"
    nibabel.save(nibabel.Nifti1Image(voxels, affine), path)
    return path
