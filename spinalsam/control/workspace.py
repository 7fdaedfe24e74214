"""One open case: volume, label map, prompts and view, who watches them, and how they change.

The workspace knows no Qt. Nothing changes it but `commit`, which the dispatcher calls on the main thread: first the journal's
line is on disk, then the state is replaced, then the observers are told.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spinalsam.control.answers import Answers
from spinalsam.control.history import History, Step
from spinalsam.control.journal import JournalContent
from spinalsam.control.label_extents import LabelExtents
from spinalsam.control.operation import Operation, OperationResult
from spinalsam.control.painting import apply_edit, put_block, union_box
from spinalsam.control.session import CaseSession
from spinalsam.control.slice_masks import SliceMasks
from spinalsam.control.starting import Decisions, Looks
from spinalsam.control.state import (
    CandidateMasks,
    CaseState,
    Change,
    LabelInfo,
    PlacedBox,
    PlacedPoint,
    ViewState,
    initial_state,
    with_labels,
)
from spinalsam.data.slice_cache import EmbeddingCache
from spinalsam.data.volume import Volume
from spinalsam.engine.segmenter import Embedding, Segmenter, SegmenterFactory, SliceImage
from spinalsam.errors import RequirementError
from spinalsam.settings import Settings
from spinalsam.support.calls import OperationCall
from spinalsam.support.planes import SlicePlane, SliceRef

if TYPE_CHECKING:
    from spinalsam.control.ahead import Ahead
    from spinalsam.control.case_list import CaseList
    from spinalsam.control.dispatcher import Dispatcher
    from spinalsam.engine.locate import Survey
    from spinalsam.engine.rough import RoughShapes

__all__ = [
    "CandidateMasks",
    "CaseContent",
    "CaseState",
    "Change",
    "LabelInfo",
    "PlacedBox",
    "PlacedPoint",
    "ViewState",
    "Workspace",
]

Listener = Callable[[Change], None]
# read_volume(path, series_uid=..., progress=...) -> Volume; resample=True is given where it is asked for
VolumeReader = Callable[..., Volume]
# find(volume, regions, job) -> {region: its box as (first voxel, last voxel)}; regions that are not in view are left out.
Locator = Callable[[Volume, tuple[str, ...], Any], Mapping[str, tuple[tuple[int, int, int], tuple[int, int, int]]]]

_log = logging.getLogger(__name__)

STATE_FIELDS = ("points", "boxes", "view", "active_label", "labels", "candidates", "reference", "figures")
# Fields whose old values an undo step brings back. The view is not among them: undo must not move what one looks at.
UNDONE_FIELDS = ("points", "boxes", "active_label", "labels")


class Surveying:
    """Only one looks through a case for its vertebrae at a time. waiting: how many others wait for what that one finds."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.waiting = 0


@dataclass(eq=False, repr=False)
class CaseContent:
    """Everything that belongs to one case and is replaced as a whole when another is opened.

    source: the path or `sample:NAME` from which the volume can be read again. fingerprint: hash of voxels and grid.
    spine: the voxel in the middle of the spine or None, in a tuple once it has been looked for.
    extents: which labels the mask holds, and where. survey: the vertebrae that the locator has found, once it has looked for them.
    rough: their shapes on slices. surveying: who looks for them now, and who waits for that. decisions: what the last prompts were
    answered with.
    resampled: whether its slices were brought onto an even grid.
    doubtful: slices on which the network was unsure when whole vertebrae were segmented last, worst first.
    session: the journal and its lock, or None while there is none. resumes: the journal of an earlier session to go on with.
    carried: whether a new journal has to begin with the case as it is, since what came before is in none that can be gone on with.
    """

    volume: Volume
    source: str
    series_uid: str | None
    fingerprint: str
    mask: NDArray[np.unsignedinteger]
    state: CaseState
    history: History = field(default_factory=History)
    slice_masks: SliceMasks = field(default_factory=SliceMasks)
    extents: LabelExtents = field(default_factory=LabelExtents)
    session: CaseSession | None = None
    resumes: JournalContent | None = None
    spine: tuple[tuple[int, int, int] | None] | None = None
    carried: bool = False
    survey: Survey | None = None
    rough: RoughShapes | None = None
    surveying: Surveying = field(default_factory=Surveying)
    decisions: Decisions = field(default_factory=Decisions)
    doubtful: tuple[dict[str, Any], ...] = ()
    resampled: bool = False

    @property
    def opening_args(self) -> dict[str, Any]:
        """Arguments of `open_image` that open the same volume again."""
        series = {"series_uid": self.series_uid} if self.series_uid else {}
        return {"path": self.source, **series, **({"resample": True} if self.resampled else {})}

    @classmethod
    def fresh(cls, volume: Volume, *, source: str, series_uid: str | None, fingerprint: str) -> CaseContent:
        """A case as it opens: nothing marked, nothing segmented."""
        mask = np.zeros(volume.geometry.shape, np.uint8, order="F")
        return cls(volume, source, series_uid, fingerprint, mask, initial_state(volume))


