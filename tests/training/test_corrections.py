"""The robot that boxes a vertebra and corrects it twice."""

from __future__ import annotations

import numpy as np

from spinalsam.data.volume import Volume
from spinalsam.support.planes import PLANES
from spinalsam.training.corrections import as_markdown, measure, rendered, summary, whole_values, worst_slice
from tests.engine.test_whole import _blocks, _geometry
from tests.fakes import FakeSegmenter

TURN = ((0, 1, 2), (0, 0, 0))


def test_clicks_never_make_it_much_worse_and_every_plane_is_tried() -> None:
    hu, labels = _blocks()
    volume = Volume(np.asfortranarray(hu), _geometry(labels.shape, *TURN))
    rows = list(measure(FakeSegmenter(), volume, labels, values=[21]))
    assert [row["plane"] for row in rows] == list(PLANES)
    for row in rows:
        assert len(row["curve"]) == 3 and row["curve"][2] >= row["curve"][0] - 0.01 and row["curve"][2] > 0.9
    table = summary(rows)
    assert table["all"]["count"] == 3
    assert as_markdown(table).count("\n") == 1 + len(table)


def test_cut_vertebrae_take_no_part_and_the_worst_slice_is_the_one_with_most_wrong() -> None:
    labels = np.zeros((20, 20, 20), np.uint8)
    labels[5:10, 5:10, 5:10], labels[15:20, 5:10, 5:10] = 20, 21
    assert whole_values(labels) == [20]
    geometry = _geometry(labels.shape, *TURN)
    wrong = labels == 20
    wrong[12, 4:16, 4:16] = True
    assert worst_slice(geometry, wrong, labels == 20) is not None
    assert worst_slice(geometry, wrong, labels == 20).plane == "sagittal"  # type: ignore[union-attr]
    assert worst_slice(geometry, wrong, wrong) is None


def test_a_rendered_ct_is_bright_where_bone_is() -> None:
    _, labels = _blocks()
    volume = rendered(labels, _geometry(labels.shape, *TURN))
    assert volume.voxels[labels > 0].mean() > volume.voxels[labels == 0].mean() + 100
    assert np.array_equal(volume.voxels, rendered(labels, _geometry(labels.shape, *TURN)).voxels)
