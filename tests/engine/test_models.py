"""Importing, verifying and loading models, with small networks in the place of the large ones."""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import os
import pickle
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from spinalsam import assets
from spinalsam.engine import cards, models
from spinalsam.engine.cbam import CbamSettings, attach_cbam
from spinalsam.engine.checkpoint_files import Fit, compare, recognise
from spinalsam.engine.compact import CompactConfig, CompactSam
from spinalsam.engine.compact_segmenter import CompactSegmenter
from spinalsam.engine.lora import LoraSettings, adapter_metadata, add_lora, save_adapter
from spinalsam.engine.models import import_checkpoint, list_models, load_segmenter, verify
from spinalsam.engine.sam import SHAPES, SamSegmenter, SamShape, build_sam, expected_shapes
from spinalsam.engine.segmenter import Candidates, SliceImage
from spinalsam.errors import ModelError
from spinalsam.support.prompts import SlicePrompt

TINY = SamShape(32, 2, 2, (1,), img_size=64, window=4, prompt_dim=32, decoder_heads=2, decoder_mlp=32)
SMALL = CompactConfig(widths=(8, 8, 16, 32), attention_blocks=2, heads=2, decoder_mlp=32, side=64)


@pytest.fixture(autouse=True)
def small_program(tmp_path, monkeypatch) -> Path:
    """A program whose ViT-B is tiny, with its own cards and checkpoints and an empty data folder."""
    monkeypatch.setenv("SPINALSAM_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setitem(SHAPES, "vit_b", TINY)
    folder = tmp_path / "program"
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "models").mkdir()
    for path in assets.models_dir().glob("*.toml"):
        text = path.read_text().replace('architecture = "vit_b"', 'architecture = "vit_b"\nimg_size = 64')
        if path.stem == "compact":  # whatever is shipped, these tests put weights of their own in its place
            text = re.sub(r'(?m)^sha256 = ".*"$', 'sha256 = ""', text)
        (folder / "models" / path.name).write_text(text)
    monkeypatch.setattr(assets, "assets_dir", lambda: folder)
    return folder


@pytest.fixture
def weights() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return {name: torch.randn_like(value) * 0.2 for name, value in build_sam(TINY).state_dict().items()}


@pytest.fixture
def compact(small_program) -> CompactSam:
    """The shipped checkpoint: small, random."""
    torch.manual_seed(0)
    model = CompactSam(SMALL).eval()
    metadata = {"architecture": "compact", "config": json.dumps(SMALL.to_json())}
    save_file(model.state_dict(), small_program / "checkpoints" / "compact.safetensors", metadata)
    return model


def answer(segmenter) -> Candidates:
    image = SliceImage(np.random.default_rng(0).normal(300, 400, (50, 60)).astype(np.float32), True, (1.0, 1.0))
    prompt = SlicePrompt(box_xyxy=np.array([10, 10, 40, 40], np.float32))
    return segmenter.decode(segmenter.encode(image), prompt)


def box_mask(segmenter) -> np.ndarray:
    return answer(segmenter).masks


WRAPPINGS = {
    "bare": lambda state: state,
    "data parallel": lambda state: {f"module.{name}": value for name, value in state.items()},
    "in sam": lambda state: {f"sam.{name}": value for name, value in state.items()},
    "a training's model": lambda state: {
        "epoch": 7,
        "best": np.float64(0.9),
        "args": argparse.Namespace(lr=0.1),
        "optimizer": {"state": {0: {"exp_avg": torch.zeros(3)}}},
        "model": {f"module.sam.{name}": value for name, value in state.items()},
    },
    "lightning": lambda state: {"state_dict": {f"model.{name}": value for name, value in state.items()}},
    "another head beside": lambda state: {
        **{f"sam.{n}": v for n, v in state.items()},
        "classifier.weight": torch.zeros(2),
    },
}


