"""The journal file: whole lines or none, nothing altered unnoticed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spinalsam.control.journal import FORMAT_VERSION, Journal, read_journal
from spinalsam.errors import JournalError, OutputError, ResourceError


def written(path: Path, count: int = 3) -> Path:
    journal = Journal.begin(path, {"op": "open_image", "args": {"path": "ct.nii"}})
    for number in range(count):
        journal.append({"kind": "done", "op": "add_points", "args": {"at": [[number, 1]]}})
    journal.close()
    return path


def test_lines_come_back_in_order(tmp_path: Path) -> None:
    content = read_journal(written(tmp_path / "j.jsonl"))
    assert content.case["args"] == {"path": "ct.nii"} and content.case["format"] == FORMAT_VERSION
    assert [entry.values["args"]["at"][0][0] for entry in content.done] == [0, 1, 2]
    assert not content.torn and not content.damaged and not content.is_closed


def test_every_line_is_json(tmp_path: Path) -> None:
    for line in written(tmp_path / "j.jsonl").read_text().splitlines():
        assert len(json.loads(line)["sum"]) == 16


def test_every_cut_leaves_the_whole_lines_before_it(tmp_path: Path) -> None:
    raw = written(tmp_path / "j.jsonl").read_bytes()
    ends = [n + 1 for n, byte in enumerate(raw) if byte == 10]
    cut = tmp_path / "cut.jsonl"
    for length in range(ends[0], len(raw) + 1):
        cut.write_bytes(raw[:length])
        content = read_journal(cut)
        assert len(content.entries) == sum(end <= length for end in ends)
        assert content.torn == (length not in ends)


def test_an_altered_byte_is_noticed(tmp_path: Path) -> None:
    path = written(tmp_path / "j.jsonl")
    raw = bytearray(path.read_bytes())
    second = raw.index(b'"at":[[0,1]]')
    raw[second + 6] = ord("9")
    path.write_bytes(raw)
    with pytest.raises(JournalError, match=r"Line 2 .* is damaged"):
        read_journal(path)
    assert len(read_journal(path, tolerate_damage=True).entries) == 1


@pytest.mark.parametrize("mistake", ["missing", "swapped", "repeated"])
def test_lines_out_of_place_are_noticed(tmp_path: Path, mistake: str) -> None:
    path = written(tmp_path / "j.jsonl", 4)
    lines = path.read_bytes().splitlines(keepends=True)
    if mistake == "missing":
        del lines[2]
    elif mistake == "swapped":
        lines[2], lines[3] = lines[3], lines[2]
    else:
        lines.insert(2, lines[2])
    path.write_bytes(b"".join(lines))
    with pytest.raises(JournalError, match="damaged"):
        read_journal(path)


def test_going_on_cuts_what_was_torn(tmp_path: Path) -> None:
    path = written(tmp_path / "j.jsonl")
    with open(path, "ab") as file:
        file.write(b'{"n":4,"kind":"do')
    journal = Journal.resume(read_journal(path))
    journal.append({"kind": "done", "op": "undo", "args": {}})
    journal.close()
    content = read_journal(path)
    assert content.done[-1].op == "undo" and len(content.entries) == 5 and not content.torn


def test_going_on_with_a_damaged_journal_keeps_a_copy_of_it(tmp_path: Path) -> None:
    path = written(tmp_path / "j.jsonl", 4)
    raw = path.read_bytes().replace(b"[[1,1]]", b"[[8,1]]")
    path.write_bytes(raw)
    journal = Journal.resume(read_journal(path, tolerate_damage=True))
    journal.close()
    assert (tmp_path / "j.damaged").read_bytes() == raw
    assert len(read_journal(path).done) == 1


def test_a_newer_format_and_other_files_are_refused(tmp_path: Path) -> None:
    newer = tmp_path / "newer.jsonl"
    journal = Journal.begin(newer, {"op": "open_image", "args": {}})
    journal.close()
    text = newer.read_text()
    assert f'"format":{FORMAT_VERSION}' in text
    from spinalsam.control import journal as module

    body, _ = module.encode_line(0, {"kind": "case", "format": FORMAT_VERSION + 1}, "")
    newer.write_bytes(body)
    with pytest.raises(JournalError, match="newer version"):
        read_journal(newer)
    for content in (b"", b"hello\n", b"\x00\xff\n", b"[]\n", b'{"n":0,"sum":"0000000000000000"}\n'):
        newer.write_bytes(content)
        with pytest.raises(JournalError, match="not a journal"):
            read_journal(newer)
    with pytest.raises(JournalError, match="cannot be read"):
        read_journal(tmp_path / "none.jsonl")


def test_a_full_disk_leaves_the_journal_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "j.jsonl"
    journal = Journal.begin(path, {"op": "open_image", "args": {}})
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("spinalsam.control.journal.os.fsync", full)
        with pytest.raises(ResourceError, match="full"):
            journal.append({"kind": "done", "op": "undo", "args": {}})
    assert path.read_bytes() == before
    journal.append({"kind": "done", "op": "redo", "args": {}})
    journal.close()
    assert [entry.op for entry in read_journal(path).done] == ["redo"]


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="could not be written"):
        Journal.begin(tmp_path / "file" / "j.jsonl", {})


@settings(max_examples=150, deadline=None)
@given(data=st.binary(max_size=400))
def test_arbitrary_bytes_never_do_more_than_be_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "j.jsonl"
    path.write_bytes(data)
    with pytest.raises(JournalError):
        read_journal(path)
