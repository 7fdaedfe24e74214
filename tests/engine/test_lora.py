"""LoRA by peft on SAM's and the compact encoder, and LoRA files made by others."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from spinalsam.engine.cbam import CbamSettings, attach_cbam
from spinalsam.engine.compact import CompactConfig, CompactSam
from spinalsam.engine.lora import (
    LoraSettings,
    adapter_metadata,
    add_lora,
    attention_blocks,
    freeze_for_adaptation,
    load_adapter,
    lora_layers,
    merge,
    merge_and_remove,
    merge_lora,
    read_lora,
    save_adapter,
    trainable_share,
    unmerge,
)
from spinalsam.engine.sam import SamSegmenter, SamShape, build_sam
from spinalsam.engine.segmenter import SliceImage
from spinalsam.errors import ModelError
from spinalsam.support.prompts import SlicePrompt

TINY = SamShape(32, 3, 2, (1,), img_size=64, window=4, prompt_dim=32, decoder_heads=2, decoder_mlp=32)
SMALL = CompactConfig(widths=(8, 8, 16, 32), attention_blocks=2, heads=2, decoder_mlp=32, side=64)
TARGETS = [("qkv",), ("q", "v"), ("q", "k", "v"), ("v",), ("proj",), ("q", "v", "proj")]


@pytest.fixture
def sam():
    torch.manual_seed(0)
    model = build_sam(TINY)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return model


@pytest.fixture
def compact():
    torch.manual_seed(0)
    return CompactSam(SMALL).eval()


def randomise_lora(model) -> None:
    """As after training: B no longer zero, within what the settings let train."""
    for layer in lora_layers(model):
        weight = layer.lora_B["default"].weight
        loss = (weight * torch.randn_like(weight)).sum()
        (gradient,) = torch.autograd.grad(loss, [weight])
        weight.requires_grad_(True)
        (weight * torch.randn_like(weight)).sum().backward()  # through the hook that keeps the parts apart
        with torch.no_grad():
            weight.add_(weight.grad * 0.3)
        assert gradient is not None


def mask_of(model) -> np.ndarray:
    image = SliceImage(np.random.default_rng(0).normal(300, 500, (50, 60)).astype(np.float32))
    segmenter = SamSegmenter(model, checksum="x", name="x")
    prompt = SlicePrompt(box_xyxy=np.array([10, 10, 40, 40], np.float32))
    return segmenter.decode(segmenter.encode(image), prompt).masks


@pytest.mark.parametrize("targets", TARGETS)
def test_new_adapters_change_nothing(sam, targets) -> None:
    pixels = torch.randn(1, 3, 64, 64)
    before = sam.image_encoder(pixels)
    add_lora(sam, LoraSettings(rank=2, targets=targets))
    torch.testing.assert_close(sam.image_encoder(pixels), before, rtol=0, atol=0)


@pytest.mark.parametrize("targets", TARGETS)
def test_merged_and_unmerged_give_the_same_mask(sam, targets) -> None:
    untouched = mask_of(sam)
    add_lora(sam, LoraSettings(rank=2, alpha=4, targets=targets))
    randomise_lora(sam)
    pixels = torch.randn(1, 3, 64, 64)
    apart, mask_apart = sam.image_encoder(pixels), mask_of(sam)
    merge(sam)
    together, mask_together = sam.image_encoder(pixels), mask_of(sam)
    unmerge(sam)
    assert not torch.allclose(apart, build_sam(TINY).image_encoder(pixels))
    torch.testing.assert_close(together, apart, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(sam.image_encoder(pixels), apart, rtol=1e-4, atol=1e-4)
    assert (mask_together == mask_apart).mean() > 0.999
    assert mask_apart.shape == untouched.shape


def test_adapting_q_and_v_leaves_k_alone(sam) -> None:
    before = sam.image_encoder.blocks[0].attn.qkv.weight.clone()
    add_lora(sam, LoraSettings(rank=2, targets=("q", "v")))
    randomise_lora(sam)
    merge_and_remove(sam)
    change = (sam.image_encoder.blocks[0].attn.qkv.weight - before).abs().amax(dim=1)
    assert torch.all(change[32:64] == 0)
    assert torch.all(change[:32] > 0)
    assert torch.all(change[64:] > 0)


def test_each_part_has_an_update_of_its_own_rank(sam) -> None:
    before = sam.image_encoder.blocks[0].attn.qkv.weight.clone()
    add_lora(sam, LoraSettings(rank=2, targets=("q", "v")))
    randomise_lora(sam)
    merge_and_remove(sam)
    change = (sam.image_encoder.blocks[0].attn.qkv.weight - before).detach()
    for part in (change[:32], change[64:]):
        assert torch.linalg.matrix_rank(part, tol=1e-4) == 2


def test_scale_is_alpha_over_rank(sam) -> None:
    before = sam.image_encoder.blocks[0].attn.qkv.weight.clone()
    add_lora(sam, LoraSettings(rank=2, alpha=6, targets=("q", "v")))
    randomise_lora(sam)
    layer = sam.image_encoder.blocks[0].attn.qkv
    a, b = layer.lora_A["default"].weight.clone(), layer.lora_B["default"].weight.clone()
    merge_and_remove(sam)
    torch.testing.assert_close(sam.image_encoder.blocks[0].attn.qkv.weight, before + 3 * b @ a)


def test_removing_merged_adapters_restores_every_name(sam) -> None:
    names = set(sam.state_dict())
    add_lora(sam, LoraSettings())
    assert set(sam.state_dict()) != names
    merge_and_remove(sam)
    assert set(sam.state_dict()) == names


def test_only_adapters_cbam_and_mask_decoder_train(sam) -> None:
    attach_cbam(sam.image_encoder, CbamSettings(after=("blocks.1",)))
    add_lora(sam, LoraSettings(rank=2))
    share = freeze_for_adaptation(sam)
    trains = {name for name, parameter in sam.named_parameters() if parameter.requires_grad}
    assert share == trainable_share(sam)
    assert 0 < share.share < 1
    assert any("lora_A" in name for name in trains)
    assert any(".cbam." in name for name in trains)
    assert any(name.startswith("mask_decoder.") for name in trains)
    assert not any("prompt_encoder" in name or "base_layer" in name or "patch_embed" in name for name in trains)
    assert "%" in str(share)


def test_a_training_step_moves_adapters_and_nothing_frozen(compact) -> None:
    attach_cbam(compact.image_encoder, CbamSettings(after=("blocks.1",)))
    add_lora(compact, LoraSettings(rank=2))
    freeze_for_adaptation(compact)
    before = {name: value.detach().clone() for name, value in compact.named_parameters()}
    optimiser = torch.optim.AdamW([p for p in compact.parameters() if p.requires_grad], lr=0.01)
    compact.encode(torch.randn(1, 1, 64, 64))[3].square().mean().backward()
    optimiser.step()
    moved = {name for name, value in compact.named_parameters() if not torch.equal(value, before[name])}
    assert any("lora_B" in name for name in moved)
    assert all("lora_" in name or ".cbam." in name or "mask_decoder" in name for name in moved)


def test_the_compact_encoder_takes_lora_too(compact) -> None:
    pixels = torch.randn(1, 1, 64, 64)
    before = compact.encode(pixels)[3]
    add_lora(compact, LoraSettings(rank=2))
    assert torch.equal(compact.encode(pixels)[3], before)
    randomise_lora(compact)
    apart = compact.encode(pixels)[3]
    assert not torch.allclose(apart, before)
    merge_and_remove(compact)
    torch.testing.assert_close(compact.encode(pixels)[3], apart, rtol=1e-4, atol=1e-4)


def test_blocks_restrict_where_adapters_go(sam) -> None:
    add_lora(sam, LoraSettings(rank=2, blocks=(2,)))
    assert len(lora_layers(sam)) == 1
    assert hasattr(sam.image_encoder.blocks[2].attn.qkv, "lora_A")


@pytest.mark.parametrize("settings", [{"targets": ("qkv", "q")}, {"targets": ("mlp",)}, {"targets": ()}, {"rank": 0}])
def test_impossible_settings_are_refused(settings) -> None:
    with pytest.raises(ModelError):
        LoraSettings(**settings)


def test_blocks_that_are_not_there_and_second_adapters_are_refused(sam) -> None:
    with pytest.raises(ModelError, match="has 3"):
        add_lora(sam, LoraSettings(blocks=(7,)))
    add_lora(sam, LoraSettings())
    with pytest.raises(ModelError, match="already"):
        add_lora(sam, LoraSettings())


@pytest.mark.parametrize("merged", [True, False])
def test_an_adapter_file_brings_back_the_adapted_model(compact, tmp_path, merged) -> None:
    base = {name: value.clone() for name, value in compact.state_dict().items()}
    lora, cbam = LoraSettings(rank=2, alpha=3), CbamSettings(after=("blocks.0",))
    (module,) = attach_cbam(compact.image_encoder, cbam)
    add_lora(compact, lora)
    randomise_lora(compact)
    torch.nn.init.constant_(module.gate, 0.3)
    path = tmp_path / "adapter.safetensors"
    save_adapter(compact, path, adapter_metadata(base="compact", base_sha256="00", lora=lora, cbam=cbam.to_json()))
    fresh = CompactSam(SMALL).eval()
    fresh.load_state_dict(base)
    metadata = load_adapter(fresh, path, merged=merged)
    pixels = torch.randn(1, 1, 64, 64)
    assert metadata["base"] == "compact"
    assert bool(lora_layers(fresh)) is not merged
    torch.testing.assert_close(fresh.encode(pixels)[3], compact.encode(pixels)[3], rtol=1e-4, atol=1e-4)


def test_merged_adapters_are_not_saved(compact, tmp_path) -> None:
    add_lora(compact, LoraSettings(rank=2))
    merge(compact)
    with pytest.raises(ModelError, match="unmerge"):
        save_adapter(compact, tmp_path / "a.safetensors", {})
    assert list(tmp_path.iterdir()) == []


def test_an_adapter_for_another_base_is_refused(compact, tmp_path) -> None:
    lora = LoraSettings(rank=2)
    add_lora(compact, lora)
    path = tmp_path / "adapter.safetensors"
    save_adapter(compact, path, adapter_metadata(base="compact", base_sha256="00", lora=lora, cbam=None))
    with pytest.raises(ModelError, match=r"does not fit|channels wide"):
        load_adapter(CompactSam(CompactConfig(widths=(8, 8, 16, 64), heads=2, decoder_mlp=32, side=64)), path)


class TheirQkv(torch.nn.Module):
    """SAMed's adapted layer: its forward pass as its authors describe it."""

    def __init__(self, qkv, rank: int) -> None:
        super().__init__()
        width = qkv.in_features
        self.qkv = qkv
        self.linear_a_q, self.linear_a_v = (torch.nn.Linear(width, rank, bias=False) for _ in range(2))
        self.linear_b_q, self.linear_b_v = (torch.nn.Linear(rank, width, bias=False) for _ in range(2))

    def forward(self, x):
        query, key, value = self.qkv(x).chunk(3, dim=-1)
        query = query + self.linear_b_q(self.linear_a_q(x))
        return torch.cat([query, key, value + self.linear_b_v(self.linear_a_v(x))], dim=-1)


