"""Texts can be read on what lies behind them, in both themes (WCAG 2.1, 1.4.3: a contrast of at least 4.5)."""

from __future__ import annotations

import re

import pytest

from spinalsam.assets import resource
from spinalsam.ui import slice_marks, theme

# (text, behind) as the style sheet pairs them.
PAIRS = [
    ("text", "window"),
    ("text", "panel"),
    ("text", "raised"),
    ("text", "field"),
    ("text", "hover"),
    ("text", "bubble"),
    ("muted", "window"),
    ("muted", "panel"),
    ("muted", "field"),
    ("accent", "panel"),
    ("accent_text", "accent"),
    ("error", "raised"),
    ("error", "panel"),
    ("warning", "raised"),
    ("good", "panel"),
]
LEAST = 4.5


def luminance(colour: str) -> float:
    """Relative luminance of '#rrggbb'."""
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("name", theme.PALETTES)
@pytest.mark.parametrize(("text", "behind"), PAIRS)
def test_texts_stand_out_from_what_is_behind_them(name: str, text: str, behind: str) -> None:
    palette = theme.PALETTES[name]
    found = contrast(getattr(palette, text), getattr(palette, behind))
    assert found >= LEAST, f"{text} on {behind} in {name}: {found:.2f}"


def rules() -> list[tuple[str, str, str]]:
    """(selector, text, behind) of every rule of the style sheet that says one of the two; what it leaves out is the panel's."""
    sheet = re.sub(r"/\*.*?\*/", "", resource("styles", "window.qss").read_text(encoding="utf-8"), flags=re.DOTALL)
    found = []
    for selectors, body in re.findall(r"([^{}]+)\{([^{}]*)\}", sheet):
        values = dict(re.findall(r"(?<![\w-])(color|background|selection-color|selection-background-color):\s*([^;]+?)\s*(?:;|$)", body))
        for text, behind in (("color", "background"), ("selection-color", "selection-background-color")):
            if text in values or behind in values:
                back = values.get(behind, "@panel")
                found.append((selectors.strip(), values.get(text, "@text"), "@panel" if back in ("transparent", "none") else back))
    return found


# Parts of widgets that show no text.
NO_TEXT = re.compile(
    r"::(handle|chunk|indicator|separator|add-|sub-|down-arrow|drop-down|menu-indicator|pane)|QSplitter|QScrollBar|QToolBar::|#pane$|#peek$"
)


@pytest.mark.parametrize("name", theme.PALETTES)
def test_every_rule_of_the_style_sheet_can_be_read(name: str) -> None:
    palette = theme.PALETTES[name]
    found = [(selector, contrast(_colour(palette, text), _colour(palette, behind))) for selector, text, behind in rules()]
    found = [(selector, ratio) for selector, ratio in found if not NO_TEXT.search(selector)]
    assert len(found) > 40
    faint = [f"{selector}: {ratio:.2f}" for selector, ratio in found if ratio < LEAST]
    assert not faint, faint


def _colour(palette: theme.Palette, value: str) -> str:
    if value.startswith("@"):
        return getattr(palette, value[1:])
    return "#" + "".join(2 * digit for digit in value[1:]) if len(value) == 4 else value


def test_texts_over_slices_stand_out_from_black() -> None:
    for colour in (slice_marks.TEXT, slice_marks.LETTER, slice_marks.PREVIEW):
        assert contrast(colour.name(), "#000000") >= LEAST
