"""A language model's server for tests: real HTTP on 127.0.0.1, scripted answers, and everything that arrived kept as bytes."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[["Handler"], None]


@dataclass
class Arrived:
    """One request as it came over the wire."""

    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> dict[str, Any]:
        return dict(json.loads(self.body))


@dataclass
class ModelServer:
    """answers: one a request, in order; the last one stays. arrived: what was asked. let_go: ends every stall."""

    answers: list[Answer] = field(default_factory=list)
    arrived: list[Arrived] = field(default_factory=list)
    let_go: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def will(self, *answers: Answer) -> ModelServer:
        self.answers = list(answers)
        self.arrived.clear()
        return self

    def next_answer(self) -> Answer:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    model_server: ModelServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.model_server.arrived.append(Arrived(self.requestline, {k.lower(): v for k, v in self.headers.items()}, body))
        self.close_connection = True
        with suppress(OSError):  # the client has gone, as it may
            self.model_server.next_answer()(self)

    do_GET = do_POST

    def begin(self, status: int = 200, kind: str = "text/event-stream", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"content-type": kind, "transfer-encoding": "chunked", "connection": "close", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def piece(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def event(self, document: Any) -> None:
        self.piece(b"data: " + (document if isinstance(document, bytes) else json.dumps(document).encode()) + b"\n\n")

    def end(self) -> None:
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def running() -> Iterator[ModelServer]:
    """A server on a free port until the block ends."""
    state = ModelServer()
    handler = type("ScriptedHandler", (Handler,), {"model_server": state})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    state.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        state.let_go.set()
        server.shutdown()
        server.server_close()
        thread.join(5)


# Answers


def delta(finish: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m",
            "choices": [{"index": 0, "delta": fields, "finish_reason": finish}]}  # fmt: skip


USAGE = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [],
         "usage": {"prompt_tokens": 800, "completion_tokens": 42, "total_tokens": 842}}  # fmt: skip


def stream(*deltas: Any, finish: str = "stop") -> Answer:
    """A whole stream of deltas: dictionaries of fields, or bytes that are sent as an event as they are."""

    def answer(handler: Handler) -> None:
        handler.begin()
        handler.piece(b": keep-alive\n\n")
        for fields in deltas:
            handler.event(fields if isinstance(fields, bytes) else delta(**fields))
        handler.event(delta(finish=finish))
        handler.event(USAGE)
        handler.event(b"[DONE]")
        handler.end()

    return answer


def says(text: str, *, reasoning: str = "", size: int = 7, finish: str = "stop") -> Answer:
    """A streamed answer in small pieces, after the reasoning."""
    pieces = [{"reasoning_content": reasoning[i : i + size]} for i in range(0, len(reasoning), size)]
    return stream(*pieces, *({"content": text[i : i + size]} for i in range(0, len(text), size)), finish=finish)


def calls(*wanted: tuple[str, dict[str, Any]], answer: str = "") -> str:
    """The JSON that a well-behaved model writes."""
    return json.dumps({"calls": [{"op": op, "args": args} for op, args in wanted], "answer": answer}, ensure_ascii=False)


def uses_tools(*wanted: tuple[str, str]) -> Answer:
    """Called functions, their arguments in two pieces."""
    pieces: list[Any] = []
    for index, (name, arguments) in enumerate(wanted):
        half = len(arguments) // 2
        for part in ({"name": name, "arguments": arguments[:half]}, {"arguments": arguments[half:]}):
            pieces.append({"tool_calls": [{"index": index, "id": f"c{index}", "type": "function", "function": part}]})
    return stream(*pieces, finish="tool_calls")


def refuses(status: int, message: str = "no", **headers: str) -> Answer:
    def answer(handler: Handler) -> None:
        handler.begin(status, "application/json", **headers)
        handler.piece(json.dumps({"error": {"message": message, "type": "x"}}).encode())
        handler.end()

    return answer


def sends(body: bytes, kind: str = "application/json", status: int = 200) -> Answer:
    def answer(handler: Handler) -> None:
        handler.begin(status, kind)
        handler.piece(body)
        handler.end()

    return answer


def breaks_off(*deltas: dict[str, Any]) -> Answer:
    """The connection dies in the middle of a stream."""

    def answer(handler: Handler) -> None:
        handler.begin()
        for fields in deltas:
            handler.event(delta(**fields))
        handler.connection.close()

    return answer


def ends_early(*deltas: dict[str, Any]) -> Answer:
    """The stream ends in an orderly way before the answer does."""

    def answer(handler: Handler) -> None:
        handler.begin()
        for fields in deltas:
            handler.event(delta(**fields))
        handler.end()

    return answer


def stalls(*deltas: dict[str, Any], alive: bool = False) -> Answer:
    """Goes silent before or after some deltas; alive: with a comment now and then, so that no read ever times out."""

    def answer(handler: Handler) -> None:
        if deltas or alive:
            handler.begin()
        for fields in deltas:
            handler.event(delta(**fields))
        while not handler.model_server.let_go.wait(0.02):
            if alive:
                handler.piece(b": still here\n\n")

    return answer


def floods(piece: bytes, times: int) -> Answer:
    """One line without an end."""

    def answer(handler: Handler) -> None:
        handler.begin()
        handler.piece(b"data: ")
        for _ in range(times):
            handler.piece(piece)
        handler.end()

    return answer
