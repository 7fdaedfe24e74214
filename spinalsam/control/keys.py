"""What the keys do: every operation and every ready-made call of one by the name that settings know it by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from spinalsam.control.operation import Operation, Preset
from spinalsam.control.operations import OPERATIONS


@dataclass(frozen=True)
class KeyEntry:
    """Something that keys can do. name: in the settings. title: in words. keys: Qt key sequences by default, none, one or several.

    op: the operation behind it; empty for what only concerns the window.
    """

    name: str
    title: str
    keys: tuple[str, ...] = ()
    op: str = ""

    def chosen(self, settings_shortcuts: Mapping[str, str]) -> tuple[str, ...]:
        """Its keys with those of `Settings.shortcuts`, where an empty text means none."""
        if self.name not in settings_shortcuts:
            return self.keys
        return (settings_shortcuts[self.name],) if settings_shortcuts[self.name] else ()


def preset_name(op: str, preset: Preset) -> str:
    """Such as 'navigate:next,10'."""
    return f"{op}:{','.join(str(value) for value in preset.args.values())}"


def entries_of(operation: Operation) -> tuple[KeyEntry, ...]:
    """The operation itself, then its presets."""
    plain = KeyEntry(operation.name, operation.spec.title, _keys(operation.shortcut), operation.name)
    presets = operation.presets
    return plain, *(KeyEntry(preset_name(operation.name, one), one.title, _keys(one.shortcut), operation.name) for one in presets)


def registry_entries(wanted: Callable[[Operation], bool]) -> tuple[KeyEntry, ...]:
    """Of the operations that are wanted."""
    return tuple(entry for operation in OPERATIONS if wanted(operation) for entry in entries_of(operation))


def _keys(shortcut: str) -> tuple[str, ...]:
    return (shortcut,) if shortcut else ()
