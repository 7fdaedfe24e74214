"""Folders of studies: list them, go through them, mark what is done."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from spinalsam.control.operation import OperationResult, Preset, operation
from spinalsam.control.operations.image import case_opened, case_restored
from spinalsam.control.requirements import has_case_list, has_listed_case
from spinalsam.errors import Cancelled, InputError, SpinalSamError, UsageError
from spinalsam.support.calls import ArgumentSpec

if TYPE_CHECKING:
    from spinalsam.control.case_list import CaseList
    from spinalsam.control.jobs import Job
    from spinalsam.control.workspace import Workspace


@operation(
    "Folder of studies",
    category="image",
    spoken=False,
    shortcut="Ctrl+Shift+O",
    arguments=(ArgumentSpec("path", "text", required=True, help="the folder that holds the studies"),),
    background=True,
    writes=("case_list",),
)
def list_cases(ws: Workspace, job: Job, *, path: str) -> OperationResult:
    """List the studies below a folder, to go through them one by one."""
    from spinalsam.control.case_list import find_cases

    cases = find_cases(Path(path), ws.settings)
    message = f"'{cases.folder.name}' holds {len(cases.paths)} cases, {len(cases.done)} of them done."
    return OperationResult(message, cases.to_json(), {"case_list": cases})


@operation(
    "Case of the list",
    category="image",
    spoken=False,
    requires=(has_case_list,),
    arguments=(
        ArgumentSpec("direction", "choice", choices=("next", "previous")),
        ArgumentSpec("number", "count", help="its place in the list, from 1"),
    ),
    one_of=("direction", "number"),
    presets=(
        Preset("Next case", {"direction": "next"}, "Ctrl+Alt+Right"),
        Preset("Previous case", {"direction": "previous"}, "Ctrl+Alt+Left"),
    ),
    background=True,
    writes=("case",),
)
def open_listed(ws: Workspace, job: Job, *, direction: str | None = None, number: int | None = None) -> OperationResult:
    """Open another case of the list as it was left; next and previous pass over those that cannot be read."""
    cases = ws.case_list
    assert cases is not None  # required by the operation
    if number is not None and number > len(cases.paths):
        raise UsageError(f"There is no case {number}; there are {len(cases.paths)}.")
    if number is not None and cases.paths[number - 1] == ws.source_path:
        return OperationResult(f"'{cases.name(number - 1)}' is open already.")
    if number is not None:
        return _taken_up(ws, job, cases.paths[number - 1])
    return _next_readable(ws, job, cases, 1 if direction == "next" else -1)


def _taken_up(ws: Workspace, job: Job, path: Path) -> OperationResult:
    """The case with what was done on it before, so that going back and forth in the list loses nothing from sight.

    Where that is not to be had whole, the case as it is; what there was is offered then, as for any case that is opened.
    """
    from spinalsam.control.recovery import find_recoverable

    earlier = find_recoverable(source=path, settings=ws.settings) if ws.keeps_journal else []
    if earlier and not earlier[0].damaged and earlier[0].journal != ws.journal_path:
        try:
            return case_restored(ws, job, earlier[0].journal)
        except Cancelled:
            raise
        except SpinalSamError:
            pass
    return case_opened(ws, job, str(path))


def _next_readable(ws: Workspace, job: Job, cases: CaseList, step: int) -> OperationResult:
    """The next case that can be opened; what cannot is passed over and told, as it would be in the way for ever."""
    passed: list[InputError] = []
    for path in cases.beyond(ws.source_path, step):
        try:
            result = _taken_up(ws, job, path)
        except InputError as error:
            passed.append(error)
        else:
            told = [f"Passed over: {error}" for error in passed]
            return replace(
                result, message="\n".join((result.message, *told)), data={**result.data, "notes": [*told, *result.data["notes"]]}
            )
    raise passed[-1]


@operation(
    "Case done",
    category="image",
    spoken=False,
    requires=(has_listed_case,),
    arguments=(ArgumentSpec("done", "flag", required=True),),
    presets=(Preset("Mark the case as done", {"done": True}, "Ctrl+D"), Preset("Mark the case as open", {"done": False})),
    writes=("case_list",),
)
def mark_case(ws: Workspace, job: Job, *, done: bool) -> OperationResult:
    """Mark the open case of the list as done, or as open again."""
    from spinalsam.control.case_list import save_marks

    cases, path = ws.case_list, ws.source_path
    assert cases is not None and path is not None  # required by the operation
    marked = cases.marked(path, done=done)
    save_marks(marked, ws.settings)
    number = marked.position(path) or 0
    message = f"'{marked.name(number)}' is {'done' if done else 'open again'}; {len(marked.done)} of {len(marked.paths)} cases are done."
    return OperationResult(message, marked.to_json(), {"case_list": marked})


@operation("About", category="other", spoken=False, background=True)
def about(ws: Workspace, job: Job) -> OperationResult:
    """Say which version, model and device this is, and under which licence."""
    from spinalsam.control.machine import program_facts

    facts = program_facts(ws)
    return OperationResult(f"SpinalSAM {facts['version']}, model {facts['model']}. {facts['device']}", facts)
