"""The benchmark's document has exactly the agreed form, and its comparison is fair. No time is judged."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel
import numpy as np
import pytest

from spinalsam import benchmark
from spinalsam.benchmark import peers, timing
from spinalsam.benchmark.case import Case
from spinalsam.benchmark.curves import draw
from spinalsam.engine.sam import SamSegmenter
from spinalsam.support.planes import SliceRef
from tests.benchmark.small import in_place_of_vit_b
from tests.control.conftest import FRONT, toy_volume, toy_voxels
from tests.fakes import FakeSegmenter

STAGES = {"open", "first_slice", "encode", "click_to_mask", "first_click", "parse", "propagate", "export"}
STAGES |= {"repeated_click", "prefetched_click", "cached_click", "scroll_step"}
RATIOS = {"click_vs_segment_anything", "encode_vs_segment_anything", "click_vs_original_program", "open_vs_simpleitk"}


@pytest.fixture
def case(tmp_path: Path) -> Case:
    """The toy case; the structure is its front block."""
    path = tmp_path / "ct.nii.gz"
    nibabel.save(nibabel.Nifti1Image(toy_voxels(), np.diag([1.0, 1.0, 2.5, 1.0])), path)
    truth = np.zeros((36, 40), bool)
    truth[FRONT[1], FRONT[0]] = True
    return Case(path, toy_volume(), SliceRef("axial", 6), truth)


@pytest.fixture
def small_sam(monkeypatch) -> SamSegmenter:
    """In place of ViT-B, so that a comparison takes no minutes; the original program builds the same."""
    model = in_place_of_vit_b(monkeypatch)
    return SamSegmenter(model, checksum="abc", name="small")


@pytest.fixture(autouse=True)
def small_products(monkeypatch) -> None:
    monkeypatch.setattr("spinalsam.benchmark.machine._GEMM_SIDE", 128)


def run(case: Case, monkeypatch, segmenter, **options):
    def load(name, device, **_):
        if name not in (None, "fake"):
            from spinalsam.errors import ModelError

            raise ModelError("not here")
        return segmenter

    monkeypatch.setattr("spinalsam.engine.models.load_segmenter", load)
    return benchmark.run(case, device="cpu", repeats=2, **options)


def test_the_document_has_every_stage_and_no_ratios_unless_a_peer_is_named(case, monkeypatch) -> None:
    document = run(case, monkeypatch, FakeSegmenter())
    assert set(document) == {"machine", "model", "stages", "ratios", "limits", "peak_memory_mb"}
    assert set(document["stages"]) == STAGES and document["ratios"] == {}
    assert all(set(row) == {"p50_ms", "p95_ms"} and 0 <= row["p50_ms"] <= row["p95_ms"] for row in document["stages"].values())
    assert set(document["limits"]) == {"gemm_gflops", "encode_share_of_gemm"} and document["limits"]["gemm_gflops"] > 0
    assert document["peak_memory_mb"] > 10 and document["model"]["checksum"] == "f" * 16
    json.dumps(document, allow_nan=False)


def test_a_model_that_is_no_sam_is_compared_through_vit_b(case, monkeypatch, small_sam) -> None:
    document = run(case, monkeypatch, FakeSegmenter(), against="segment-anything")
    assert set(document["ratios"]) == RATIOS and all(value > 0 for value in document["ratios"].values())
    compared = document["model"]["compared"]
    assert (compared["name"], compared["weights"]) == ("sam_vit_b", "random")
    assert document["model"]["name"] == "fake"


def test_both_sides_answer_with_the_same_mask(case, monkeypatch, small_sam) -> None:
    compared = run(case, monkeypatch, small_sam, against="segment-anything")["model"]["compared"]
    assert compared["mask_dice"] >= 0.995 and compared["weights"] == "the model's"


def test_the_peer_gives_what_our_segmenter_gives(case, small_sam) -> None:
    peer = peers.Predictor(small_sam.model, small_sam)
    peer.set_image(case.picture())
    embedding = small_sam.encode(case.picture())
    for count in (1, 2):
        assert (peer.predict(case.clicks(count)) == small_sam.decode(embedding, case.clicks(count)).masks[0]).mean() > 0.999


def test_another_file_can_be_opened_instead(case, monkeypatch, tmp_path) -> None:
    opened: list[Path] = []
    monkeypatch.setattr("spinalsam.data.formats.read_volume", lambda path, **_: opened.append(path) or toy_volume())
    run(case, monkeypatch, FakeSegmenter(), open_file=tmp_path / "other.nii")
    assert set(opened) == {tmp_path / "other.nii"}


def test_works_run_in_turn() -> None:
    order: list[str] = []
    taken = timing.in_turn({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, 3)
    assert order == ["a", "b"] * 4 and [len(times) for times in taken.values()] == [3, 3]


def test_a_ratio_above_one_means_that_ours_is_faster() -> None:
    assert timing.ratio([30.0, 10.0, 20.0], [5.0, 100.0, 4.0]) == 4.0
    assert timing.summary([1.0] * 19 + [100.0])["p50_ms"] == 1.0


def test_curves_are_drawn(tmp_path) -> None:
    from PIL import Image

    draw([("Title", "along", {"one": [(1, 2.0), (10, 30.0)], "other": [(1, 3.0), (10, 3.0)]})] * 3, tmp_path / "curves.png")
    with Image.open(tmp_path / "curves.png") as picture:
        assert picture.size == (1380, 340)
        assert len(picture.getcolors(1 << 20)) > 5


def test_a_compressed_file_is_opened_without_the_one_beside_it(case) -> None:
    with peers.alone(case.image) as path:
        assert path == case.image
    case.image.with_name("ct.nii").write_bytes(b"another")
    with peers.alone(case.image) as path:
        assert path.read_bytes() == case.image.read_bytes() and not path.with_name("ct.nii").exists()
    assert not path.exists()
