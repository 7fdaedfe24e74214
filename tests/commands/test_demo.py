"""The demo leaves a mask, a picture and figures, on a small sample made here."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image

from spinalsam.cli import main
from spinalsam.commands import demo, samples
from spinalsam.engine import models
from spinalsam.errors import OutputError
from spinalsam.support.anatomy import label_value
from spinalsam.support.calls import OperationCall
from tests.fakes import FakeSegmenter


@dataclass(frozen=True)
class Understood:
    """What a parser answers."""

    calls: tuple[OperationCall, ...]
    confidence: float = 1.0


@pytest.fixture
def small_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> samples.SampleFiles:
    """Five bright blocks, one a lumbar vertebra, in LPS with 2 mm voxels."""
    voxels = np.full((40, 50, 60), -80, np.int16)
    labels = np.zeros(voxels.shape, np.uint8)
    for number, name in enumerate(("L5", "L4", "L3", "L2", "L1")):
        block = np.s_[10:30, 15:35, 4 + 11 * number : 12 + 11 * number]
        voxels[block], labels[block] = 500, label_value(name)
    affine = np.diag([-2.0, -2.0, 2.0, 1.0])
    files = samples.SampleFiles(tmp_path / "ct.nii.gz", tmp_path / "reference.nii.gz")
    nibabel.save(nibabel.Nifti1Image(voxels, affine), files.image)
    nibabel.save(nibabel.Nifti1Image(labels, affine), files.reference)
    monkeypatch.setattr(samples, "sample_files", lambda: files)
    monkeypatch.setattr(models, "load_segmenter", lambda *_a, **_k: FakeSegmenter())
    return files


@pytest.fixture
def understood(monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo's sentence, already parsed: the parser has tests of its own."""
    import spinalsam.language

    calls = (OperationCall("generate_box_mask"), OperationCall("measure", {"regions": ["L3"]}))
    monkeypatch.setattr(spinalsam.language, "parse", lambda *_a, **_k: Understood(calls), raising=False)


@pytest.mark.usefixtures("understood")
def test_the_main_job_is_done(small_sample: samples.SampleFiles, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert main(["demo", "--headless", "--out", str(out), "--json"]) == 0, capfd.readouterr().err
    document = json.loads(capfd.readouterr().out)
    assert {row["label"] for row in document["labels"]} == {"L1", "L2", "L3", "L4", "L5"}
    assert min(row["dice"] for row in document["labels"]) > 0.95
    mask, image = nibabel.load(out / "mask.nii.gz"), nibabel.load(small_sample.image)
    assert np.array_equal(mask.affine, image.affine)
    assert set(np.unique(np.asarray(mask.dataobj))) == {0, 20, 21, 22, 23, 24}
    rows = list(csv.DictReader((out / "figures.csv").read_text().splitlines()))
    assert [row["label"] for row in rows] == [row["label"] for row in document["labels"]]
    assert json.loads((out / "figures.json").read_text())["labels"] == document["labels"]
    colours = np.asarray(Image.open(out / "overlay.png").convert("RGB")).reshape(-1, 3).astype(int)
    assert (np.ptp(colours, axis=1) > 60).sum() > 500  # the masks are in colour on a grey picture
    assert sorted(path.name for path in out.iterdir()) == ["figures.csv", "figures.json", "mask.nii.gz", "mask.nii.gz.json", "overlay.png"]


def test_the_sentence_is_understood_as_meant() -> None:
    language = pytest.importorskip("spinalsam.language")
    from spinalsam.control.operations import SPOKEN_SPECS

    calls = language.parse(demo.SENTENCE, SPOKEN_SPECS, {"has_boxes": True}).calls
    assert [call.to_json() for call in calls] == [
        {"op": "generate_box_mask", "args": {}},
        {"op": "measure", "args": {"regions": ["L3"]}},
    ]


def test_an_unwritable_folder_is_one_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert main(["demo", "--headless", "--out", str(tmp_path / "file" / "out")]) == 3
    assert len(capfd.readouterr().err.strip().splitlines()) == 1


def test_the_sample_case_is_kept_elsewhere_where_the_cache_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("SPINALSAM_CACHE_DIR", str(tmp_path / "file" / "cache"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    with pytest.raises(OutputError, match="SPINALSAM_CACHE_DIR"):
        (tmp_path / "temporary").touch()
        samples._folder()
    (tmp_path / "temporary").unlink()
    assert samples._folder().parent == tmp_path / "temporary"
