"""Every bad input with a name is refused with one clear line, its exit code, and no file."""

from __future__ import annotations

import pytest

from tests.reliability.bad_inputs import BAD, BadInput, complaint, good, pickled, segment


def test_there_are_many_and_each_has_its_own_name() -> None:
    assert len(BAD) >= 60
    assert len({bad.name for bad in BAD}) == len(BAD)


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name.replace(" ", "-"))
def test_it_is_refused(bad) -> None:
    assert complaint(bad) == ""


def test_the_check_itself_can_fail() -> None:
    assert "exit code 0" in complaint(BadInput("a good image", segment(good)))
    assert "exit code 3" in complaint(BadInput("outside, but said to be a usage error", segment(good, "--point", "99,2,2"), 2))


def test_the_malicious_pickle_would_run_if_it_were_unpickled_carelessly(tmp_path) -> None:
    import pickle

    pickled(tmp_path)
    pickle.loads((tmp_path / "model.pth").read_bytes())
    assert (tmp_path / "RUN_BY_THE_CHECKPOINT").exists()
