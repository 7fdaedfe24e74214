"""The registry against the table of operations that chat, parser and scripts hold on to."""

from __future__ import annotations

import subprocess
import sys

import pytest

from spinalsam.control.operations import OPERATIONS, SPECS, SPOKEN_SPECS, find
from spinalsam.control.workspace import Workspace
from spinalsam.errors import UsageError
from spinalsam.support.calls import OperationCall, validate_call

# op -> (spoken arguments, required ones)
TABLE = {
    "open_image": ({"path"}, set()),
    "clear_image": (set(), set()),
    "add_points": ({"count", "regions", "label", "at"}, set()),
    "generate_point_mask": ({"regions"}, set()),
    "clear_points": (set(), set()),
    "add_box": ({"regions", "corners"}, set()),
    "generate_box_mask": ({"regions"}, set()),
    "clear_boxes": (set(), set()),
    "navigate": ({"direction", "count"}, {"direction"}),
    "gpu_status": (set(), set()),
    "verify_parameters": (set(), set()),
    "segment": ({"regions"}, {"regions"}),
    "propagate": ({"direction"}, set()),
    "clear_mask": ({"regions"}, set()),
    "set_label": ({"regions"}, {"regions"}),
    "go_to": ({"slice", "position", "regions"}, set()),
    "set_view": ({"plane"}, {"plane"}),
    "set_window": ({"preset", "level", "width"}, set()),
    "show_mask": ({"visible"}, {"visible"}),
    "measure": ({"regions"}, set()),
    "undo": ({"count"}, set()),
    "redo": ({"count"}, set()),
    "export_mask": ({"path", "format"}, set()),
    "help": (set(), set()),
}
CHOICES = {
    ("add_points", "label"): {"positive", "negative"},
    ("navigate", "direction"): {"next", "previous"},
    ("propagate", "direction"): {"up", "down", "both"},
    ("go_to", "position"): {"first", "middle", "last"},
    ("set_view", "plane"): {"axial", "sagittal", "coronal", "mpr", "3d"},
    ("set_window", "preset"): {"bone", "soft_tissue", "lung", "brain"},
    ("export_mask", "format"): {"nifti", "nrrd", "dicom_seg", "stl"},
}


def test_exactly_the_operations_of_the_table_are_spoken() -> None:
    assert set(SPOKEN_SPECS) == set(TABLE)


@pytest.mark.parametrize("name", TABLE)
def test_arguments_are_those_of_the_table(name: str) -> None:
    arguments, required = TABLE[name]
    spec = SPECS[name]
    assert arguments <= {argument.name for argument in spec.arguments}
    assert {argument.name for argument in spec.arguments if argument.required} == required


@pytest.mark.parametrize(("op", "argument"), CHOICES)
def test_choices_are_those_of_the_table(op: str, argument: str) -> None:
    spec = SPECS[op].argument(argument)
    assert spec is not None
    assert set(spec.choices) == CHOICES[op, argument]


def test_only_one_region_fits_where_one_is_meant() -> None:
    for call in (OperationCall("set_label", {"regions": ["L1", "L2"]}), OperationCall("go_to", {"regions": ["L1", "L2"]})):
        with pytest.raises(UsageError):
            validate_call(call, SPECS)


def test_names_titles_and_help_are_there_and_unique() -> None:
    assert len({operation.name for operation in OPERATIONS}) == len(OPERATIONS)
    assert len({operation.spec.title for operation in OPERATIONS}) == len(OPERATIONS)
    for operation in OPERATIONS:
        assert operation.spec.help.endswith("."), operation.name
        assert operation.spec.category, operation.name


def test_no_two_entries_share_a_shortcut() -> None:
    keys = [operation.shortcut for operation in OPERATIONS if operation.shortcut]
    keys += [preset.shortcut for operation in OPERATIONS for preset in operation.presets if preset.shortcut]
    assert len(keys) == len(set(keys))


def test_every_preset_is_a_valid_call() -> None:
    for operation in OPERATIONS:
        for preset in operation.presets:
            validate_call(OperationCall(operation.name, preset.args), SPECS)


def test_undoable_operations_say_what_they_write() -> None:
    for operation in OPERATIONS:
        if operation.undoable:
            assert operation.writes & {"points", "boxes", "mask", "labels", "active_label"}, operation.name


def test_an_unknown_operation_gets_a_suggestion() -> None:
    with pytest.raises(UsageError, match="generate_box_mask"):
        find("generate_box_masks")


def test_every_requirement_is_told_without_a_case(empty: Workspace) -> None:
    for operation in OPERATIONS:
        free = operation.name in {"open_image", "restore_case", "gpu_status", "verify_parameters", "help", "list_cases", "about"}
        assert bool(operation.missing(empty)) != free, operation.name


def test_importing_the_registry_and_the_package_loads_nothing_heavy() -> None:
    code = (
        "import sys, spinalsam, spinalsam.control.operations, spinalsam.control.workspace, spinalsam.control.dispatcher;"
        "print([m for m in ('torch', 'SimpleITK', 'pydicom', 'nibabel', 'scipy', 'PyQt5', 'PIL') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
