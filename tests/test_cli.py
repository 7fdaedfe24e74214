"""The command line: exit codes, one-line errors, JSON on standard output, nothing partial left behind."""

from __future__ import annotations

import gzip
import json
import signal
import struct
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK

from tests.conftest import Run
from tests.fakes import FakeSegmenter

BOX = "7,9,5,16,20,5"


def leftovers(folder: Path) -> list[str]:
    """Files that are neither input nor asked for."""
    return sorted(path.name for path in folder.iterdir() if ".part" in path.name or path.name.startswith((".", "tmp")))


def labels_of(path: Path) -> np.ndarray:
    return np.asarray(nibabel.load(path).dataobj)


# The main job


@pytest.mark.usefixtures("fake_model")
def test_segment_writes_a_mask_on_the_input_grid_and_a_sidecar(run: Run, ct: Path, tmp_path: Path) -> None:
    out = tmp_path / "mask.nii.gz"
    answer = run("segment", ct, "-o", out, "--box", BOX, "--label", "L3", "--json")
    assert answer.code == 0, answer.err
    mask, image = nibabel.load(out), nibabel.load(ct)
    assert np.array_equal(mask.affine, image.affine)
    assert mask.header["sform_code"] == image.header["sform_code"]
    assert mask.header["qform_code"] == image.header["qform_code"]
    expected = np.zeros(image.shape, np.uint8)
    expected[8:16, 10:20, 5] = 22
    assert np.array_equal(labels_of(out), expected)
    assert answer.json["labels"] == {"22": {"name": "L3", "voxels": 80}}
    sidecar = json.loads((tmp_path / "mask.nii.gz.json").read_text())
    assert sidecar["labels"] == {"22": "L3"}
    assert sidecar["model"] == {"name": "fake", "checksum": "f" * 16}
    assert sidecar["prompts"][0]["box"] == [[7, 9, 5], [16, 20, 5]]
    assert sidecar["program"]["version"]


@pytest.mark.usefixtures("fake_model")
@pytest.mark.parametrize(("more", "looks"), [((), "first"), (("--alone",), "told")])
def test_alone_leaves_the_locator_out(run: Run, ct: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: tuple, looks: str) -> None:
    from spinalsam.control import prompting

    asked: list[str] = []
    start_of = prompting.start_of
    monkeypatch.setattr(prompting, "start_of", lambda ws, *args, **named: (asked.append(ws.looks_around), start_of(ws, *args, **named))[1])
    assert run("segment", ct, "-o", tmp_path / "mask.nrrd", "--box", BOX, *more).code == 0
    assert asked == [looks]


@pytest.mark.usefixtures("fake_model")
def test_points_say_inside_or_outside(run: Run, ct: Path, tmp_path: Path) -> None:
    out = tmp_path / "mask.nrrd"
    answer = run("segment", ct, "-o", out, "--point", "10,12,5", "--point", "15,19,5,0", "--label", "7")
    assert answer.code == 0, answer.err
    mask = SimpleITK.ReadImage(str(out))
    assert mask[10, 12, 5] == 7
    assert mask[15, 19, 5] == 0


@pytest.mark.usefixtures("fake_model")
def test_a_prompts_file_makes_masks_in_order_and_later_lines_win(run: Run, ct: Path, tmp_path: Path) -> None:
    prompts = tmp_path / "prompts.jsonl"
    lines = [
        {"box": [[7, 9, 5], [16, 20, 5]], "label": "L3"},
        {"plane": "sagittal", "points": [[10, 12, 5, 1]], "label": 5},
        {"box": [[7, 9, 5], [11, 20, 5]], "label": "L4"},
    ]
    prompts.write_text("\n".join(json.dumps(line) for line in lines))
    answer = run("segment", ct, "-o", tmp_path / "m.nii.gz", "--prompts", prompts, "--json")
    assert answer.code == 0, answer.err
    mask = labels_of(tmp_path / "m.nii.gz")
    assert mask[8, 12, 5] == 23
    assert mask[14, 12, 5] == 22
    assert mask[10, 12, 7] == 5
    assert len(answer.json["prompts"]) == 3


