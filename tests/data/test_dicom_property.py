"""Any series a scanner could send: every voxel lies where its slice said, whatever the order of files, tilt, doubles and gaps."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from spinalsam.data.formats import read_mask, read_volume, write_mask
from tests.data.make import dicom_slice, labels
from tests.support.grids import rotation

directions = st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda axis: np.linalg.norm(axis) > 0.2)


# Making a failing series smaller takes minutes and tells little more.
@settings(max_examples=25, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(
    axis=directions, degrees=st.floats(-180, 180), rows_mm=st.floats(0.2, 2), columns_mm=st.floats(0.2, 2), step_mm=st.floats(0.5, 6),
    shift=st.tuples(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5)), order=st.permutations(range(8)), missing=st.none() | st.integers(1, 6),
    double=st.none() | st.integers(0, 7), backwards=st.booleans(), slopes=st.lists(st.integers(1, 3), min_size=8, max_size=8),
)  # fmt: skip
def test_every_voxel_lies_where_its_slice_said(
    axis, degrees, rows_mm, columns_mm, step_mm, shift, order, missing, double, backwards, slopes
) -> None:
    turn = rotation(np.array(axis), degrees)
    along = turn @ np.array([shift[0] * step_mm, shift[1] * step_mm, -step_mm if backwards else step_mm])
    stored = np.random.default_rng(1).integers(0, 3000, (5, 6, 8)).astype(np.uint16)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for name, k in enumerate([*order, *([double] if double is not None else [])]):
            if k != missing:
                dicom_slice(
                    folder / f"{name:02d}.dcm", stored[:, :, k].T, position=along * k + (3, -7, 11), orientation=(*turn[:, 0], *turn[:, 1]),
                    spacing=(rows_mm, columns_mm), thickness=step_mm, slope=slopes[k], intercept=-1000, instance=k + 1,
                )  # fmt: skip
        case = read_volume(folder)
        assert case.geometry.shape == (5, 6, 8)
        for i, j, k in ((0, 0, 0), (4, 5, 7), (2, 1, 3), (4, 0, 5)):
            place_mm = along * k + (3, -7, 11) + turn[:, 0] * i * columns_mm + turn[:, 1] * j * rows_mm
            found = case.geometry.to_ijk(place_mm)
            assert np.allclose(found, np.rint(found), atol=1e-3)
            if k != missing:
                a, b, c = np.rint(found).astype(int)
                assert case.voxels[a, b, c] == int(stored[i, j, k]) * slopes[k] - 1000
        said = " ".join(case.notes)
        assert ("missing" in said) == (missing is not None)
        assert ("a copy of slices" in said) == (double is not None and double != missing)
        mask = labels((5, 6, 8), highest=2)
        write_mask(folder.parent / f"{folder.name}.dcm", mask, case)
        try:
            assert np.array_equal(read_mask(folder.parent / f"{folder.name}.dcm", case.geometry), mask)
        finally:
            for path in folder.parent.glob(f"{folder.name}.dcm*"):
                path.unlink()