def their_lora(model) -> dict[str, torch.Tensor]:
    """Adapt a model as SAMed does; returns what it would save."""
    tensors = {}
    for number, block in enumerate(model.image_encoder.blocks):
        block.attn.qkv = layer = TheirQkv(block.attn.qkv, 4)
        for offset, part in enumerate("qv"):
            for half in "ab":
                weight = getattr(layer, f"linear_{half}_{part}").weight
                tensors[f"w_{half}_{2 * number + offset:03d}"] = weight.detach().clone()
    return tensors


@pytest.mark.parametrize("spelling", ["samed", "wrapped", "peft"])
def test_lora_files_made_by_others_give_their_features(sam, tmp_path, spelling) -> None:
    own = build_sam(TINY)
    own.load_state_dict(sam.state_dict())
    tensors = their_lora(sam)
    if spelling == "wrapped":
        tensors = {f"module.sam.{name}": value for name, value in sam.state_dict().items() if ".linear_" in name}
    if spelling == "peft":
        tensors = {}
        for number, block in enumerate(sam.image_encoder.blocks):
            layer, zero = block.attn.qkv, torch.zeros(32, 4)
            b = torch.cat([torch.cat([layer.linear_b_q.weight, zero], 1), torch.zeros(32, 8)])
            b = torch.cat([b, torch.cat([zero, layer.linear_b_v.weight], 1)])
            key = f"base_model.model.image_encoder.blocks.{number}.attn.qkv.lora_"
            tensors[f"{key}A.weight"] = torch.cat([layer.linear_a_q.weight, layer.linear_a_v.weight]).detach()
            tensors[f"{key}B.weight"] = b.detach() / 2
    path = tmp_path / "lora.safetensors"
    save_file({name: value.contiguous() for name, value in tensors.items()}, path)
    config = {"r": 8, "lora_alpha": 16} if spelling == "peft" else None
    changed = merge_lora(own, read_lora(load_file(path), config=config))
    pixels = torch.randn(1, 3, 64, 64)
    assert changed == (3 if spelling == "peft" else 6)
    torch.testing.assert_close(own.image_encoder(pixels), sam.image_encoder(pixels), rtol=1e-4, atol=1e-4)