class Workspace:
    """A case that is worked on, or an empty place for one.

    segmenter: the network, or None to load the configured model when it is first needed. journal: whether what is done is kept
    on disk for recovery and replay. samples: built-in cases by name, opened as ``sample:NAME``. locator: finds structures
    without prompts. reader: opens files; by default `spinalsam.data.formats.read_volume`.
    """

    def __init__(
        self,
        *,
        segmenter: Segmenter | None = None,
        segmenter_factory: SegmenterFactory | None = None,
        journal: bool = True,
        settings: Settings | None = None,
        samples: Mapping[str, Callable[[], Volume]] | None = None,
        locator: Locator | None = None,
        reader: VolumeReader | None = None,
    ) -> None:
        self.settings = settings or Settings.load()
        self.keeps_journal = journal
        self.samples = dict(samples or {})
        self.locator = locator
        self.reader = reader
        # Whether opening a case also looks for the spine, so that a window can show it at once.
        self.looks_for_spine = False
        # Whether prompts are answered with what the locator knows of the volume around them (`control/starting.py`).
        self.looks_around: Looks = "first"
        self.case_list: CaseList | None = None
        self.revision = 0
        self.field_revisions: dict[str, int] = {}
        self.cache = EmbeddingCache.from_settings(self.settings)
        self.answers = Answers()
        self._segmenter = segmenter
        self._given_segmenter = segmenter is not None
        self._segmenter_factory = segmenter_factory
        self._segmenter_lock = threading.Lock()
        self._content: CaseContent | None = None
        self._empty_state = CaseState()
        self._listeners: list[Listener] = []
        self._dispatcher: Dispatcher | None = None
        self._ahead: Ahead | None = None
        self._on_warning: Callable[[str], None] | None = None
        self.lock = threading.RLock()

    # What is open

    @property
    def content(self) -> CaseContent | None:
        return self._content

    @property
    def has_case(self) -> bool:
        return self._content is not None

    @property
    def case(self) -> CaseContent:
        """The open case. Raises RequirementError when there is none."""
        if self._content is None:
            raise RequirementError("No image is open; open one first.")
        return self._content

    @property
    def volume(self) -> Volume | None:
        return self._content.volume if self._content else None

    @property
    def mask(self) -> NDArray[np.unsignedinteger] | None:
        """The label map [i, j, k] on the volume's grid, uint8 or uint16. Read it, never write it."""
        return self._content.mask if self._content else None

    @property
    def state(self) -> CaseState:
        return self._content.state if self._content else self._empty_state

    @property
    def source_path(self) -> Path | None:
        """The file or folder of the case; None for a sample case and when nothing is open."""
        if self._content is None or self._content.source.startswith("sample:"):
            return None
        return Path(self._content.source)

    @property
    def read_only(self) -> str:
        """Why the case cannot be changed, as a sentence, or an empty string."""
        session = self._content.session if self._content else None
        return session.read_only if session else ""

    @property
    def problem(self) -> str:
        """Why what is done is not recorded although it should be, as a sentence, or an empty string."""
        session = self._content.session if self._content else None
        return session.problem if session else ""

    @property
    def journal_path(self) -> Path | None:
        session = self._content.session if self._content else None
        return session.path if session else None

    @property
    def undo_titles(self) -> tuple[str, ...]:
        """What undo would take back, next first."""
        return self._content.history.undo_titles if self._content else ()

    @property
    def redo_titles(self) -> tuple[str, ...]:
        """What redo would bring back, next first."""
        return self._content.history.redo_titles if self._content else ()

    @property
    def hints(self) -> dict[str, Any]:
        """What the parser of sentences needs to know of the state."""
        state = self.state
        shown = self.shown if self.has_case else None
        return {
            "has_case": self.has_case,
            "has_points": bool(state.points),
            "has_boxes": bool(state.boxes),
            "points_on_slice": bool(shown and state.points_on(shown)),
            "boxes_on_slice": bool(shown and state.boxes_on(shown)),
            "has_mask": self.has_mask,
        }

    @property
    def has_mask(self) -> bool:
        return self._content is not None and bool(self._content.extents.counts)

    # Where one looks

    def plane(self, name: str | None = None) -> SlicePlane:
        """How the slices of a plane (by default the active one) are cut and shown."""
        return SlicePlane(self.case.volume.geometry, name or self.state.view.active_plane)

    def shown_slice(self, plane: str) -> SliceRef:
        """The slice of a plane on which the crosshair lies."""
        return SliceRef(plane, int(self.state.view.crosshair_ijk[self.plane(plane).normal_axis]))

    @property
    def shown(self) -> SliceRef:
        """The slice to which pixels and slice numbers refer now."""
        return self.shown_slice(self.state.view.active_plane)

    def slice_image(self, ref: SliceRef) -> SliceImage:
        """The pixels of a slice, ready for a network."""
        return slice_image(self.case.volume, ref)

    # The network

    def segmenter(self) -> Segmenter:
        """The network, loaded when it is first asked for. Raises ModelError when it cannot be."""
        with self._segmenter_lock:
            if self._segmenter is None:
                self._segmenter = (self._segmenter_factory or self._load_segmenter)()
            return self._segmenter

    def use_settings(self, settings: Settings) -> None:
        """Other settings from now on; what is loaded already stays."""
        self.settings = settings

    def use_segmenter(self, segmenter: Segmenter | None) -> None:
        """Work with another network from now on; None loads the configured one when it is next needed."""
        with self._segmenter_lock:
            self._segmenter = segmenter
            self._given_segmenter = segmenter is not None

    def embedding(self, ref: SliceRef) -> Embedding:
        """What the network remembers of a slice; encoded when it has not been yet."""
        return self.cache.get_or_encode(self.segmenter(), self.slice_image(ref))

    @property
    def given_segmenter(self) -> Segmenter | None:
        """The network that was handed over instead of being loaded by its name, if one was."""
        return self._segmenter if self._given_segmenter else None

    def _load_segmenter(self) -> Segmenter:
        from spinalsam.device.libraries import load_torch_library
        from spinalsam.engine.models import load_segmenter

        load_torch_library()
        return load_segmenter(self.settings.model, self.settings.device, notice=self.warn)

    def warn(self, text: str) -> None:
        """Say something that the user has to know although nobody asked. May be called on any thread."""
        if self._on_warning is not None:
            self._on_warning(text)

    def tell_warnings(self, listener: Callable[[str], None]) -> None:
        """`listener(text)` is told what nobody asked for, such as that the network has moved to the CPU; on any thread."""
        self._on_warning = listener

    @property
    def loaded_segmenter(self) -> Segmenter | None:
        """The network if it is loaded; never loads it."""
        return self._segmenter

    # Doing things

    @property
    def dispatcher(self) -> Dispatcher:
        """Who runs the operations; made on first use unless the window has made one."""
        if self._dispatcher is None:
            from spinalsam.control.dispatcher import Dispatcher

            self._dispatcher = Dispatcher(self)
        return self._dispatcher

    @dispatcher.setter
    def dispatcher(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher

    @property
    def is_asked(self) -> bool:
        """Whether somebody waits for a call or a preview: what is only computed ahead stands back then."""
        return self.answers.busy or self.dispatcher.busy

    @property
    def ahead(self) -> Ahead:
        """Who encodes slices before they are asked for; made on first use."""
        if self._ahead is None:
            from spinalsam.control.ahead import Ahead

            self._ahead = Ahead(self)
        return self._ahead

    def run(self, op: str, **args: Any) -> OperationResult:
        """Do one operation and wait for its end. Raises SpinalSamError when it cannot be done; nothing is changed then."""
        return self.dispatcher.run(OperationCall(op, args))

    def open(self, path: str | Path, *, series_uid: str | None = None, resample: bool = False) -> OperationResult:
        """Open a file or a folder of files as the case; with `resample` also one whose slices are unevenly spaced."""
        args: dict[str, Any] = {"path": str(path), **({"series_uid": series_uid} if series_uid else {})}
        if resample:
            args["resample"] = True
        return self.run("open_image", **args)

    def export(self, path: str | Path, format: str | None = None, *, overwrite: bool = False) -> OperationResult:
        """Write the mask, by default in the format of the path's ending; a file that exists is only replaced with `overwrite`."""
        args: dict[str, Any] = {"path": str(path)}
        if format:
            args["format"] = format
        if overwrite:
            args["overwrite"] = True
        return self.run("export_mask", **args)

    def undo(self, count: int = 1) -> OperationResult:
        return self.run("undo", count=count)

    def redo(self, count: int = 1) -> OperationResult:
        return self.run("redo", count=count)

    def close(self, *, wait: bool = True) -> None:
        """Let go of the case: its journal is complete, its lock is free. What was done can be restored from the journal.

        wait: also for what is computed ahead, which changes nothing and ends by itself.
        """
        if self._ahead is not None:
            end = self._ahead.close if wait else self._ahead.end
            end()
            self._ahead = None
        if self._dispatcher is not None:
            self._dispatcher.close()
            self._dispatcher = None
        if self._content is not None and self._content.session is not None:
            self._content.session.close(self._content)
        if self._content is not None:
            self._content.history.close()
        self._content = None

    def __enter__(self) -> Workspace:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    # Watching

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener(change)` after every commit, on the thread that commits; returns what stops that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener) if listener in self._listeners else None

    def notify(self, change: Change) -> None:
        """Tell the listeners. What they make of it is theirs: a mistake of one neither undoes the step nor keeps it from the others."""
        for listener in tuple(self._listeners):
            try:
                listener(change)
            except Exception as error:
                _log.exception("a listener failed after a step that was done")
                self.warn(f"The step was done, but not all of it could be shown ({type(error).__name__}: {error}).")

    def revisions_of(self, fields: Sequence[str] | frozenset[str]) -> tuple[int, ...]:
        """How often each of the fields has changed; equal values mean that none did in between."""
        return tuple(self.field_revisions.get(name, 0) for name in sorted(fields))

    # Changing (the dispatcher only)

    def commit(self, operation: Operation, call: OperationCall, result: OperationResult, *, origin: str) -> None:
        """Make a proposed result true: journal, then state, then observers.

        Raises OutputError or ResourceError when the journal cannot be written; nothing is changed then.
        """
        with self.lock:
            if "case_list" in result.changes:
                self.case_list = result.changes["case_list"]
                change = Change(frozenset({"case_list"}))
            elif "case" in result.changes:
                change = self._replace_case(operation, call, result, origin)
            elif result.has_effect or operation.outside:
                self._write_journal(operation, call, result, origin)
                change = self._apply(operation, call, result)
            else:
                return
            self._count(change.fields)
            if self._content is not None and self._content.session is not None:
                self._content.session.settled(self._content)
        self.notify(change)

    def apply_silently(self, operation: Operation, call: OperationCall, result: OperationResult) -> None:
        """Make a result true without journal and observers: how a journal is done again."""
        if result.has_effect:
            self._apply(operation, call, result)

    def install(self, content: CaseContent | None) -> None:
        """Make a case the open one without journal and observers."""
        self._content = content

    def _write_journal(self, operation: Operation, call: OperationCall, result: OperationResult, origin: str) -> None:
        content = self._content
        if content is not None and content.session is not None:
            content.session.record(operation, call, result, origin=origin, segmenter=self._segmenter, before=content.state)

    def _replace_case(self, operation: Operation, call: OperationCall, result: OperationResult, origin: str) -> Change:
        new: CaseContent | None = result.changes["case"]
        old = self._content
        if old is not None and old.session is not None:
            if new is None:
                self._write_journal(operation, call, result, origin)
            old.session.close(old)
        if old is not None:
            old.history.close()
        self._content = None
        if new is not None and self.keeps_journal:
            resumes, new.resumes = new.resumes, None
            new.session = (
                CaseSession.resume(resumes) if resumes is not None else CaseSession.begin(new, settings=self.settings, origin=origin)
            )
        self._content = new
        return Change(frozenset({"case", "mask", "history", "locked", *STATE_FIELDS}))

    def _apply(self, operation: Operation, call: OperationCall, result: OperationResult) -> Change:
        content = self.case
        if "history" in result.changes:
            return self._walk_history(*result.changes["history"])
        changes = {name: result.changes[name] for name in STATE_FIELDS if name in result.changes}
        fields = set(changes) - ({"labels"} if changes.get("labels") == content.state.labels else set())
        box, masks = None, content.slice_masks
        for mask in result.changes.get("slice_masks", ()):
            masks = masks.with_mask(mask)
        if result.edit is not None:
            changes["labels"] = with_labels(changes.get("labels", content.state.labels), result.edit.values)
            changes.setdefault("candidates", None)
            content.mask = apply_edit(content.mask, result.edit)
            content.doubtful = tuple(result.data.get("doubtful", content.doubtful))
            box = (result.edit.lower_ijk, result.edit.upper_ijk)
            content.extents.follow(box, *result.edit.changed_counts)
            if "slice_masks" not in result.changes:  # what prompts paint over is still there under it
                masks = masks.without([value for value in result.edit.changed_counts[0] if value and value not in content.extents.counts])
            fields |= {"mask", "candidates", *({"labels"} if changes["labels"] != content.state.labels else ())}
        locked = content.state.locked_values
        after = replace(content.state, **changes)
        if {"points", "boxes"} & set(changes):
            masks = masks.with_labels(content.state.prompts, after.prompts)
        if operation.undoable:
            content.history.push(self._step(operation, call, result, changes, masks))
            fields.add("history")
        content.state, content.slice_masks = after, masks
        if content.state.locked_values != locked:
            fields.add("locked")
        return Change(frozenset(fields), box)

    def _step(
        self, operation: Operation, call: OperationCall, result: OperationResult, changes: Mapping[str, Any], masks: SliceMasks
    ) -> Step:
        names = [name for name in UNDONE_FIELDS if name in changes]
        return Step(
            result.title or operation.spec.title,
            {name: getattr(self.state, name) for name in names},
            {name: changes[name] for name in names},
            result.edit.packed if result.edit is not None else None,
            call,
            result.located,
            (self.case.slice_masks, masks),
        )

    def _walk_history(self, direction: str, count: int) -> Change:
        content = self.case
        locked = content.state.locked_values
        fields, boxes = {"history"}, []
        for _ in range(count):
            step = content.history.undo() if direction == "undo" else content.history.redo()
            content.state = replace(content.state, **(step.before if direction == "undo" else step.after))
            content.slice_masks = step.slice_masks[0 if direction == "undo" else 1]
            fields |= set(step.before)
            if step.edit is not None:
                edit, back = step.edit, direction == "undo"
                content.mask = put_block(content.mask, edit.lower_ijk, edit.block(back=back))
                box = (edit.lower_ijk, edit.upper_ijk)
                content.extents.follow(box, *((edit.won, edit.lost) if back else (edit.lost, edit.won)))
                content.state = replace(content.state, candidates=None)
                boxes.append(box)
                fields |= {"mask", "candidates"}
        if content.state.locked_values != locked:
            fields.add("locked")
        return Change(frozenset(fields), union_box(boxes))

    def _count(self, fields: frozenset[str]) -> None:
        self.revision += 1
        for name in fields:
            self.field_revisions[name] = self.field_revisions.get(name, 0) + 1


def slice_image(volume: Volume, ref: SliceRef) -> SliceImage:
    """The pixels of a slice of a volume, ready for a network."""
    plane = SlicePlane(volume.geometry, ref.plane)
    pixels = np.ascontiguousarray(plane.cut(volume.voxels, ref.index), np.float32)
    return SliceImage(pixels, volume.is_hu, plane.spacing_mm if volume.geometry.has_spacing else None)
