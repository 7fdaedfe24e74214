"""The network's last answer is kept, for exactly the question that was asked."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
import pytest

from spinalsam.control.answers import Answers
from spinalsam.engine.segmenter import Candidates
from spinalsam.errors import Cancelled, ResourceError


def an_answer() -> Candidates:
    return Candidates(np.zeros((1, 2, 2), bool), np.zeros(1, np.float32), ())


def test_the_same_question_is_computed_once_and_another_anew() -> None:
    answers, network, piece, earlier = Answers(), object(), object(), object()
    first = answers.get((network, piece, None), "here", an_answer)
    assert answers.get((network, piece, None), "here", an_answer) is first
    for objects, prompt in (((network, piece, None), "there"), ((network, piece, earlier), "here"), ((network, object(), None), "here")):
        assert answers.get(objects, prompt, an_answer) is not first
        assert answers.get((network, piece, None), "here", an_answer) is first
    assert answers.computed == 4 and not answers.busy


def test_as_many_answers_are_kept_as_there_are_buttons() -> None:
    answers, network = Answers(), object()
    for prompt in ("left", "right", "left", "elsewhere", "left", "right"):
        answers.get((network,), prompt, an_answer)
    assert answers.computed == 4


def test_two_threads_with_one_question_compute_it_once() -> None:
    answers, network, begun, go_on = Answers(), object(), threading.Event(), threading.Event()
    given: list[Any] = []

    def slowly() -> Candidates:
        begun.set()
        assert go_on.wait(10)
        return an_answer()

    threads = [threading.Thread(target=lambda: given.append(answers.get((network,), "here", slowly))) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert begun.wait(10) and answers.busy
    other = answers.get((network,), "elsewhere", an_answer)
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert len(given) == 2 and other is not given[0]
    assert not answers.busy


def test_a_question_that_failed_is_asked_again() -> None:
    answers, network = Answers(), object()

    def full() -> Candidates:
        raise ResourceError("full")

    with pytest.raises(ResourceError):
        answers.get((network,), "here", full)
    assert answers.get((network,), "here", an_answer).masks.shape == (1, 2, 2)


def test_who_waits_for_an_answer_that_is_given_up_asks_himself() -> None:
    answers, network, begun, given_up = Answers(), object(), threading.Event(), threading.Event()
    ends: list[BaseException] = []

    def interrupted() -> Candidates:
        begun.set()
        assert given_up.wait(10)
        raise Cancelled("The pointer has gone on.")

    def guess() -> None:
        try:
            answers.get((network,), "here", interrupted)
        except Cancelled as error:
            ends.append(error)

    def let_go() -> None:
        while answers._waiting < 2:
            time.sleep(0.001)
        given_up.set()

    threads = [threading.Thread(target=guess), threading.Thread(target=let_go)]
    threads[0].start()
    assert begun.wait(10)
    threads[1].start()
    assert answers.get((network,), "here", an_answer).masks.shape == (1, 2, 2)
    for thread in threads:
        thread.join(10)
    assert len(ends) == 1 and not answers.busy
