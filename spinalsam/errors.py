"""The whole exception tree on one page, each class with the exit code of the command line.

Every message is one sentence that says what was wrong, with which file or argument, and what to do.
Bugs are not in this tree: they keep their traceback.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spinalsam.support.calls import OperationCall


class SpinalSamError(Exception):
    """Something the user can understand and act on; the message is shown as it is.

    remedy: the name of an operation that the window offers beside the message, or an empty string.
    """

    exit_code = 3
    remedy = ""


def is_disk_full(error: BaseException) -> bool:
    """Whether writing failed because the disk, or the user's share of it, is full."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


class UsageError(SpinalSamError):
    """A command, an operation or an argument that does not exist or has the wrong form."""

    exit_code = 2


class InputError(SpinalSamError):
    """Input that cannot be used: unreadable, of the wrong kind, or outside the volume."""

    exit_code = 3


class OffGridError(InputError):
    """Voxels that lie on no grid, or not on the one that is wanted; they can be brought onto it where that is asked for.

    remedy_call: the call that asks for it, once somebody knows which one that is.
    """

    remedy_call: OperationCall | None = None


class SeveralCasesError(InputError):
    """A folder that holds several series or studies, and none was chosen."""


class RequirementError(InputError):
    """An operation that cannot run yet: the message names what is missing (a case, a prompt, a mask)."""


class OutputError(InputError):
    """A file that could not be written; nothing partial is left behind."""


class JournalError(InputError):
    """A journal that is damaged or was written by a newer version."""


class LanguageError(InputError):
    """A language endpoint that does not answer or answers with something unusable."""


class ModelError(SpinalSamError):
    """No such model, or its checkpoint is missing, damaged or does not fit the architecture."""

    exit_code = 4


class ResourceError(SpinalSamError):
    """Out of memory or disk."""

    exit_code = 5


class Cancelled(SpinalSamError):
    """The user stopped the work; nothing was changed."""

    exit_code = 1
