"""CBAM starts as the identity, learns, and sits where the settings say."""

from __future__ import annotations

import copy

import pytest
import torch

from spinalsam.engine.cbam import Cbam, CbamSettings, ChannelAttention, SpatialAttention, attach_cbam, cbam_modules
from spinalsam.engine.compact import CompactConfig, CompactSam
from spinalsam.engine.sam import SamShape, build_sam
from spinalsam.errors import ModelError

TINY = SamShape(32, 2, 2, (1,), img_size=64, window=4, prompt_dim=32, decoder_heads=2, decoder_mlp=32)
SMALL = CompactConfig(widths=(8, 8, 16, 32), attention_blocks=2, heads=2, decoder_mlp=32, side=64)


@pytest.fixture
def encoder():
    torch.manual_seed(0)
    return build_sam(TINY).image_encoder


@pytest.fixture
def compact():
    torch.manual_seed(0)
    return CompactSam(SMALL).eval().image_encoder


def test_an_untrained_cbam_changes_no_bit_of_sams_features(encoder) -> None:
    pixels = torch.randn(1, 3, 64, 64)
    before = encoder(pixels)
    attach_cbam(encoder, CbamSettings(after=("blocks.0", "blocks.1", "neck")))
    assert torch.equal(encoder(pixels), before)


def test_an_untrained_cbam_changes_no_bit_of_the_compact_features(compact) -> None:
    pixels = torch.randn(1, 1, 64, 64)
    before = compact(pixels)
    attach_cbam(compact, CbamSettings(after=("stage4", "stage8", "blocks.1", "norm")))
    assert all(torch.equal(after, old) for after, old in zip(compact(pixels), before, strict=True))


@pytest.mark.parametrize("place", ["blocks.0", "neck"])
def test_an_opened_gate_changes_the_features(encoder, place) -> None:
    pixels = torch.randn(1, 3, 64, 64)
    before = encoder(pixels)
    (cbam,) = attach_cbam(encoder, CbamSettings(after=(place,)))
    torch.nn.init.constant_(cbam.gate, 0.5)
    assert not torch.allclose(encoder(pixels), before)


def test_parameters_keep_their_names_and_cbam_adds_its_own(encoder) -> None:
    before = set(encoder.state_dict())
    attach_cbam(encoder, CbamSettings(after=("blocks.1",)))
    added = set(encoder.state_dict()) - before
    assert before <= set(encoder.state_dict())
    assert all(name.startswith("blocks.1.cbam.") for name in added)
    assert added


def test_the_gate_learns_first_and_then_the_rest(encoder) -> None:
    (cbam,) = attach_cbam(encoder, CbamSettings(after=("blocks.0",)))
    optimiser = torch.optim.SGD(cbam.parameters(), lr=0.1)
    start = copy.deepcopy(cbam.state_dict())
    for _ in range(2):
        optimiser.zero_grad()
        features = encoder(torch.randn(1, 3, 64, 64))
        (features * torch.randn_like(features)).sum().backward()
        optimiser.step()
    assert all(not torch.equal(value, start[name]) for name, value in cbam.state_dict().items())


def test_a_copy_of_the_encoder_uses_its_own_cbam(encoder) -> None:
    attach_cbam(encoder, CbamSettings(after=("blocks.0",)))
    twin = copy.deepcopy(encoder)
    torch.nn.init.constant_(cbam_modules(twin)[0].gate, 1.0)
    pixels = torch.randn(1, 3, 64, 64)
    assert not torch.allclose(twin(pixels), encoder(pixels))


def test_attention_is_that_of_the_paper_written_out() -> None:
    torch.manual_seed(1)
    x = torch.randn(2, 32, 5, 6)
    channel, spatial = ChannelAttention(32, 4), SpatialAttention(7)
    first, last = channel.mlp[0].weight[:, :, 0, 0], channel.mlp[2].weight[:, :, 0, 0]

    def shared(v: torch.Tensor) -> torch.Tensor:
        return torch.relu(v @ first.T) @ last.T

    weights = torch.sigmoid(shared(x.mean((2, 3))) + shared(x.flatten(2).max(2).values))
    torch.testing.assert_close(channel(x)[..., 0, 0], weights)
    maps = torch.stack([x.mean(1), x.max(1).values], dim=1)
    padded = torch.nn.functional.pad(maps, (3, 3, 3, 3))
    by_hand = (padded[0, :, 2:9, 1:8] * spatial.conv.weight[0]).sum()
    torch.testing.assert_close(spatial(x)[0, 0, 2, 1], torch.sigmoid(by_hand))


def test_tokens_and_pictures_are_the_same_grid() -> None:
    torch.manual_seed(2)
    picture, tokens = Cbam(8, reduction=4), Cbam(8, reduction=4, channels_last=True)
    torch.nn.init.constant_(picture.gate, 0.7)
    tokens.load_state_dict(picture.state_dict())
    x = torch.randn(1, 8, 5, 6)
    torch.testing.assert_close(tokens(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2), picture(x))


@pytest.mark.parametrize("place", ["blocks.9", "pos_embed"])
def test_a_place_that_is_not_there_is_refused(encoder, place) -> None:
    with pytest.raises(ModelError, match="no such part"):
        attach_cbam(encoder, CbamSettings(after=(place,)))


def test_a_second_cbam_at_one_place_is_refused(encoder) -> None:
    settings = CbamSettings(after=("neck",))
    attach_cbam(encoder, settings)
    with pytest.raises(ModelError, match="already"):
        attach_cbam(encoder, settings)
