"""What operations may require of the workspace: functions that say what is missing, or nothing.

A disabled button, the chat and the command line all show the same sentence.
"""

from __future__ import annotations

from typing import Any


def has_case(workspace: Any) -> str:
    return "" if workspace.has_case else "No image is open; open one first."


def has_case_list(workspace: Any) -> str:
    return "" if workspace.case_list is not None else "There is no list of cases; open a folder of studies first."


def has_listed_case(workspace: Any) -> str:
    missing = has_case_list(workspace)
    if missing or workspace.case_list.position(workspace.source_path) is not None:
        return missing
    return "The open case is not in the list of cases; open one of the list first."


def has_points(workspace: Any) -> str:
    return has_case(workspace) or ("" if workspace.state.points else "There are no points; click on the image to set some.")


def has_boxes(workspace: Any) -> str:
    return has_case(workspace) or ("" if workspace.state.boxes else "There are no boxes; drag one with Shift held.")


def has_mask(workspace: Any) -> str:
    missing = has_case(workspace)
    if missing or workspace.has_mask:
        return missing
    return "There is no mask yet; set points or a box on a vertebra and generate one."


def has_reference(workspace: Any) -> str:
    missing = has_case(workspace)
    if missing or workspace.state.reference is not None:
        return missing
    return "There is no reference mask to compare with; choose one with 'Compare with a reference'."


def has_doubtful(workspace: Any) -> str:
    missing = has_mask(workspace)
    if missing or workspace.case.doubtful:
        return missing
    return "No slice is doubtful: whole vertebrae that are segmented leave the slices here on which the network was unsure."


def has_candidates(workspace: Any) -> str:
    missing = has_case(workspace)
    if missing or workspace.state.candidates is not None:
        return missing
    return "There are no candidates to choose from; generate a mask first."


def can_undo(workspace: Any) -> str:
    return "" if workspace.undo_titles else "There is nothing to undo."


def can_redo(workspace: Any) -> str:
    return "" if workspace.redo_titles else "There is nothing to redo."


def has_figures(workspace: Any) -> str:
    missing = has_case(workspace)
    if missing or workspace.state.figures is not None:
        return missing
    return "Nothing has been measured yet; measure a mask first."
