"""The interface's words in the user's language. The English text is the key, so a missing translation shows English."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import cached_property, lru_cache
from typing import Any
from weakref import ref

from PyQt5 import sip
from PyQt5.QtCore import QLibraryInfo, QLocale, QObject, QTranslator
from PyQt5.QtWidgets import QApplication

from spinalsam.assets import resources_dir
from spinalsam.support.anatomy import REGIONS
from spinalsam.ui import desktop

LANGUAGES = {"en": "English", "zh": "中文"}
# Of a language's tables the one whose keys are sentences with {places} in them.
MESSAGES, ERRORS = "messages", "errors"
_AS_IT_IS = frozenset({"path", "name", "folder", "size", "axes", "corners", "ijk", "version", "device", "file"})
# What stands in some places is known more exactly; anything else may be in the others.
_KINDS = {"number": r"\d+", "amount": r"[+-][\d.]+"}
# Arguments whose names say little by themselves.
_ARGUMENTS = {"mm": "Distance (mm)", "ijk": "Voxel i, j, k"}
_IN_LEVELS = ("no vertebra", " and the sacrum", " or ", " to ")
_SENTENCE_END = re.compile(r"(?<=[.!?]) (?=[A-Z])")
_PLACE = re.compile(r"\{(\w+)\}")
# A place, and whether it stands after or before a Chinese character.
_BESIDE = re.compile(r"(?P<after>(?<=[\u4e00-\u9fff]))?\{(?P<name>\w+)\}(?P<before>(?=[\u4e00-\u9fff]))?")
_UNNAMED = re.compile(r"label (\d+)")
_PLAIN = re.compile(r"[0-9A-Za-z]")


class _Template:
    """A sentence with {places} in it, and its translation. There are hundreds: a pattern is made when a sentence begins as it does."""

    def __init__(self, key: str, text: str) -> None:
        self.text = text
        self.begins = key[: key.index("{")]
        # An amount is what nothing else ends in.
        self.rank = "{amount}" not in key, not self.begins, -len(_PLACE.sub("", key))
        self._key = key

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        parts = _PLACE.split(self._key)
        places = (re.escape(part) if n % 2 == 0 else f"(?P<{part}>{_KINDS.get(part, '.+?')})" for n, part in enumerate(parts))
        return re.compile("".join(places), re.DOTALL)


_language = "en"
_font_missing = False
_table: dict[str, str] = {}
_templates: list[_Template] = []
_of_qt: list[QTranslator] = []
# What has to be said again in another language, in the order in which it was said, with the widget that says it.
_told: list[tuple[ref[QObject], Callable[[Any], None]]] = []
_CLEAR_EVERY = 2000
# Words of Qt's that its own tables give a meaning they have not here: of a file, "Size" is no volume.
_QT_OWN = {"zh": {("QFileSystemModel", "Size"): "大小"}}


class _Better(QTranslator):
    """Stands before Qt's own table for the few words that it has wrong."""

    def __init__(self, found: Mapping[tuple[str, str], str], parent: QObject) -> None:
        super().__init__(parent)
        self._found = found

    def isEmpty(self) -> bool:
        return False

    def translate(self, context: str, text: str, disambiguation: str | None = None, n: int = -1) -> Any:
        return self._found.get((context, text))  # None leaves it to the next table


def tables(name: str) -> dict[str, dict[str, str]]:
    """The tables of a language by the names of their files; none for English."""
    folder = resources_dir() / "translations" / name
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}


def use_language(name: str) -> None:
    """'en', 'zh', or 'auto' for what the desktop speaks. Where no font has Chinese letters it stays English; see `font_missing`."""
    global _language, _table, _templates, _font_missing
    if name == "auto":
        name = "zh" if QLocale.system().name().startswith("zh") else "en"
    _font_missing = name == "zh" and QApplication.instance() is not None and not desktop.has_chinese_font()
    _language = name if name in LANGUAGES and not _font_missing else "en"
    found = tables(_language)
    _table = {key: text for table in found.values() for key, text in table.items()}
    spoken = {**found.get(MESSAGES, {}), **found.get(ERRORS, {})}
    # What says more goes first.
    _templates = sorted((_Template(key, text) for key, text in spoken.items() if "{" in key), key=lambda one: one.rank)
    say.cache_clear()
    _translate_qt(_language)
    tell_again()


def language() -> str:
    return _language


def font_missing() -> bool:
    """Whether Chinese was asked for and could not be shown."""
    return _font_missing


def tr(text: str, **values: object) -> str:
    """The text in the interface's language, with ``{name}`` replaced by the values."""
    found = _table.get(text, text)
    return found.format(**values) if values else found


def argument_title(name: str) -> str:
    """An operation's argument as forms and chips name it, in English."""
    words = name.replace("_mm", " (mm)").replace("_hu", " HU").replace("_", " ")
    return _ARGUMENTS.get(name, words[:1].upper() + words[1:])


