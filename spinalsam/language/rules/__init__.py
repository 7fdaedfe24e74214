"""Rules from a clause to a call, the more particular first. They look for ideas, not words, so every synonym works in every rule."""

from __future__ import annotations

from spinalsam.language.clauses import Clause
from spinalsam.language.rules import image, masks, prompts, system, view
from spinalsam.language.rules.parts import Hints, Rule
from spinalsam.support.calls import OperationCall

RULES: tuple[Rule, ...] = (
    system.help_wanted,
    view.window,
    system.verify,
    system.gpu,
    masks.propagate,
    masks.export,
    image.open_image,
    masks.set_label,
    image.clear,
    masks.from_prompts,
    masks.visibility,
    system.undo,
    masks.measure,
    prompts.add_points,
    prompts.add_box,
    masks.segment,
    view.plane,
    view.go_to,
    view.navigate,
    masks.from_any_prompt,
)


def call_of(clause: Clause, hints: Hints) -> OperationCall | None:
    """What the clause asks for; None where no rule fits."""
    for rule in RULES:
        call = rule(clause, hints)
        if call is not None:
            return call
    return None
