"""Prompts answered with what the locator knows: when it is asked, that a window never waits for it, and that a journal repeats it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spinalsam.control import locating
from spinalsam.control.journal import read_journal
from spinalsam.control.previewing import preview, prompt_if
from spinalsam.control.recovery import replay
from spinalsam.control.starting import DECISIONS, rough_shape, shapes_of
from spinalsam.control.workspace import CaseContent, Workspace
from spinalsam.data.volume import Volume
from spinalsam.engine.locate import Survey
from spinalsam.engine.segmenter import Candidates, Embedding, RoughShape
from spinalsam.errors import Cancelled, ModelError
from spinalsam.support.planes import SliceRef
from spinalsam.support.prompts import SlicePrompt
from tests.fakes import FakeSegmenter
from tests.toy_spine import toy_spine

SLICE = 41  # of the axial ones, through L3
BODY = (26, 22, SLICE - 1)  # a voxel in its body


class Shaped(FakeSegmenter):
    """Gives the rough shape back as its mask, where it is told one."""

    takes_shapes = True

    def __init__(self) -> None:
        super().__init__(brightness=100.0)
        self.told: list[RoughShape | None] = []

    def decode(self, embedding: Embedding, prompt: SlicePrompt, previous: Any = None) -> Candidates:
        self.told.append(previous if isinstance(previous, RoughShape) else None)
        given = super().decode(embedding, prompt, None if isinstance(previous, RoughShape) else previous)
        if isinstance(previous, RoughShape):
            given = replace(given, masks=np.stack([previous.inside_mm > 0, *given.masks[1:]]))
        return given


def toy_volume() -> Volume:
    return toy_spine()[0]


def toy_survey(volume: Volume) -> Survey:
    """L2 to L4 as three vertebrae, each of the voxels nearest to it."""
    from spinalsam.engine.chain import LEVELS, Link
    from spinalsam.engine.coarse import coarse_volume
    from tests.control.test_locating import opinion

    labels = toy_spine()[1]
    coarse = coarse_volume(labels.astype(np.float32), volume.geometry, is_hu=True)
    owner = np.where(coarse.hu > 12, np.clip(np.rint(coarse.hu) - 20, 0, 3), 0).astype(np.uint8)
    assert LEVELS >= 23
    chain = []
    for number in (1, 2, 3):
        places = coarse.geometry.to_mm(np.argwhere(owner == number))
        chain.append(Link(places.mean(axis=0), 0.95, opinion(20 + number, 0.3)))
    nothing = np.zeros(coarse.hu.shape, np.float16)
    return Survey(tuple(chain), (0, 0), owner, nothing, nothing, coarse.seen, coarse.geometry, None, 1.0, 0.0)


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[CaseContent]:
    """The cases that the locator has looked at, whose network is not asked."""
    asked: list[CaseContent] = []

    def surveyed(content: CaseContent, progress: Callable[[float, str], None]) -> Survey:
        if content.survey is None:
            asked.append(content)
            content.survey = toy_survey(content.volume)
        return content.survey

    monkeypatch.setattr(locating, "surveyed", surveyed)
    return asked


@pytest.fixture
def shaped(make_workspace: Callable[..., Workspace]) -> Workspace:
    ws = make_workspace(segmenter=Shaped(), samples={"toy": toy_volume})
    ws.run("open_image", path="sample:toy")
    ws.run("go_to", slice=SLICE, plane="axial")
    return ws


def looked(content: CaseContent) -> None:
    """What looking ahead leaves."""
    content.survey = toy_survey(content.volume)
    shapes_of(content)


def clicked(ws: Workspace, ijk: tuple[int, int, int] = BODY, **args: bool) -> np.ndarray:
    """The labels of the slice after a click on L3's body."""
    ws.run("add_points", at=ws.plane("axial").to_pixel([ijk]).tolist(), regions=["L3"])
    ws.run("generate_point_mask", **args)
    return ws.plane("axial").cut(ws.case.mask, SLICE - 1).copy()


def test_where_nobody_waits_the_locator_is_asked_before_the_first_prompt(shaped: Workspace, looks: list[CaseContent]) -> None:
    labels = clicked(shaped)
    told = shaped.segmenter().told  # type: ignore[attr-defined]
    assert looks == [shaped.case] and told[-1] is not None
    assert np.array_equal(labels == 22, told[-1].inside_mm > 0) and (labels == 22).sum() > 200


def test_a_window_uses_a_look_that_was_taken_and_does_not_wait_for_one(shaped: Workspace, looks: list[CaseContent]) -> None:
    shaped.looks_around = "ready"
    clicked(shaped)
    assert looks == [] and shaped.segmenter().told == [None]  # type: ignore[attr-defined]
    shaped.run("undo", count=2)
    looked(shaped.case)
    clicked(shaped, (24, 20, SLICE - 1))
    assert looks == [] and shaped.segmenter().told[-1] is not None  # type: ignore[attr-defined]


def test_a_preview_shows_what_the_click_will_give(shaped: Workspace, looks: list[CaseContent]) -> None:
    shaped.looks_around = "ready"
    looked(shaped.case)
    shaped.run("set_label", regions=["L3"])
    ref = SliceRef("axial", SLICE - 1)
    prompt = prompt_if(shaped, ref, point_ijk=BODY)
    assert prompt is not None
    before = preview(shaped, prompt)
    decoded = shaped.segmenter().decoded  # type: ignore[attr-defined]
    labels = clicked(shaped)
    assert np.array_equal(before.labels, labels)
    assert shaped.segmenter().decoded == decoded, "the answer of the preview is used"  # type: ignore[attr-defined]


