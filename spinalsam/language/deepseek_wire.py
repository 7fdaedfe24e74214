"""One request to an OpenAI-compatible server and what came back, through the `openai` package; nothing here knows what a call is.

Importing this page takes most of a second: only a mode that asks a language model does. What the client would add on its own (system,
architecture, organisation) is taken off every request; redirects are not followed; an answer has a largest size.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from email.utils import parsedate_to_datetime
from time import time
from typing import Any

import openai

from spinalsam.errors import LanguageError
from spinalsam.language.answers import MOST_CHARACTERS, Reply, ThoughtSplitter, shortened
from spinalsam.language.endpoints import Endpoint
from spinalsam.language.keys import Secret

Listener = Callable[[str, str], None]  # (kind, text): 'thought' for a piece of reasoning, 'status' for what is going on

MOST_BYTES = 8_000_000
MOST_THOUGHT = 400_000
CONNECT_S = 10.0
_HEADERS = frozenset(("host", "accept", "accept-encoding", "connection", "content-type", "content-length", "authorization"))
_AGAIN = frozenset((408, 409, 425, 429, 500, 502, 503, 504, 529))


class WireProblem(LanguageError):
    """A request without a usable answer. again: it may be tried again, after wait_s where the server said so.

    otherwise: the server may not know the way in which it was asked.
    """

    def __init__(self, message: str, *, again: bool = False, wait_s: float | None = None, otherwise: bool = False) -> None:
        super().__init__(message)
        self.again, self.wait_s, self.otherwise = again, wait_s, otherwise


def open_client(endpoint: Endpoint, key: Secret | None, *, watch: Callable[[Any], None] | None = None) -> openai.AsyncOpenAI:
    """A client for one endpoint; use it as an asynchronous context. watch(request): called with what would be sent, before it is.

    The key goes along only where the address may carry it. Proxies of the environment are used for other machines, never for this one.
    """
    carries = key is not None and endpoint.may_carry_key
    allowed = _HEADERS if carries else _HEADERS - {"authorization"}

    async def on_request(request: Any) -> None:
        for name in [name for name in request.headers if name.lower() not in allowed]:
            del request.headers[name]
        request.headers["user-agent"] = "SpinalSAM"
        request.headers["accept-encoding"] = "identity"
        if watch is not None:
            watch(request)

    async def on_response(response: Any) -> None:
        raw = response.aiter_raw
        response.aiter_raw = lambda chunk_size=None: _limited(raw(chunk_size))

    http = openai.DefaultAsyncHttpxClient(
        follow_redirects=False,
        trust_env=not endpoint.is_local,
        event_hooks={"request": [on_request], "response": [on_response]},
    )
    timeout = openai.Timeout(endpoint.timeout_s, connect=min(CONNECT_S, endpoint.timeout_s))
    shown = key.reveal if carries and key is not None else lambda: "none"
    return openai.AsyncOpenAI(api_key=shown(), base_url=endpoint.url, timeout=timeout, max_retries=0, http_client=http)


async def send(client: openai.AsyncOpenAI, body: dict[str, Any], endpoint: Endpoint, key: Secret | None, listen: Listener) -> Reply:
    """The whole reply to one request. Raises WireProblem, which holds nothing of the request."""
    problem = WireProblem(f"{endpoint.state} sent something that is no answer.", again=True)
    try:
        return await _collected(client, body, endpoint, listen)
    except WireProblem as known:
        problem = known
    except openai.APIStatusError as error:
        problem = _status_problem(error, endpoint, key)
    except openai.APITimeoutError:
        problem = WireProblem(f"{endpoint.state} did not answer in time.", again=True)
    except openai.APIConnectionError as error:
        problem = _connection_problem(error, endpoint)
    except openai.OpenAIError as error:
        said = _scrubbed(getattr(error, "message", ""), key)
        problem = WireProblem(f"{endpoint.state} broke off with an error{said}.", again=True)
    except _TooMuch:
        problem = WireProblem(f"{endpoint.state} sent far more than an answer; it was cut off.")
    except (ValueError, TypeError, AttributeError, KeyError, IndexError, RecursionError):
        pass
    problem.__context__ = None  # what was caught holds the request, and that the key
    raise problem


async def _collected(client: openai.AsyncOpenAI, body: dict[str, Any], endpoint: Endpoint, listen: Listener) -> Reply:
    collector = _Collector(listen)
    async with await client.chat.completions.create(**body) as stream:
        kind = stream.response.headers.get("content-type", "").lower()
        if "html" in kind:
            raise WireProblem(f"At {endpoint.host} is a web page and no language model; check the address, which usually ends in /v1.")
        if "json" in kind:
            collector.add_whole(json.loads(await stream.response.aread()))
        else:
            async for chunk in stream:
                collector.add(chunk)
    reply = collector.reply()
    if not reply.finish:
        raise WireProblem(f"{endpoint.state} broke off in the middle of its answer.", again=True)
    return reply


class _Collector:
    """Puts a reply together from the pieces of a stream, or from a whole one. Takes nothing on trust."""

    def __init__(self, listen: Listener) -> None:
        self._listen = listen
        self._splitter = ThoughtSplitter()
        self._reasoning = ""
        self._tools: dict[int, list[str]] = {}
        self._finish = ""
        self._tokens: list[int | None] = [None, None]

    def add(self, chunk: Any) -> None:
        self._count(getattr(chunk, "usage", None))
        for choice in (getattr(chunk, "choices", None) or [])[:1]:
            delta = getattr(choice, "delta", None)
            self._think(_text(getattr(delta, "reasoning_content", None)) or _text(getattr(delta, "reasoning", None)))
            self._say(_text(getattr(delta, "content", None)))
            for position, call in enumerate(getattr(delta, "tool_calls", None) or []):
                self._call(getattr(call, "index", position), getattr(call, "function", None))
            self._finish = _text(getattr(choice, "finish_reason", None)) or self._finish

    def add_whole(self, document: Any) -> None:
        """A server that does not stream sends the whole completion."""
        choice = document["choices"][0]
        message = choice["message"]
        usage = document.get("usage") or {}
        self._tokens = [_number(usage.get("prompt_tokens")), _number(usage.get("completion_tokens"))]
        self._think(_text(message.get("reasoning_content")) or _text(message.get("reasoning")))
        self._say(_text(message.get("content")))
        for position, call in enumerate(message.get("tool_calls") or []):
            self._tools[position] = [_text(call["function"].get("name")), _text(call["function"].get("arguments"))]
        self._finish = _text(choice.get("finish_reason")) or "stop"

    def reply(self) -> Reply:
        self._splitter.finish()
        thought = "\n".join(part for part in (self._reasoning.strip(), self._splitter.thoughts.strip()) if part)
        tools = tuple((name, arguments) for _, (name, arguments) in sorted(self._tools.items()))
        return Reply(self._splitter.content, thought, tools, self._finish, *self._tokens)

    def _think(self, piece: str) -> None:
        if piece:
            self._reasoning += piece
            self._listen("thought", piece)
            self._limit()

    def _say(self, piece: str) -> None:
        if piece:
            _, thought = self._splitter.feed(piece)
            if thought:
                self._listen("thought", thought)
            self._limit()

    def _call(self, index: Any, function: Any) -> None:
        parts = self._tools.setdefault(index if isinstance(index, int) else 0, ["", ""])
        parts[0] += _text(getattr(function, "name", None))
        parts[1] += _text(getattr(function, "arguments", None))
        self._limit()

    def _count(self, usage: Any) -> None:
        if usage is not None:
            self._tokens = [_number(getattr(usage, "prompt_tokens", None)), _number(getattr(usage, "completion_tokens", None))]

    def _limit(self) -> None:
        said = len(self._splitter.content) + sum(len(name) + len(arguments) for name, arguments in self._tools.values())
        if said > 2 * MOST_CHARACTERS or len(self._reasoning) + len(self._splitter.thoughts) > MOST_THOUGHT or len(self._tools) > 100:
            raise _TooMuch


class _TooMuch(Exception):
    """More than any answer needs."""


async def _limited(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The bytes of a response as they come, up to MOST_BYTES: a line without an end would fill the memory."""
    count = 0
    async for piece in pieces:
        count += len(piece)
        if count > MOST_BYTES:
            raise _TooMuch
        yield piece


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**9 else None


