"""Texts can be read on what lies behind them, in both themes (WCAG 2.1, 1.4.3: a contrast of at least 4.5)."""

from __future__ import annotations

import pytest

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


def test_texts_over_slices_stand_out_from_black() -> None:
    for colour in (slice_marks.TEXT, slice_marks.LETTER, slice_marks.PREVIEW):
        assert contrast(colour.name(), "#000000") >= LEAST
