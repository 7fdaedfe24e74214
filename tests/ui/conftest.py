"""A window on a small case with a fake segmenter; Qt's own warnings fail a test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("PyQt5")
pytest.importorskip("pytestqt")

from spinalsam.control.workspace import Workspace
from spinalsam.data.volume import Volume
from spinalsam.support.geometry import Geometry
from spinalsam.ui import app
from spinalsam.ui.main_window import MainWindow
from tests.fakes import FakeSegmenter

# Sounds of the offscreen platform that say nothing about the program.
_HARMLESS = ("propagateSizeHints", "XDG_RUNTIME_DIR", "does not support raise()", "does not support grabbing")


@pytest.fixture(autouse=True)
def no_qt_warnings(qtlog: Any) -> Iterator[None]:
    yield
    said = [record.message for record in qtlog.records if not any(word in record.message for word in _HARMLESS)]
    assert not said, f"Qt complained: {said}"


def vertebra_volume() -> Volume:
    """Soft tissue with one bright block, anisotropic, 40 x 48 x 12 voxels in the LAS order of many files."""
    voxels = np.full((40, 48, 12), 40, np.int16, order="F")
    voxels[14:26, 20:32, 3:9] = 700
    geometry = Geometry.from_parts(
        (40, 48, 12), spacing_mm=(0.8, 0.8, 3.0), origin_mm=(-16.0, 19.0, -100.0), direction=np.diag([1.0, -1.0, 1.0])
    )
    return Volume(voxels, geometry, name="block")


@pytest.fixture
def window(qtbot: Any, qapp: Any) -> Iterator[MainWindow]:
    """An empty window; `sample:block` is the case above."""
    workspace = Workspace(segmenter=FakeSegmenter(), samples={"block": vertebra_volume})
    made = app.build_window(qapp, workspace=workspace, parse=fake_parse)
    made.resize(1200, 800)
    made.commands.set_live(False)
    qtbot.addWidget(made)
    made.show()
    qtbot.waitExposed(made)
    yield made
    made.close()


@pytest.fixture
def case(window: MainWindow, qtbot: Any) -> MainWindow:
    """The window on the case, axial, the crosshair in the middle, no prompts yet."""
    window.open_path("sample:block")
    qtbot.waitUntil(lambda: window.workspace.has_case and not window.dispatcher.busy)
    qtbot.waitUntil(lambda: window.workspace.state.view.active_plane == "sagittal")  # the first look
    window.run("set_active_plane", {"plane": "axial"})
    window.run("set_crosshair", {"ijk": [20, 24, 6]})
    window.notices.clear()
    return window


@pytest.fixture
def settled(qtbot: Any) -> Callable[[MainWindow], None]:
    """Wait until nothing runs any more."""

    def wait(window: MainWindow) -> None:
        qtbot.waitUntil(lambda: not window.dispatcher.busy, timeout=20000)
        qtbot.wait(20)

    return wait


def fake_parse(text: str, specs: Any, hints: Any) -> Any:
    """Reads ``op`` or ``op?`` (unsure), several with ``;`` between; anything else is nothing."""
    from spinalsam.support.calls import OperationCall

    sure = not text.endswith("?")
    words = [word.strip() for word in text.rstrip("?").split(";")]
    calls = tuple(OperationCall(word) for word in words if word in specs)
    return SimpleNamespace(calls=calls, confidence=1.0 if sure else 0.3, explanation="", alternatives=(), source="local", ms=0.1)
