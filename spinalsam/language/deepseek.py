"""Ask a language model, DeepSeek-R1 above all, what a sentence asks for: redacted, streamed, checked, repaired once, never trusted.

The request goes to any OpenAI-compatible address. What comes back is data: calls of the registry with arguments from the sentence, or a
text for people. Only the redacted sentence and the description of the operations leave; see `redaction` and `prompt`.
"""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import replace
from time import perf_counter
from typing import Any, TypeVar

from spinalsam.errors import Cancelled, LanguageError
from spinalsam.language import prompt
from spinalsam.language.answers import Answer, AnswerProblem, ModelReading, Reply, read_answer
from spinalsam.language.deepseek_wire import Listener, WireProblem, open_client, send
from spinalsam.language.endpoints import STYLES, Endpoint
from spinalsam.language.keys import Secret
from spinalsam.language.redaction import Redacted, redact
from spinalsam.support.calls import OperationCall, OperationSpec

TRIES = 3
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 8.0
MOST_SENTENCE = 2000  # characters
_POLL_S = 0.05

T = TypeVar("T")
# How a server was last asked with success, so that the next sentence does not begin with what it refuses.
_known_styles: dict[tuple[str, str, str], str] = {}


def ask(
    text: str,
    specs: Mapping[str, OperationSpec],
    endpoint: Endpoint,
    key: Secret | None = None,
    *,
    listen: Listener | None = None,
    stop: threading.Event | None = None,
) -> ModelReading:
    """How the model understands a sentence; blocks for at most the endpoint's time and a moment.

    listen(kind, text): hears reasoning and state on this thread. stop: set by another thread to give up.
    Raises LanguageError where no usable answer came, Cancelled where it was stopped.
    """
    if len(text) > MOST_SENTENCE:
        raise LanguageError(f"A sentence for a language model has at most {MOST_SENTENCE} characters, this one {len(text)}.")
    started = perf_counter()
    redacted = redact(text)
    talk = _Talk(redacted, specs, endpoint, key, listen or (lambda kind, piece: None))
    answer = run_within(talk.answer(), endpoint, stop, lambda: talk.trouble)
    return ModelReading(
        calls=tuple(OperationCall(call.op, redacted.restore(dict(call.args))) for call in answer.calls),
        confidence=0.9,
        explanation=f"read by {endpoint.state}",
        source="deepseek",
        ms=(perf_counter() - started) * 1000,
        answer=redacted.restore(answer.text),
        reasoning=redacted.restore(talk.reply.reasoning),
        reader=endpoint.state,
        prompt_tokens=talk.reply.prompt_tokens,
        answer_tokens=talk.reply.answer_tokens,
    )


def preview(text: str, specs: Mapping[str, OperationSpec], endpoint: Endpoint) -> bytes:
    """The exact bytes of the body that `ask` would send first. Made by the same client; nothing is opened or sent."""
    seen: list[bytes] = []

    def watch(request: Any) -> None:
        seen.append(bytes(request.content))
        raise WireProblem("only looked at")

    async def look() -> None:
        async with open_client(endpoint, None, watch=watch) as client:
            talk = _Talk(redact(text), specs, endpoint, None, lambda kind, piece: None)
            with suppress(LanguageError):
                await send(client, talk.body(), endpoint, None, talk.listen)

    run_within(look(), endpoint, None)
    return seen[0]


def run_within(work: Coroutine[Any, Any, T], endpoint: Endpoint, stop: threading.Event | None, trouble: Callable[[], str] = str) -> T:
    """The result of asynchronous work, or LanguageError when the endpoint's time is over, or Cancelled when `stop` is set.

    trouble: what went wrong meanwhile, to be told with the time that is over.
    """
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(_watched(work, endpoint, stop, trouble))
    finally:
        for task in asyncio.all_tasks(loop):  # there are some only after Ctrl+C
            task.cancel()
            with suppress(asyncio.CancelledError):
                loop.run_until_complete(task)
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()  # does not wait for a name that is still being looked up


