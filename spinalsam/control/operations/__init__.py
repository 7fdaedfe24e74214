"""All operations, listed once: menus, shortcuts, chat, command line, journal and manual read this tuple."""

from __future__ import annotations

from spinalsam.control.operation import Operation
from spinalsam.control.operations import (
    boxes,
    candidates,
    cases,
    comparing,
    drawing,
    hanging,
    image,
    labels,
    levels,
    masks,
    points,
    reviewing,
    saving,
    shapes,
    system,
    view,
)
from spinalsam.errors import UsageError
from spinalsam.support.calls import OperationSpec, suggest

OPERATIONS: tuple[Operation, ...] = (
    image.open_image,
    image.clear_image,
    image.restore_case,
    image.keep_journal,
    cases.list_cases,
    cases.open_listed,
    cases.mark_case,
    points.add_points,
    points.generate_point_mask,
    points.clear_points,
    points.delete_point,
    points.move_point,
    boxes.add_box,
    boxes.generate_box_mask,
    boxes.clear_boxes,
    boxes.delete_box,
    boxes.move_box,
    masks.prompt_mask,
    masks.choose_candidate,
    candidates.keep_mask,
    candidates.drop_mask,
    masks.segment,
    masks.propagate,
    reviewing.next_doubtful,
    reviewing.correct_mask,
    masks.clear_mask,
    masks.load_mask,
    masks.measure,
    masks.measure_cobb,
    masks.show_figures,
    masks.export_mask,
    saving.save_measurements,
    saving.save_picture,
    saving.save_label_table,
    comparing.compare_mask,
    comparing.show_difference,
    comparing.show_side_by_side,
    comparing.end_comparison,
    drawing.brush,
    drawing.erase,
    drawing.lasso,
    drawing.split_by_line,
    shapes.fill_between,
    shapes.fill_holes,
    shapes.keep_largest,
    shapes.smooth,
    shapes.resize,
    shapes.split_label,
    shapes.merge_labels,
    labels.set_label,
    labels.rename_label,
    labels.recolour_label,
    labels.set_label_visible,
    labels.lock_label,
    labels.set_label_progress,
    labels.style_label,
    labels.change_label,
    labels.add_label,
    labels.use_label,
    labels.delete_label,
    levels.number_from,
    levels.shift_levels,
    levels.check_levels,
    view.navigate,
    view.go_to,
    view.set_view,
    view.set_active_plane,
    view.set_crosshair,
    view.set_window,
    view.show_mask,
    hanging.hang_case,
    hanging.set_smooth,
    hanging.cut_surface,
    system.undo,
    system.redo,
    system.gpu_status,
    system.verify_parameters,
    system.precompute,
    cases.about,
    system.help,
)

_BY_NAME = {operation.name: operation for operation in OPERATIONS}

SPECS: dict[str, OperationSpec] = {operation.name: operation.spec for operation in OPERATIONS}

# What a sentence may ask for.
SPOKEN_SPECS: dict[str, OperationSpec] = {name: spec for name, spec in SPECS.items() if spec.spoken}


def find(name: str) -> Operation:
    """The operation of that name. Raises UsageError with a suggestion when there is none."""
    try:
        return _BY_NAME[name]
    except KeyError:
        raise UsageError(f"There is no operation '{name}'.{suggest(name, list(_BY_NAME))}") from None
