"""Explanations in sentences that a person reads, in English and Polish."""

from __future__ import annotations

from typing import Any

from serving.policy.problem import NO_ACTION

Words = dict[str, list[str]]
"""Sentences by language."""

_SHOWN_REASONS = 3

_PARTS = {
    "effect": ("expected effect", "oczekiwany efekt"),
    "timing": ("timing", "pora wysłania"),
    "delivery_cost": ("delivery", "dostarczenie"),
    "contact_cost": ("contact fatigue", "zmęczenie kontaktem"),
    "prices": ("scarce resources", "ograniczone zasoby"),
}
_BLOCKS = {
    "not_eligible": ("not eligible", "nie spełnia warunków"),
    "no_consent": ("no consent", "brak zgody"),
    "unknown_address": ("unknown address", "nieznany adres"),
    "frequency_cap": ("frequency cap", "limit wiadomości"),
    "cool_down": ("cool-down", "okres karencji"),
    "quiet_hours": ("quiet hours", "godziny ciszy"),
    "holdout": ("holdout", "grupa kontrolna"),
    "quiet_cohort": ("quiet cohort", "kohorta bez kontaktu"),
    "open_complaint": ("open complaint", "otwarta reklamacja"),
    "subscription_cancelled": ("subscription cancelled", "subskrypcja anulowana"),
    "capacity": ("no capacity", "brak możliwości"),
}

_BASES = {
    "randomised": ("drawn by chance", "losowanych"),
    "propensities logged": ("drawn with logged chances", "losowanych z zapisanymi szansami"),
    "observational": ("observed, not drawn", "obserwowanych, nie losowanych"),
}

_PERSONAL = (
    ("For this customer", "Dla tego klienta"),
    ("for customers like this one", "dla klientów takich jak ten"),
)
_SAME_FOR_ALL = (
    ("No personal reason", "Bez powodu osobistego"),
    ("the same for everyone", "tyle samo dla każdego"),
)


def sentences_of_action(
    record: dict[str, Any], runner_up: dict[str, Any] | None, why: dict[str, Any]
) -> Words:
    """Why this action: its value, the runner-up, what the effect rests on, what was blocked."""
    money = _Money(record["currency"])
    english, polish = [], []
    if record["stratum"] != "main":
        code = {"holdout": "holdout", "quiet": "quiet_cohort"}[record["stratum"]]
        english.append(f"Nothing is sent: the customer is in the {_BLOCKS[code][0]}.")
        polish.append(f"Nic nie wysyłamy: klient należy do grupy „{_BLOCKS[code][1]}”.")
    elif record["action_id"] == NO_ACTION:
        english.append("Nothing is sent: no action that is allowed now is worth more than nothing.")
        polish.append("Nic nie wysyłamy: żadne dozwolone teraz działanie nie jest warte więcej.")
    else:
        name, worth = _name(record), money(record["value_minor"])
        english.append(f"{name} is worth {worth} more than doing nothing: {_parts(record, 0)}.")
        polish.append(f"{name} jest warte {worth} więcej niż brak działania: {_parts(record, 1)}.")
    if basis := why["effect_basis"]:
        in_english, in_polish = (_declared if basis["measurement"] is None else _measured)(
            basis, money
        )
        english.append(in_english)
        polish.append(in_polish)
    if record["explored"]:
        greedy = _name(record["greedy"])
        english.append(f"Drawn for exploration; the most valuable choice was {greedy}.")
        polish.append(f"Wylosowano w ramach eksploracji; najcenniejszy wybór to {greedy}.")
    elif runner_up is not None and record["action_id"] != NO_ACTION:
        gap = money(record["value_minor"] - runner_up["value_minor"])
        english.append(f"The runner-up, {_name(runner_up)}, is worth {gap} less.")
        polish.append(f"Następne w kolejności, {_name(runner_up)}, jest warte {gap} mniej.")
    return {"en": english, "pl": polish}


