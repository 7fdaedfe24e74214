"""Every runtime gives PyTorch's masks; the choice is measured and remembered."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
import torch

from spinalsam.engine import runtime
from spinalsam.engine.cbam import CbamSettings, attach_cbam
from spinalsam.engine.compact import CompactConfig, CompactSam
from spinalsam.engine.compact_segmenter import CompactSegmenter
from spinalsam.engine.models import load_segmenter
from spinalsam.engine.runtime import available, calibrate, make_encoder, use_runtime
from spinalsam.engine.segmenter import SliceImage
from spinalsam.errors import UsageError
from spinalsam.support.metrics import dice
from spinalsam.support.prompts import SlicePrompt

SMALL = CompactConfig(widths=(8, 8, 16, 32), attention_blocks=2, heads=2, decoder_mlp=32, side=64)
needs_openvino = pytest.mark.skipif(importlib.util.find_spec("openvino") is None, reason="openvino is not installed")
EACH = ["pytorch", "fused", pytest.param("openvino", marks=needs_openvino)]


@pytest.fixture
def model() -> CompactSam:
    torch.manual_seed(0)
    model = CompactSam(SMALL)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):  # as after training, so that folding has something to fold
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, std=0.2)
            torch.nn.init.normal_(module.running_mean, std=0.2)
            torch.nn.init.uniform_(module.running_var, 0.5, 2.0)
    return model.eval()


@pytest.mark.parametrize("name", EACH)
@pytest.mark.parametrize("size", [64, 96])
def test_every_runtime_computes_pytorchs_features(model, name, size) -> None:
    pixels = torch.randn(1, 1, size, size)
    with torch.inference_mode():
        expected = model.encode(pixels)
        found = make_encoder(model, name, checksum="abc")(pixels)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


def test_fusing_keeps_a_trained_cbam(model) -> None:
    for cbam in attach_cbam(model.image_encoder, CbamSettings(after=("stage4", "blocks.0"))):
        torch.nn.init.constant_(cbam.gate, 0.5)
    pixels = torch.randn(1, 1, 64, 64)
    with torch.inference_mode():
        found, expected = make_encoder(model, "fused", checksum="abc")(pixels), model.encode(pixels)
    torch.testing.assert_close(found[3], expected[3], rtol=1e-4, atol=1e-4)


def test_fusing_leaves_the_model_itself_as_it_was(model) -> None:
    before = {name: value.clone() for name, value in model.state_dict().items()}
    use_runtime(CompactSegmenter(model, checksum="abc"), "fused")
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("name", EACH)
def test_every_runtime_gives_the_shipped_models_masks_on_real_slices(shared_data, name) -> None:
    from spinalsam.data.formats import read_volume

    plain, fast = load_segmenter("compact", "cpu"), load_segmenter("compact", "cpu")
    use_runtime(plain, "pytorch")
    use_runtime(fast, name)
    volume = read_volume(shared_data("totalsegmentator", "example_ct.nii.gz"))
    prompt = SlicePrompt(box_xyxy=np.array([45, 25, 75, 60], np.float32))
    for k in (40, 60, 80):
        image = SliceImage(np.ascontiguousarray(volume.voxels[:, :, k].T, np.float32), True, (3.0, 3.0))
        masks = [each.decode(each.encode(image), prompt).masks[0] for each in (plain, fast)]
        assert masks[0].any()
        assert dice(masks[0], masks[1]) >= 0.995


@pytest.fixture
def segmenter(model) -> CompactSegmenter:
    return CompactSegmenter(model, checksum="abc")


@pytest.fixture
def nothing_built(monkeypatch) -> None:
    """The choice alone is tested: every runtime is there, and none is really made."""
    monkeypatch.setattr(runtime, "available", lambda: runtime.RUNTIMES)
    monkeypatch.setattr(runtime, "make_encoder", lambda model, name, *, checksum: model.encode)


@pytest.mark.usefixtures("nothing_built")
def test_a_segmenter_runs_fused_unless_something_faster_was_measured(model, segmenter) -> None:
    assert use_runtime(segmenter) == "fused"
    calibrate(segmenter, measure=timer(10, 12, 11))
    assert use_runtime(CompactSegmenter(model, checksum="abc")) == "pytorch"
    assert use_runtime(CompactSegmenter(model, checksum="other weights")) == "fused"


def timer(*milliseconds: float):
    """Gives these times for the runtimes in turn."""
    waiting = list(milliseconds)
    return lambda _encode, _pixels: waiting.pop(0)


@pytest.mark.usefixtures("nothing_built")
def test_a_small_gain_does_not_change_the_runtime(segmenter) -> None:
    assert calibrate(segmenter, measure=timer(9.5, 10, 9.4)).runtime == "fused"


def test_calibration_measures_every_installed_runtime_and_tells_its_progress(segmenter) -> None:
    seen = []
    result = calibrate(segmenter, progress=lambda share, message: seen.append(message))
    assert tuple(result.measured_ms) == available()
    assert all(ms > 0 for ms in result.measured_ms.values())
    assert seen == [f"measuring {name}" for name in available()]


@pytest.mark.usefixtures("nothing_built")
def test_a_remembered_runtime_that_was_uninstalled_is_not_used(segmenter, monkeypatch) -> None:
    calibrate(segmenter, measure=timer(20, 12, 1))
    monkeypatch.setattr(runtime, "available", lambda: ("fused",))
    assert use_runtime(segmenter) == "fused"


def test_a_damaged_memory_is_passed_over(segmenter) -> None:
    path = runtime._memory_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{broken")
    assert use_runtime(segmenter) == "fused"


def test_an_unknown_runtime_is_refused(segmenter) -> None:
    with pytest.raises(UsageError, match="use pytorch, fused"):
        use_runtime(segmenter, "tensorrt")


@needs_openvino
def test_the_graph_is_kept_by_checksum_and_a_damaged_one_is_made_again(model) -> None:
    pixels = torch.randn(1, 1, 64, 64)
    make_encoder(model, "openvino", checksum="abc")
    folder = runtime.cache_dir() / "graphs"
    kept = sorted(path.suffix for path in folder.iterdir())
    assert kept == [".bin", ".xml"]
    next(folder.glob("*.xml")).write_text("<broken")
    again = make_encoder(model, "openvino", checksum="abc")
    with torch.inference_mode():
        torch.testing.assert_close(again(pixels)[0], model.image_encoder(pixels)[0], rtol=1e-4, atol=1e-4)


def test_the_fast_encoder_answers_through_the_segmenter(segmenter) -> None:
    image = SliceImage(np.random.default_rng(0).normal(0, 400, (80, 80)).astype(np.float32), True, (1.0, 1.0))
    prompt = SlicePrompt(box_xyxy=np.array([20, 20, 60, 60], np.float32))
    before = segmenter.decode(segmenter.encode(image), prompt)
    use_runtime(segmenter, "fused")
    after = segmenter.decode(segmenter.encode(image), prompt)
    np.testing.assert_allclose(after.scores, before.scores, atol=1e-4)
    assert (after.masks == before.masks).mean() > 0.999