@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_full_checkpoints_are_recognised_however_they_are_wrapped(weights, tmp_path, wrapping) -> None:
    path = tmp_path / "Fine Tuned (best).pth"
    torch.save(WRAPPINGS[wrapping](weights), path)
    imported = import_checkpoint(path)
    assert (imported.name, imported.architecture) == ("fine_tuned_best", "vit_b")
    assert f"{len(weights)} parameters match" in imported.summary
    kept = load_file(imported.path)
    assert set(kept) == set(weights)
    assert all(torch.equal(kept[name], weights[name]) for name in weights)
    segmenter = load_segmenter(imported.name, "cpu")
    assert isinstance(segmenter, SamSegmenter)
    assert segmenter.checksum == imported.sha256 == hashlib.sha256(Path(imported.path).read_bytes()).hexdigest()


@pytest.mark.parametrize("legacy", [True, False])
def test_old_and_new_pytorch_files_and_safetensors_give_the_same_model(weights, tmp_path, legacy) -> None:
    torch.save(weights, tmp_path / "a.pth", _use_new_zipfile_serialization=not legacy)
    save_file(weights, tmp_path / "b.safetensors")
    one, two = import_checkpoint(tmp_path / "a.pth"), import_checkpoint(tmp_path / "b.safetensors")
    assert np.array_equal(box_mask(load_segmenter(one.name, "cpu")), box_mask(load_segmenter(two.name, "cpu")))