def test_a_click_that_was_shown_before_the_look_ended_keeps_the_mask_that_was_shown(shaped: Workspace) -> None:
    shaped.looks_around = "ready"
    shaped.run("set_label", regions=["L3"])
    prompt = prompt_if(shaped, SliceRef("axial", SLICE - 1), point_ijk=BODY)
    assert prompt is not None
    shown = preview(shaped, prompt)
    looked(shaped.case)
    assert np.array_equal(clicked(shaped), shown.labels)
    assert shaped.segmenter().told == [None]  # type: ignore[attr-defined]
    # Clicks elsewhere are answered with the look, and after some of them so is this one.
    for n in range(DECISIONS):
        other = SlicePrompt(np.array([[20.0 + n, 22.0]], np.float32), np.array([True]))
        assert rough_shape(shaped, None, SliceRef("axial", SLICE - 1), other) is not None
    again = prompt.on_slice(shaped.case.volume.geometry)[1]
    assert rough_shape(shaped, None, SliceRef("axial", SLICE - 1), again) is not None


def test_a_network_that_cannot_use_it_and_a_picture_without_mm_are_not_looked_at(
    make_workspace: Callable[..., Workspace], looks: list[CaseContent]
) -> None:
    plain = make_workspace(samples={"toy": toy_volume})
    plain.run("open_image", path="sample:toy")
    plain.run("go_to", slice=SLICE, plane="axial")
    clicked(plain)
    assert looks == []
    thin = replace(toy_volume(), voxels=toy_volume().voxels[:, :, 40:44], geometry=replace(toy_volume().geometry, shape=(52, 64, 4)))
    flat = make_workspace(segmenter=Shaped(), samples={"thin": lambda: thin})
    flat.run("open_image", path="sample:thin")
    assert rough_shape(flat, None, SliceRef("axial", 1), SlicePrompt(np.array([[26, 22]], np.float32), np.array([True]))) is None
    assert looks == []


def test_without_the_locators_weights_prompts_are_answered_alone(shaped: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(content: CaseContent, progress: Any) -> Survey:
        raise ModelError("The locator's weights are not here.")

    monkeypatch.setattr(locating, "surveyed", missing)
    labels = clicked(shaped)
    assert (labels == 22).any() and shaped.segmenter().told == [None]  # type: ignore[attr-defined]


def test_the_journal_tells_whether_the_locator_was_asked_and_a_replay_does_the_same(
    make_workspace: Callable[..., Workspace], looks: list[CaseContent], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPINALSAM_DATA_DIR", str(tmp_path / "data"))
    for way in ("first", "told"):
        ws = make_workspace(segmenter=Shaped(), samples={"toy": toy_volume}, journal=True)
        ws.looks_around = way  # type: ignore[assignment]
        ws.run("open_image", path="sample:toy")
        ws.run("go_to", slice=SLICE, plane="axial")
        clicked(ws)
        ws.run("prompt_mask", prompt={"plane": "axial", "points": [[26, 22, SLICE - 5, 1]], "label": "L3"})
        path, mask = ws.journal_path, ws.mask.copy()  # type: ignore[union-attr]
        assert path is not None
        lines = [entry.values for entry in read_journal(path).done if entry.op in ("generate_point_mask", "prompt_mask")]
        assert [line["args"]["surroundings"] for line in lines] == [way == "first"] * 2
        assert [("locator" in line) for line in lines] == [way == "first"] * 2
        ws.close()
        report = replay(path, tmp_path / f"{way}.nii.gz", segmenter=Shaped(), samples={"toy": toy_volume})
        assert report.identical and mask.any()


def test_a_call_may_say_that_the_locator_is_not_asked(shaped: Workspace, looks: list[CaseContent]) -> None:
    clicked(shaped, surroundings=False)
    assert looks == [] and shaped.segmenter().told == [None]  # type: ignore[attr-defined]


def test_who_asks_while_somebody_looks_waits_and_may_stop_waiting(shaped: Workspace) -> None:
    content = shaped.case

    def stopped(share: float, text: str) -> None:
        raise Cancelled("Stopped.")

    with content.surveying.lock, pytest.raises(Cancelled):
        locating.surveyed(content, stopped)
    assert content.surveying.waiting == 0 and not content.surveying.lock.locked()


def test_the_locator_looks_ahead_in_a_window_and_only_there(
    make_workspace: Callable[..., Workspace], looks: list[CaseContent], monkeypatch: pytest.MonkeyPatch
) -> None:
    from spinalsam.control import ahead

    monkeypatch.setattr(ahead, "surveyed", locating.surveyed)
    for way, wanted in (("ready", 1), ("first", 0)):
        looks.clear()
        ws = make_workspace(segmenter=Shaped(), samples={"toy": toy_volume}, journal=False)
        ws.looks_around = way  # type: ignore[assignment]
        ws.run("open_image", path="sample:toy")
        ws.ahead.want([SliceRef("axial", SLICE)])
        assert ws.ahead.wait(20)
        assert len(looks) == wanted and (ws.case.rough is not None) == (way == "ready")
        ws.ahead.want([SliceRef("axial", SLICE + 1)])
        assert ws.ahead.wait(20) and len(looks) == wanted, "once a case"
