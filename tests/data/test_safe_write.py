"""Files appear whole or not at all."""

from __future__ import annotations

import errno
import os

import pytest

from spinalsam.data.formats.safe_write import Output, write_all
from spinalsam.errors import OutputError, ResourceError


def text(path, content: bytes = b"new", check=None) -> Output:
    return Output(path, lambda file: file.write(content) and None, check)


def test_files_are_checked_before_they_appear(tmp_path) -> None:
    seen = []

    def check(written) -> None:
        seen.append((written.read_bytes(), (tmp_path / "a.txt").exists(), written.name.endswith("a.txt")))

    write_all([text(tmp_path / "a.txt", check=check)])
    assert seen == [(b"new", False, True)]
    assert (tmp_path / "a.txt").read_bytes() == b"new"


@pytest.mark.parametrize("where", ["write", "check", "second write"])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, where: str) -> None:
    (tmp_path / "a.txt").write_bytes(b"old")

    def fail(_) -> None:
        raise OutputError("no.")

    first = Output(
        tmp_path / "a.txt", fail if where == "write" else lambda file: file.write(b"new") and None, fail if where == "check" else None
    )
    second = Output(tmp_path / "b.txt", fail) if where == "second write" else text(tmp_path / "b.txt")
    with pytest.raises(OutputError):
        write_all([first, second])
    assert sorted(os.listdir(tmp_path)) == ["a.txt"]
    assert (tmp_path / "a.txt").read_bytes() == b"old"


@pytest.mark.parametrize(
    ("number", "kind", "words"), [(errno.ENOSPC, ResourceError, "disk is full"), (errno.EROFS, OutputError, "read-only")]
)
def test_a_full_or_read_only_disk_is_said(tmp_path, number: int, kind: type[Exception], words: str) -> None:
    def fail(_) -> None:
        raise OSError(number, os.strerror(number))

    with pytest.raises(kind, match=words):
        write_all([Output(tmp_path / "a.txt", fail)])
    assert os.listdir(tmp_path) == []


def test_bugs_keep_their_traceback_and_leave_nothing(tmp_path) -> None:
    def bug(_) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_all([Output(tmp_path / "a.txt", bug)])
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_write_protected_file_is_left_alone(tmp_path) -> None:
    (tmp_path / "a.txt").write_bytes(b"old")
    (tmp_path / "a.txt").chmod(0o444)
    with pytest.raises(OutputError, match="write-protected"):
        write_all([text(tmp_path / "a.txt")])
    assert (tmp_path / "a.txt").read_bytes() == b"old"


def test_names_of_the_greatest_length_can_be_written(tmp_path) -> None:
    path = tmp_path / ("ü" * 120 + ".txt")
    write_all([text(path)])
    assert path.read_bytes() == b"new"
