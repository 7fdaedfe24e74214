"""Who wrote a file."""

from __future__ import annotations

import sys

NAME = "SpinalSAM"


def version() -> str:
    """The program's version. It is looked up, not imported, for the package's front door leads to the layers above this one."""
    return str(sys.modules["spinalsam"].__version__)
