"""Paths as people type them."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from spinalsam.errors import InputError


def absolute(path: str | Path) -> Path:
    """The absolute path of what somebody typed, with `~` as the home folder; a `~name` that nobody has stays as it is.

    Raises InputError for what no file can be called, which every later look at it would stumble over.
    """
    found = Path(os.path.expanduser(path)).absolute()
    try:
        os.lstat(found)
    except ValueError:
        raise InputError(f"'{_shown(path)}' holds characters that no file name can have; choose another name.") from None
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise too_long(path) from None
    return found


def too_long(path: str | Path) -> InputError:
    """What is said of a name that the file system does not take for its length."""
    return InputError(f"The name '{_shown(path)}' is too long for a file; choose a shorter one.")


def _shown(path: str | Path) -> str:
    text = "".join(letter if letter.isprintable() else "?" for letter in str(path))
    return text if len(text) <= 60 else f"{text[:57]}..."
