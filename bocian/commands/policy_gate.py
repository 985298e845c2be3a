"""Whether the log proves a challenger's policy no worse than the champion's."""

from __future__ import annotations

from bocian import wiring
from bocian.commands.policy_log import from_ledger, hindsight_target
from bocian.commands.screen import notes
from bocian.settings import Settings
from serving.bundles import Loaded
from training.evaluation.off_policy import Answer
from training.proof.case import ProofError
from training.proof.compare import prove


def unproven(settings: Settings, challenger: Loaded, champion: Loaded) -> str:
    """Why not, in words that name the rule; empty where it is proven, or where there is no log.

    Both are asked what they would have done under the present settings, on decisions that are later
    than either was fitted.
    """
    if wiring.ledger(settings).decisions.began_at_us() is None:
        return ""
    rule = "a policy that differs from the champion's must be proven no worse by the log"
    try:
        with notes.status("the policies on the log"):
            answer, found = _judged(settings, challenger, champion)
    except ProofError as error:
        answer, found = Answer.NOT_EVALUABLE, (str(error),)
    return f"{rule}, got: {answer}: {'; '.join(found)}" if answer == Answer.NOT_EVALUABLE else ""


def _judged(
    settings: Settings, challenger: Loaded, champion: Loaded
) -> tuple[Answer, tuple[str, ...]]:
    fitted_until = max(challenger.fitted_until, champion.fitted_until)
    told = from_ledger(settings, later_than=fitted_until)
    target = hindsight_target(
        settings,
        told,
        "challenger",
        challenger,
        beside=hindsight_target(settings, told, "champion", champion),
    )
    proof = prove(told.case, target, tolerated_loss=settings.proof.tolerated_loss, baselines=())
    return proof.judgement.answer, proof.judgement.reasons


def same_policy(one: Loaded, other: Loaded) -> bool:
    """Whether both declare the same actions and channels; effects are compared by their version."""
    return one.program.actions == other.program.actions and (
        one.program.channels == other.program.channels
    )


def capped(settings: Settings) -> str:
    """What still lets a policy reach more customers than a rollout may; empty where nothing does.

    The quiet cohort is drawn by the policy's keyed chance, and logged: what is not in it is a
    random share of the customers.
    """
    least = 1 - settings.proof.rollout_share
    if settings.policy.quiet_share >= least:
        return ""
    return (
        f"a rollout needs quiet_share of at least {least:g} in [policy], so that chance leaves it "
        f"at most {settings.proof.rollout_share:.0%} of the customers, "
        f"got: {settings.policy.quiet_share:g}"
    )


def first(settings: Settings) -> str:
    """What is to be said of a policy before which there was none; empty where it is capped."""
    if not capped(settings):
        return ""
    quiet, share = 1 - settings.proof.rollout_share, settings.proof.rollout_share
    return (
        "no log can judge a first policy: it decides for all customers who are not kept quiet; "
        f"with quiet_share = {quiet:g} in [policy] it would start with {share:.0%} of them"
    )


def offer(settings: Settings, number: str) -> str:
    """What may be done with a version that the log cannot judge."""
    quiet = 1 - settings.proof.rollout_share
    return (
        f"offered is a randomised rollout: with quiet_share = {quiet:g} in [policy], "
        f"`bocian models promote {number} --rollout` lets it decide for at most "
        f"{settings.proof.rollout_share:.0%} of the customers, and that log can judge it"
    )
