"""The keys of the window: what each does, what the user has put in its place, and the actions that follow."""

from __future__ import annotations

from collections.abc import Mapping

from PyQt5.QtCore import Qt
from PyQt5.QtGui import QKeySequence
from PyQt5.QtWidgets import QAction, QWidget

from spinalsam.control.keys import KeyEntry, registry_entries
from spinalsam.control.operations import find
from spinalsam.ui import words
from spinalsam.ui.forms import can_enter

# What concerns only the window and is no operation.
WINDOW_ENTRIES = (
    KeyEntry("window:accept", "Mask from the prompts of this slice; again: keep it", ("Return", "Enter", "Space")),
    KeyEntry("window:stop", "Stop what is running, or take the open mask back", ("Esc",)),
    KeyEntry("window:fit", "Whole slice", ("F",)),
    KeyEntry("window:palette", "Command palette", ("Ctrl+K",)),
    KeyEntry("window:chat", "Go to the chat", ("/",)),
    KeyEntry("window:preferences", "Preferences", ("Ctrl+,",)),
    KeyEntry("window:save", "Export the masks; steps are kept without it", ("Ctrl+S",)),
    KeyEntry("window:quit", "End the program", ("Ctrl+Q",)),
)
# Keys that a pane or a tool needs for itself, and what it does with them.
TAKEN = {
    "Del": "Delete the point or box under the pointer",
    "Backspace": "Delete the point or box under the pointer",
    "[": "Smaller brush",
    "]": "Larger brush",
}
# Elsewhere these keys move the focus, press a button or move in a text: they only count in the panes.
_IN_PANES = frozenset(
    (Qt.Key_Tab, Qt.Key_Backtab, Qt.Key_Home, Qt.Key_End, Qt.Key_Return, Qt.Key_Enter, Qt.Key_Space)
    + (Qt.Key_Up, Qt.Key_Down, Qt.Key_Left, Qt.Key_Right)
)

_chosen: dict[str, str] = {}
_entries: dict[str, KeyEntry] = {entry.name: entry for entry in (*registry_entries(can_enter), *WINDOW_ENTRIES)}


def declare(entry: KeyEntry) -> str:
    """Add what another part of the window can do; returns its name."""
    _entries[entry.name] = entry
    return entry.name


def entries() -> tuple[KeyEntry, ...]:
    """All that a key can be given to; an operation that a tool does by hand is listed once, as the tool."""
    by_hand = {entry.op for entry in _entries.values() if entry.name.startswith("tool:") and entry.op != "add_points"}
    return tuple(entry for entry in _entries.values() if entry.name not in by_hand)


def title(entry: KeyEntry) -> str:
    """What an entry does, in words; a preset's title says little without its operation's."""
    own = words.tr(entry.title)
    if not entry.op or entry.name == entry.op or entry.name.startswith("tool:"):
        return own
    operation = words.tr(find(entry.op).spec.title)
    return own if own == operation else f"{operation}: {own}"


def use(chosen: Mapping[str, str]) -> None:
    """The keys of the settings from now on; actions, tips and lists follow at once."""
    global _chosen
    if dict(chosen) != _chosen:
        _chosen = dict(chosen)
        words.tell_again()


def shown(name: str) -> str:
    """The first key of an entry as people write it, or an empty text."""
    keys = _entries[name].chosen(_chosen)
    return QKeySequence(keys[0]).toString(QKeySequence.NativeText) if keys else ""


def all_shown(name: str) -> str:
    """All keys of an entry."""
    return ", ".join(QKeySequence(key).toString(QKeySequence.NativeText) for key in _entries[name].chosen(_chosen))


def bind(action: QAction, name: str, panes: QWidget) -> None:
    """Let an action of a window follow the keys of an entry. panes: where keys count that have another meaning elsewhere."""

    def follow(action: QAction) -> None:
        window = action.parent()
        assert isinstance(window, QWidget)
        sequences = [QKeySequence(key) for key in _entries[name].chosen(_chosen)]
        place = panes if any(sequence[0] in _IN_PANES for sequence in sequences if sequence.count()) else window
        for widget in (panes, window):
            widget.removeAction(action)
        action.setShortcuts(sequences)
        action.setShortcutContext(Qt.WidgetWithChildrenShortcut if place is panes else Qt.WindowShortcut)
        place.addAction(action)

    words.follow(action, follow)


def sharing(key: str, name: str, chosen: Mapping[str, str]) -> list[KeyEntry]:
    """The other entries that a key sequence would be in the way of, with the keys of `chosen`."""
    wanted = QKeySequence(key)
    return [
        entry for entry in entries() if entry.name != name and any(_collide(wanted, QKeySequence(other)) for other in entry.chosen(chosen))
    ]


def taken_by(key: str) -> str:
    """What a pane needs the key for, or an empty text."""
    wanted = QKeySequence(key)
    return next((meaning for other, meaning in TAKEN.items() if _collide(wanted, QKeySequence(other))), "")


def _collide(one: QKeySequence, other: QKeySequence) -> bool:
    """Whether they are the same or one begins with the other, so that Qt could not tell which is meant."""
    return any(match != QKeySequence.NoMatch for match in (one.matches(other), other.matches(one)))
