"""Training: it learns, resumes exactly, and leaves a checkpoint that loads."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from test_render import library  # noqa: F401  (fixture)

from spinalsam.engine.compact import CompactConfig, CompactSam, standardise
from spinalsam.engine.compact_segmenter import load_compact
from spinalsam.errors import InputError
from spinalsam.support.metrics import dice
from spinalsam.training.batches import Batches, MixedBatches, fresh_before, parts_of
from spinalsam.training.config import Phase, TrainConfig
from spinalsam.training.dataset import BONE, TARGET, WHOLE, Batch, RenderedSlices, turned
from spinalsam.training.fit import Run
from spinalsam.training.objective import InteractiveStep, PromptMix, first_prompts, mask_loss, soft_iou
from spinalsam.training.task import from_beginning

SMALL = CompactConfig(widths=(8, 16, 24, 32), conv_blocks=(1, 1), attention_blocks=1, heads=2, decoder_mlp=64, side=64)


def _config(steps: int = 30) -> TrainConfig:
    return TrainConfig(phases=(Phase(64, 2, steps, 1e-3, 1e-4),), model=SMALL, workers=0, validate_every=3, save_every=2)


def _run(folder: Path, library) -> Run:  # noqa: F811
    return Run(folder, _config(), from_beginning(_config(), library))


def test_batch_n_depends_on_seed_and_n_alone(library) -> None:  # noqa: F811
    slices = RenderedSlices(library, side=64, batch=2, seed=3)
    stream = iter(slices)
    next(stream)
    np.testing.assert_array_equal(next(stream).pixels, slices.render(1).pixels)


def test_a_turned_batch_keeps_pixels_and_masks_together(library) -> None:  # noqa: F811
    batch = RenderedSlices(library, side=64, batch=2, seed=3).render(0)
    again = turned(batch, np.random.default_rng(1))
    for n in range(2):
        before = batch.pixels[n][(batch.masks[n] & TARGET) > 0]
        after = again.pixels[n][(again.masks[n] & TARGET) > 0]
        np.testing.assert_array_equal(np.sort(before), np.sort(after))


def test_losses_are_smallest_where_the_mask_is_right() -> None:
    target = torch.zeros(1, 1, 16, 16)
    target[..., 4:12, 4:12] = 1
    right, wrong = (target - 0.5) * 12, (0.5 - target) * 12
    assert mask_loss(right, target).item() < 0.05 < mask_loss(wrong, target).item()
    assert soft_iou(right, target).item() == 1.0 and soft_iou(wrong, target).item() == 0.0


def test_a_killed_run_goes_on_exactly(library, tmp_path: Path) -> None:  # noqa: F811
    whole = _run(tmp_path / "whole", library)
    whole.train(report=lambda line: None)
    first = _run(tmp_path / "parts", library)
    original = first._one_step
    count = 0

    def stop_after_some(*args):
        nonlocal count
        count += 1
        if count > 27:
            raise KeyboardInterrupt
        return original(*args)

    first._one_step = stop_after_some  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        first.train(report=lambda line: None)
    second = _run(tmp_path / "parts", library)
    assert second.step == 26
    second.train(report=lambda line: None)
    for name, value in whole.network.state_dict().items():
        torch.testing.assert_close(value, second.network.state_dict()[name], rtol=1e-4, atol=1e-5, msg=name)


def test_the_run_leaves_a_checkpoint_a_log_and_curves(library, tmp_path: Path) -> None:  # noqa: F811
    seen: list[float] = []

    def validate(model: CompactSam) -> dict[str, float]:
        seen.append(1.0)
        return {"dice": 0.5, "score": 0.5}

    Run(tmp_path, _config(3), from_beginning(_config(3), library), validate).train(report=lambda line: None)
    assert seen and (tmp_path / "curves.png").stat().st_size > 0
    assert "validate,dice" in (tmp_path / "log.csv").read_text()
    assert load_compact(tmp_path / "best.safetensors", checksum="x").side == 64
    assert json.loads((tmp_path / "state.json").read_text())["step"] == 3


def test_a_run_of_another_network_is_not_gone_on_with(library, tmp_path: Path) -> None:  # noqa: F811
    Run(tmp_path, _config(1), from_beginning(_config(1), library)).train(report=lambda line: None)
    other = replace(_config(1), model=replace(_config(1).model, attention_blocks=2))
    with pytest.raises(InputError, match="another network"):
        Run(tmp_path, other, from_beginning(other, library))


def test_unknown_settings_are_refused() -> None:
    with pytest.raises(InputError, match="colour"):
        TrainConfig.from_json({"phases": [], "colour": 3})


@pytest.mark.parametrize("uses", [0, -1, 1.5, "x", None])
def test_slices_are_used_a_whole_number_of_times(uses) -> None:
    with pytest.raises(InputError, match="uses"):
        TrainConfig.from_json({"phases": [], "uses": uses})


def test_a_tiny_set_is_learned_by_heart(library) -> None:  # noqa: F811
    """Overfitting: slices with a box each come to a Dice above 0.99 at full resolution."""
    torch.manual_seed(1)
    rng = np.random.default_rng(8)
    rendered = RenderedSlices(library, side=64, batch=2, seed=12).render(0)
    contrast = ((rendered.masks & TARGET) > 0) * 0.6 + rendered.pixels.astype(np.float32) * 0.4
    batch = Batch(contrast.astype(np.float16), rendered.masks)
    model = CompactSam(SMALL).train()
    step = InteractiveStep(model, PromptMix(box_share=1.0, box_jitter=0.0, rounds=(1.0,)))
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3)
    for number in range(300):
        for group in optimiser.param_groups:
            group["lr"] = 2e-3 * (1 - number / 300) + 1e-4
        loss, _ = step(batch, rng)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    model.eval()
    prompts = first_prompts(rng, batch, step.mix)
    with torch.inference_mode():
        features = model.encode(standardise(torch.from_numpy(batch.pixels.astype(np.float32))[:, None]))
        logits, _ = model.decode(features, prompts.points, prompts.kinds, prompts.boxes, torch.zeros(2, 1, 32, 32))
    masks = torch.nn.functional.interpolate(logits[:, :1], scale_factor=2, mode="bilinear")[:, 0].numpy() > 0
    assert np.mean([dice(mask, truth) for mask, truth in zip(masks, prompts.masks, strict=True)]) > 0.99


def test_a_step_gets_the_same_batch_after_a_restart_where_pairs_come_in_between(library) -> None:  # noqa: F811
    config = replace(_config(80), phases=(Phase(32, 1, 80, 1e-3, 1e-4),))

    class Pairs:
        def at(self, step: int) -> Batch:
            return Batch(np.full((1, 32, 32), step, np.float16), np.zeros((1, 32, 32), np.uint8))

    whole = MixedBatches(Batches(library, config), Pairs(), 0.25)
    seen = [whole.at(step).pixels for step in range(70)]
    again = MixedBatches(Batches(library, config), Pairs(), 0.25)
    for step in range(60, 70):
        np.testing.assert_array_equal(again.at(step).pixels, seen[step])
    assert sum(np.ptp(pixels) == 0 for pixels in seen) == 17


def test_a_batch_in_parts_gives_the_gradient_of_the_whole(library) -> None:  # noqa: F811
    batch = RenderedSlices(library, side=32, batch=5, seed=3).render(0)
    parts = parts_of(batch, 2)
    assert [len(part.pixels) for part in parts] == [3, 2]
    np.testing.assert_array_equal(np.concatenate([part.masks for part in parts]), batch.masks)


def test_patience_ends_a_run_that_gets_no_better(library, tmp_path: Path) -> None:  # noqa: F811
    config = replace(_config(30), patience=2)
    scores = iter([0.5, 0.4, 0.3, 0.2, 0.1, 0.0])
    run = Run(tmp_path, config, from_beginning(config, library), lambda network: {"score": next(scores)})
    run.train(report=lambda line: None)
    assert run.step == 9 and run.best == 0.5


def test_a_checkpoint_without_cbam_is_a_beginning_for_one_with_it(library, tmp_path: Path) -> None:  # noqa: F811
    config = _config(2)
    Run(tmp_path, config, from_beginning(config, library)).train(report=lambda line: None)
    larger = replace(config, model=replace(SMALL, cbam_after=("stage8", "blocks.0")))
    model = from_beginning(larger, library, start=tmp_path / "best.safetensors").network.eval()
    plain = load_compact(tmp_path / "best.safetensors", checksum="x").model
    pixels = torch.randn(1, 1, 64, 64)
    with torch.inference_mode():
        for ours, theirs in zip(model.encode(pixels), plain.encode(pixels), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=0, atol=0)
    with pytest.raises(InputError, match="do not fit"):
        from_beginning(
            replace(config, model=replace(SMALL, cbam_after=(), attention_blocks=1, conv_blocks=(0, 1))),
            library,
            start=tmp_path / "best.safetensors",
        )


def test_a_deeper_network_begins_with_a_shallower_ones_answers(library, tmp_path: Path) -> None:  # noqa: F811
    config = replace(_config(2), model=replace(SMALL, cbam_after=("stage8", "blocks.0")))
    Run(tmp_path, config, from_beginning(config, library)).train(report=lambda line: None)
    start = tmp_path / "best.safetensors"
    deeper = replace(config, model=replace(config.model, conv_blocks=(2, 3), attention_blocks=3))
    model, plain = from_beginning(deeper, library, start=start).network.eval(), load_compact(start, checksum="x").model
    assert sum(p.numel() for p in model.parameters()) > sum(p.numel() for p in plain.parameters())
    pixels = torch.randn(1, 1, 64, 64)
    with torch.inference_mode():
        for ours, theirs in zip(model.encode(pixels), plain.encode(pixels), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=0, atol=0)
    model.encode(pixels)[3].square().sum().backward()
    further = model.image_encoder.blocks[2].mlp.lin2.weight.grad
    assert further is not None and bool(further.abs().max() > 0), "a block that begins as the identity has to be able to learn"
    save_file({"blocks.0.norm1.weight": torch.zeros(2)}, str(tmp_path / "other.safetensors"))
    with pytest.raises(InputError, match="do not fit"):
        from_beginning(deeper, library, start=tmp_path / "other.safetensors")


def test_by_time_the_rate_falls_with_the_seconds_and_goes_on_where_they_were(library, tmp_path: Path) -> None:  # noqa: F811
    config = replace(_config(10**6), by_time=True, warmup=1)
    assert config.learning_rate(5, 0.5) == pytest.approx((1e-3 + 1e-4) / 2) and config.learning_rate(5, 2.0) == pytest.approx(1e-4)
    with pytest.raises(InputError, match="--seconds"):
        Run(tmp_path, config, from_beginning(config, library)).train(report=lambda line: None)
    with pytest.raises(InputError, match="one phase"):
        TrainConfig.from_json({"phases": [{"side": 32, "batch": 1, "steps": 1, "start_lr": 1, "end_lr": 1}] * 2, "by_time": True})
    run = Run(tmp_path, config, from_beginning(config, library))
    run.train(stop_after_s=1.0, report=lambda line: None)
    assert 1.0 <= run.seconds < 30
    again = Run(tmp_path, config, from_beginning(config, library))
    steps = again.step
    again.train(stop_after_s=1.0, report=lambda line: None)
    assert again.step == steps > 0, "its time was over"


def test_weights_for_use_can_be_kept_in_half_precision(library, tmp_path: Path) -> None:  # noqa: F811
    config = replace(_config(2), half=True)
    run = Run(tmp_path, config, from_beginning(config, library))
    run.train(report=lambda line: None)
    half = load_file(str(tmp_path / "best.safetensors"))
    assert {value.dtype for value in half.values() if value.ndim > 1} == {torch.float16}
    assert half["image_encoder.stem.0.1.running_var"].dtype == torch.float32
    used = load_compact(tmp_path / "best.safetensors", checksum="x").model.state_dict()
    for name, value in run.average.state.items():
        torch.testing.assert_close(used[name].float(), value.float(), rtol=1e-3, atol=1e-5, msg=name)


def test_a_slice_that_is_used_three_times_is_rendered_once(library) -> None:  # noqa: F811
    config = replace(_config(90), phases=(Phase(32, 1, 90, 1e-3, 1e-4),), uses=3)
    source = Batches(library, config)
    seen = [source.at(step).pixels.astype(np.float64).sum() for step in range(90)]
    assert len({round(total, 3) for total in seen}) == fresh_before(90, 3) == 24 + 22
    again = Batches(library, config)
    assert [again.at(step).pixels.astype(np.float64).sum() for step in range(80, 90)] == pytest.approx(seen[80:])


def test_one_click_has_three_meanings_and_each_candidate_learns_its_own() -> None:
    masks = np.zeros((1, 64, 64), np.uint8)
    masks[0, 8:28, 8:28] = TARGET + WHOLE + BONE  # a body,
    masks[0, 40:52, 8:20] = WHOLE + BONE  # its process
    masks[0, 8:28, 40:60] = BONE  # and a neighbour
    batch = Batch(np.zeros((1, 64, 64), np.float16), masks)
    seen = set()
    for seed in range(12):
        prompts = first_prompts(np.random.default_rng(seed), batch, PromptMix(box_share=0.0))
        piece, whole, spine = prompts.meanings[0]
        x, y = (int(v) for v in prompts.points[0, 0])
        assert piece[y, x] and piece.sum() in (400, 144) and not (piece & ~whole).any()
        assert whole.sum() == 544 and spine.sum() == 944
        np.testing.assert_array_equal(prompts.masks[0], prompts.meanings[0][prompts.meant[0]])
        seen.add((int(piece.sum()), int(prompts.meant[0])))
    assert {size for size, _ in seen} == {400, 144} and len({meant for _, meant in seen}) > 1
    step = InteractiveStep(CompactSam(SMALL), PromptMix())
    targets = torch.cat([torch.zeros(1, 1, 64, 64), torch.from_numpy(prompts.meanings.astype(np.float32))], dim=1)
    right = (targets - 0.5) * 12
    loss, chosen = step._loss(right, torch.ones(1, 4), targets, torch.tensor([2]))
    assert torch.equal(chosen, right[:, 2:3])
    for candidate in (1, 2, 3):
        wrong = right.clone()
        wrong[:, candidate] *= -1
        assert step._loss(wrong, torch.ones(1, 4), targets, torch.tensor([2]))[0] > loss + 0.1
