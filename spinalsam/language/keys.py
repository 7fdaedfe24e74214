"""The key of a language endpoint: from the environment or the system's key store, and nowhere else.

It is never written to a file, a journal or a log, and what holds it shows nothing when it is printed.
"""

from __future__ import annotations

import os
from typing import Any

from spinalsam.errors import LanguageError

VARIABLE = "SPINALSAM_API_KEY"
SERVICE = "SpinalSAM"


class Secret:
    """A key that neither print nor repr nor a pickle gives away; only `reveal` does."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value.strip()
        if not self._value or not self._value.isascii() or not self._value.isprintable() or " " in self._value:
            raise LanguageError("The key is not a key: it must be one word of plain letters, digits and signs.")

    def reveal(self) -> str:
        """For the one place that sends it."""
        return self._value

    def scrub(self, text: str) -> str:
        """The text without the key, should a server have echoed it."""
        return text.replace(self._value, "…")

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def __reduce__(self) -> Any:
        raise TypeError("a key is not written down")


def find_key(host: str) -> Secret | None:
    """The key for an endpoint's host: the environment's SPINALSAM_API_KEY, else the system's key store; None where there is none.

    Asking the key store may talk to another process of this machine, so nothing calls this while sentences are read offline.
    """
    value = os.environ.get(VARIABLE, "").strip() or _stored(host)
    return Secret(value) if value else None


def where_key_is(host: str) -> str:
    """'environment', 'keyring' or ''."""
    if os.environ.get(VARIABLE, "").strip():
        return "environment"
    return "keyring" if _stored(host) else ""


def store_key(host: str, key: Secret | None) -> None:
    """Keep a key in the system's key store; None removes it. Raises LanguageError where there is no store."""
    import keyring
    from keyring.errors import KeyringError, PasswordDeleteError

    problem = ""
    try:
        if key is not None:
            keyring.set_password(SERVICE, host, key.reveal())
        else:
            keyring.delete_password(SERVICE, host)
    except PasswordDeleteError:
        pass
    except (KeyringError, RuntimeError, OSError) as error:
        problem = type(error).__name__  # never the error itself: its traceback holds the key
    if problem:
        raise LanguageError(f"This system has no key store that works ({problem}); set {VARIABLE} in the environment instead.")


def _stored(host: str) -> str:
    """What the key store has for this host; nothing where there is no store."""
    import keyring
    from keyring.errors import KeyringError

    try:
        return (keyring.get_password(SERVICE, host) or "").strip()
    except (KeyringError, RuntimeError, OSError):
        return ""
