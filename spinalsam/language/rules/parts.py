"""What the rules have in common: regions, counts and what stands next to what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from spinalsam.language.clauses import Clause
from spinalsam.language.tokens import Token
from spinalsam.support.calls import OperationCall

Hints = Mapping[str, Any]
Rule = Callable[[Clause, Hints], "OperationCall | None"]


def regions_of(clause: Clause) -> list[str]:
    """Regions in the order said, each once; 'spine' only where nothing more particular is said."""
    names = list(dict.fromkeys(name for token in clause.kinds("region") for name in token.value))
    return [name for name in names if name != "spine"] if len(names) > 1 else names


def with_regions(clause: Clause, **args: Any) -> dict[str, Any]:
    regions = regions_of(clause)
    return {**args, "regions": regions} if regions else args


def count_of(clause: Clause) -> int | None:
    """The first number that counts something."""
    values = [t.value for t in clause.kinds("number") if not t.ordinal and isinstance(t.value, int) and t.value >= 1]
    return values[0] if values else None


def is_next_to(clause: Clause, token: Token, ideas: set[str], reach: int) -> bool:
    at = clause.tokens.index(token)
    return any(other.ideas & ideas for other in clause.tokens[max(0, at - reach) : at + reach + 1])
