"""The interface's words in the user's language. The English text is the key, so a missing translation shows English."""

from __future__ import annotations

import json

from PyQt5.QtCore import QLocale

from spinalsam.assets import resources_dir

LANGUAGES = {"en": "English", "zh": "中文"}

_language = "en"
_table: dict[str, str] = {}


def use_language(name: str) -> None:
    """'en', 'zh', or 'auto' for what the desktop speaks."""
    global _language, _table
    if name == "auto":
        name = "zh" if QLocale.system().name().startswith("zh") else "en"
    _language = name if name in LANGUAGES else "en"
    _table = {}
    for path in sorted((resources_dir() / "translations").glob(f"{_language}*.json")):
        _table.update(json.loads(path.read_text(encoding="utf-8")))


def language() -> str:
    return _language


def tr(text: str, **values: object) -> str:
    """The text in the interface's language, with ``{name}`` replaced by the values."""
    found = _table.get(text, text)
    return found.format(**values) if values else found