def region(name: str) -> str:
    """A label's name as it is shown: regions and what has no name yet in the interface's language, given names as they are."""
    unnamed = _UNNAMED.fullmatch(name)
    if unnamed:
        return tr("label {number}", number=unnamed[1])
    return tr(name) if name in REGIONS else name


def put(show: Callable[[str], Any], text: str, **values: object) -> None:
    """Show a text by a method of a widget, such as ``button.setText``: now, and again in every language that is chosen later."""
    name = show.__name__
    follow(show.__self__, lambda owner: getattr(owner, name)(tr(text, **values)))


def told(widget: Any, text: str) -> Any:
    """A widget that shows a text, in every language that is chosen later too."""
    put(widget.setText, text)
    return widget


def retell(method: Callable[[], Any]) -> None:
    """Call a method of a widget that takes no arguments now, and whenever there is reason to say things again."""
    function = method.__func__
    follow(method.__self__, lambda owner: function(owner))


def follow(owner: QObject, tell: Callable[[Any], None]) -> None:
    """Call ``tell(owner)`` now and whenever there is reason to; it must not hold the owner itself."""
    tell(owner)
    _told.append((ref(owner), tell))
    if len(_told) % _CLEAR_EVERY == 0:
        _forget_gone()


def tell_again() -> None:
    """Say everything again: the language, the keys or the theme has changed."""
    _forget_gone()
    for owner, tell in tuple(_told):
        alive = owner()
        if alive is not None and not sip.isdeleted(alive):
            tell(alive)


def _forget_gone() -> None:
    _told[:] = [(owner, tell) for owner, tell in _told if (alive := owner()) is not None and not sip.isdeleted(alive)]


@lru_cache(maxsize=512)
def say(message: str) -> str:
    """A sentence that an operation has written, in the interface's language; what stands in its places is looked up too.

    Sentences that are not in the tables stay English.
    """
    if not _table or not message:
        return message
    if message in _table:
        return _table[message]
    if "\n" in message:  # lines are sentences of their own
        return "\n".join(say(line) for line in message.split("\n"))
    sentences = _SENTENCE_END.split(message)
    if len(sentences) > 1:
        said = [say(sentence) for sentence in sentences]
        if all(own != english for own, english in zip(said, sentences, strict=True)):
            return "".join(said)
    return _say_reports(message) or _say_by_template(message) or message


def _say_by_template(message: str) -> str:
    for template in _templates:
        if message.startswith(template.begins) and (match := template.pattern.fullmatch(message)):
            return _filled(template.text, {name: _piece(name, value) for name, value in match.groupdict().items()})
    return ""


def _filled(text: str, pieces: Mapping[str, str]) -> str:
    """A translation with its places filled; letters and digits that would touch a Chinese character get the space that print gives them."""

    def fill(place: re.Match[str]) -> str:
        piece = pieces[place["name"]]
        left = " " if place["after"] is not None and _PLAIN.match(piece[:1]) else ""
        right = " " if place["before"] is not None and _PLAIN.match(piece[-1:]) else ""
        return f"{left}{piece}{right}"

    return _BESIDE.sub(fill, text)


def _say_reports(message: str) -> str:
    """Several reports with semicolons between them, where each of them is in the tables as a sentence of its own; else nothing."""
    parts = message.removesuffix(".").split("; ")
    if len(parts) < 2 or not message.endswith(".") or any(part.count("(") != part.count(")") for part in parts):
        return ""
    sentences = [f"{part[:1].upper()}{part[1:]}." for part in parts]
    said = [_table.get(sentence) or _say_by_template(sentence) for sentence in sentences]
    return "；".join(report.removesuffix("。") for report in said) + "。" if all(said) else ""


def _piece(place: str, text: str) -> str:
    """What stood in a place of a sentence: several are separated by commas, but a reason is one; paths and names stay as they are."""
    if place in _AS_IT_IS:
        return text
    if place == "sentence" or (place == "reason" and say(text) != text):
        return say(text)
    if place == "reason" and (sentence := _say_by_template(f"{text}.")):
        return sentence.removesuffix("。")
    if place == "levels":
        return _say_levels(text)
    return "、".join(say(part) for part in text.split(", "))


def _say_levels(text: str) -> str:
    """Ranges of vertebrae, as in 'L1 to L5 and the sacrum' and in readings with their chances."""
    for english in _IN_LEVELS:
        text = text.replace(english, tr(english))
    return "、".join(say(part) for part in text.split(", "))


def _translate_qt(name: str) -> None:
    """Qt's own words, as in the dialogs that ask for files, where Qt brings them."""
    application = QApplication.instance()
    if application is None:
        return
    while _of_qt:
        application.removeTranslator(_of_qt.pop())
    if name == "zh":
        for table in ("qtbase_zh_CN", "qt_zh_CN"):
            translator = QTranslator(application)
            if translator.load(table, QLibraryInfo.location(QLibraryInfo.TranslationsPath)):
                application.installTranslator(translator)
                _of_qt.append(translator)
        better = _Better(_QT_OWN[name], application)
        application.installTranslator(better)
        _of_qt.append(better)