@pytest.mark.usefixtures("fake_model")
def test_propagate_fills_the_structure(run: Run, ct: Path, tmp_path: Path) -> None:
    answer = run("segment", ct, "-o", tmp_path / "m.nii.gz", "--box", BOX, "--propagate")
    assert answer.code == 0, answer.err
    mask = labels_of(tmp_path / "m.nii.gz")
    assert {int(k) for k in np.flatnonzero(mask.any(axis=(0, 1)))} >= {4, 5, 6, 7}
    assert not mask[:, :, :3].any()
    assert not mask[:, :, 9:].any()


@pytest.mark.usefixtures("fake_model")
def test_a_sentence_works_on_the_prompted_mask(run: Run, ct: Path, tmp_path: Path) -> None:
    answer = run("segment", ct, "-o", tmp_path / "m.nii.gz", "--box", BOX, "--label", "L3", "--say", "clear the mask of L3")
    assert answer.code == 0, answer.err
    assert not labels_of(tmp_path / "m.nii.gz").any()


@pytest.mark.usefixtures("fake_model")
def test_a_sentence_that_asks_for_nothing_is_refused(run: Run, ct: Path, tmp_path: Path) -> None:
    run("segment", ct, "-o", tmp_path / "m.nii.gz", "--box", BOX, "--say", "what a nice day").failed(3, "nothing", "what a nice day")
    assert not (tmp_path / "m.nii.gz").exists()


@pytest.mark.usefixtures("fake_model")
def test_nothing_found_is_an_empty_mask_and_said(run: Run, ct: Path, tmp_path: Path) -> None:
    answer = run("segment", ct, "-o", tmp_path / "m.nii.gz", "--box", "1,1,1,4,4,1")
    assert answer.code == 0
    assert "Nothing was found" in answer.err
    assert not labels_of(tmp_path / "m.nii.gz").any()


# Usage


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["segment"], "required"),
        (["fly"], "invalid choice"),
        (["segment", "CT", "-o", "OUT"], "what to segment"),
        (["segment", "CT", "-o", "OUT", "--point", "1,2"], "--point takes"),
        (["segment", "CT", "-o", "OUT", "--point", "1,2,3,4"], "--point takes"),
        (["segment", "CT", "-o", "OUT", "--point", "1,2,nan"], "--point takes"),
        (["segment", "CT", "-o", "OUT", "--point", "a,b,c"], "--point takes"),
        (["segment", "CT", "-o", "OUT", "--box", "1,2,3,4,5"], "--box takes"),
        (["segment", "CT", "-o", "OUT", "--point", "1,2,3", "--label", "L9"], "L9"),
        (["segment", "CT", "-o", "OUT", "--point", "1,2,3", "--label", "256"], "256"),
        (["segment", "CT", "-o", "OUT", "--point", "1,2,3", "--plane", "oblique"], "oblique"),
        (["segment", "CT", "-o", "mask.docx", "--point", "1,2,3"], "mask.docx"),
        (["parse"], "one sentence"),
        (["parse", "x", "--jsonl"], "one sentence"),
        (["benchmark", "--repeats", "0"], "--repeats"),
        (["train", "--out", "OUT", "--steps", "0"], "--steps"),
        (["models", "download"], "Which model"),
        (["models", "list", "compact"], "takes no name"),
    ],
)
@pytest.mark.usefixtures("fake_model")
def test_mistakes_in_the_arguments_are_usage_errors(run: Run, ct: Path, tmp_path: Path, words: list[str], said: str) -> None:
    named = {"CT": str(ct), "OUT": str(tmp_path / "m.nii.gz"), "mask.docx": str(tmp_path / "mask.docx")}
    run(*[named.get(word, word) for word in words]).failed(2, said)
    assert not (tmp_path / "m.nii.gz").exists()


@pytest.mark.usefixtures("fake_model")
def test_a_second_box_is_not_dropped_in_silence(run: Run, ct: Path, tmp_path: Path) -> None:
    run("segment", ct, "-o", tmp_path / "m.nii.gz", "--box", BOX, "--box", BOX).failed(2, "--box can be given once")


