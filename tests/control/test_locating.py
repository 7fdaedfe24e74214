"""Regions without a prompt: what the locator knows becomes masks, points and boxes, in one step each, and doubt is said."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from spinalsam.control import provenance, recovery
from spinalsam.control.journal import read_journal
from spinalsam.control.recovery import recover
from spinalsam.control.workspace import Workspace
from spinalsam.engine.chain import LEVELS, Link
from spinalsam.engine.coarse import coarse_volume
from spinalsam.engine.locate import Survey
from spinalsam.errors import ModelError, RequirementError
from spinalsam.support.anatomy import RELATIVE_VALUES, label_value
from tests.control.conftest import BACK, FRONT, toy_volume
from tests.fakes import FakeSegmenter

L3, L4 = label_value("L3"), label_value("L4")


def opinion(value: int, doubt: float) -> np.ndarray:
    near = -np.abs(np.arange(1, LEVELS + 1) - value) / doubt
    return near - np.log(np.exp(near).sum())


def survey_of(ws: Workspace, *, doubt: float = 0.3) -> Survey:
    """The two bright blocks of the toy case as two vertebrae one above the other."""
    volume = ws.case.volume
    coarse = coarse_volume(volume.voxels, volume.geometry, is_hu=True)
    grid = np.stack(np.meshgrid(*[np.arange(n) for n in coarse.hu.shape], indexing="ij"), -1)
    ijk = volume.geometry.to_ijk(coarse.geometry.to_mm(grid))
    owner = np.zeros(coarse.hu.shape, np.uint8)
    chain = []
    for number, (block, value) in enumerate(((FRONT, L3), (BACK, L4)), 1):
        low, high = np.array([part.start for part in block]), np.array([part.stop for part in block])
        owner[np.all((ijk > low - 0.6) & (ijk < high - 0.4), axis=-1)] = number
        middle = volume.geometry.to_mm((low + high - 1) / 2)
        # One block lies before the other; as far as names go the first is the upper one.
        chain.append(Link(np.array([middle[0], middle[1], middle[2] - 36.0 * number]), 0.9, opinion(value, doubt)))
    nothing = np.zeros(coarse.hu.shape, np.float16)
    return Survey(tuple(chain), (0,), owner, nothing, nothing, coarse.seen, coarse.geometry, None, 1.0, 0.0)


@pytest.fixture
def located(ws: Workspace) -> Workspace:
    ws.case.survey = survey_of(ws)
    return ws


def share(mask: np.ndarray, block: tuple[slice, ...], value: int) -> float:
    truth = np.zeros(mask.shape, bool)
    truth[block] = True
    return float(2 * (truth & (mask == value)).sum() / (truth.sum() + (mask == value).sum()))


def test_a_vertebra_without_a_mask_is_gone_to_where_the_locator_finds_it(located: Workspace) -> None:
    result = located.run("go_to", regions=["L3"])
    middle = [(part.start + part.stop - 1) / 2 for part in FRONT]
    assert located.state.view.crosshair_ijk[:2] == pytest.approx(middle[:2], abs=1)
    assert result.message.startswith("L3 on axial slice") and "Check the level" in result.message
    with pytest.raises(RequirementError, match="C4 is not in view"):
        located.run("go_to", regions=["C4"])


def test_a_mask_wins_over_the_locator(located: Workspace) -> None:
    located.run("segment", regions=["L4"])
    assert "Check the level" not in located.run("go_to", regions=["L4"]).message


def test_a_mask_without_prompts_says_what_made_it(recorded: Workspace, tmp_path: Path) -> None:
    recorded.case.survey = survey_of(recorded)
    recorded.run("segment", regions=["L3"])
    recorded.export(tmp_path / "m.nii.gz")
    sidecar = json.loads((tmp_path / "m.nii.gz.json").read_text())
    assert sidecar["prompts"] == []
    assert sidecar["steps"] == [{"title": "Segment L3", "op": "segment", "args": {"regions": ["L3"]}}]
    assert sidecar["locator"]["name"] == "locator" and len(sidecar["locator"]["checksum"]) == 64
    journal = recorded.journal_path
    (line,) = [entry.values for entry in read_journal(journal).done if entry.op == "segment"]
    assert line["locator"] == sidecar["locator"]
    recorded.close()
    with recover(journal, samples={"toy": toy_volume}, segmenter=FakeSegmenter()) as again:
        assert provenance.sidecar(again)["steps"] == sidecar["steps"]
        assert provenance.sidecar(again)["locator"] == sidecar["locator"]
        again.run("undo")
        assert provenance.sidecar(again)["locator"] is None


def test_a_step_that_only_used_prompts_names_no_locator(recorded: Workspace) -> None:
    recorded.case.survey = survey_of(recorded)
    recorded.run("prompt_mask", prompt={"points": [[12, 9, 8, 1]], "label": "L3"})
    found = provenance.sidecar(recorded)
    assert found["locator"] is None
    assert [step["op"] for step in found["steps"]] == ["prompt_mask"]
    assert "locator" not in read_journal(recorded.journal_path).done[-1].values


def test_paths_and_texts_of_steps_stay_out_of_the_sidecar(recorded: Workspace, tmp_path: Path) -> None:
    recorded.run("prompt_mask", prompt={"points": [[12, 9, 8, 1]], "label": "L3"})
    recorded.export(tmp_path / "DOE_JANE.nii.gz")
    recorded.run("clear_mask")
    recorded.run("load_mask", path=str(tmp_path / "DOE_JANE.nii.gz"))
    assert "DOE" not in json.dumps(provenance.sidecar(recorded))


def test_replay_refuses_another_locator(recorded: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded.case.survey = survey_of(recorded)
    recorded.run("segment", regions=["L3"])
    journal = recorded.journal_path
    recorded.close()
    monkeypatch.setattr(recovery, "locator_identity", lambda: {"name": "locator", "checksum": "0" * 64, "precision": "fp32"})
    with pytest.raises(ModelError, match=r"was made with the locator .* but here it is 0000"):
        recovery.replay(journal, tmp_path / "again.nii.gz", segmenter=FakeSegmenter(), samples={"toy": toy_volume})
    assert list(tmp_path.iterdir()) == []


def test_the_spine_is_segmented_and_named_in_one_step(located: Workspace) -> None:
    result = located.run("segment", regions=["spine"])
    assert set(np.unique(located.mask)) == {0, L3, L4}
    assert share(located.mask, FRONT, L3) > 0.7 and share(located.mask, BACK, L4) > 0.7
    assert len(located.undo_titles) == 1
    assert [one["name"] for one in result.data["structures"]] == ["L3", "L4"]
    located.run("undo")
    assert not located.mask.any()


def test_one_level_alone_leaves_its_neighbour_alone(located: Workspace) -> None:
    located.run("segment", regions=["L4"])
    assert set(np.unique(located.mask)) == {0, L4}


def test_a_level_that_is_not_there_is_named_as_missing(located: Workspace) -> None:
    with pytest.raises(RequirementError, match="T5 is not in view; there are L3 to L4"):
        located.run("segment", regions=["T5"])
    assert not located.mask.any() and located.undo_titles == ()


def test_locked_masks_are_never_painted_over(located: Workspace) -> None:
    located.run("segment", regions=["L4"])
    before = located.mask.copy()
    located.run("lock_label", value=L4, locked=True)
    located.run("segment", regions=["spine"])
    assert ((located.mask == L4) == (before == L4)).all()


def test_what_has_a_mask_already_stays_as_it_is(located: Workspace) -> None:
    located.run("segment", regions=["L4"])
    before = located.mask == L4
    result = located.run("segment", regions=["spine"])
    assert ((located.mask == L4) == before).all() and (located.mask == L3).any()
    assert "kept" in result.message


def test_unknown_levels_are_numbered_and_the_doubt_is_said(ws: Workspace) -> None:
    ws.case.survey = survey_of(ws, doubt=8.0)
    result = ws.run("segment", regions=["spine"])
    assert set(np.unique(ws.mask)) == {0, 201, 202}
    assert "cannot be told" in result.message and "%" in result.message
    with pytest.raises(RequirementError, match="Which vertebra is which cannot be told"):
        ws.run("segment", regions=["T7"])


def test_one_vertebra_that_somebody_names_names_the_others(ws: Workspace) -> None:
    ws.case.survey = survey_of(ws, doubt=8.0)
    ws.run("segment", regions=["spine"])
    ws.run("change_label", value=202, to=label_value("T8"))
    ws.run("segment", regions=["spine"])
    assert set(np.unique(ws.mask)) == {0, label_value("T7"), label_value("T8")}


def test_points_and_boxes_by_region_lie_on_the_structure(located: Workspace) -> None:
    placed = located.run("add_points", count=2, regions=["L3"])
    assert all(FRONT[0].start <= point.ijk[0] < FRONT[0].stop for point in located.state.points)
    assert len(located.state.points) == 2 and placed.data["labels"] == [L3, L3]
    assert "Check the level: L3" in placed.message
    located.run("add_box", regions=["L4"])
    box = located.state.boxes[0]
    assert box.label == L4 and abs(box.corner_a_ijk[0] - BACK[0].start) <= 4
    located.run("generate_box_mask")
    assert (located.mask == L4).any()


def test_prompts_go_to_a_slice_that_shows_the_structure(located: Workspace) -> None:
    located.run("go_to", slice=1)
    located.run("add_box", regions=["L4"])
    assert BACK[2].start <= located.shown.index < BACK[2].stop
    assert located.state.boxes[0].ref == located.shown


def test_a_slice_that_is_named_is_kept_to(located: Workspace) -> None:
    with pytest.raises(RequirementError, match="not on axial slice 1"):
        located.run("add_box", regions=["L4"], slice=1)


def test_pictures_without_mm_say_why_nothing_can_be_found(ws: Workspace) -> None:
    from dataclasses import replace

    from spinalsam.support.geometry import Geometry

    volume = ws.case.volume
    ws.case.volume = replace(volume, geometry=Geometry(volume.geometry.shape, np.eye(4), has_spacing=False))
    with pytest.raises(RequirementError, match="no size in mm"):
        ws.run("segment", regions=["spine"])


def test_a_locked_vertebra_without_a_level_stays_when_levels_become_known(located: Workspace) -> None:
    relative = RELATIVE_VALUES[0]
    located.run("brush", path=[[30.0, 30.0]], radius_mm=3.0, value=relative)
    drawn = located.mask == relative
    assert drawn.any()
    located.run("lock_label", value=relative, locked=True)
    located.run("segment", regions=["spine"])
    assert np.array_equal(located.mask == relative, drawn)


def test_a_finished_vertebra_with_prompts_does_not_keep_the_rest_of_the_spine_from_being_segmented(located: Workspace) -> None:
    located.run("prompt_mask", prompt={"points": [[12, 9, 6, 1]], "label": "L3"})
    located.run("add_points", at=[[12, 9]], regions=["L3"])
    finished = located.mask == L3
    located.run("set_label_progress", value=L3, progress="done")
    located.run("segment", regions=["spine"])
    assert np.array_equal(located.mask == L3, finished) and (located.mask == L4).any()
