"""Batches in this process: good and bad cases, going on after an end, corrections by hand, and who may know what."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nibabel
import numpy as np
import pytest

from tests.conftest import REPOSITORY, Run
from tests.control.batch.make import SAID_BOX, write_ct, write_cts

MODEL = "tests.control.batch.make"


@pytest.fixture
def fake_network(fake_model: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The network that answers at once, under the checksum that the batch expects of the shipped one."""
    from spinalsam.control.batch import work
    from tests.fakes import FakeSegmenter

    monkeypatch.setattr(work, "_network", lambda recipe: FakeSegmenter(checksum=recipe.checksum))


def rows(out: Path) -> list[dict[str, str]]:
    with open(out / "summary.csv", encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def batch(run: Run, folder: Path, out: Path, *words: object):
    return run("segment", folder, "-o", out, "--say", SAID_BOX, "--workers", "0", "--json", *words)


@pytest.mark.usefixtures("fake_network")
def test_two_dozen_cases_of_which_some_are_bad(run: Run, tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    sources = write_cts(folder, 20)
    (folder / "DOE_JOHN.nii.gz").write_bytes(b"no image at all")
    (folder / "EMPTY.nrrd").write_bytes(b"")
    (folder / "CUT.nii.gz").write_bytes(sources[0].read_bytes()[:120])
    write_ct(folder / "dark.nii.gz", bone=-100)
    answer = batch(run, folder, out)
    assert answer.code == 3, answer.err
    assert (answer.json["cases"], answer.json["failed"], answer.json["left"]) == (24, 3, 0)
    statuses = [row["status"] for row in rows(out)]
    assert statuses.count("failed") == 3 and len({row["case"] for row in rows(out)}) == 24
    for row in rows(out):
        if row["mask"]:
            mask = nibabel.load(out / row["mask"])
            assert np.array_equal(mask.affine, nibabel.load(sources[0]).affine) and mask.shape == (24, 30, 12)
            assert json.loads((out / f"{row['mask']}.json").read_text())["labels"] == {"100": "spine"}
            assert (out / row["case"] / "preview.png").exists()
    text = "".join(path.read_text(encoding="utf-8", errors="replace") for path in out.rglob("*") if path.is_file())
    assert "DOE" not in text and "patient_" not in text and str(folder) not in text
    assert not [path for path in out.rglob("*") if "DOE" in path.name or ".part" in path.name]


@pytest.mark.usefixtures("fake_network")
def test_a_second_run_does_what_failed_and_what_changed_only(run: Run, tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    sources = write_cts(folder, 3)
    bad = folder / "bad.nii.gz"
    bad.write_bytes(b"x")
    assert batch(run, folder, out).json["failed"] == 1
    write_ct(bad, bone=444)
    write_ct(sources[0], bone=900)
    os.utime(sources[1])
    again = batch(run, folder, out)
    assert again.code == 0, again.err
    assert (again.json["done_before"], again.json["done"]) == (1, 3)
    seconds = {row["case"]: row["finished"] for row in rows(out)}
    assert batch(run, folder, out).json["done_before"] == 4
    assert {row["case"]: row["finished"] for row in rows(out)} == seconds
    assert batch(run, folder, out, "--force").json["done"] == 4
    other = run("segment", folder, "-o", out, "--say", SAID_BOX.replace("16", "15"), "--workers", "0", "--json")
    assert other.json["done"] == 4


@pytest.mark.usefixtures("fake_network")
def test_a_mask_corrected_by_hand_is_never_written_over(run: Run, tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    write_cts(folder, 1)
    batch(run, folder, out)
    mask = out / rows(out)[0]["mask"]
    mask.write_bytes(b"corrected")
    assert batch(run, folder, out).json["done_before"] == 1
    assert mask.read_bytes() == b"corrected"
    assert batch(run, folder, out, "--force").json["done"] == 1
    assert [path.read_bytes() for path in mask.parent.glob("mask_kept_*.nii.gz")] == [b"corrected"]
    assert nibabel.load(mask).shape == (24, 30, 12)


def test_masks_put_aside_within_a_second_are_all_kept(tmp_path: Path) -> None:
    from spinalsam.control.batch import records

    for content in (b"one", b"two", b"three"):
        (tmp_path / records.MASK).write_bytes(content)
        records.put_mask_aside(tmp_path, None)
    assert {path.read_bytes() for path in tmp_path.glob("mask_kept_*.nii.gz")} == {b"one", b"two", b"three"}


@pytest.mark.usefixtures("fake_network")
def test_a_case_that_fails_anew_keeps_its_earlier_mask_aside(run: Run, tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    [source] = write_cts(folder, 1)
    batch(run, folder, out)
    mask = out / rows(out)[0]["mask"]
    content = mask.read_bytes()
    source.write_bytes(b"broken now")
    assert batch(run, folder, out).code == 3
    assert not mask.exists()
    assert [path.read_bytes() for path in mask.parent.glob("mask_kept_*.nii.gz")] == [content]


@pytest.mark.usefixtures("fake_network")
def test_the_key_is_written_where_it_is_asked_for_and_not_among_the_results(run: Run, tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    write_cts(folder, 2)
    batch(run, folder, out, "--key", out / "key.csv").failed(3, "keep the key elsewhere")
    assert batch(run, folder, out, "--key", tmp_path / "key.csv").code == 0
    lines = list(csv.DictReader((tmp_path / "key.csv").read_text(encoding="utf-8-sig").splitlines()))
    assert {line["case"] for line in lines} == {row["case"] for row in rows(out)}
    assert all(Path(line["path"]).exists() for line in lines)


@pytest.mark.usefixtures("fake_network")
def test_nothing_found_is_a_finding_without_a_mask(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from spinalsam.errors import RequirementError

    def nowhere(*_: object) -> None:
        raise RequirementError("No vertebra was found in this image.")

    # In this order: whole_spine takes its name from locating when it is first imported.
    monkeypatch.setattr("spinalsam.control.whole_spine.located", nowhere)
    monkeypatch.setattr("spinalsam.control.locating.located", nowhere)
    folder, out = tmp_path / "in", tmp_path / "out"
    write_cts(folder, 1)
    for sentence in ("segment the spine", "segment L1 to L3", "分割腰椎"):
        answer = run("segment", folder, "-o", out, "--say", sentence, "--workers", "0", "--json")
        assert answer.code == 0, answer.err
        assert answer.json["nothing_found"] == 1
    [row] = rows(out)
    assert (row["case_flags"], row["mask"]) == ("nothing found", "")
    assert not list(out.rglob("mask*"))
    assert (out / row["case"] / "preview.png").exists()


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["--say", "what can you do"], 3, "ask for no mask"),
        (["--say", "open other.nii.gz"], 2, "cannot be said here"),
        (["--say", "segment L3", "--box", "1,1,1,2,2,1", "--force"], 2, "--box belongs to one image"),
        (["--force"], 2, "Nothing says"),
        (["--say", "segment L3", "--workers", "-1"], 2, "--workers"),
        (["--say", "segment L3", "--workers", "2", "--scheduler", "tcp://x:1"], 2, "give one of them"),
        (["--say", "segment L3", "--scheduler", "nonsense"], 2, "--scheduler takes host:port"),
        (["--say", "segment L3", "--scheduler", "tcp://x:99999"], 2, "--scheduler takes host:port"),
        (["--say", "segment L3", "--model", "none"], 4, "no model"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_done(run: Run, tmp_path: Path, words: list[str], code: int, text: str) -> None:
    write_cts(tmp_path / "in", 1)
    run("segment", tmp_path / "in", "-o", tmp_path / "out", *words).failed(code, text)
    assert not (tmp_path / "out").exists()


def test_an_empty_name_is_no_folder_for_results(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_cts(tmp_path / "in", 1)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    run("segment", tmp_path / "in", "-o", "", "--say", SAID_BOX, "--workers", "0").failed(2, "-o is empty")
    assert not list((tmp_path / "here").iterdir())


@pytest.mark.parametrize("name", ["empty", "huge.csv", "nothing.txt", "gone"])
def test_bad_input_makes_no_folder_of_results(run: Run, tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "huge.csv").write_text("path\n" + 200_000 * "x" + "\n")
    (tmp_path / "nothing.txt").write_text("# no line\n")
    run("segment", tmp_path / name, "-o", tmp_path / "out", "--say", SAID_BOX, "--workers", "0").failed(3)
    run("segment", tmp_path / name, "-o", tmp_path / "out", "--say", SAID_BOX, "--key", tmp_path / "out" / "k.csv").failed(3)
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("fake_network")
def test_a_case_that_is_not_there_says_so_in_its_own_words(run: Run, tmp_path: Path) -> None:
    table = tmp_path / "file" / "such" / "list.txt"
    table.parent.mkdir(parents=True)
    table.write_text("folder/there.nii.gz\n")
    assert batch(run, table, tmp_path / "out").code == 3
    assert rows(tmp_path / "out")[0]["reason"] == "There is no such file or folder."


def test_messages_lose_names_and_paths_and_keep_their_words() -> None:
    from spinalsam.control.batch.cases import BatchCase
    from spinalsam.control.batch.work import unnamed

    case = BatchCase("case-1", "/data/image/DICOM/Smith/DOE_JOHN.nii.gz", ("/data/image/DICOM/Smith/DOE_JOHN.nii.gz",))
    assert unnamed("'DOE_JOHN.nii.gz' is not an image that can be opened; DICOM can.", case) == (
        "'the image' is not an image that can be opened; DICOM can."
    )
    assert unnamed("'/data/image/DICOM/Smith/DOE_JOHN.nii.gz' cannot be read.", case) == "'case-1' cannot be read."
    for text in ("The folder 'Smith' is empty.", "no /data/image/DICOM/Smith here", "DOE_JOHN fell", "'Smith/DOE_JOHN.img' must lie there"):
        assert "DOE" not in unnamed(text, case) and "Smith" not in unnamed(text, case)


@pytest.mark.parametrize(
    ("folder", "message", "said"),
    [
        ("Smith", "The folder Smith is empty.", "The folder the image is empty."),
        ("maria", "nothing in maria could be read", "nothing in the image could be read"),
        ("Vasquez", "Vasquez: no slices", "the image: no slices"),
        ("0012", "no image under 0012", "no image under the image"),
        ("4711", "no image under 4711", "no image under the image"),
        ("张伟", "张伟 没有图像", "the image 没有图像"),
        ("Rose", "Slices of Rose are missing.", "Slices of the image are missing."),
        ("512", "a grid of 512 x 512", "a grid of 512 x 512"),
        ("CT", "a CT of 3 slices", "a CT of 3 slices"),
        ("folder", "The folder is empty.", "The folder is empty."),
        ("Nothing", "Nothing was found.", "Nothing was found."),
    ],
)
def test_a_folder_named_like_a_person_goes_without_quotes_too(folder: str, message: str, said: str) -> None:
    from spinalsam.control.batch.cases import BatchCase
    from spinalsam.control.batch.work import unnamed

    assert unnamed(message, BatchCase("case-1", f"/data/{folder}/x.nii.gz", (f"/data/{folder}/x.nii.gz",))) == said


@pytest.mark.usefixtures("fake_network")
def test_unevenly_spaced_series_are_resampled_where_that_is_asked_for(run: Run, tmp_path: Path) -> None:
    from pydicom.uid import generate_uid

    from tests.control.batch.test_cases import write_series

    study, series = generate_uid(), generate_uid()
    for first_mm, slices in ((0.0, 4), (9.3, 4)):
        write_series(tmp_path / "in", slices, study=study, series=series, first_mm=first_mm, value=40)
    sentence = "go to slice 3, add a box [2, 2, 9, 9] and generate the mask"
    words = ("segment", tmp_path / "in", "-o", tmp_path / "out", "--say", sentence, "--workers", "0", "--json")
    refused = run(*words)
    assert (refused.code, refused.json["failed"]) == (3, 1)
    assert "--resample" in refused.json["results"][0]["reason"]
    assert run(*words, "--resample").json["failed"] == 0
    [record] = [json.loads(path.read_text()) for path in (tmp_path / "out").glob("*/case.json")]
    assert record["resampled"] and any(note.startswith("RESAMPLED") for note in record["notes"])
    assert run(*words, "--resample").json["done_before"] == 1
    assert run(*words).json["failed"] == 1


def test_a_scheduler_that_does_not_answer_leaves_no_folder_and_no_result_is_lost(run: Run, tmp_path: Path, fake_network: None) -> None:
    pytest.importorskip("distributed")
    folder, out = tmp_path / "in", tmp_path / "out"
    write_cts(folder, 2)
    words = ("segment", folder, "-o", out, "--say", SAID_BOX, "--scheduler", "tcp://127.0.0.1:9")
    answer = run(*words)
    assert answer.code == 5 and "No scheduler answers" in answer.err
    assert not out.exists()
    assert batch(run, folder, out).code == 0
    before = sorted(path.name for path in out.iterdir())
    assert run(*words, "--force").code == 5
    assert sorted(path.name for path in out.iterdir()) == before and len(rows(out)) == 2


def test_two_batches_do_not_work_in_one_folder(run: Run, tmp_path: Path) -> None:
    from spinalsam.control.case_lock import CaseLock

    write_cts(tmp_path / "in", 1)
    lock = CaseLock.acquire(tmp_path / "out" / ".batch")
    try:
        batch(run, tmp_path / "in", tmp_path / "out").failed(3, "at work")
    finally:
        assert lock is not None
        lock.release()


@pytest.mark.usefixtures("fake_network")
def test_without_dask_the_cases_are_done_in_this_process(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spinalsam.control.batch.runners.has_dask", lambda: False)
    write_cts(tmp_path / "in", 2)
    words = ("segment", tmp_path / "in", "-o", tmp_path / "out", "--say", SAID_BOX, "--json")
    run(*words, "--workers", "2").failed(2, "spinalsam[batch]")
    run(*words, "--scheduler", "tcp://127.0.0.1:1").failed(2, "spinalsam[batch]")
    assert run(*words).json["done"] == 2


def start(folder: Path, out: Path, *words: str) -> subprocess.Popen[str]:
    """The real command, with the shipped network, in a process group of its own."""
    command = [sys.executable, "-m", "spinalsam", "segment", str(folder), "-o", str(out), "--say", SAID_BOX, *words]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a process of the background starts with Ctrl+C ignored
    try:
        return subprocess.Popen(command, env=environment, text=True, stderr=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
    finally:
        signal.signal(signal.SIGINT, before)


def wait_for(what: object, seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not what():  # type: ignore[operator]
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_a_batch_that_was_ended_goes_on_where_it_was(run: Run, tmp_path: Path, end: signal.Signals) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    write_cts(folder, 24)
    process = start(folder, out, "--workers", "0")
    try:
        wait_for(lambda: len(list(out.glob("*/case.json"))) >= 3)
        process.send_signal(end)
        _, told = process.communicate(timeout=60)
    finally:
        process.kill()
    done = len(list(out.glob("*/case.json")))
    assert 3 <= done < 24
    if end == signal.SIGINT:
        assert process.returncode == 130, told
        assert told.splitlines()[-1].startswith(f"spinalsam: stopped; {done} of 24 cases are done"), told
        assert len({row["case"] for row in rows(out)}) == done
    answer = batch(run, folder, out)
    assert answer.code == 0, answer.err
    assert (answer.json["done_before"], answer.json["done"], answer.json["failed"]) == (done, 24 - done, 0)
    assert len({row["case"] for row in rows(out)}) == 24
    assert not list(out.rglob("*.part*"))


def test_a_case_over_which_the_program_ends_again_and_again_is_given_up(run: Run, tmp_path: Path) -> None:
    from spinalsam.control.batch import records

    write_cts(tmp_path / "in", 1)
    batch(run, tmp_path / "in", tmp_path / "out")
    [folder] = (path.parent for path in (tmp_path / "out").glob("*/case.json"))
    for _ in range(3):
        records.count_try(folder)
    answer = batch(run, tmp_path / "in", tmp_path / "out", "--force")
    assert answer.code == 5
    assert "ended 3 times" in rows(tmp_path / "out")[0]["reason"]
    assert batch(run, tmp_path / "in", tmp_path / "out").json["done"] == 1
