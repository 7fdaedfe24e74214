"""Made-up people and the locator's training: what is painted is where it is said to be, and a stopped run goes on exactly."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from spinalsam.assets import resource
from spinalsam.engine.locator_net import GROUP, LocatorNet, answer, load_locator, read_locator
from spinalsam.errors import InputError
from spinalsam.support.geometry import Geometry
from spinalsam.training.bone_library import GRID_MM, ILIUM, SACRUM, LocalBone, bones_of_labels, bones_of_organs, load_bones, save_bones
from spinalsam.training.locator_fit import LocatorConfig, LocatorRun
from spinalsam.training.locator_render import Sample, render
from spinalsam.training.locator_samples import LocatorBatches, SampleBatch, mirrored, prepared, stream
from spinalsam.training.people import C1, L5, Person, View, draw_view, look_at, make_person

FORBIDDEN = {
    "SimpleITK",
    "pydicom",
    "highdicom",
    "PyQt5",
    "vtk",
    "keyring",
    "rich",
    "platformdirs",
    "nibabel",
    "nrrd",
    "skimage",
    "cv2",
    "PIL",
}
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


CPU = torch.device("cpu")


def sample_of(person: Person, shape: tuple[int, int, int] = (32, 32, 48)) -> Sample:
    rng = np.random.default_rng(8)
    return render(rng, look_at(rng, person, draw_view(rng, person, shape)))


def test_mirrored_targets_are_the_targets_of_the_mirrored_scan(person: Person) -> None:
    sample = sample_of(person)
    x, wanted = prepared(SampleBatch.of([sample, mirrored(sample)]), CPU)
    assert wanted["movable"].any() and (wanted["level"] >= 0).any()
    assert torch.equal(x[1], x[0].flip(1))
    assert torch.allclose(wanted["probabilities"][1], wanted["probabilities"][0].flip(1), atol=1e-5)
    assert torch.allclose(wanted["offset"][1, 0], -wanted["offset"][0, 0].flip(0), atol=1e-5)
    assert torch.allclose(wanted["offset"][1, 1:], wanted["offset"][0, 1:].flip(1), atol=1e-5)


def test_targets_say_where_every_voxel_belongs_and_where_centres_are(person: Person) -> None:
    """Checked voxel by voxel against the sample, in a batch with another that has more vertebrae."""
    sample, other = sample_of(person), sample_of(person, (48, 48, 64))
    other = Sample(*(part[:32, :32, :48] for part in (other.hu, other.seen, other.masks, other.owner)), other.values, other.centres)
    _, wanted = prepared(SampleBatch.of([other, sample]), CPU)
    checked = 0
    for n, one in ((0, other), (1, sample)):
        offset, heat = wanted["offset"][n].numpy() * 8, wanted["probabilities"][n, 0].numpy()
        assert np.array_equal(wanted["probabilities"][n, 2].numpy() > 0, (one.masks & 2) > 0)
        for voxel in np.argwhere(one.owner > 0)[::7]:
            number = one.owner[tuple(voxel)] - 1
            moves = one.values[number] != SACRUM and one.seen[tuple(voxel)]
            assert wanted["movable"][n][tuple(voxel)] == moves
            expected = one.centres[number] - voxel if moves else np.zeros(3)
            assert np.allclose(offset[(slice(None), *voxel)], expected, atol=1e-4)
            if all(voxel % 2):
                assert wanted["level"][n][tuple(voxel // 2)] == one.values[number] - 1
            checked += moves
        for value, centre in zip(one.values, one.centres, strict=True):
            nearest = np.rint(centre).astype(int)
            if value not in (0, SACRUM) and np.all(nearest >= 0) and np.all(nearest < one.hu.shape):
                assert heat[tuple(nearest)] >= np.exp(-0.75 / (2 * 1.4**2)) - 1e-5
    assert checked > 20


def test_a_batch_shows_different_people_and_every_scan_twice(bones: list[LocalBone]) -> None:
    made = LocatorBatches(bones, ((16, 16, 32), (32, 16, 16)), batch=2, lanes=2, seed=3)
    batches = [made.at(number) for number in range(0, 16, 2)]
    assert all(not np.array_equal(one.hu[0], one.hu[1]) for one in batches)
    for first, again in zip(batches[:4], batches[4:], strict=True):
        for n in range(2):
            assert np.array_equal(first.hu[n], again.hu[n][::-1]) and np.array_equal(first.owner[n], again.owner[n][::-1])
    assert not np.array_equal(batches[0].hu, batches[1].hu) and batches[0].hu.shape == (2, 16, 16, 32)
    assert made.at(16).hu.shape == (2, 32, 16, 16)


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_batches_depend_on_their_number_alone(bones: list[LocalBone], workers: int) -> None:
    whole = LocatorBatches(bones, ((16, 16, 32),), batch=2, lanes=4, seed=3)
    wanted = [whole.at(number) for number in range(45)]
    later = LocatorBatches(bones, ((16, 16, 32),), batch=2, lanes=4, seed=3, first=37)
    given = stream(later, workers=workers, pinned=False)
    for expected in wanted[37:]:
        batch = next(given)
        assert all(np.array_equal(a, b) for a, b in zip(batch._all(), expected._all(), strict=True))


def test_a_stopped_run_goes_on_exactly(bones: list[LocalBone], tmp_path: Path) -> None:
    torch.set_num_threads(1)
    whole = LocatorRun(tmp_path / "whole", SMALL, bones)
    whole.train(stop_after_s=None, report=lambda line: None)
    first = LocatorRun(tmp_path / "parts", replace(SMALL, steps=SMALL.steps), bones)
    while first.step < 3 and first._goes_on(0.0, None):
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


def grown(network: LocatorNet) -> LocatorNet:
    """The same network with statistics as after a training."""
    generator = torch.Generator().manual_seed(4)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm3d):
            module.running_mean.uniform_(-0.2, 0.2, generator=generator)
            module.running_var.uniform_(0.5, 2.0, generator=generator)
    return network.eval()


def test_a_network_grows_by_blocks_that_change_nothing_at_first(bones: list[LocalBone], tmp_path: Path) -> None:
    small = grown(LocatorNet())
    weights = tmp_path / "small.safetensors"
    save_file(small.state_dict(), weights, {"architecture": "locator", "widths": "16,32,64,96,128"})
    larger = LocatorRun(tmp_path / "run", replace(SMALL, extra=(1, 0, 1, 0, 2)), bones, weights)
    x = torch.randn(1, 3, 16, 16, 32)
    with torch.no_grad():
        for one, other in zip(small(x), larger.network.eval()(x), strict=True):
            assert torch.allclose(one, other, atol=1e-5)
    fine, levels = larger.network.train()(x)
    (fine.square().mean() + levels[:, GROUP].square().mean()).backward()
    assert all(block.scale.grad.abs().max() > 0 for scale in larger.network.more for block in scale)  # they can learn


def test_a_file_says_how_large_its_network_is(bones: list[LocalBone], tmp_path: Path) -> None:
    config = replace(SMALL, widths=(4, 6, 8, 8, 10), extra=(0, 1, 0, 0, 2))
    run = LocatorRun(tmp_path / "run", config, bones)
    with torch.no_grad():
        for scale in run.network.more:
            for block in scale:
                block.scale.fill_(0.5)
    run.average.state = {name: value.clone() for name, value in grown(run.network).state_dict().items()}
    run._save()
    network, tensors = read_locator(tmp_path / "run" / "best.safetensors")
    assert (network.widths, network.extra) == (config.widths, config.extra)
    network.load_state_dict(tensors)
    x = torch.randn(1, 3, 32, 32, 32)
    with torch.no_grad():
        for one, other in zip(network.eval()(x), load_locator(tmp_path / "run" / "best.safetensors")(x), strict=True):
            assert torch.allclose(one, other, atol=1e-4)
    with pytest.raises(InputError, match="another network"):
        LocatorRun(tmp_path / "run", SMALL, bones)
    with pytest.raises(InputError, match="cannot begin"):
        LocatorRun(tmp_path / "other", SMALL, bones, tmp_path / "run" / "best.safetensors")


def test_a_training_by_time_ends_in_time_and_goes_on_where_its_seconds_were(bones: list[LocalBone], tmp_path: Path) -> None:
    config = replace(SMALL, by_time=True, steps=1, warmup=1, settle=0.5, batch=2, shapes=((16, 16, 16),), rate=1.0, last_rate=0.0)
    with pytest.raises(InputError, match="--seconds"):
        LocatorRun(tmp_path / "run", config, bones).train(stop_after_s=None, report=print)
    run = LocatorRun(tmp_path / "run", config, bones)
    run.seconds = 6.0  # as if that much had gone by
    run._save()
    run = LocatorRun(tmp_path / "run", config, bones)
    run.train(stop_after_s=8.0, report=lambda line: None)
    assert 8.0 <= run.seconds < 20.0 and run.step > 1
    assert run.optimiser.param_groups[0]["lr"] < 0.15  # three quarters were done at its first step
    assert not run.network.stem.norm.training
    again = LocatorRun(tmp_path / "run", config, bones)
    again.train(stop_after_s=8.0, report=lambda line: None)
    assert again.step == run.step


def test_a_batch_of_many_is_trained_with_workers_and_the_loss_falls(bones: list[LocalBone], tmp_path: Path) -> None:
    torch.set_num_threads(1)
    config = replace(
        SMALL, steps=50, warmup=5, settle=40, batch=3, lanes=2, workers=2, rate=4e-3, widths=(4, 6, 8, 8, 8), shapes=((32, 32, 32),)
    )
    LocatorRun(tmp_path / "run", config, bones).train(stop_after_s=None, report=lambda line: None)
    rows = [line.split(",") for line in (tmp_path / "run" / "log.csv").read_text(encoding="utf-8").splitlines()]
    losses = [float(cell.split("=")[1]) for row in rows for cell in row if cell.startswith("loss=")]
    assert [row[0] for row in rows] == ["25", "50"] and losses[1] < losses[0]


@pytest.mark.parametrize("text", ['{"shapes": [[30, 32, 32]]}', '{"workers": 3}', '{"batch": 0}', '{"extra": [1]}', '{"widths": "16"}'])
def test_impossible_settings_are_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "locator.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="cannot be read"):
        LocatorConfig.read(file)


def test_the_configuration_for_a_graphics_card_can_be_read() -> None:
    config = LocatorConfig.read(resource("training", "locator-2.json"))
    assert config.by_time and config.batch > 1 and sum(p.numel() for p in LocatorNet(config.widths, config.extra).parameters()) < 6e6


def test_the_locator_trains_without_any_reader_of_images(bones: list[LocalBone], tmp_path: Path) -> None:
    """On a training machine there may be neither SimpleITK nor Qt; with bones in the cache none of it is asked for."""
    shapes = tmp_path / "mask.nii.gz"
    shapes.write_bytes(b"never read")
    cache = tmp_path / "run" / "cache"
    cache.mkdir(parents=True)
    save_bones(bones, cache / "bones-mask-10.npz")
    save_bones(bones[:3], cache / "bones-phantom1.npz")
    config = tmp_path / "locator.json"
    config.write_text('{"shapes": [[16, 16, 16]], "widths": [4, 4, 4, 4, 4], "batch": 2}', encoding="utf-8")
    out = str(tmp_path / "run")
    words = f"train --locator --shapes {shapes} --phantoms 1 --steps 2 --config {config} --out {out}".split()
    code = f"""
import sys
from importlib.abc import MetaPathFinder
class Forbid(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {FORBIDDEN!r}:
            raise ImportError(name + " is not there")
sys.meta_path.insert(0, Forbid())
from spinalsam.cli import main
sys.exit(main({words!r}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "best.safetensors").exists()