def test_a_lora_file_for_another_depth_changes_nothing(sam) -> None:
    tensors = {f"w_{half}_{n:03d}": torch.randn(4, 32) if half == "a" else torch.randn(32, 4) for half in "ab" for n in (0, 1)}
    before = {name: value.clone() for name, value in sam.state_dict().items()}
    with pytest.raises(ModelError, match="encoder has 3"):
        merge_lora(sam, read_lora(tensors))
    assert all(torch.equal(value, before[name]) for name, value in sam.state_dict().items())


def test_a_lora_file_for_another_width_is_refused(sam) -> None:
    tensors = {f"w_{half}_{n:03d}": torch.randn(4, 48) if half == "a" else torch.randn(48, 4) for half in "ab" for n in range(6)}
    with pytest.raises(ModelError, match="48 channels wide"):
        merge_lora(sam, read_lora(tensors))


def test_incomplete_and_foreign_lora_files_are_refused() -> None:
    with pytest.raises(ModelError, match="missing"):
        read_lora({"w_a_000": torch.zeros(4, 32)})
    with pytest.raises(ModelError, match="No LoRA weights"):
        read_lora({"something.weight": torch.zeros(2, 2)})


def test_attention_blocks_are_only_the_encoders(sam, compact) -> None:
    assert list(attention_blocks(sam)) == [0, 1, 2]
    assert list(attention_blocks(compact)) == [0, 1]