def _status_problem(error: openai.APIStatusError, endpoint: Endpoint, key: Secret | None) -> WireProblem:
    """What a refusal means and whether it is worth another try."""
    status, where = error.status_code, endpoint.state
    said = _scrubbed(_said(error.body), key)
    if status in (401, 403):
        return WireProblem(f"{_key_problem(endpoint, key)} ({status}{said}).")
    if status == 402:
        return WireProblem(f"{where} wants to be paid first (402{said}).")
    if status == 404:
        return WireProblem(f"{endpoint.host} knows no model '{shortened(endpoint.model, 60)}' at this address (404{said}).")
    if 300 <= status < 400:
        return WireProblem(f"{endpoint.host} points to another address ({status}), which is not followed; give the final one.")
    if status in (400, 422, 501):
        return WireProblem(f"{where} does not take the request ({status}{said}).", otherwise=True)
    if status == 429:
        return WireProblem(f"{where} is asked too often (429{said}).", again=True, wait_s=_retry_after(error.response.headers))
    wait_s = _retry_after(error.response.headers)
    return WireProblem(f"{where} cannot answer now ({status}{said}).", again=status in _AGAIN, wait_s=wait_s)


def _key_problem(endpoint: Endpoint, key: Secret | None) -> str:
    if key is None:
        return f"{endpoint.host} asks for a key; set SPINALSAM_API_KEY or enter it in the preferences"
    if not endpoint.may_carry_key:
        return f"{endpoint.host} asks for a key, but the address is not encrypted and the key was not sent; use https"
    return f"{endpoint.host} does not accept the key; check it"


def _connection_problem(error: openai.APIConnectionError, endpoint: Endpoint) -> WireProblem:
    causes: list[BaseException] = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) is not None and cause not in causes:
        causes.append(cause)
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return WireProblem(f"Nothing answers at {endpoint.host}; is the server running?")
    names = {type(cause).__name__ for cause in causes}
    if names & {"ConnectError", "ConnectTimeout"}:
        return WireProblem(f"{endpoint.host} cannot be reached; check the address and the network.", again=True)
    return WireProblem(f"The connection to {endpoint.host} broke.", again=True)


def _said(body: Any) -> str:
    """The server's own words in the body of an error."""
    if isinstance(body, dict):
        inner = body.get("error", body)
        body = inner.get("message") if isinstance(inner, dict) else inner
    return body if isinstance(body, str) and "<" not in body else ""


def _scrubbed(text: str, key: Secret | None) -> str:
    if key is not None:
        text = key.scrub(text)
    return f": '{shortened(text, 120)}'" if text.strip() else ""


def _retry_after(headers: Any) -> float | None:
    """Seconds that the server asks to wait, from a number or a date; None where it asks for nothing."""
    value = headers.get("retry-after", "").strip()
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time())
    except (ValueError, TypeError):
        return None