def test_help_and_version_are_no_errors(run: Run) -> None:
    assert run("--help").code == 0
    assert run("segment", "--help").code == 0
    assert run("--version").out.startswith("SpinalSAM ")


# Bad input


@pytest.mark.usefixtures("fake_model")
class TestBadInput:
    """Each gives one clear line, its exit code, and no file."""

    @pytest.fixture
    def refused(self, run: Run, tmp_path: Path) -> Callable[..., None]:
        def check(image: Path, *words: str, options: tuple[str, ...] = ("--box", BOX), code: int = 3) -> None:
            out = tmp_path / "never.nii.gz"
            run("segment", image, "-o", out, *options).failed(code, *words)
            assert not out.exists()
            assert not Path(f"{out}.json").exists()
            assert leftovers(tmp_path) == []

        return check

    def test_missing_file(self, refused: Callable[..., None], tmp_path: Path) -> None:
        refused(tmp_path / "nothing.nii.gz", "nothing.nii.gz")

    def test_wrong_kind_of_file(self, refused: Callable[..., None], tmp_path: Path) -> None:
        path = tmp_path / "letter.nii.gz"
        path.write_text("Dear colleague, please find enclosed")
        refused(path, "letter.nii.gz")

    def test_unknown_kind_of_file(self, refused: Callable[..., None], tmp_path: Path) -> None:
        path = tmp_path / "table.xlsx"
        path.write_bytes(b"PK\x03\x04 not a picture")
        refused(path, "table.xlsx")

    def test_empty_file(self, refused: Callable[..., None], tmp_path: Path) -> None:
        path = tmp_path / "empty.nii"
        path.touch()
        refused(path, "empty.nii")

    def test_empty_folder(self, refused: Callable[..., None], tmp_path: Path) -> None:
        folder = tmp_path / "folder"
        folder.mkdir()
        refused(folder, "folder")

    @pytest.mark.parametrize("kept", [0.1, 0.5, 0.98])
    def test_truncated_gzip(self, refused: Callable[..., None], tmp_path: Path, kept: float) -> None:
        voxels = np.random.default_rng(0).integers(-1000, 1000, (24, 30, 12)).astype(np.int16)
        nibabel.save(nibabel.Nifti1Image(voxels, np.eye(4)), tmp_path / "whole.nii.gz")
        whole = (tmp_path / "whole.nii.gz").read_bytes()
        path = tmp_path / "cut.nii.gz"
        path.write_bytes(whole[: int(len(whole) * kept)])
        refused(path, "cut.nii.gz")

    def test_libraries_do_not_talk_in_between(self, refused: Callable[..., None], ct: Path, tmp_path: Path) -> None:
        """MetaIO writes past Python, Pillow warns, pydicom raises something of its own."""
        image = SimpleITK.ReadImage(str(ct))
        SimpleITK.WriteImage(image, str(tmp_path / "a.mha"))
        whole = (tmp_path / "a.mha").read_bytes()
        (tmp_path / "damaged.mha").write_bytes(whole.replace(b"NDims = 3", b"NDims = ?"))
        refused(tmp_path / "damaged.mha", "damaged.mha")
        SimpleITK.WriteImage(image[:, :, 5] + 200, str(tmp_path / "a.tif"))
        tags = bytearray((tmp_path / "a.tif").read_bytes())
        start = int.from_bytes(tags[4:8], "little")
        tags[start + 6 : start + 10] = b"\xff\xff\xff\x0f"  # the first tag claims more values than the file has bytes
        (tmp_path / "damaged.tif").write_bytes(bytes(tags))
        refused(tmp_path / "damaged.tif", "damaged.tif")

    @pytest.mark.parametrize("size", [32767, -5, 0])
    def test_absurd_sizes_in_the_header(self, refused: Callable[..., None], ct: Path, tmp_path: Path, size: int) -> None:
        header = bytearray(gzip.decompress(ct.read_bytes()))
        struct.pack_into("<hhh", header, 42, size, size, size)
        path = tmp_path / "absurd.nii"
        path.write_bytes(bytes(header))
        refused(path, "absurd.nii")

    @pytest.mark.parametrize("point", ["-1,2,3", "24,0,0", "0,30,0", "0,0,12", "1e30,0,0", "5,5,-0.6"])
    def test_point_outside_the_volume(self, refused: Callable[..., None], ct: Path, point: str) -> None:
        refused(ct, "outside the volume", options=("--point", point))

    @pytest.mark.parametrize("box", ["-1,0,5,4,4,5", "0,0,5,24,4,5"])
    def test_box_outside_the_volume(self, refused: Callable[..., None], ct: Path, box: str) -> None:
        refused(ct, "outside the volume", options=("--box", box))

    def test_prompts_on_two_slices(self, refused: Callable[..., None], ct: Path) -> None:
        refused(ct, "one axial slice", options=("--point", "3,3,3", "--point", "3,3,4"))

    def test_a_later_prompt_outside_leaves_nothing(self, refused: Callable[..., None], ct: Path, tmp_path: Path) -> None:
        prompts = tmp_path / "p.jsonl"
        prompts.write_text('{"points": [[10, 12, 5, 1]]}\n{"points": [[99, 12, 5, 1]]}\n')
        refused(ct, "outside the volume", options=("--prompts", str(prompts)))

    @pytest.mark.parametrize(
        ("line", "said"),
        [
            ("{", "not JSON"),
            ("[1, 2]", "object"),
            ('{"plane": "oblique", "points": [[1, 2, 3, 1]]}', "plane"),
            ('{"points": [[1, 2]]}', "point"),
            ('{"points": [[1, 2, "x", 1]]}', "voxel"),
            ('{"box": [[1, 2, 3]]}', "box"),
            ('{"points": [[1, 2, 3, 1]], "label": "Q7"}', "Q7"),
            ('{"points": [[1, 2, 3, 1]], "lable": "L3"}', "lable"),
        ],
    )
    def test_bad_line_in_a_prompts_file(self, refused: Callable[..., None], ct: Path, tmp_path: Path, line: str, said: str) -> None:
        prompts = tmp_path / "p.jsonl"
        prompts.write_text('{"points": [[10, 12, 5, 1]]}\n\n' + line + "\n")
        refused(ct, "Line 3", said, options=("--prompts", str(prompts)))

    def test_empty_prompts_file(self, refused: Callable[..., None], ct: Path, tmp_path: Path) -> None:
        (tmp_path / "p.jsonl").touch()
        refused(ct, "no prompt", options=("--prompts", str(tmp_path / "p.jsonl")))

    def test_unknown_model(self, refused: Callable[..., None], ct: Path) -> None:
        refused(ct, "no model 'sam9'", options=("--box", BOX, "--model", "sam9"), code=4)

    def test_unwritable_output(self, run: Run, ct: Path, tmp_path: Path) -> None:
        run("segment", ct, "-o", tmp_path / "no" / "such" / "m.nii.gz", "--box", BOX).failed(3, "does not exist")
        (tmp_path / "folder.nii.gz").mkdir()
        run("segment", ct, "-o", tmp_path / "folder.nii.gz", "--box", BOX).failed(3, "is a folder")
        run("segment", ct, "-o", "/proc/m.nii.gz", "--box", BOX).failed(3, "/proc/m.nii.gz")
        assert leftovers(tmp_path) == []

    def test_the_image_itself_is_never_overwritten(self, run: Run, ct: Path) -> None:
        before = ct.read_bytes()
        run("segment", ct, "-o", ct, "--box", BOX).failed(3, "the image itself")
        assert ct.read_bytes() == before

    def test_an_earlier_mask_survives_a_failure(self, run: Run, ct: Path, tmp_path: Path) -> None:
        out = tmp_path / "m.nii.gz"
        out.write_bytes(b"precious")
        run("segment", ct, "-o", out, "--point", "99,0,0").failed(3, "outside")
        assert out.read_bytes() == b"precious"


