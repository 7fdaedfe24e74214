"""Sentences to calls; never runs them.

`parse` reads a sentence offline (`grammar`); `schema` holds what every parser shares. Importing this package is cheap.
"""

from __future__ import annotations

from spinalsam.language.grammar import parse
from spinalsam.language.schema import ParseResult

__all__ = ["ParseResult", "parse"]
