"""A user's own images and masks: they are found and shown to a network rightly, and adapting to them gives a model that can be used."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from spinalsam.cli import main
from spinalsam.engine import cards
from spinalsam.engine.compact import CompactConfig, CompactSam
from spinalsam.engine.compact_segmenter import CompactSegmenter, load_compact
from spinalsam.engine.models import import_checkpoint, load_segmenter
from spinalsam.engine.sam import SHAPES, Preprocessing, SamSegmenter, SamShape, build_sam
from spinalsam.engine.segmenter import SliceImage
from spinalsam.errors import InputError, ModelError, UsageError
from spinalsam.support.prompts import SlicePrompt
from spinalsam.training.adapt import Adaptation, adapt
from spinalsam.training.dataset import TARGET, WHOLE
from spinalsam.training.evaluate import find_pairs
from spinalsam.training.networks import network_of
from spinalsam.training.pairs import PairSlices, look_view, whole_slice_view
from spinalsam.training.sources import Sources

REPOSITORY = Path(__file__).resolve().parents[2]
SMALL = CompactConfig(widths=(8, 8, 16, 32), conv_blocks=(1, 1), attention_blocks=2, heads=2, decoder_mlp=32, side=64)
TINY = SamShape(32, 2, 2, (1,), img_size=64, window=4, prompt_dim=32, decoder_heads=2, decoder_mlp=32)


def _write_case(folder: Path, name: str, seed: int) -> None:
    """A bright ball and a less bright one beside it, in noise; 1.5 mm slices."""
    rng = np.random.default_rng(seed)
    k, j, i = np.mgrid[:16, :40, :48]
    centre = rng.uniform(12, 18, 2)
    ball = (i - centre[0]) ** 2 + (j - 20) ** 2 + 3 * (k - 8) ** 2 < 60
    other = (i - 36) ** 2 + (j - 20) ** 2 + 3 * (k - 8) ** 2 < 40
    voxels = rng.normal(40, 15, ball.shape) + 400 * ball + 250 * other
    for array, ending in ((voxels.astype(np.int16), ""), ((20 * ball + 21 * other).astype(np.uint8), "_mask")):
        image = sitk.GetImageFromArray(array)
        image.SetSpacing((1.0, 1.0, 1.5))
        sitk.WriteImage(image, str(folder / f"{name}{ending}.nii.gz"))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "hospital"
    folder.mkdir()
    for number in range(6):
        _write_case(folder, f"case{number}", number)
    return folder


@pytest.fixture
def compact_base(tmp_path: Path) -> str:
    torch.manual_seed(0)
    model = CompactSam(SMALL)
    save_file(model.state_dict(), tmp_path / "mine.safetensors", {"architecture": "compact", "config": json.dumps(SMALL.to_json())})
    return import_checkpoint(tmp_path / "mine.safetensors", "mine").name


def test_pairs_are_found_by_name_and_lone_files_are_passed_over(data: Path) -> None:
    (data / "notes_mask.txt").write_text("no image beside it")
    (data / "case0_mask.json").write_text("{}")
    assert [(image.name, mask.name) for image, mask in find_pairs(data)] == [(f"case{n}.nii.gz", f"case{n}_mask.nii.gz") for n in range(6)]
    with pytest.raises(InputError, match="no pairs"):
        find_pairs(data.parent)
    with pytest.raises(InputError, match="not a folder"):
        find_pairs(data / "case0.nii.gz")


@pytest.mark.parametrize("view", [look_view(64), whole_slice_view(64, Preprocessing())])
def test_a_view_keeps_the_mask_on_its_structure(data: Path, view) -> None:
    slices = PairSlices.of(data, view, batch=8, seed=1)
    batch = slices.render(3)
    np.testing.assert_array_equal(batch.masks, PairSlices.of(data, view, batch=8, seed=1).render(3).masks)
    assert not np.array_equal(batch.masks, slices.render(4).masks)
    for pixels, masks in zip(batch.pixels.astype(np.float32), batch.masks, strict=True):
        target, whole = (masks & TARGET) > 0, (masks & WHOLE) > 0
        assert target.any() and not (target & ~whole).any()
        assert np.nanmean(pixels[target]) > np.nanmean(pixels[~whole]) + 0.5 * np.nanstd(pixels)


def test_pictures_with_masks_train_as_well(tmp_path: Path) -> None:
    rows, columns = np.mgrid[:60, :70]
    disc = (rows - 30) ** 2 + (columns - 30) ** 2 < 150
    Image.fromarray((disc * 150 + 40).astype(np.uint8)).save(tmp_path / "scan.png")
    Image.fromarray((disc * 24).astype(np.uint8)).save(tmp_path / "scan_mask.png")
    batch = PairSlices.of(tmp_path, look_view(64), batch=4, seed=0).render(0)
    assert ((batch.masks & TARGET) > 0).any(axis=(1, 2)).all()


def _adapted_mask(name: str) -> np.ndarray:
    rng = np.random.default_rng(3)
    image = SliceImage(rng.normal(200, 150, (40, 48)).astype(np.float32), True, (1.0, 1.0))
    segmenter = load_segmenter(name, "cpu")
    return segmenter.decode(segmenter.encode(image), SlicePrompt(box_xyxy=np.array([8, 8, 30, 30], np.float32))).low_res[0]


def test_adapting_the_compact_model_makes_it_better_and_gives_a_small_model_of_its_own(data, compact_base, tmp_path) -> None:
    before = load_file(cards.find_card(compact_base).path)
    document = adapt(
        compact_base, Adaptation(), Sources(data=data), name="ours", folder=tmp_path / "run", steps=60, batch=4, report=lambda line: None
    )
    assert document["best"] > document["before"]["score"] + 0.1
    assert 0 < document["trained_share"] < 0.8
    card = cards.find_card("ours")
    assert (card.architecture, card.base) == ("adapter", compact_base)
    with safe_open(str(card.path), framework="pt") as handle:
        names, metadata = set(handle.keys()), handle.metadata()
    assert any("lora_A" in name for name in names) and any(".cbam." in name for name in names)
    assert not any("stem" in name or "prompt_encoder" in name for name in names)
    assert json.loads(metadata["lora"])["targets"] == ["q", "v"]
    assert isinstance(load_segmenter("ours", "cpu"), CompactSegmenter)
    after = load_file(cards.find_card(compact_base).path)
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert not torch.equal(_adapted_mask("ours").logits, _adapted_mask(compact_base).logits)


def test_adapting_a_sam_trains_only_what_it_says(data, tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(SHAPES, "vit_b", TINY)
    torch.manual_seed(0)
    save_file({name: torch.randn_like(value) * 0.1 for name, value in build_sam(TINY).state_dict().items()}, tmp_path / "tiny.safetensors")
    base = import_checkpoint(tmp_path / "tiny.safetensors", "tiny_sam").name
    document = adapt(base, Adaptation(), Sources(data=data), name="sam_ours", folder=tmp_path / "run", steps=6, report=lambda line: None)
    assert document["step"] == 6
    segmenter = load_segmenter("sam_ours", "cpu")
    assert isinstance(segmenter, SamSegmenter)
    own, theirs = segmenter.model.state_dict(), load_file(cards.find_card(base).path)
    assert torch.equal(own["image_encoder.patch_embed.proj.weight"], theirs["image_encoder.patch_embed.proj.weight"])
    assert not torch.equal(own["image_encoder.blocks.0.attn.qkv.weight"], theirs["image_encoder.blocks.0.attn.qkv.weight"])
    assert not torch.equal(own["mask_decoder.mask_tokens.weight"], theirs["mask_decoder.mask_tokens.weight"])


def test_a_sam_in_training_answers_as_its_segmenter_does() -> None:
    torch.manual_seed(0)
    sam = build_sam(TINY)
    image = SliceImage(np.random.default_rng(0).uniform(0, 255, (48, 64)).astype(np.float32), False)
    segmenter = SamSegmenter(sam, checksum="x", name="tiny")
    prompt = SlicePrompt(np.array([[20.0, 30.0]], np.float32), np.array([True]), np.array([8, 8, 40, 40], np.float32))
    expected = segmenter.decode(segmenter.encode(image), prompt).low_res[0]
    network = network_of(sam)
    pixels = torch.full((1, 1, 64, 64), float("nan"))
    pixels[0, 0, :48] = torch.from_numpy(np.rint(image.pixels))
    with torch.inference_mode():
        logits, _ = network.decode(
            network.encode(network.prepare(pixels)),
            torch.from_numpy(prompt.points_xy)[None],
            torch.ones(1, 1),
            torch.from_numpy(prompt.box_xyxy)[None],
            torch.zeros(1, 1, 16, 16),
        )
    torch.testing.assert_close(logits[:, :1], expected, rtol=1e-4, atol=1e-4)


def test_an_interrupted_adaptation_goes_on(data, compact_base, tmp_path) -> None:
    def go(seconds: float | None) -> dict:
        return adapt(
            compact_base, Adaptation(("lora",)), Sources(data=data), name="ours", folder=tmp_path / "run", steps=8, batch=2,
            stop_after_s=seconds, report=lambda line: None,
        )  # fmt: skip

    assert go(1e-9)["step"] < 8
    assert go(None)["step"] == 8


def test_wrong_requests_are_refused_before_any_work(data, compact_base, tmp_path, capsys) -> None:
    with pytest.raises(UsageError, match="lora, cbam"):
        Adaptation.parse("lora,xyz")
    with pytest.raises(ModelError, match="comes with the program"):
        adapt(compact_base, Adaptation(), Sources(data=data), name="compact", folder=tmp_path / "r", steps=1, report=lambda line: None)
    with pytest.raises(UsageError, match="Rendered"):
        from spinalsam.training.adapt import settings, task_for

        segmenter = SamSegmenter(build_sam(TINY), checksum="x", name="tiny")
        task_for(segmenter, settings(steps=1, batch=1, side=64), {}, library=[object()])
    for arguments, code in (
        (["--adapt", "lora"], 2),
        (["--base", "compact"], 2),
        (["--adapt", "lora", "--data", str(tmp_path / "none")], 3),
        (["--adapt", "lora", "--data", str(data), "--init", "x"], 2),
    ):
        assert main(["train", "--out", str(tmp_path / "out"), *arguments]) == code
        assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_a_model_is_judged_on_the_users_own_cases(data, compact_base, capfd) -> None:
    assert main(["evaluate", "--cases", str(data), "--model", compact_base, "--json"]) == 0
    document = json.loads(capfd.readouterr().out)
    assert document["model"] == compact_base and set(document["sets"]) == {
        f"case{n} {plane}" for n in range(6) for plane in ("axial", "sagittal", "coronal")
    }
    assert document["overall"]["count"] == sum(row["count"] for row in document["sets"].values())
    assert {"dice", "iou", "msd_mm", "hd95_mm", "nsd_1mm", "auc", "point", "box_and_5", "clicks_to_0.90"} <= set(document["overall"])
    picture = data.parent / "cases.png"
    assert main(["evaluate", "--cases", str(data), "--model", compact_base, "--pictures", str(picture)]) == 0
    with Image.open(picture) as sheet:
        assert sheet.width > 1000 and len(sheet.convert("RGB").getcolors(1 << 20)) > 50
    assert "one click" in capfd.readouterr().out
    for wrong in (["--cases", str(data), "--pred", "x"], ["--pred", "x"], ["--model", "compact"], []):
        assert main(["evaluate", *wrong]) == 2


def test_two_processes_train_one_network(data, tmp_path) -> None:
    """torchrun: the processes see different slices and end with one checkpoint, one log and one line of output."""
    config = {"model": SMALL.to_json(), "phases": [{"side": 64, "batch": 2, "steps": 3, "start_lr": 1e-3, "end_lr": 1e-4}], "workers": 0}
    (tmp_path / "config.json").write_text(json.dumps(config))
    words = ["train", "--data", str(data), "--config", str(tmp_path / "config.json"), "--out", str(tmp_path / "run"), "--json"]
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", "-m", "spinalsam", *words]
    done = subprocess.run(launcher, capture_output=True, text=True, timeout=300, cwd=REPOSITORY, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["step"] == 3
    assert load_compact(tmp_path / "run" / "best.safetensors", checksum="x").side == 64
