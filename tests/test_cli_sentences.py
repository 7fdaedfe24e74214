"""`segment --say`: sentences alone, after prompts, with a label, and with nothing to do."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel
import numpy as np
import pytest

from spinalsam.language.schema import ParseResult
from spinalsam.support.calls import OperationCall
from tests.conftest import Run

pytestmark = pytest.mark.usefixtures("fake_model")
BOX = "7,9,5,16,20,5"
# The cuboid of the CT on the shown slice, whose columns run as the file's.
SAID_BOX = "go to slice 6, add a box [7, 9, 16, 20] and generate the mask"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "m.nii.gz"


def voxels(path: Path) -> dict[int, int]:
    """How many voxels each label has."""
    values, counts = np.unique(np.asarray(nibabel.load(path).dataobj), return_counts=True)
    return {int(value): int(count) for value, count in zip(values, counts, strict=True) if value}


def test_a_sentence_alone_draws_its_box_and_makes_the_mask(run: Run, ct: Path, out: Path) -> None:
    answer = run("segment", ct, "-o", out, "--say", SAID_BOX, "--json")
    assert answer.code == 0, answer.err
    assert voxels(out) == {100: 80}
    assert answer.json["labels"] == {"100": {"name": "spine", "voxels": 80}}
    sidecar = json.loads(Path(f"{out}.json").read_text())
    assert sidecar["prompts"] == [{"plane": "axial", "box": [[7, 9, 5], [16, 20, 5]], "label": 100}]


@pytest.mark.parametrize(("label", "value"), [("L4", 23), ("sacrum", 26), ("44", 44), ("1", 1)])
def test_the_label_of_the_arguments_is_that_of_the_sentences(run: Run, ct: Path, out: Path, label: str, value: int) -> None:
    answer = run("segment", ct, "-o", out, "--label", label, "--say", SAID_BOX)
    assert answer.code == 0, answer.err
    assert voxels(out) == {value: 80}


def test_a_sentence_goes_on_from_the_prompted_slice(run: Run, ct: Path, out: Path) -> None:
    """Not from the slice in the middle, on which there is no mask."""
    prompt = ("--plane", "sagittal", "--box", "9,9,2,9,20,9", "--label", "L3")
    answer = run("segment", ct, "-o", out, *prompt, "--say", "propagate the mask to both sides")
    assert answer.code == 0, answer.err
    assert voxels(out)[22] > 3 * 60


def test_undo_takes_the_prompted_mask_back(run: Run, ct: Path, out: Path) -> None:
    answer = run("segment", ct, "-o", out, "--box", BOX, "--label", "L3", "--say", "undo")
    assert answer.code == 0, answer.err
    assert voxels(out) == {}


def test_several_sentences_build_on_each_other(run: Run, ct: Path, out: Path) -> None:
    first, second = "set the label to L4", "go to slice 6 and add a box [7, 9, 16, 20]"
    answer = run("segment", ct, "-o", out, "--say", first, "--say", second, "--say", "generate the mask")
    assert answer.code == 0, answer.err
    assert voxels(out) == {23: 80}


@pytest.mark.parametrize("sentence", ["go to slice 6", "show the mask", "what can you do", "add a box [7, 9, 16, 20]"])
def test_sentences_that_ask_for_no_mask_write_none(run: Run, ct: Path, out: Path, sentence: str) -> None:
    run("segment", ct, "-o", out, "--say", sentence).failed(3, "ask for no mask")
    assert not out.exists()


@pytest.mark.parametrize("sentence", ["open other.nii.gz", "clear everything", "export the mask to x.nrrd"])
def test_image_and_output_are_named_by_the_arguments_only(run: Run, ct: Path, out: Path, sentence: str) -> None:
    run("segment", ct, "-o", out, "--box", BOX, "--say", sentence).failed(2, "cannot be said here")
    assert not out.exists()


def test_a_failure_after_some_sentences_is_still_one_line(run: Run, ct: Path, out: Path) -> None:
    run("segment", ct, "-o", out, "--say", "go to slice 6", "--say", "go to slice 600").failed(3, "no axial slice 600")


def test_a_mask_without_a_label_is_said_to_be_so(run: Run, ct: Path, out: Path) -> None:
    assert "--label" in run("segment", ct, "-o", out, "--box", BOX).err
    assert run("segment", ct, "-o", out, "--box", BOX, "--label", "1").err == ""


def test_an_unclear_sentence_does_nothing(run: Run, ct: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unsure = ParseResult((OperationCall("undo"),), confidence=0.4)
    monkeypatch.setattr("spinalsam.language.parse", lambda *_: unsure)
    run("segment", ct, "-o", out, "--box", BOX, "--say", "hm, back").failed(3, "not clear")
    assert not out.exists()