def test_an_imported_model_is_listed_verified_and_keeps_its_source(weights, tmp_path) -> None:
    path = tmp_path / "mine.pth"
    torch.save(weights, path)
    import_checkpoint(path, "my_model")
    info = next(info for info in list_models() if info.name == "my_model")
    assert info.is_here
    assert not info.is_default
    report = verify("my_model")
    assert report.ok
    assert (report.matched, report.missing, report.left_over) == (len(weights), (), ())
    assert report.checksum == "matches"
    assert json.loads(json.dumps(report.to_json()))["ok"] is True
    record = cards.read_record(cards.find_card("my_model").path)
    assert record["source_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_an_official_file_is_known_by_its_checksum(weights, tmp_path, small_program) -> None:
    path = tmp_path / "copied from a stick.pth"
    torch.save(weights, path)
    card = small_program / "models" / "sam_vit_b.toml"
    card.write_text(card.read_text().replace("ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912", cards.sha256_of(path)))
    assert import_checkpoint(path).name == "sam_vit_b"
    assert verify("sam_vit_b").ok
    assert load_segmenter("sam_vit_b", "cpu").name == "sam_vit_b"


def test_another_file_cannot_be_passed_off_as_an_official_model(weights, tmp_path) -> None:
    torch.save(weights, tmp_path / "x.pth")
    with pytest.raises(ModelError, match="comes with the program"):
        import_checkpoint(tmp_path / "x.pth", "sam_vit_b")
    assert not cards.user_models_dir().exists()


def test_medsam_by_its_name_gets_medsams_preprocessing(weights, tmp_path) -> None:
    torch.save(weights, tmp_path / "medsam_finetuned.pth")
    torch.save(weights, tmp_path / "plain.pth")
    medsam = load_segmenter(import_checkpoint(tmp_path / "medsam_finetuned.pth").name, "cpu")
    plain = load_segmenter(import_checkpoint(tmp_path / "plain.pth").name, "cpu")
    assert medsam.preprocessing.normalise == "minmax"
    assert plain.preprocessing.normalise == "imagenet"


def test_a_model_for_another_picture_size_keeps_that_size(tmp_path) -> None:
    state = build_sam(dataclasses.replace(TINY, img_size=128)).state_dict()
    torch.save(state, tmp_path / "larger.pth")
    imported = import_checkpoint(tmp_path / "larger.pth")
    assert "128-pixel input" in imported.summary
    assert load_segmenter("larger", "cpu").side == 128


class Attack:
    """Unpickling this runs a command."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self):
        return (os.mkdir, (str(self.target),))


@pytest.mark.parametrize("container", ["pickle", "legacy", "zip"])
def test_a_malicious_file_is_refused_and_nothing_in_it_runs(weights, tmp_path, container) -> None:
    harmed, path = tmp_path / "harmed", tmp_path / "weights.pth"
    value = {"model": weights, "extra": Attack(harmed)}
    if container == "pickle":
        path.write_bytes(pickle.dumps(value))
    else:
        torch.save(value, path, _use_new_zipfile_serialization=container == "zip")
    with pytest.raises(ModelError, match=r"nothing in it was run|damaged"):
        import_checkpoint(path)
    assert not harmed.exists()
    assert not cards.user_models_dir().exists()
    pickle.loads(pickle.dumps(Attack(harmed)))
    assert harmed.exists(), "the attack works where pickles are trusted"


def test_a_refused_file_names_what_it_asked_for(weights, tmp_path) -> None:
    torch.save({"model": weights, "extra": Attack(tmp_path / "harmed")}, tmp_path / "weights.pth")
    with pytest.raises(ModelError, match=r"\((posix|nt)\.mkdir\) and was refused; nothing in it was run"):
        import_checkpoint(tmp_path / "weights.pth")


def without(name: str):
    return lambda state: {key: value for key, value in state.items() if key != name}


BROKEN = {
    "missing": (without("mask_decoder.iou_token.weight"), r"1 is missing \(mask_decoder\.iou_token\.weight\)"),
    "wrong shape": (
        lambda state: {**state, "mask_decoder.iou_token.weight": torch.zeros(2, 32)},
        r"1 is of the wrong shape \(mask_decoder\.iou_token\.weight\)",
    ),
    "nan": (
        lambda state: {**state, "image_encoder.pos_embed": torch.full((1, 4, 4, 32), torch.nan)},
        "NaN or infinity",
    ),
    "another depth": (
        lambda state: {key: value for key, value in state.items() if "blocks.1." not in key},
        "unknown size: 1 blocks",
    ),
    "another network": (lambda state: {"conv1.weight": torch.zeros(1)}, r"first parameter is 'conv1\.weight'"),
    "nothing": (lambda state: {}, "is not a SAM"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_checkpoint_that_does_not_fit_is_refused_with_what_is_wrong(weights, tmp_path, kind) -> None:
    change, message = BROKEN[kind]
    torch.save(change(weights), tmp_path / "broken.pth")
    with pytest.raises(ModelError, match=message):
        import_checkpoint(tmp_path / "broken.pth")
    assert not cards.user_models_dir().exists()


@pytest.mark.parametrize("content", [b"", b"junk", b"not a checkpoint", b"PK\x03\x04 half a zip"])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_files_that_are_no_checkpoints_are_refused(tmp_path, content, suffix) -> None:
    path = tmp_path / f"file{suffix}"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"file\."):
        import_checkpoint(path)


def test_a_file_that_is_not_there_is_refused(tmp_path) -> None:
    with pytest.raises(ModelError, match="There is no file"):
        import_checkpoint(tmp_path / "none.pth")


@pytest.mark.parametrize("architecture", ["vit_b", "vit_l", "vit_h"])
def test_true_official_shapes_are_recognised_and_fit(tmp_path, monkeypatch, architecture) -> None:
    official = SamShape(768, 12, 12, (2, 5, 8, 11))
    monkeypatch.setitem(SHAPES, "vit_b", official)
    # One stored number a parameter, repeated over its true shape, keeps a 2.5 GB checkpoint small.
    state = {name: torch.rand(1).expand(shape) for name, shape in expected_shapes(SHAPES[architecture]).items()}
    torch.save(state, tmp_path / "official.pth")
    recognised = recognise(tmp_path / "official.pth")
    found = {name: tuple(value.shape) for name, value in recognised.weights.tensors.items()}
    assert (recognised.architecture, recognised.img_size) == (architecture, 1024)
    assert compare(expected_shapes(recognised.shape), found, ()) == Fit(matched=len(state))


def test_verify_lists_what_is_missing_left_over_and_wrong(compact, small_program) -> None:
    state = dict(compact.state_dict())
    state["extra.weight"] = torch.zeros(1)
    state["mask_decoder.iou_token.weight"] = torch.zeros(1, 3)
    del state["mask_decoder.mask_tokens.weight"]
    metadata = {"architecture": "compact", "config": json.dumps(SMALL.to_json())}
    save_file(state, small_program / "checkpoints" / "compact.safetensors", metadata)
    report = verify()
    assert not report.ok
    assert report.missing == ("mask_decoder.mask_tokens.weight",)
    assert report.left_over == ("extra.weight",)
    assert report.wrong_shape == (("mask_decoder.iou_token.weight", (1, 32), (1, 3)),)
    assert "does not fit" in report.summary


def test_verify_of_the_default_says_in_one_sentence_that_it_fits(compact) -> None:
    cards.record_checksum("compact")
    report = verify()
    assert report.ok
    assert report.summary == (f"'compact' fits: {len(compact.state_dict())} parameters match; its checksum matches.")


def test_verify_finds_a_changed_file_although_its_parameters_fit(compact, small_program) -> None:
    cards.record_checksum("compact")
    state = {name: value + 1 if value.is_floating_point() else value for name, value in compact.state_dict().items()}
    metadata = {"architecture": "compact", "config": json.dumps(SMALL.to_json())}
    save_file(state, small_program / "checkpoints" / "compact.safetensors", metadata)
    report = verify()
    assert (report.checksum, report.ok) == ("differs", False)
    with pytest.raises(ModelError, match=r"not those of its card"):
        load_segmenter(None, "cpu")


def test_the_default_is_the_compact_model(compact) -> None:
    segmenter = load_segmenter(device="cpu")
    assert isinstance(segmenter, CompactSegmenter)
    assert segmenter.name == "compact"
    assert box_mask(segmenter).shape == (3, 50, 60)


def test_missing_weights_are_a_model_error() -> None:
    with pytest.raises(ModelError, match=r"models download sam_vit_b"):
        load_segmenter("sam_vit_b")
    with pytest.raises(ModelError, match="missing"):
        verify()


def test_a_compact_model_can_be_imported_under_another_name(compact, small_program) -> None:
    imported = import_checkpoint(small_program / "checkpoints" / "compact.safetensors", "hospital")
    assert imported.architecture == "compact"
    assert np.array_equal(box_mask(load_segmenter("hospital", "cpu")), box_mask(load_segmenter("compact", "cpu")))


def test_an_adaptation_of_the_compact_model_loads_merged_on_its_base(compact, tmp_path) -> None:
    before = answer(load_segmenter("compact", "cpu")).low_res[0].logits
    lora, cbam = LoraSettings(rank=2), CbamSettings(after=("blocks.1",))
    adapted = CompactSam(SMALL).eval()
    adapted.load_state_dict(compact.state_dict())
    (module,) = attach_cbam(adapted.image_encoder, cbam)
    add_lora(adapted, lora)
    torch.nn.init.constant_(module.gate, 0.8)
    torch.nn.init.normal_(adapted.image_encoder.blocks[0].attn.qkv.lora_B["default"].weight, std=0.5)
    torch.nn.init.normal_(adapted.mask_decoder.mask_tokens.weight)
    base_sha256 = cards.checksum(cards.find_card("compact"))
    path = tmp_path / "adapted.safetensors"
    save_adapter(adapted, path, adapter_metadata(base="compact", base_sha256=base_sha256, lora=lora, cbam=cbam.to_json()))
    imported = import_checkpoint(path, "scanner_b")
    segmenter = load_segmenter("scanner_b", "cpu")
    assert "adaptation of 'compact'" in imported.summary
    assert verify("scanner_b").ok
    assert segmenter.name == "scanner_b"
    assert segmenter.checksum not in (base_sha256, imported.sha256)
    assert not torch.allclose(answer(segmenter).low_res[0].logits, before, atol=0.1)
    by_hand = CompactSegmenter(adapted, checksum="x")
    assert (box_mask(segmenter) == box_mask(by_hand)).mean() > 0.999


def test_an_adaptation_made_for_other_weights_is_refused(compact, tmp_path) -> None:
    add_lora(compact, LoraSettings(rank=2))
    path = tmp_path / "old.safetensors"
    metadata = adapter_metadata(base="compact", base_sha256="00" * 32, lora=LoraSettings(rank=2), cbam=None)
    save_adapter(compact, path, metadata)
    import_checkpoint(path)
    with pytest.raises(ModelError, match="another version of 'compact'"):
        load_segmenter("old", "cpu")


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_somebodys_lora_file_becomes_a_model_on_its_base(weights, tmp_path, suffix) -> None:
    torch.save(weights, tmp_path / "base_model.pth")
    import_checkpoint(tmp_path / "base_model.pth")
    before = load_segmenter("base_model", "cpu")
    tensors = {}
    for number in range(4):
        tensors[f"w_a_{number:03d}"] = torch.randn(4, 32)
        tensors[f"w_b_{number:03d}"] = torch.randn(32, 4)
    token = torch.randn_like(weights["mask_decoder.iou_token.weight"])
    tensors["mask_decoder.iou_token.weight"] = token
    path = tmp_path / f"their_lora{suffix}"
    (save_file if suffix == ".safetensors" else torch.save)(tensors, path)
    imported = import_checkpoint(path, base="base_model")
    after = load_segmenter("their_lora", "cpu")
    assert imported.summary.startswith(f"their_lora{suffix} is LoRA for 2 blocks of 'base_model'")
    block = "image_encoder.blocks.0.attn.qkv.weight"
    change = after.model.state_dict()[block] - before.model.state_dict()[block]
    torch.testing.assert_close(change[:32], tensors["w_b_000"] @ tensors["w_a_000"], rtol=1e-3, atol=1e-3)
    assert torch.equal(after.model.state_dict()["mask_decoder.iou_token.weight"], token)
    assert verify("their_lora").ok


def test_pefts_scale_is_read_from_the_file_beside_the_adapter(weights, tmp_path) -> None:
    torch.save(weights, tmp_path / "base_model.pth")
    import_checkpoint(tmp_path / "base_model.pth")
    key = "base_model.model.image_encoder.blocks.{}.attn.qkv.lora_{}.weight"
    shapes = {"A": (4, 32), "B": (96, 4)}
    tensors = {key.format(block, half): torch.randn(shape) for block in (0, 1) for half, shape in shapes.items()}
    folder = tmp_path / "adapter"
    folder.mkdir()
    save_file(tensors, folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text(json.dumps({"r": 4, "lora_alpha": 12}))
    import_checkpoint(folder / "adapter_model.safetensors", "peft_lora", base="base_model")
    model = load_segmenter("peft_lora", "cpu").model
    name = "image_encoder.blocks.1.attn.qkv.weight"
    expected = weights[name] + 3 * tensors[key.format(1, "B")] @ tensors[key.format(1, "A")]
    torch.testing.assert_close(model.state_dict()[name], expected, rtol=1e-3, atol=1e-3)


def test_a_full_disk_leaves_nothing_behind(weights, tmp_path, monkeypatch) -> None:
    from spinalsam.engine import checkpoint_files
    from spinalsam.errors import ResourceError

    torch.save(weights, tmp_path / "x.pth")

    def full(_handle) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint_files.os, "fsync", full)
    with pytest.raises(ResourceError, match="disk is full"):
        import_checkpoint(tmp_path / "x.pth")
    assert list(cards.user_models_dir().iterdir()) == []


def test_a_download_is_converted_checked_and_usable(weights, tmp_path, small_program, monkeypatch) -> None:
    published = tmp_path / "published.pth"
    torch.save(weights, published)
    card = small_program / "models" / "sam_vit_b.toml"
    card.write_text(
        card.read_text().replace("ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912", cards.sha256_of(published))
    )

    def fake_fetch(url, target, *, sha256, size, progress) -> None:
        assert url == "http://mirror.hospital/sam.pth"
        target.parent.mkdir(parents=True)
        target.write_bytes(published.read_bytes())
        progress(0.5, "half")

    monkeypatch.setattr(models, "fetch", fake_fetch)
    seen = []
    imported = models.download("sam_vit_b", "http://mirror.hospital/sam.pth", progress=lambda share, _message: seen.append(share))
    assert seen[0] == pytest.approx(0.45)
    assert seen[-1] == 1.0
    assert sorted(path.name for path in cards.user_models_dir().iterdir()) == [
        "sam_vit_b.safetensors",
        "sam_vit_b.safetensors.json",
    ]
    with safe_open(imported.path, framework="pt") as handle:
        assert handle.metadata()["source_sha256"] == cards.sha256_of(published)
    assert load_segmenter("sam_vit_b", "cpu").checksum == imported.sha256


def test_the_shipped_model_is_not_downloaded(compact) -> None:
    with pytest.raises(ModelError, match="is not downloaded"):
        models.download("compact")
