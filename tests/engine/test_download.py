"""Downloads against a local server: resumed, checked, and helpful where a firewall stands in the way."""

from __future__ import annotations

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from spinalsam.engine import download
from spinalsam.engine.download import fetch
from spinalsam.errors import Cancelled, ModelError, OutputError, ResourceError

CONTENT = np.random.default_rng(0).bytes(3_000_000)
SHA = hashlib.sha256(CONTENT).hexdigest()


class Server:
    """Serves CONTENT. drop_after: bytes after which each of the next connections is cut, in order."""

    def __init__(self) -> None:
        self.content, self.etag = CONTENT, '"one"'
        self.drop_after: list[int] = []
        self.ranges: list[str | None] = []
        self.resumes = True
        self.status = 0

    def start(self) -> str:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.answer(self)

            def log_message(self, *_args) -> None:
                pass

        class Quiet(ThreadingHTTPServer):
            def handle_error(self, request, client_address) -> None:
                """A client that hangs up is part of these tests."""

        self.http = Quiet(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()
        return f"http://127.0.0.1:{self.http.server_port}/weights.pth"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        wanted = request.headers.get("Range")
        self.ranges.append(wanted)
        if self.status:
            request.send_error(self.status)
            return
        start = 0
        if wanted and self.resumes and request.headers.get("If-Range") == self.etag:
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
            if start >= len(self.content):
                request.send_response(416)
                request.send_header("Content-Range", f"bytes */{len(self.content)}")
                request.send_header("Content-Length", "0")
                request.end_headers()
                return
            request.send_response(206)
            request.send_header("Content-Range", f"bytes {start}-{len(self.content) - 1}/{len(self.content)}")
        else:
            request.send_response(200)
        request.send_header("ETag", self.etag)
        request.send_header("Content-Length", str(len(self.content) - start))
        request.end_headers()
        body = self.content[start:]
        if self.drop_after:
            request.wfile.write(body[: self.drop_after.pop(0)])
            request.wfile.flush()
            request.connection.close()
            return
        request.wfile.write(body)


@pytest.fixture
def server():
    server = Server()
    server.url = server.start()
    yield server
    server.http.shutdown()
    server.http.server_close()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def target(tmp_path):
    return tmp_path / "models" / "weights.pth"


def test_a_download_arrives_whole_and_tells_its_progress(server, target) -> None:
    seen = []
    fetch(server.url, target, sha256=SHA, progress=lambda share, message: seen.append((share, message)))
    assert target.read_bytes() == CONTENT
    assert seen[-1][0] == 1.0
    assert [share for share, _ in seen] == sorted(share for share, _ in seen)
    assert "3 of 3 MB" in [message for _, message in seen]
    assert [path.name for path in target.parent.iterdir()] == ["weights.pth"]


def test_dropped_connections_are_taken_up_where_they_broke(server, target) -> None:
    server.drop_after = [1_000_000, 500_000]
    fetch(server.url, target, sha256=SHA, pause_s=0)
    assert target.read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=1000000-", "bytes=1500000-"]


def test_a_later_call_goes_on_where_an_earlier_one_was_stopped(server, target) -> None:
    def stop(share: float, _message: str) -> None:
        if share > 0.3:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        fetch(server.url, target, sha256=SHA, progress=stop)
    assert not target.exists()
    fetch(server.url, target, sha256=SHA)
    assert target.read_bytes() == CONTENT
    assert server.ranges[0] is None
    assert server.ranges[1].startswith("bytes=")


def test_a_file_that_changed_on_the_server_is_begun_anew(server, target) -> None:
    server.drop_after = [1_000_000]
    server.etag = '"old"'
    original, download.TRIES = download.TRIES, 1
    try:
        with pytest.raises(ModelError):
            fetch(server.url, target, sha256=SHA)
    finally:
        download.TRIES = original
    server.etag = '"new"'
    fetch(server.url, target, sha256=SHA)
    assert target.read_bytes() == CONTENT


def test_a_server_that_cannot_resume_is_asked_for_everything(server, target) -> None:
    server.drop_after, server.resumes = [1_000_000], False
    fetch(server.url, target, sha256=SHA, pause_s=0)
    assert target.read_bytes() == CONTENT


def test_a_part_that_is_already_whole_is_only_checked(server, target) -> None:
    server.drop_after = [len(CONTENT)]
    fetch(server.url, target, sha256=SHA)
    part = target.with_name("weights.pth.part")
    target.rename(part)
    part.with_name(part.name + ".json").write_text(json.dumps({"url": server.url, "version": server.etag}))
    fetch(server.url, target, sha256=SHA)
    assert target.read_bytes() == CONTENT
    assert server.ranges[-1] == f"bytes={len(CONTENT)}-"


def test_another_file_than_the_published_one_is_deleted(server, target) -> None:
    server.content = b"a login page of the hospital's proxy"
    with pytest.raises(ModelError, match="is not the published file"):
        fetch(server.url, target, sha256=SHA)
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize("status", [403, 404, 407, 500])
def test_a_refusal_names_the_way_around_a_firewall(server, target, status) -> None:
    server.status = status
    with pytest.raises(ModelError, match=rf"{status}.*another computer.*models import FILE"):
        fetch(server.url, target, sha256=SHA)
    assert not target.exists()


def test_a_server_out_of_reach_names_the_way_around_a_firewall(server, target) -> None:
    server.http.shutdown()
    server.http.server_close()
    with pytest.raises(ModelError, match="models import FILE"):
        fetch(server.url, target, sha256=SHA, pause_s=0)


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://example.org/x", "weights.pth"])
def test_only_addresses_on_the_web_are_fetched(target, url) -> None:
    with pytest.raises(ModelError, match="address on the web"):
        fetch(url, target)


def test_too_small_a_disk_is_said_before_anything_is_written(server, target, monkeypatch) -> None:
    import shutil

    monkeypatch.setattr(shutil, "disk_usage", lambda _path: shutil._ntuple_diskusage(10, 9, 1))
    with pytest.raises(ResourceError, match="MB are free"):
        fetch(server.url, target, sha256=SHA)
    assert list(target.parent.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_an_output_error(server, tmp_path) -> None:
    (tmp_path / "models").write_text("a file, not a folder")
    with pytest.raises(OutputError):
        fetch(server.url, tmp_path / "models" / "x" / "weights.pth", sha256=SHA)
