"""Choosing a device, saying which, and going on when its memory is full."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import torch

from spinalsam.device import manager
from spinalsam.device.cpu import CpuInfo, read_cpu
from spinalsam.device.gpu import GpuInfo, find_gpus, nvidia_driver
from spinalsam.errors import ResourceError, UsageError

GIB = 1024**3
BIG = GpuInfo("cuda:0", "Test GPU A", 24 * GIB, 2 * GIB, "8.6", "550.10")
FREE = GpuInfo("cuda:1", "Test GPU B", 16 * GIB, 15 * GIB, "8.6", "550.10")
OLD = GpuInfo("cuda:0", "Old GPU", 8 * GIB, 8 * GIB, "6.1", "470.0")
PLAIN_CPU = CpuInfo("Test CPU", 2, 2, ("avx2",), 8 * GIB, 4 * GIB)
BF16_CPU = CpuInfo("Test CPU", 2, 2, ("avx2", "avx512", "bf16"), 8 * GIB, 4 * GIB)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SPINALSAM_DATA_DIR", str(tmp_path))


@pytest.fixture
def machine(monkeypatch):
    """Pretend to be a machine with these parts."""

    def pretend(*gpus: GpuInfo, cpu: CpuInfo = PLAIN_CPU) -> None:
        monkeypatch.setattr(manager, "find_gpus", lambda: gpus)
        monkeypatch.setattr(manager, "read_cpu", lambda: cpu)

    return pretend


def times(**milliseconds: float):
    return lambda _device, precision: milliseconds[precision]


def test_auto_takes_the_gpu_with_the_most_free_memory(machine) -> None:
    machine(BIG, FREE)
    assert manager.choose(measure=times(fp32=10, bf16=3, fp16=3)).device == "cuda:1"


def test_auto_takes_the_cpu_where_there_is_no_gpu_and_says_so(machine) -> None:
    machine()
    choice = manager.choose()
    assert (choice.device, choice.precision) == ("cpu", "fp32")
    assert "no GPU" in choice.reason


@pytest.mark.parametrize("asked", ["cpu", "CPU", " cpu "])
def test_an_explicit_cpu_is_honoured_beside_a_gpu(machine, asked) -> None:
    machine(FREE)
    choice = manager.choose(asked)
    assert choice.device == "cpu"
    assert "asked" in choice.reason


def test_a_numbered_gpu_is_honoured(machine) -> None:
    machine(BIG, FREE)
    assert manager.choose("cuda:0", measure=times(fp32=10, bf16=3, fp16=3)).device == "cuda:0"


def test_a_gpu_that_is_not_here_is_refused_with_what_is(machine) -> None:
    machine(BIG)
    with pytest.raises(UsageError, match="this machine has cpu, cuda:0"):
        manager.choose("cuda:3")


def test_an_unknown_device_is_refused(machine) -> None:
    machine()
    with pytest.raises(UsageError, match="There is no device 'tpu'"):
        manager.choose("tpu")


@pytest.mark.parametrize(
    ("measured", "expected"),
    [
        ({"fp32": 10, "fp16": 4, "bf16": 4}, "fp16"),
        ({"fp32": 10, "fp16": 9.6, "bf16": 9.5}, "fp32"),
        ({"fp32": 10, "fp16": 6, "bf16": 3}, "bf16"),
    ],
)
def test_precision_is_what_the_warm_up_measured_and_not_a_guess(machine, measured, expected) -> None:
    machine(FREE)
    choice = manager.choose(measure=times(**measured))
    assert choice.precision == expected
    assert choice.measured_ms == measured


def test_a_gpu_with_no_room_for_a_warm_up_is_chosen_in_full_precision_and_measured_another_time(machine, monkeypatch) -> None:
    machine(FREE)
    full = [True]

    def measure(device: str, precision: str) -> float:
        if full[0]:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory.")
        return {"fp32": 10.0, "fp16": 2.0, "bf16": 2.0}[precision]

    monkeypatch.setattr(manager, "_measure", measure)
    monkeypatch.setattr(manager, "empty_caches", lambda device: None)
    choice = manager.choose()
    assert (choice.device, choice.precision, choice.measured_ms) == ("cuda:1", "fp32", {})
    full[0] = False
    assert manager.choose().precision == "fp16"


def test_an_old_gpu_is_not_tried_in_precisions_that_it_lacks(machine) -> None:
    machine(OLD)
    assert manager.choose(measure=times(fp32=10)).precision == "fp32"


def test_bf16_on_the_cpu_is_tried_only_with_hardware_for_it(machine) -> None:
    machine(cpu=BF16_CPU)
    assert manager.choose(measure=times(fp32=10, bf16=5)).precision == "bf16"


def test_the_warm_up_runs_once_and_is_remembered(machine, monkeypatch) -> None:
    machine(cpu=BF16_CPU)
    calls = []
    monkeypatch.setattr(manager, "_measure", lambda device, precision: calls.append(precision) or 2.0)
    first, second = manager.choose(), manager.choose()
    assert calls == ["fp32", "bf16"]
    assert first == second


def test_a_damaged_memory_of_warm_ups_is_measured_again(machine, monkeypatch) -> None:
    machine(cpu=BF16_CPU)
    manager.memory_file().parent.mkdir()
    manager.memory_file().write_text("{not json")
    monkeypatch.setattr(manager, "_measure", lambda device, precision: 2.0)
    assert manager.choose().precision == "fp32"


def test_the_real_warm_up_measures_a_time() -> None:
    assert 0 < manager._measure("cpu", "fp32", repeats=1) < 60_000


def test_the_report_is_json_with_one_sentence(machine) -> None:
    machine(FREE)
    report = manager.report("cpu")
    assert json.loads(json.dumps(report)) == report
    assert report["summary"].count(". ") == 0
    assert "1 GPU left unused as asked" in report["summary"]
    assert report["gpus"][0]["name"] == "Test GPU B"


def test_the_report_of_this_machine_names_its_processor() -> None:
    report = manager.report()
    assert report["cpu"]["name"] in report["summary"] or report["gpus"]
    assert report["cpu"]["cores"] >= 1


def test_a_gpu_that_pytorch_cannot_use_is_said_aloud(machine, monkeypatch) -> None:
    machine()
    sentence = "An NVIDIA GPU is here (driver 1.0), but the installed PyTorch was built without CUDA."
    monkeypatch.setattr(manager, "unusable_gpu_reason", lambda: sentence)
    assert sentence in manager.report()["summary"]
    with pytest.raises(UsageError, match="built without CUDA"):
        manager.choose("cuda")


def test_cuda_devices_are_described(monkeypatch) -> None:
    class Properties:
        name, total_memory, major, minor = "Test GPU", 8 * GIB, 9, 0

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: Properties)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda index: (5 * GIB, 8 * GIB))
    gpu = find_gpus()[0]
    assert (gpu.device, gpu.name, gpu.capability) == ("cuda:0", "Test GPU", "9.0")
    assert (gpu.free_bytes, gpu.memory_bytes) == (5 * GIB, 8 * GIB)


def test_the_driver_version_is_read_from_the_kernel(tmp_path) -> None:
    version = tmp_path / "version"
    version.write_text("NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15 UTC 2023\n")
    assert nvidia_driver(version) == "535.104.05"


def test_cpu_facts_come_from_the_kernel(tmp_path) -> None:
    cpuinfo, meminfo = tmp_path / "cpuinfo", tmp_path / "meminfo"
    cpuinfo.write_text("model name\t: Test CPU 9000\nflags\t\t: fpu avx2 avx512f avx512_vnni avx512_bf16\n")
    meminfo.write_text("MemTotal:  1000 kB\nMemFree: 1 kB\nMemAvailable: 400 kB\n")
    cpu = read_cpu(cpuinfo, meminfo)
    assert (cpu.name, cpu.features) == ("Test CPU 9000", ("avx2", "avx512", "vnni", "bf16"))
    assert (cpu.memory_bytes, cpu.free_bytes) == (1024_000, 409_600)


def test_cpu_facts_without_a_proc_folder_still_name_the_machine(tmp_path) -> None:
    cpu = read_cpu(tmp_path / "none", tmp_path / "none")
    assert cpu.name
    assert cpu.features == ()


class Work:
    """Fails with a full GPU the first `failures` times."""

    def __init__(self, failures: int, error: Exception | None = None) -> None:
        self.failures, self.calls = failures, []
        self.error = error or torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    def __call__(self, device: str) -> str:
        self.calls.append(device)
        if len(self.calls) <= self.failures:
            raise self.error
        return f"done on {device}"


def test_work_that_fits_runs_once() -> None:
    work = Work(0)
    assert manager.run_with_fallback(work, "cuda:0") == ("done on cuda:0", "cuda:0")
    assert work.calls == ["cuda:0"]


def test_a_full_gpu_is_emptied_and_tried_once_more(monkeypatch) -> None:
    emptied, said, work = [], [], Work(1)
    monkeypatch.setattr(manager, "empty_caches", emptied.append)
    assert manager.run_with_fallback(work, "cuda:0", notice=said.append)[1] == "cuda:0"
    assert (work.calls, emptied, said) == (["cuda:0", "cuda:0"], ["cuda:0"], [])


def test_a_gpu_that_stays_full_moves_the_work_to_the_cpu_and_says_so(monkeypatch) -> None:
    said, moved, work = [], [], Work(2)
    monkeypatch.setattr(manager, "empty_caches", lambda device: None)
    result = manager.run_with_fallback(work, "cuda:0", move=moved.append, notice=said.append, what="the model")
    assert result == ("done on cpu", "cpu")
    assert (work.calls, moved) == (["cuda:0", "cuda:0", "cpu"], ["cpu"])
    assert said == ["The memory of cuda:0 is full: the model now runs on the CPU, which is slower."]


def test_a_full_cpu_is_a_resource_error(monkeypatch) -> None:
    monkeypatch.setattr(manager, "empty_caches", lambda device: None)
    with pytest.raises(ResourceError, match="not enough memory"):
        manager.run_with_fallback(Work(9, MemoryError()), "cuda:0")


def test_other_errors_pass_through_untouched() -> None:
    work = Work(9, RuntimeError("shapes do not match"))
    with pytest.raises(RuntimeError, match="shapes do not match"):
        manager.run_with_fallback(work, "cuda:0")
    assert work.calls == ["cuda:0"]


def test_importing_the_manager_loads_no_torch() -> None:
    code = "import sys, spinalsam.device.manager; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
