"""Baselines answer boxes on the slice's own pixels, and the comparison of methods runs from end to end."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from safetensors.torch import save_file
from test_render import library  # noqa: F401  (fixture)

from spinalsam.engine.compact import CompactConfig, CompactSam
from spinalsam.engine.segmenter import SliceImage
from spinalsam.support.metrics import dice
from spinalsam.support.prompts import SlicePrompt
from spinalsam.training import ablation, cbam_places, learning_curve
from spinalsam.training.baselines import FILLED_BOX, OTSU, UNet, train_unet, unet_baseline
from spinalsam.training.batches import Batches
from spinalsam.training.config import Phase, TrainConfig
from spinalsam.training.evaluate import SliceCase
from spinalsam.training.sources import Sources

SMALL = CompactConfig(widths=(8, 8, 16, 32), conv_blocks=(1, 1), attention_blocks=2, heads=2, decoder_mlp=32, side=64)


def _ball() -> tuple[SliceImage, np.ndarray, SlicePrompt]:
    rows, columns = np.mgrid[:50, :60]
    ball = (rows - 24) ** 2 + (columns - 30) ** 2 <= 120
    pixels = (ball * 500 + np.random.default_rng(0).normal(40, 10, ball.shape)).astype(np.float32)
    return SliceImage(pixels, True, (1.0, 1.0)), ball, SlicePrompt(box_xyxy=np.array([19, 13, 41, 35], np.float32))


def test_a_filled_box_has_its_inclusive_corners() -> None:
    image, _, prompt = _ball()
    mask = FILLED_BOX.decode(FILLED_BOX.encode(image), prompt).masks[0]
    assert mask.sum() == 23 * 23 and mask[13, 19] and mask[35, 41] and not mask[12, 19]


def test_otsu_finds_what_is_bright_in_the_box() -> None:
    image, ball, prompt = _ball()
    assert dice(OTSU.decode(OTSU.encode(image), prompt).masks[0], ball) > 0.98


def test_a_unet_learns_from_the_same_batches(library) -> None:  # noqa: F811
    config = TrainConfig(phases=(Phase(32, 4, 30, 1e-3, 1e-4),), workers=0)
    losses: list[str] = []
    network = train_unet(Batches(library, config), steps=30, report=losses.append)
    image, _, prompt = _ball()
    baseline = unet_baseline(network, side=32)
    assert baseline.decode(baseline.encode(image), prompt).masks.shape == (1, 50, 60)
    assert sum(parameter.numel() for parameter in UNet().parameters()) == pytest.approx(1.2e6, rel=0.05)


def test_the_comparison_measures_every_method(tmp_path: Path) -> None:
    labels = np.zeros((40, 48, 52), np.uint8)
    labels[6:34, 10:40, 8:26], labels[6:34, 10:40, 28:46] = 20, 21
    for folder in ("shapes", "real"):
        (tmp_path / folder).mkdir()
    sitk.WriteImage(sitk.GetImageFromArray(labels.T.copy()), str(tmp_path / "shapes" / "spine.nii.gz"))
    rng = np.random.default_rng(0)
    scan = np.where(labels > 0, 400, 30) + rng.normal(0, 10, labels.shape)
    sitk.WriteImage(sitk.GetImageFromArray(scan.T.astype(np.int16)), str(tmp_path / "real" / "scan.nii.gz"))
    sitk.WriteImage(sitk.GetImageFromArray(labels.T.copy()), str(tmp_path / "real" / "scan_mask.nii.gz"))
    torch.manual_seed(0)
    base = tmp_path / "base.safetensors"
    save_file(CompactSam(SMALL).state_dict(), base, {"architecture": "compact", "config": json.dumps(SMALL.to_json())})
    sources = Sources(shapes=[tmp_path / "shapes"])
    rows = ablation.ablation(base, sources, tmp_path / "real", tmp_path / "out", steps=2, unet_steps=2, with_vit=False)
    assert list(rows) == ["filled box", "Otsu in the box", "base", *ablation.ARMS, "U-Net on the same slices"]
    assert min(rows[name]["dice"] for name in ("filled box", "Otsu in the box")) > 0.8
    assert 0 < rows["+ LoRA"]["trained_share"] < rows["+ LoRA + CBAM"]["trained_share"] < 1
    assert ablation.as_markdown(rows).count("\n") == len(rows) + 1
    curves = learning_curve.learning_curve({"shapes": sources}, [1, 2], tmp_path / "real", tmp_path / "out" / "cache")
    assert [slices for slices, _ in curves["shapes"]] == [8, 16] and all(0 <= dice <= 1 for _, dice in curves["shapes"])
    assert learning_curve.as_markdown(curves).splitlines()[0] == "| rendered from | 8 slices | 16 slices |"


def test_places_for_cbam_are_compared_from_the_same_first_weights(tmp_path: Path, library, monkeypatch) -> None:  # noqa: F811
    monkeypatch.setattr(cbam_places, "PLACES", {"none": (), "last block": ("blocks.1",)})
    monkeypatch.setattr(Sources, "rendered", lambda self, cache, *, report: (library, ()))
    ball, case_mask, _ = _ball()
    monkeypatch.setattr(cbam_places, "real_cases", lambda folder: [SliceCase("ball axial 1 0", ball, case_mask)])
    config = TrainConfig(phases=(Phase(64, 2, 1, 1e-9, 1e-9),), model=SMALL, workers=0)
    rows = cbam_places.compare(config, Sources(), tmp_path, tmp_path / "out", unseen=3)
    assert rows["last block"]["parameters"] > rows["none"]["parameters"]
    # A shut gate and no learning to speak of: the same answers, so the runs began alike.
    assert rows["last block"]["rendered"]["dice"] == pytest.approx(rows["none"]["rendered"]["dice"], abs=1e-3)
    assert cbam_places.as_markdown(rows).count("\n") == 3
