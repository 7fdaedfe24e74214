"""Paths as people type them."""

from __future__ import annotations

import os
from pathlib import Path


def absolute(path: str | Path) -> Path:
    """The absolute path of what somebody typed, with `~` as the home folder. Raises nothing: a `~name` that nobody has stays as it is."""
    return Path(os.path.expanduser(path)).absolute()
