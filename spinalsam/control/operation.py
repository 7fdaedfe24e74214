"""What an operation is: a thin function, described once by its decorator.

Menu, toolbar, shortcuts, chat, command line, journal and the manual all read `Operation`; nothing else describes a command.
The decorator registers nothing: `spinalsam.control.operations.OPERATIONS` lists them all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spinalsam.errors import OffGridError
from spinalsam.support.calls import ArgumentSpec, OperationCall, OperationSpec

if TYPE_CHECKING:
    from spinalsam.control.packing import PackedEdit


@dataclass(frozen=True)
class MaskEdit:
    """A change of the label map inside one box, both ways, so that undo and redo are exact and small.

    lower_ijk: first voxel of the box. before, after: label values of the box, indexed [i, j, k], same shape.
    """

    lower_ijk: tuple[int, int, int]
    before: NDArray[np.unsignedinteger]
    after: NDArray[np.unsignedinteger]

    @property
    def box(self) -> tuple[slice, slice, slice]:
        """The box as an index into the label map."""
        i, j, k = (slice(low, low + n) for low, n in zip(self.lower_ijk, self.after.shape, strict=True))
        return i, j, k

    @property
    def upper_ijk(self) -> tuple[int, int, int]:
        """First voxel beyond the box."""
        i, j, k = (low + n for low, n in zip(self.lower_ijk, self.after.shape, strict=True))
        return i, j, k

    @cached_property
    def values(self) -> tuple[int, ...]:
        """The label values that stand in the box afterwards, rising."""
        from spinalsam.support.label_image import label_values

        return tuple(label_values(self.after))

    @cached_property
    def changed_counts(self) -> tuple[dict[int, int], dict[int, int]]:
        """How many of the voxels that change had each value, and how many have it afterwards."""
        from spinalsam.control.painting import changed_counts

        return changed_counts(self.before, self.after)

    @cached_property
    def packed(self) -> PackedEdit:
        """The edit compressed, for journal and history; made once, on the thread that first asks."""
        from spinalsam.control.packing import PackedEdit

        return PackedEdit.pack(self)


@dataclass(frozen=True)
class OperationResult:
    """What an operation proposes; only the dispatcher commits it.

    message: one sentence for the chat and the status line. data: JSON for scripts (measurements, device list).
    changes: new values of workspace state by field name (prompts, view, labels, ...). edit: a change of the mask.
    replay_args: arguments that reproduce the effect exactly, where they differ from the given ones (resolved paths, slices).
    title: what the undo list says about the step; empty for the operation's own title. located: whether the locator had a part in it.
    """

    message: str
    data: Mapping[str, Any] = field(default_factory=dict)
    changes: Mapping[str, Any] = field(default_factory=dict)
    edit: MaskEdit | None = None
    replay_args: Mapping[str, Any] | None = None
    title: str = ""
    located: bool = False

    @property
    def has_effect(self) -> bool:
        return bool(self.changes) or self.edit is not None


@dataclass(frozen=True)
class Preset:
    """A ready-made call of an operation for menus, toolbars and keys, such as 'Next slice' of `navigate`."""

    title: str
    args: Mapping[str, Any]
    shortcut: str = ""


@dataclass(frozen=True)
class Operation:
    """An operation: its description and the function `run(workspace, job, **arguments) -> OperationResult`.

    requires: functions of the workspace that return a sentence saying what is missing, or an empty string.
    undoable: whether it is a step of the undo history. background: whether it runs off the main thread as a job.
    shortcut: Qt key sequence, or an empty string. presets: ready-made calls for menus.
    writes: state fields that it may change; it waits while a job works on the mask, if it writes 'mask', 'case' or 'history'.
    reads: state fields that its result depends on; a result is dropped when one of them changed while it was computed.
    outside: whether its effect lies outside the case (a file); it is written into the journal but never done again from it.
    coalesce: whether a newer call replaces one that still waits.
    heavy_when: function of workspace and arguments that tells of a quick operation whether this call of it takes long.
    """

    spec: OperationSpec
    run: Callable[..., OperationResult]
    requires: tuple[Callable[[Any], str], ...] = ()
    shortcut: str = ""
    undoable: bool = False
    background: bool = False
    presets: tuple[Preset, ...] = ()
    writes: frozenset[str] = frozenset()
    reads: frozenset[str] = frozenset()
    outside: bool = False
    coalesce: bool = False
    heavy_when: Callable[[Any, Mapping[str, Any]], bool] | None = None

    def for_call(self, workspace: Any, args: Mapping[str, Any]) -> Operation:
        """This operation, in the background where the call takes long."""
        heavy = not self.background and self.heavy_when is not None and self.heavy_when(workspace, args)
        return replace(self, background=True) if heavy else self

    @property
    def name(self) -> str:
        return self.spec.name

    def missing(self, workspace: Any) -> str:
        """The first requirement that is not met, as a sentence, or an empty string; a disabled button shows it."""
        return next((sentence for check in self.requires if (sentence := check(workspace))), "")


@contextmanager
def resampling_offered(op: str, args: Mapping[str, Any]) -> Iterator[None]:
    """Where it fails because voxels lie on no grid that fits: the error says which call would bring them onto one."""
    try:
        yield
    except OffGridError as error:
        error.remedy_call = OperationCall(op, {**args, "resample": True})
        raise


def operation(
    title: str,
    *,
    category: str,
    arguments: tuple[ArgumentSpec, ...] = (),
    requires: tuple[Callable[[Any], str], ...] = (),
    shortcut: str = "",
    spoken: bool = True,
    destructive: bool = False,
    one_of: tuple[str, ...] = (),
    undoable: bool = False,
    background: bool = False,
    presets: tuple[Preset, ...] = (),
    writes: tuple[str, ...] = (),
    reads: tuple[str, ...] = (),
    outside: bool = False,
    coalesce: bool = False,
    heavy_when: Callable[[Any, Mapping[str, Any]], bool] | None = None,
) -> Callable[[Callable[..., OperationResult]], Operation]:
    """Describe a function as an operation; its name and the first line of its docstring become name and help text."""

    def wrap(function: Callable[..., OperationResult]) -> Operation:
        help_text = (function.__doc__ or "").strip().splitlines()[0]
        spec = OperationSpec(function.__name__, category, title, help_text, arguments, spoken, destructive, one_of)
        return Operation(
            spec,
            function,
            requires,
            shortcut,
            undoable,
            background,
            presets,
            frozenset(writes),
            frozenset(reads),
            outside,
            coalesce,
            heavy_when,
        )

    return wrap
