"""Any image, picture, label table or segmentation that can be written comes back as it was."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from spinalsam.data.formats import label_table, read_mask, read_volume, write_mask
from spinalsam.data.formats.labels import Label
from spinalsam.support.geometry import Geometry
from tests.data.make import ct, dicom_series, sitk_file
from tests.data.test_dicom import stored
from tests.support.grids import geometries, rotation

one_folder = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
# What a line of ITK-SNAP's file can hold: it has no way to write a double quote or the end of a line.
names = st.text(st.characters(exclude_categories=("C", "Z"), exclude_characters='"'), min_size=1, max_size=12)
colours = st.tuples(*[st.integers(0, 255)] * 3)


@one_folder
@given(geometry=geometries(), ending=st.sampled_from((".nrrd", ".nhdr", ".mha", ".mhd")), compress=st.booleans())
def test_any_nrrd_or_metaimage_opens_as_it_stands(tmp_path, geometry: Geometry, ending: str, compress: bool) -> None:
    voxels = ct(geometry.shape)
    found = read_volume(sitk_file(tmp_path / f"v{ending}", voxels, geometry.affine, compress=compress))
    assert np.array_equal(found.voxels, voxels)
    assert np.allclose(found.geometry.affine, geometry.affine, rtol=0, atol=1e-6)


@one_folder
@given(
    size=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    deep=st.booleans(),
    ending=st.sampled_from((".png", ".tif")),
    seed=st.integers(0, 99),
)
def test_any_grey_picture_keeps_its_values(tmp_path, size: tuple[int, int], deep: bool, ending: str, seed: int) -> None:
    grey = np.random.default_rng(seed).integers(0, 65536 if deep else 256, size).astype(np.uint16 if deep else np.uint8)
    Image.fromarray(grey).save(tmp_path / f"p{ending}")
    found = read_volume(tmp_path / f"p{ending}")
    assert np.array_equal(found.voxels[:, :, 0].T, grey)


@one_folder
@given(table=st.dictionaries(st.integers(1, 65535), st.tuples(names, colours), min_size=1, max_size=8))
def test_any_label_table_comes_back(tmp_path, table: dict[int, tuple[str, tuple[int, int, int]]]) -> None:
    labels = tuple(Label(value, name, colour) for value, (name, colour) in sorted(table.items()))
    label_table.write(tmp_path / "l.txt", labels)
    assert label_table.read(tmp_path / "l.txt") == labels


@settings(one_folder, max_examples=12)
@given(seed=st.integers(0, 10**6), degrees=st.floats(-180, 180), values=st.sets(st.integers(1, 28), min_size=1, max_size=3))
def test_any_scatter_of_labels_comes_back_from_a_segmentation(tmp_path_factory, seed: int, degrees: float, values: set[int]) -> None:
    folder = tmp_path_factory.mktemp("seg")
    turn = rotation(np.array([1.0, 0.4, -0.7]), degrees)
    case = read_volume(dicom_series(folder / "ct", stored(), step=turn[:, 2] * 2.5, orientation=(*turn[:, 0], *turn[:, 1])))
    rng = np.random.default_rng(seed)
    mask = np.where(rng.random(case.geometry.shape) < 0.3, rng.choice(sorted(values), case.geometry.shape), 0).astype(np.uint8)
    mask[0, 0, 0] = min(values)
    write_mask(folder / "m.dcm", mask, case)
    assert np.array_equal(read_mask(folder / "m.dcm", case.geometry), mask)
