"""A session that one runtime computed, replayed by every other one that is installed: Dice at least 0.999, with the real networks."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from spinalsam.control.journal import read_journal
from spinalsam.control.recovery import replay
from spinalsam.control.workspace import Workspace
from spinalsam.engine import locator_net
from spinalsam.engine.models import load_segmenter
from spinalsam.engine.runtime import RUNTIMES, use_runtime

BOX = {"plane": "sagittal", "box": [[26, 77, 78], [26, 87, 86]], "label": "C5"}
LEAST = 0.999


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory, shared_data: Callable[..., Path]) -> Iterator[Path]:
    """The journal of a box, a walk through the slices and a vertebra without a prompt on a real neck, with the default runtime in bf16."""
    image = shared_data("ts2d", "sample_s0521.nrrd")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPINALSAM_DATA_DIR", str(tmp_path_factory.mktemp("data")))
        patch.setattr(locator_net, "_fast_bf16", lambda: True)
        with Workspace(segmenter=load_segmenter("compact", "cpu")) as ws:
            ws.open(image)
            ws.run("prompt_mask", prompt=BOX)
            ws.run("propagate", direction="both", plane="sagittal", slice=27, value=5)
            ws.run("segment", regions=["C4"])
            assert len(ws.case.extents.counts) == 2
            path = ws.journal_path
        assert path is not None
        yield path


@pytest.mark.parametrize("bf16_here", [True, False])
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_every_runtime_replays_the_session(
    session: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runtime: str, bf16_here: bool
) -> None:
    if runtime == "openvino" and importlib.util.find_spec("openvino") is None:
        pytest.skip("openvino is not installed")
    monkeypatch.setattr(locator_net, "_fast_bf16", lambda: bf16_here)
    segmenter = load_segmenter("compact", "cpu")
    use_runtime(segmenter, runtime)
    report = replay(session, tmp_path / "again.nii.gz", segmenter=segmenter)
    assert report.dice >= LEAST, report
    if runtime == "fused":
        assert report.identical


def test_the_journal_names_the_locators_precision_and_a_replay_takes_it(session: Path) -> None:
    named = [entry.values["locator"]["precision"] for entry in read_journal(session).done if "locator" in entry.values]
    assert named == ["bf16", "bf16"], "the walk into 3-D asks the locator too"
    with locator_net.computing_in("bf16"):
        assert locator_net.precision() == "bf16"
        with locator_net.computing_in("fp32"):
            assert locator_net.precision() == "fp32"
    assert locator_net.precision() in ("bf16", "fp32")