def _declared(basis: dict[str, Any], _: _Money) -> tuple[str, str]:
    """An effect that nobody has measured."""
    share, stage = f"{basis['share_of_margin_at_risk']:.1%}", basis["lifecycle_stage"]
    return (
        f"No personal reason: the effect is a declared {share} of the margin at risk "
        f"for customers who are '{stage}', not a measurement.",
        f"Bez powodu osobistego: efekt to zadeklarowane {share} zagrożonej marży "
        f"dla klientów w fazie „{stage}”, nie pomiar.",
    )


def _measured(basis: dict[str, Any], money: _Money) -> tuple[str, str]:
    """An effect that was measured, and what is left of the declared one."""
    told, belief = basis["measurement"], f"{basis['share_of_margin_at_risk']:.1%}"
    found = f"{money(told['effect'])} ± {money(told['sd'])}"
    how, weight = _BASES[told["basis"]], f"{told['weight']:.0%}"
    opening, whom = _PERSONAL if told["personal"] else _SAME_FOR_ALL
    return (
        f"{opening[0]}: the effect was measured on {told['decisions']:,} decisions ({how[0]}) as "
        f"{found}, {whom[0]}; the measurement weighs {weight}, the declared {belief} of the margin "
        "at risk the rest.",
        f"{opening[1]}: efekt zmierzono na podstawie {told['decisions']} decyzji ({how[1]}): "
        f"{found}, {whom[1]}; waga pomiaru to {weight}, resztę daje deklaracja: {belief} "
        "zagrożonej marży.",
    )


def sentences_of_risk(record: dict[str, Any], risk: dict[str, Any]) -> Words:
    """What the risk rests on: the strongest contributions, with what is usual."""
    probability = record["predictions"]["churn_probability"]
    if probability is None:
        return {
            "en": ["Nothing is predicted: the customer has not ordered yet."],
            "pl": ["Brak prognozy: klient jeszcze nic nie zamówił."],
        }
    english = [f"Churn risk {probability:.0%}."]
    polish = [f"Ryzyko odejścia {probability:.0%}."]
    if not record["predictions"]["churn_applies"]:
        english.append(
            "Churn is not defined for who has not been active of late: read it as the risk of "
            "staying away."
        )
        polish.append("Klient nie jest ostatnio aktywny: to ryzyko, że nie wróci.")
    for reason in risk["contributions"][:_SHOWN_REASONS]:
        up = reason["contribution"] > 0
        value, usual = _number(reason["value"]), _number(reason["usual"])
        english.append(
            f"{reason['feature']} is {value} (usually {usual}): "
            f"{'raises' if up else 'lowers'} the risk. {reason['description']}"
        )
        polish.append(
            f"{reason['feature']} wynosi {value} (zwykle {usual}): "
            f"{'podnosi' if up else 'obniża'} ryzyko."
        )
    return {"en": english, "pl": polish}


def blocked_in_words(reasons: list[str], language: str = "en") -> str:
    """Reason codes as a phrase."""
    return ", ".join(_BLOCKS[reason][0 if language == "en" else 1] for reason in reasons)


class _Money:
    """Writes minor units as an amount of the currency."""

    def __init__(self, currency: str) -> None:
        self._currency = currency

    def __call__(self, minor: float) -> str:
        return f"{minor / 100:.2f} {self._currency}"


def _name(arm: dict[str, Any]) -> str:
    """An arm in either language."""
    channel = arm["channel"]
    return str(arm["action_id"]) if channel is None else f"{arm['action_id']} ({channel})"


def _parts(record: dict[str, Any], language: int) -> str:
    money = _Money(record["currency"])
    return ", ".join(
        f"{_PARTS[name][language]} {money(amount)}"
        for name, amount in record["value_parts"].items()
        if amount
    )


def _number(value: float | None) -> str:
    return "?" if value is None else f"{value:,.4g}"
