"""Where models/, checkpoints/ and resources/ lie, in a checkout and in an installed wheel."""

from __future__ import annotations

from pathlib import Path

from spinalsam.errors import InputError

_PACKAGE = Path(__file__).resolve().parent
# In a checkout they stand beside the package; the wheel carries them inside it (see pyproject.toml).
_CHECKOUT = _PACKAGE.parent
_WHEEL = _PACKAGE / "_assets"


def assets_dir() -> Path:
    """The folder that holds models/, checkpoints/ and resources/."""
    return _WHEEL if _WHEEL.is_dir() else _CHECKOUT


def models_dir() -> Path:
    """The model cards, one TOML file a model."""
    return assets_dir() / "models"


def checkpoints_dir() -> Path:
    """The weights that come with the program; downloaded ones go to the user's data folder."""
    return assets_dir() / "checkpoints"


def resources_dir() -> Path:
    """Icons, style sheets, translations."""
    return assets_dir() / "resources"


def resource(*parts: str) -> Path:
    """One file of resources/, for example ``resource("icons", "open.svg")``. Raises InputError when it is missing."""
    path = resources_dir().joinpath(*parts)
    if not path.exists():
        raise InputError(f"The program's own file '{'/'.join(parts)}' is missing; install SpinalSAM again.")
    return path
