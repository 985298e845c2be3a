"""`bocian loop`: decide, learn, judge and promote in a simulated business, unattended."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path

from bocian.commands.screen import bars, out, print_json, table
from bocian.unattended import Parts, Terms, loop, with_rounds
from models.effects import Effects
from training.evaluation.bootstrap import Estimate
from training.simulate import Round, Scenario, draw


@dataclass(frozen=True)
class Told:
    """A round in plain values; money in minor units a decision.

    Attributes:
        number: From 1.
        of_oracle: What the best arms of those effects that decided were worth in truth, as a share
            of the best that can be had.
        answer: How the challenger stood, or None where none waited.
        gain: What it is estimated to gain, with 95 % limits, or None.
        promoted: Whether the challenger decides from now on.
    """

    number: int
    of_oracle: float
    answer: str | None
    gain: Estimate | None
    promoted: bool


def run(
    path: Path,
    *,
    customers: int | None,
    seed: int | None,
    rounds: int,
    floor: float,
    as_json: bool,
) -> list[Told]:
    """Play the rounds and say what each came to.

    Raises:
        ScenarioError: The scenario breaks a rule.
        EffectsError: A round has too few decisions of an arm to be judged by.
        ValueError: The floor lies outside (0, 1).
    """
    stated = Scenario.read(path)
    scenario = replace(
        with_rounds(stated, rounds),
        customers=stated.customers if customers is None else customers,
        seed=stated.seed if seed is None else seed,
    )
    parts, told = Parts(scenario, Terms(floor=floor)), []
    with bars() as progress:
        for one in loop(draw(scenario), parts.terms):
            told.append(in_words(one, parts))
            progress.tell("rounds", len(told), rounds)
    if as_json:
        print_json({"seed": scenario.seed, "rounds": [asdict(one) for one in told]})
    else:
        show(told)
    return told


def in_words(one: Round[Effects], parts: Parts) -> Told:
    """What is told of a round."""
    judged = one.judgement
    return Told(
        number=one.seen.played.slot + 1,
        of_oracle=parts.of_oracle(one.served, one.seen.now),
        answer=None if judged is None else judged.answer.value,
        gain=None if judged is None else judged.gain,
        promoted=one.promoted,
    )


def show(told: list[Told]) -> None:
    """The rounds as a table."""
    numbers = ("round", "of the oracle's value")
    columns = (*numbers, "the challenger's gain", "is", "promoted")
    drawn = table("From declared effects alone (minor units a decision)", *columns, right=numbers)
    for one in told:
        g = one.gain
        gain = "-" if g is None else f"{g.value:+.1f} [{g.low:+.1f}, {g.high:+.1f}]"
        drawn.add_row(
            str(one.number),
            f"{one.of_oracle:.0%}",
            gain,
            one.answer or "-",
            "yes" if one.promoted else "no",
        )
    out.print(drawn)
