"""Start the window or a command: `python -m spinalsam`, and the installed `spinalsam`."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line of this process."""
    from spinalsam.cli import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())
