"""The machine, the model, and help."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from spinalsam.control.operations import SPOKEN_SPECS
from spinalsam.control.workspace import Workspace
from spinalsam.errors import ModelError
from spinalsam.settings import Settings


def test_gpu_status_is_the_device_managers_report(empty: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(
        "spinalsam.device.manager.report", lambda device: asked.append(device) or {"summary": "Running on a toaster.", "gpus": []}
    )
    empty.settings = Settings(device="cpu")
    result = empty.run("gpu_status")
    assert (result.message, result.data["gpus"], asked) == ("Running on a toaster.", [], ["cpu"])


def test_a_given_network_is_named_with_its_checksum(empty: Workspace) -> None:
    assert "f" * 16 in empty.run("verify_parameters").message


@pytest.mark.parametrize("fits", [True, False])
def test_verify_parameters_says_what_the_model_files_say(fits: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    found = SimpleNamespace(ok=fits, summary="'compact' was looked at.", to_json=lambda: {"ok": fits})
    monkeypatch.setattr("spinalsam.engine.models.verify", lambda name: found)
    with Workspace(journal=False) as ws:
        if fits:
            assert ws.run("verify_parameters").data == {"ok": True}
        else:
            with pytest.raises(ModelError, match="was looked at"):
                ws.run("verify_parameters")


def test_help_names_every_spoken_operation_and_what_is_missing(empty: Workspace) -> None:
    result = empty.run("help")
    listed = {item["op"]: item for item in result.data["operations"]}
    assert set(listed) == set(SPOKEN_SPECS)
    assert "open one first" in listed["measure"]["missing"] and listed["open_image"]["missing"] == ""
    assert all(spec.title in result.message for spec in SPOKEN_SPECS.values())
