"""What the 3-D pane's camera does by itself: new vertebrae are in the picture, and nobody's own look is lost."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("vtk")

from spinalsam.ui.surface_process import Scene

DRAWS = "from spinalsam.ui.surface_process import Scene; Scene().draw(16, 16)"
COLOURS = {1: [255, 0, 0], 2: [0, 255, 0]}
SIZE = 160


@pytest.fixture(scope="module")
def scene() -> Scene:
    if subprocess.run([sys.executable, "-c", DRAWS], capture_output=True, timeout=120, check=False).returncode:
        pytest.skip("this machine draws nothing in 3-D")
    made = Scene()
    made.resize(SIZE, SIZE)
    return made


def labels(*values: int) -> np.ndarray:
    """Blocks one above the other."""
    found = np.zeros((20, 20, 60), np.uint8, order="F")
    for value in values:
        found[5:15, 5:15, 30 * value - 28 : 30 * value - 5] = value
    return found


def margins(scene: Scene, channel: int) -> tuple[int, int]:
    """Rows between the upper and the lower edge and what is drawn mostly in one of red and green; negative where nothing is."""
    picture = np.frombuffer(scene.draw(SIZE, SIZE), np.uint8).reshape(SIZE, SIZE, 3).astype(int)
    rows = np.flatnonzero((picture[..., channel] > picture[..., 1 - channel] + 40).any(axis=1))
    return (int(rows[0]), SIZE - 1 - int(rows[-1])) if rows.size else (-1, -1)


def show(scene: Scene, *values: int, hidden: int = 0) -> None:
    scene.show_labels(labels(*values), np.diag([1.0, 1, 1, 1]), {value: rgb for value, rgb in COLOURS.items() if value != hidden})


def test_a_new_label_is_in_the_picture_also_after_it_was_turned(scene: Scene) -> None:
    show(scene)
    show(scene, 1)
    scene.turn(40, 10)
    show(scene, 1, 2)
    assert margins(scene, 1)[0] > 3 and margins(scene, 0)[1] > 3
    direction = scene.renderer.GetActiveCamera().GetDirectionOfProjection()
    show(scene, 1)
    assert np.allclose(direction, scene.renderer.GetActiveCamera().GetDirectionOfProjection())


def test_a_label_that_was_hidden_comes_back_into_the_picture(scene: Scene) -> None:
    show(scene)
    show(scene, 1, 2)
    scene.recolour({1: COLOURS[1]})
    scene.resize(SIZE, SIZE)
    assert margins(scene, 1) == (-1, -1)
    scene.recolour(COLOURS)
    assert margins(scene, 1)[0] > 3 and margins(scene, 0)[1] > 3


def test_what_was_zoomed_by_hand_stays(scene: Scene) -> None:
    show(scene)
    show(scene, 1)
    scene.zoom(3.0)
    before = scene.renderer.GetActiveCamera().GetPosition()
    show(scene, 1, 2)
    scene.resize(SIZE, SIZE)
    assert scene.renderer.GetActiveCamera().GetPosition() == before
    scene.frame()
    assert margins(scene, 1)[0] > 3
