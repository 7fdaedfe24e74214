"""Made-up people and the locator's training: what is painted is where it is said to be, and a stopped run goes on exactly."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from spinalsam.engine.locator_net import answer, load_locator
from spinalsam.errors import InputError
from spinalsam.support.geometry import Geometry
from spinalsam.training.bone_library import GRID_MM, ILIUM, SACRUM, LocalBone, bones_of_labels, bones_of_organs, load_bones, save_bones
from spinalsam.training.locator_fit import LocatorConfig, LocatorRun, Samples, prepared
from spinalsam.training.locator_render import render
from spinalsam.training.people import C1, L5, Person, View, draw_view, look_at, make_person

SMALL = LocatorConfig(steps=6, shapes=((32, 32, 32),), warmup=2, settle=2, save_every=3)


def block(value: int) -> LocalBone:
    """A body with a canal and a plate behind it."""
    fields = np.zeros((3, 26, 40, 18), np.uint8)
    fields[0, 2:24, 2:18, 2:16] = 255
    fields[0, 2:24, 28:36, 4:14] = 255
    fields[1, 3:23, 3:17, 3:15] = 255
    fields[2, 2:24, 2:18, 2:16] = 255
    return LocalBone(value, "block", fields, np.array([13.0, 10.0, 9.0]), 14 * GRID_MM, 8 * GRID_MM, 10 * GRID_MM)


@pytest.fixture(scope="module")
def bones() -> list[LocalBone]:
    return [block(value) for value in (*range(C1, L5 + 2), SACRUM, ILIUM)]


@pytest.fixture(scope="module")
def person(bones: list[LocalBone]) -> Person:
    return make_person(np.random.default_rng(3), bones)


def test_a_person_has_all_levels_in_order_and_one_sacrum(person: Person) -> None:
    values = [one.value for one in person.chain]
    assert values[0] == C1 and values[-1] == SACRUM and values[:-1] == sorted(values[:-1])
    heights = person.line()[:, 2]
    assert np.all(np.diff(heights) < 0) and 400 < heights[0] - heights[-1] < 900


def test_every_vertebra_lies_where_its_centre_is_said_to_be(person: Person) -> None:
    waves = np.array([[2.0, 1.0, 2.0, 0.03, 0.01, 0.02, 0.5]])
    look = look_at(np.random.default_rng(5), person, View((64, 48, 80), person.line()[18], np.eye(3), waves))
    checked = 0
    for owner, centre in look.centres.items():
        nearest = np.rint(centre).astype(int)
        if look.values[owner] != SACRUM and np.all(nearest >= 2) and np.all(nearest < np.array(look.owner.shape) - 2):
            assert look.owner[tuple(nearest)] == owner
            checked += 1
    assert checked >= 3


def test_two_scans_of_a_look_differ_in_hu_but_not_in_shape(person: Person) -> None:
    rng = np.random.default_rng(8)
    look = look_at(rng, person, draw_view(rng, person, (32, 32, 48)))
    one, other = (render(np.random.default_rng(seed), look) for seed in (1, 2))
    assert not np.array_equal(one.hu, other.hu) and np.array_equal(one.masks, other.masks)
    assert one.hu.dtype == np.int16 and one.hu.min() >= -1024 and one.hu.max() <= 3071


def test_mirrored_targets_are_the_targets_of_the_mirrored_scan(bones: list[LocalBone]) -> None:
    sample, _ = Samples(bones, SMALL).at(0)
    _, plain = prepared(sample, False)
    _, mirrored = prepared(sample, True)
    assert torch.equal(mirrored["probabilities"], plain["probabilities"].flip(2))
    assert torch.allclose(mirrored["offset"][:, 0], -plain["offset"].flip(2)[:, 0])


def test_a_stopped_run_goes_on_exactly(bones: list[LocalBone], tmp_path: Path) -> None:
    torch.set_num_threads(1)
    whole = LocatorRun(tmp_path / "whole", SMALL, bones)
    whole.train(stop_after_s=None, report=lambda line: None)
    first = LocatorRun(tmp_path / "parts", replace(SMALL, steps=SMALL.steps), bones)
    while first.step < 3:
        first._one_step()
    first._save()
    second = LocatorRun(tmp_path / "parts", SMALL, bones)
    assert second.step == 3
    second.train(stop_after_s=None, report=lambda line: None)
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, second.network.state_dict()[name]), name


def test_saved_weights_load_and_answer(bones: list[LocalBone], tmp_path: Path) -> None:
    run = LocatorRun(tmp_path / "run", SMALL, bones)
    run._save()
    given = answer(load_locator(tmp_path / "run" / "best.safetensors"), np.zeros((20, 20, 20), np.float32), np.ones((20, 20, 20), bool))
    assert np.isfinite(given.fine).all()


def test_a_label_volume_becomes_bones_in_their_own_frames(tmp_path: Path) -> None:
    labels = np.zeros((60, 80, 90), np.uint8)
    for value, z in ((21, 62), (22, 34), (23, 6)):
        labels[15:45, 10:40, z : z + 22] = value
        labels[20:40, 54:66, z + 4 : z + 16] = value
        labels[20:24, 40:54, z + 8 : z + 14] = labels[36:40, 40:54, z + 8 : z + 14] = value
    bones = bones_of_labels("made up", labels, Geometry.from_parts(labels.shape))
    assert [bone.value for bone in bones] == [21, 22, 23]
    middle = bones[1]
    assert abs(middle.height_mm - 22) <= 3 and abs(middle.canal_mm - 14) <= 3
    save_bones(bones, tmp_path / "bones.npz")
    again = load_bones(tmp_path / "bones.npz")
    assert np.array_equal(again[2].fields, bones[2].fields) and again[2].source == "made up"


@pytest.mark.parametrize(
    ("metadata", "why"),
    [
        (None, "no locator"),
        ({"architecture": "compact"}, "no locator but compact"),
        ({"architecture": "locator"}, "how wide"),
        ({"architecture": "locator", "widths": "8,x"}, "how wide"),
        ({"architecture": "locator", "widths": "8,16,32,64"}, "do not fit"),
    ],
)
def test_weights_that_do_not_fit_are_refused_before_anything_is_written(run, tmp_path: Path, metadata: dict | None, why: str) -> None:
    weights = tmp_path / "bad.safetensors"
    save_file({"a": torch.zeros(2)}, weights, metadata)
    run("train", "--out", tmp_path / "run", "--locator", "--init", weights).failed(4, why)
    run("train", "--out", tmp_path / "run", "--init", weights).failed(3, "cannot begin with")
    assert not (tmp_path / "run").exists()


def test_an_organ_map_gives_sacrum_and_pelvis_in_the_frame_of_the_endplate_and_no_vertebra() -> None:
    """A wedge whose upper surface falls 40 degrees to the front, on a flipped and coarse grid, between two plates as hips."""
    geometry = Geometry.from_parts((60, 60, 50), spacing_mm=(3, 3, 3), origin_mm=(-90, -90, -75))
    x, y, z = np.moveaxis(geometry.to_mm(np.argwhere(np.ones(geometry.shape))).reshape(*geometry.shape, 3), -1, 0)
    slope = np.tan(np.radians(40))
    labels = np.zeros(geometry.shape, np.uint8)
    labels[(np.abs(x) < 40) & (y > -20) & (y < 25) & (z < y * slope) & (z > -60)] = 25
    labels[(np.abs(np.abs(x) - 60) < 7) & (np.abs(y) < 50) & (np.abs(z + 20) < 50)] = 77
    labels[20:40, 20:40, 45:] = 27
    flipped = Geometry(geometry.shape, geometry.affine @ np.array([[-1, 0, 0, 59], [0, -1, 0, 59], [0, 0, 1, 0], [0, 0, 0, 1.0]]))
    sacrum, pelvis = bones_of_organs("map", labels[::-1, ::-1], flipped)
    assert (sacrum.value, pelvis.value) == (SACRUM, ILIUM)
    low, high = sacrum.corners_mm()[[0, -1]]
    assert low[0] == pytest.approx(-high[0], abs=4) and 35 < high[0] < 48
    solid = sacrum.fields[0] > 127
    left, back, up = sacrum.origin.astype(int)
    above, below = solid[left, back, up + 4 :], solid[left, back, up - 12 : up - 4]
    assert not above.any() and below.all()
    assert bones_of_organs("map", np.where(labels == 77, 0, labels), geometry) == []


def test_settings_of_a_file_are_read_and_wrong_ones_refused(tmp_path: Path) -> None:
    file = tmp_path / "locator.json"
    file.write_text('{"steps": 7, "shapes": [[32, 32, 48]], "seed": 3}', encoding="utf-8")
    assert LocatorConfig.read(file) == LocatorConfig(steps=7, shapes=((32, 32, 48),), seed=3)
    file.write_text('{"step": 7}', encoding="utf-8")
    with pytest.raises(InputError, match="cannot be read"):
        LocatorConfig.read(file)
