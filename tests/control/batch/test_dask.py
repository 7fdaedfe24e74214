"""Batches on a local cluster with real processes: a killed worker loses no case, and a case that kills workers sinks no batch."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from spinalsam.control.batch.cases import find_cases, signature
from spinalsam.control.batch.runners import DaskRunner, make_runner
from spinalsam.control.batch.work import Task
from spinalsam.errors import ResourceError
from tests.conftest import REPOSITORY, Run
from tests.control.batch import make

pytest.importorskip("distributed")


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))


def tasks_in(folder: Path, out: Path) -> list[Task]:
    return [Task(case, str(out), make.RECIPE, signature(case)) for case in find_cases([folder], out).cases]


@pytest.fixture
def cluster(request: pytest.FixtureRequest) -> Iterator[DaskRunner]:
    said: list[str] = []
    runner = make_runner(24, scheduler=None, workers=2, work=request.param, say=said.append)
    assert isinstance(runner, DaskRunner)
    runner.said = said  # type: ignore[attr-defined]
    yield runner
    runner.close()


@pytest.mark.parametrize("cluster", [make.slow], indirect=True)
def test_a_worker_killed_in_the_middle_of_a_case_loses_none(cluster: DaskRunner, tmp_path: Path) -> None:
    make.write_cts(tmp_path / "in", 6)
    tasks = tasks_in(tmp_path / "in", tmp_path / "out")
    killed: list[int] = []

    def kill() -> None:
        while not (begun := list((tmp_path / "out").glob("*/pids"))) or not begun[0].read_text():
            time.sleep(0.02)
        killed.append(int(begun[0].read_text().split()[0]))
        os.kill(killed[0], signal.SIGKILL)

    threading.Thread(target=kill, daemon=True).start()
    records = [record for _, record in cluster.run(tasks)]
    assert sorted(record["case"] for record in records) == sorted(task.case.id for task in tasks)
    assert {record["status"] for record in records} == {"done"}
    assert killed
    tries = [path.read_text().split() for path in (tmp_path / "out").glob("*/pids")]
    assert max(map(len, tries)) == 2, "the case at work was done again"


@pytest.mark.parametrize("cluster", [make.poisonous], indirect=True)
def test_a_case_that_kills_its_workers_is_given_up_and_the_others_are_done(cluster: DaskRunner, tmp_path: Path) -> None:
    make.write_cts(tmp_path / "in", 5)
    make.write_ct(tmp_path / "in" / "poison" / "ct.nii.gz")
    tasks = tasks_in(tmp_path / "in", tmp_path / "out")
    records = {task.case.source: record for task, record in cluster.run(tasks)}
    assert len(records) == 6
    for source, record in records.items():
        assert record["status"] == ("failed" if "poison" in source else "done"), record
        pids = (tmp_path / "out" / record["case"] / "pids").read_text().split()
        # A case whose worker dies before its record is fetched is done again, as often as that happens: at most at every death.
        assert len(pids) == 3 if "poison" in source else len(pids) <= 4
        if "poison" in source:
            assert "3 workers" in record["reason"] and (tmp_path / "out" / record["case"] / "case.json").exists()


@pytest.mark.parametrize("cluster", [make.slow], indirect=True)
def test_the_local_cluster_listens_on_loopback_only_and_leaves_no_process(cluster: DaskRunner) -> None:
    me = psutil.Process()
    family = [me, *me.children(recursive=True)]
    listening = [one for process in family for one in process.net_connections("inet") if one.status == psutil.CONN_LISTEN]
    assert listening
    assert {one.laddr.ip for one in listening} <= {"127.0.0.1", "::1"}
    children = me.children(recursive=True)
    cluster.close()
    _, alive = psutil.wait_procs(children, timeout=20)
    assert not [one for one in alive if "resource_tracker" not in " ".join(one.cmdline())]


def test_a_scheduler_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spinalsam.control.batch.runners.CONNECT_S", 1.0)
    with pytest.raises(ResourceError, match="No scheduler answers"):
        make_runner(1, scheduler="tcp://127.0.0.1:9", workers=None, say=lambda text: None)


def test_what_listens_and_is_no_scheduler_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the page of a scheduler, whose address stands beside that of the scheduler itself."""
    import socket

    monkeypatch.setattr("spinalsam.control.batch.runners.CONNECT_S", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(ResourceError, match="what listens there is none"):
        make_runner(1, scheduler=f"127.0.0.1:{silent.getsockname()[1]}", workers=None, say=lambda text: None)


def test_the_same_command_on_workers_that_somebody_started(run: Run, tmp_path: Path) -> None:
    """The real work with the shipped network, through `--scheduler`; a folder that workers cannot see is said to be so."""
    from distributed import LocalCluster

    make.write_cts(tmp_path / "in", 3)
    with LocalCluster(n_workers=1, threads_per_worker=1, host="127.0.0.1", dashboard_address=None) as foreign:
        words = ("segment", tmp_path / "in", "-o", tmp_path / "out", "--say", make.SAID_BOX, "--json")
        answer = run(*words, "--scheduler", foreign.scheduler_address)
        assert answer.code == 0, answer.err
        assert answer.json["done"] == 3
        assert len(list((tmp_path / "out").glob("*/mask.nii.gz"))) == 3
        runner = make_runner(1, scheduler=foreign.scheduler_address, workers=None, say=lambda text: None)
        [task, *_] = tasks_in(tmp_path / "in", tmp_path / "out")
        unseen = replace(task, case=replace(task.case, id="unseen", source=str(tmp_path / "only here")), remote=True)
        [(_, record)] = runner.run([unseen])
        runner.close()
        assert record["status"] == "failed"
        assert "cannot see the images" in record["reason"]


@pytest.fixture
def somebodys(tmp_path: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The address of a scheduler in a process of its own, with one worker, and that process."""
    told = tmp_path / "scheduler.json"
    words = (["distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"], ["distributed.cli.dask_worker"])
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": {**os.environ, "PYTHONPATH": str(REPOSITORY)}}
    scheduler = subprocess.Popen([sys.executable, "-m", *words[0], "--scheduler-file", str(told)], **quiet)  # type: ignore[call-overload]
    while not told.exists() or not told.read_text().strip():
        assert scheduler.poll() is None
        time.sleep(0.05)
    address = json.loads(told.read_text())["address"]
    worker = subprocess.Popen([sys.executable, "-m", *words[1], address, "--nthreads", "1", "--no-dashboard", "--no-nanny"], **quiet)  # type: ignore[call-overload]
    yield address, scheduler
    for process in (worker, scheduler):
        process.kill()
        process.wait()


def test_a_scheduler_that_falls_silent_in_the_middle_ends_the_batch_and_loses_no_case(
    somebodys: tuple[str, subprocess.Popen[bytes]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, scheduler = somebodys
    monkeypatch.setattr("spinalsam.control.batch.runners.SILENCE_S", 2.0)
    monkeypatch.setattr("spinalsam.control.batch.runners.CLOSE_S", 2.0)
    make.write_cts(tmp_path / "in", 6)
    tasks = tasks_in(tmp_path / "in", tmp_path / "out")
    runner = make_runner(6, scheduler=address, workers=None, work=make.slow, say=lambda text: None)
    first, began = [], 0.0
    with pytest.raises(ResourceError, match="has not answered for 2 s"):
        for task, _ in runner.run(tasks):
            first.append(task.case.id)
            if len(first) == 2:
                os.kill(scheduler.pid, signal.SIGSTOP)
                began = time.monotonic()
    runner.close()
    assert len(first) >= 2 and time.monotonic() - began < 12
    os.kill(scheduler.pid, signal.SIGCONT)
    again = make_runner(6, scheduler=address, workers=None, work=make.slow, say=lambda text: None)
    left = [task for task in tasks if task.case.id not in first]
    records = [record for _, record in again.run(left)]
    again.close()
    assert sorted(first + [record["case"] for record in records]) == sorted(task.case.id for task in tasks)
    assert {record["status"] for record in records} == {"done"}
