"""A case encoded ahead from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel
import numpy as np
import pytest

from spinalsam.cli import main
from spinalsam.engine import models
from spinalsam.settings import Settings, cache_dir
from tests.control.conftest import SHAPE, toy_voxels
from tests.fakes import FakeSegmenter


@pytest.fixture
def graded(tmp_path: Path) -> Path:
    """The toy case with no two slices alike."""
    voxels = toy_voxels() + np.arange(SHAPE[2], dtype=np.int16)
    nibabel.save(nibabel.Nifti1Image(voxels, np.diag([1.0, 1.0, 2.5, 1.0])), tmp_path / "graded.nii.gz")
    return tmp_path / "graded.nii.gz"


def test_every_slice_is_kept_on_disk_and_a_second_run_encodes_none(graded: Path, monkeypatch, capsys) -> None:
    made: list[FakeSegmenter] = []

    def load(*_args, **_options) -> FakeSegmenter:
        made.append(FakeSegmenter())
        return made[-1]

    monkeypatch.setattr(models, "load_segmenter", load)
    assert main(["precompute", str(graded), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["slices"] == SHAPE[2] and document["plane"] == "axial"
    assert len(list((cache_dir() / "embeddings").glob("*/*.safetensors"))) == SHAPE[2]
    assert main(["precompute", str(graded)]) == 0
    assert [segmenter.encoded for segmenter in made] == [SHAPE[2], 0]
    assert "14 of 14" in capsys.readouterr().out


def test_a_network_of_windows_says_that_it_needs_none(graded: Path, monkeypatch, capsys) -> None:
    windows = FakeSegmenter()
    windows.encodes_windows = True  # type: ignore[attr-defined]
    monkeypatch.setattr(models, "load_segmenter", lambda *_a, **_k: windows)
    assert main(["precompute", str(graded)]) == 0
    assert "needs no precomputing" in capsys.readouterr().out


@pytest.mark.usefixtures("fake_model")
def test_without_a_disk_cache_it_is_refused(graded: Path, capsys) -> None:
    Settings(disk_cache_mb=0).save()
    assert main(["precompute", str(graded)]) == 2
    assert "switched off" in capsys.readouterr().err
