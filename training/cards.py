"""Model cards in Markdown: what each component and the bundle are for, and what they rest on.

After Mitchell et al. 2019, "Model Cards for Model Reporting".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from models.churn import ChurnModel
from models.effects import DeclaredEffects, UpdatedEffects
from training.audits.summary import five_lines
from training.figures import Figure
from training.pipeline import Trained


def component_card(name: str, trained: Trained) -> str:
    """The card of one component of what was trained."""
    told, words = _TOLD[name], _words(trained)
    judged = [f for f in trained.figures if told.figures and f.name.startswith(told.figures)]
    return _card(
        f"{name} of the bundle of {trained.bundle.made_at}",
        told.purpose.format_map(words),
        {
            "Limits": told.limits.format_map(words),
            "Figures": _figures(judged) if judged else "",
            "Declared": _declared(trained) if name == "effects" else "",
            "Measured": _measured(trained) if name == "effects" else "",
            "Pictures": _files(trained, name),
            "Audit": _audit(trained) if name == "churn" else "",
            "How it was chosen": _chosen(trained.parameters) if name == "churn" else "",
            "Data": _data(trained.data),
        },
    )


def bundle_card(trained: Trained, digest: str, components: Mapping[str, str]) -> str:
    """The card of the bundle with this digest, made of these versions by component."""
    versions = "\n".join(f"- `bocian-{name}` version {n}" for name, n in components.items())
    return _card(
        f"Bundle {digest}",
        "Models and declared actions that work together: what one decision rests on. Only the "
        "bundle has aliases; promoting and rolling back move one of them.",
        {
            "Components": versions,
            "Limits": "Those of each component, on its own card.",
            "Figures": _figures(trained.figures),
            "Audit": _audit(trained),
            "Data": _data(trained.data),
        },
    )


@dataclass(frozen=True)
class _Told:
    """Of a component its purpose, its limits, and how the names of its figures begin."""

    purpose: str
    limits: str
    figures: str


_TOLD: Final[Mapping[str, _Told]] = {
    "churn": _Told(
        "{churn}. It tells who may need attention; it does not tell whom a message would keep.",
        "{estimand}. A contribution of a feature is what the prediction rests on, not the cause of "
        "anybody's leaving. For customers past the active window the figure is one of staying "
        "away, and was not judged.",
        "churn",
    ),
    "clv": _Told(
        "Expected margin within {margin_days} days in minor units, with an interval.",
        "Margin is {margin_rate:.0%} of spend by declaration, not by measurement. Judged on "
        "everyone who has ordered before, also those long gone.",
        "spend",
    ),
    "send_time": _Told(
        "At which hour of their own week a customer is likely to be reached.",
        "{basis}.",
        "send time",
    ),
    "effects": _Told(
        "What each action on each channel is believed to change, in minor units of margin.",
        "{effects}",
        "",
    ),
}


_DECLARED_ALONE: Final = (
    "A declaration, not a measurement: nothing was learned, and nothing can be judged until "
    "logged decisions have outcomes."
)
_UPDATED: Final = (
    "Declared shares of the margin at risk, updated by logged decisions. That an effect within the "
    "outcome window is the effect on margin altogether is an assumption."
)


def _words(trained: Trained) -> dict[str, Any]:
    churn, clv = trained.bundle.churn, trained.bundle.clv
    return {
        "churn": _churn(churn),
        "estimand": _sentence(churn.estimand),
        "margin_days": clv.horizon_days,
        "margin_rate": clv.margin_rate,
        "basis": _sentence(trained.bundle.send_time.basis),
        "effects": _DECLARED_ALONE
        if isinstance(trained.bundle.effects, DeclaredEffects)
        else _UPDATED,
    }


def _churn(model: ChurnModel) -> str:
    days = [str(one.horizon_days) for one in (model, *model.further)]
    within = f"within {' days, and within '.join(days)} days"
    if model.means == "cancellation":
        return f"P(cancellation {within}), for customers with an active subscription"
    return f"P(no order {within}), for customers who ordered in the {model.active_days} days before"


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def _card(title: str, purpose: str, sections: Mapping[str, str]) -> str:
    told = [f"## {name}\n\n{text}" for name, text in sections.items() if text]
    return "\n\n".join([f"# {title}", purpose, *told]) + "\n"


def _figures(figures: Sequence[Figure]) -> str:
    lines = [
        "On the latest labels, none of which taught the models; 95 % intervals, by customer.\n",
        "| figure | model | beside | difference |",
        "|---|---|---|---|",
    ]
    for f in figures:
        own = f"{f.model:.4g}" + (f" [{f.low:.4g}, {f.high:.4g}]" if f.low is not None else "")
        beside = "" if f.baseline is None else f"{f.baseline:.4g} ({f.baseline_name})"
        d = f.difference
        gap = f.note if d is None else f"{d.value:.4g} [{d.low:.4g}, {d.high:.4g}]"
        lines.append(f"| {f.name} | {own} | {beside} | {gap} |")
    return "\n".join(lines)


def _declared(trained: Trained) -> str:
    effects = trained.bundle.effects.declared
    lines = ["| action | channel | shares by stage | standard deviation |", "|---|---|---|---|"]
    for (action, channel), shares, sd in zip(
        effects.arms, effects.share.tolist(), effects.sd.tolist(), strict=True
    ):
        span = f"{min(shares):.1%} to {max(shares):.1%}"
        lines.append(f"| {action} | {channel} | {span} | {sd:.1%} |")
    return "\n".join(lines)


def _measured(trained: Trained) -> str:
    effects = trained.bundle.effects
    if not isinstance(effects, UpdatedEffects):
        return ""
    told = zip(effects.learned.arms, effects.decisions, strict=True)
    return "\n".join(
        f"- {arm.arm}, {decisions} decisions ({effects.learned.basis}), minor units: {arm.verdict}"
        for arm, decisions in told
    )


def _files(trained: Trained, component: str) -> str:
    names = [name for name in trained.pictures if name.startswith(f"{component}/")]
    return "\n".join(f"- `pictures/{name}`" for name in names)


def _data(data: Mapping[str, Any]) -> str:
    dates = data["as_of"]
    stated = {k: v for k, v in data.items() if k != "as_of"}
    lines = [f"- {name.replace('_', ' ')}: {value}" for name, value in stated.items()]
    return "\n".join([*lines, f"- as of {len(dates)} dates, {dates[0]} to {dates[-1]}"])


def _chosen(parameters: Mapping[str, Any]) -> str:
    trials, given_up = parameters["churn_trials"], parameters["churn_trials_given_up"]
    how = (
        f"the best of {trials} settings, {given_up} of which were given up early"
        if trials
        else "the defaults, without a search"
    )
    return (
        f"Settings are {how}; log-loss on the validation dates "
        f"{parameters['churn_validation_log_loss']:.4f}, each date at least a horizon after all "
        f"that taught the model it judges. Test date: {parameters['churn_test']}."
    )


def _audit(trained: Trained) -> str:
    if trained.audit is None:
        return "None: no protected attributes are declared."
    told = five_lines(trained.audit, selection="targeted", outcome="churned")
    return "\n".join(f"- {line}" for line in told)