@pytest.mark.usefixtures("fake_model")
@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (MemoryError(), 5, "memory"),
        (RuntimeError("CUDA out of memory. Tried to allocate 20 GiB"), 5, "memory"),
        (OSError(28, "No space left on device", "mask"), 5, "disk is full"),
        (ZeroDivisionError("division by zero"), 1, "--debug"),
    ],
)
def test_every_failure_is_one_line(
    run: Run, ct: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, said: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(FakeSegmenter, "decode", fail)
    run("segment", ct, "-o", tmp_path / "m.nii.gz", "--box", BOX).failed(code, said)
    assert not (tmp_path / "m.nii.gz").exists()


@pytest.mark.usefixtures("fake_model")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_command_that_is_stopped_while_it_writes_leaves_nothing(
    run: Run, ct: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: int
) -> None:
    monkeypatch.setattr("os.fsync", lambda _: signal.raise_signal(number))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a process of the background starts with Ctrl+C ignored
    try:
        run("segment", ct, "-o", tmp_path / "m.nii.gz", "--box", BOX).failed(code, "stopped")
    finally:
        signal.signal(signal.SIGINT, before)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ct.nii.gz"]
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_debug_shows_the_traceback(run: Run, tmp_path: Path) -> None:
    for words in (("info", tmp_path / "none", "--debug"), ("--debug", "info", tmp_path / "none")):
        answer = run(*words)
        assert answer.code == 3
        assert "Traceback" in answer.err


# The other commands


def test_info_tells_geometry_and_values(run: Run, ct: Path) -> None:
    answer = run("info", ct, "--json").json
    assert answer["size"] == [24, 30, 12]
    assert answer["spacing_mm"] == [1.5, 1.5, 3.0]
    assert answer["orientation"] == "LPS"
    assert answer["hu_range"] == [-100, 600]
    assert "24  30  12" in run("info", ct).out


def test_evaluate_a_mask_against_itself_and_against_a_shifted_one(run: Run, tmp_path: Path) -> None:
    mask = np.zeros((20, 20, 10), np.uint8)
    mask[5:15, 5:15, 3:7] = 22
    affine = np.diag([1.0, 1.0, 2.0, 1.0])
    nibabel.save(nibabel.Nifti1Image(mask, affine), tmp_path / "a.nii.gz")
    nibabel.save(nibabel.Nifti1Image(np.roll(mask, 2, axis=0), affine), tmp_path / "b.nii.gz")
    same = run("evaluate", "--pred", tmp_path / "a.nii.gz", "--truth", tmp_path / "a.nii.gz", "--json").json
    assert same["overall"] == {"dice": 1.0, "iou": 1.0, "msd_mm": 0.0, "hd95_mm": 0.0, "nsd_1mm": 1.0}
    moved = run("evaluate", "--pred", tmp_path / "b.nii.gz", "--truth", tmp_path / "a.nii.gz", "--json").json
    assert moved["labels"]["22"]["dice"] == pytest.approx(0.8)
    assert moved["labels"]["22"]["hd95_mm"] == pytest.approx(2.0)
    assert "overall" in run("evaluate", "--pred", tmp_path / "b.nii.gz", "--truth", tmp_path / "a.nii.gz").out


def test_evaluate_folders_by_name(run: Run, tmp_path: Path) -> None:
    mask = np.zeros((8, 8, 8), np.uint8)
    mask[2:6, 2:6, 2:6] = 20
    for folder in ("pred", "truth"):
        (tmp_path / folder).mkdir()
        for name in ("one", "two"):
            nibabel.save(nibabel.Nifti1Image(mask, np.eye(4)), tmp_path / folder / f"{name}.nii.gz")
    answer = run("evaluate", "--pred", tmp_path / "pred", "--truth", tmp_path / "truth", "--json")
    assert set(answer.json["cases"]) == {"one", "two"}
    assert answer.json["overall"]["dice"] == 1.0
    (tmp_path / "pred" / "two.nii.gz").unlink()
    run("evaluate", "--pred", tmp_path / "pred", "--truth", tmp_path / "truth").failed(3, "lacks 1 of the 2", "two")


def test_evaluate_refuses_another_grid(run: Run, tmp_path: Path) -> None:
    nibabel.save(nibabel.Nifti1Image(np.ones((8, 8, 8), np.uint8), np.eye(4)), tmp_path / "a.nii.gz")
    nibabel.save(nibabel.Nifti1Image(np.ones((8, 8, 4), np.uint8), np.diag([1, 1, 2, 1])), tmp_path / "b.nii.gz")
    run("evaluate", "--pred", tmp_path / "a.nii.gz", "--truth", tmp_path / "b.nii.gz").failed(3, "a.nii.gz", "fit")


def test_models_and_devices_as_json(run: Run) -> None:
    models = run("models", "--json").json["models"]
    assert {"compact", "sam_vit_b", "sam_vit_l", "sam_vit_h"} <= {model["name"] for model in models}
    assert models[0]["is_default"]
    devices = run("devices", "--json").json
    assert devices["selected"]["device"]


def test_a_model_without_weights_is_code_4(run: Run, ct: Path, tmp_path: Path) -> None:
    run("segment", ct, "-o", tmp_path / "m.nii.gz", "--box", BOX, "--model", "sam_vit_h").failed(4, "sam_vit_h", "download")
    run("models", "verify", "sam_vit_h").failed(4, "sam_vit_h")
    run("models", "import", tmp_path / "no.pth").failed(4, "no.pth")


def test_replay_refuses_what_is_no_journal(run: Run, ct: Path, tmp_path: Path) -> None:
    run("replay", ct, "-o", tmp_path / "m.nii.gz").failed(3, "ct.nii.gz")
    run("replay", tmp_path / "none.jsonl", "-o", tmp_path / "m.nii.gz").failed(3, "none.jsonl")
    assert not (tmp_path / "m.nii.gz").exists()


@pytest.mark.usefixtures("fake_model")
def test_replay_gives_the_identical_mask(run: Run, ct: Path, tmp_path: Path) -> None:
    import spinalsam

    with spinalsam.open(ct, segmenter=FakeSegmenter()) as ws:
        ws.run("add_box", corners=[7, 9, 16, 20], regions=["L3"])
        ws.run("generate_box_mask")
        ws.export(tmp_path / "session.nii.gz")
        journal = ws.journal_path
    answer = run("replay", journal, "-o", tmp_path / "again.nii.gz", "--json")
    assert answer.code == 0, answer.err
    assert answer.json["identical"]
    assert labels_of(tmp_path / "session.nii.gz").any()
    assert np.array_equal(labels_of(tmp_path / "session.nii.gz"), labels_of(tmp_path / "again.nii.gz"))


def test_open_says_what_is_missing(run: Run, tmp_path: Path) -> None:
    run("open", tmp_path / "none.nii.gz").failed(3, "none.nii.gz")


def test_without_a_display_the_window_says_so(run: Run, ct: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    run("open", ct).failed(2, "there is no display")
    run().failed(2, "there is no display")
    monkeypatch.setenv("DISPLAY", ":7654")
    run("open", ct).failed(2, "':7654' does not answer")


def test_the_working_folder_has_a_name_in_messages(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cases").mkdir()
    monkeypatch.chdir(tmp_path / "cases")
    run("info", ".").failed(3, "'cases' is empty")


@pytest.mark.parametrize(
    "words", [("segment", "CT", "-o", "LONG", "--box", BOX), ("evaluate", "--pred", "LONG", "--truth", "CT"), ("info", "LONG")]
)
def test_a_name_that_is_too_long_for_a_file_is_refused_in_one_short_line(run: Run, ct: Path, words: tuple[str, ...]) -> None:
    long = "x" * 300 + ".nii.gz"
    answer = run(*({"CT": ct, "LONG": long}.get(word, word) for word in words))
    answer.failed(3)
    assert len(answer.err) < 500


def test_distances_between_pictures_are_said_to_be_in_pixels(run: Run, tmp_path: Path) -> None:
    from PIL import Image

    mask = np.zeros((9, 9), np.uint8)
    mask[2:5, 2:5] = 22
    Image.fromarray(mask).save(tmp_path / "m.png")
    answer = run("evaluate", "--pred", tmp_path / "m.png", "--truth", tmp_path / "m.png", "--json")
    assert answer.code == 0 and answer.json["overall"]["dice"] == 1.0
    assert "distances are in pixels" in answer.err