async def _watched(work: Coroutine[Any, Any, T], endpoint: Endpoint, stop: threading.Event | None, trouble: Callable[[], str]) -> T:
    task = asyncio.ensure_future(work)
    watchers = {task} if stop is None else {task, asyncio.ensure_future(_set(stop))}
    await asyncio.wait(watchers, timeout=endpoint.timeout_s, return_when=asyncio.FIRST_COMPLETED)
    finished = task.done()
    for one in watchers:
        one.cancel()
    await asyncio.wait(watchers, timeout=1.0)
    if finished:
        return task.result()
    if stop is not None and stop.is_set():
        raise Cancelled(f"{endpoint.state} was stopped; nothing was done.")
    raise LanguageError(f"{endpoint.state} did not answer within {endpoint.timeout_s:g} s. {trouble()}".rstrip())


async def _set(stop: threading.Event) -> None:
    while not stop.is_set():
        await asyncio.sleep(_POLL_S)


class _Talk:
    """One sentence's exchange with a server: tries, ways of asking, and the one repair.

    reply: the last one, tokens added up. trouble: what last went wrong.
    """

    def __init__(
        self, redacted: Redacted, specs: Mapping[str, OperationSpec], endpoint: Endpoint, key: Secret | None, listen: Listener
    ) -> None:
        self._sentence = redacted.text
        self._specs = specs
        self._endpoint, self._key = endpoint, key
        self.listen = listen
        self._memory = (endpoint.url, endpoint.model, endpoint.style)
        self._style = _known_styles.get(self._memory, endpoint.style)
        self._more: list[prompt.Message] = []
        self._tries = 0
        self._until = perf_counter() + endpoint.timeout_s
        self.reply = Reply()
        self.trouble = ""

    def body(self) -> dict[str, Any]:
        """What is sent next."""
        conversation = [*prompt.messages(self._sentence, self._specs, self._style), *self._more]
        return prompt.request_body(self._endpoint.model, conversation, self._specs, self._style)

    async def answer(self) -> Answer:
        """Raises LanguageError where the answer cannot be used, also after it was asked for once more."""
        async with open_client(self._endpoint, self._key) as client:
            try:
                return await self._one_answer(client)
            except AnswerProblem as problem:
                self._more = prompt.repair(self.reply.said, str(problem), self._style)
            self.listen("status", "repairing")
            problem_left = ""
            try:
                return await self._one_answer(client)
            except AnswerProblem as problem:
                problem_left = str(problem)
            raise AnswerProblem(f"{self._endpoint.state} gave no usable answer: {problem_left}")

    async def _one_answer(self, client: Any) -> Answer:
        before = self.reply
        reply = await self._exchanged(client)
        self.reply = replace(
            reply,
            reasoning="\n\n".join(part for part in (before.reasoning, reply.reasoning) if part),
            prompt_tokens=_sum(before.prompt_tokens, reply.prompt_tokens),
            answer_tokens=_sum(before.answer_tokens, reply.answer_tokens),
        )
        return read_answer(reply, self._specs, self._sentence, prose=self._style == "tools")

    async def _exchanged(self, client: Any) -> Reply:
        """One reply; tried again where that makes sense, in a plainer way where the server does not know this one."""
        while True:
            try:
                reply = await send(client, self.body(), self._endpoint, self._key, self.listen)
                _known_styles[self._memory] = self._style
                return reply
            except WireProblem as problem:
                if problem.otherwise and self._style != STYLES[-1]:
                    self._style = STYLES[STYLES.index(self._style) + 1]
                    continue
                self._tries += 1
                if not problem.again or self._tries >= TRIES:
                    raise
                self.trouble = str(problem)
                wait_s = self._wait_s(problem)
            self.listen("status", f"waiting {wait_s:.0f} s" if wait_s >= 1 else "trying again")
            await asyncio.sleep(wait_s)

    def _wait_s(self, problem: WireProblem) -> float:
        """Longer with every try, a little random so that many clients do not come back at once. Raises what cannot be waited for."""
        if problem.wait_s is not None:
            if perf_counter() + problem.wait_s >= self._until:
                raise problem
            return problem.wait_s
        return min(FIRST_WAIT_S * 2 ** (self._tries - 1), LONGEST_WAIT_S) * random.uniform(0.75, 1.25)


def _sum(a: int | None, b: int | None) -> int | None:
    return b if a is None else a if b is None else a + b
