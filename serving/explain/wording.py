"""Why this action, in sentences that a person reads, in English and Polish."""

from __future__ import annotations

from typing import Any

from serving.explain.amounts import Language, money, number, percent, stage
from serving.explain.telling import SHOWN_REASONS, Words, arm_in_words, values_in_words
from serving.policy.problem import NO_ACTION

PARTS = {
    "effect": ("expected effect", "oczekiwany efekt"),
    "timing": ("timing", "pora wysłania"),
    "delivery_cost": ("delivery", "dostarczenie"),
    "contact_cost": ("contact fatigue", "zmęczenie kontaktem"),
    "lever": ("a lever of the business, no effect", "preferencja firmy, nie efekt"),
    "prices": ("scarce resources", "ograniczone zasoby"),
}
BLOCKS = {
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
    "prices": ("the prices of scarce resources", "ceny ograniczonych zasobów"),
    "levers": ("the levers of the business", "preferencje firmy"),
    "minimum_value": ("the minimum value", "wartość minimalna"),
    "together": ("all constraints together", "wszystkie ograniczenia razem"),
}
"""Reason codes, and what else can change a winner."""

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
_EXPLORED = {
    "en": "Drawn for exploration; the most valuable choice was {best}.",
    "pl": "Wylosowano w ramach eksploracji; najcenniejszy wybór to {best}.",
}
_LEVER = {
    "en": "In the ranking it counts {} times: a lever, not an effect.",
    "pl": "W rankingu liczy się {} raza: to preferencja, nie efekt.",
}
_PULLS = {
    True: {
        "en": "{theme} adds {amount} to it ({values}).",
        "pl": "{theme}: dodaje do efektu {amount} ({values}).",
    },
    False: {
        "en": "{theme} takes {amount} from it ({values}).",
        "pl": "{theme}: odejmuje od efektu {amount} ({values}).",
    },
}


def sentences_of_action(record: dict[str, Any], why: dict[str, Any]) -> Words:
    """Why this action: its value, what the effect rests on, the runner-up, what was in the way."""
    return {"en": _sentences(record, why, "en"), "pl": _sentences(record, why, "pl")}


def _sentences(record: dict[str, Any], why: dict[str, Any], language: Language) -> list[str]:
    told = [_choice(record, language)]
    if basis := why["effect_basis"]:
        told += _effect(basis, record["currency"], language)
    if record.get("lever", 1) != 1 and record["action_id"] != NO_ACTION:
        told.append(_LEVER[language].format(number(record["lever"], language)))
    other = why["versus_runner_up"]
    if record["explored"]:
        told.append(_EXPLORED[language].format(best=arm_in_words(record["greedy"], language)))
    elif other is not None and record["action_id"] != NO_ACTION:
        told.append(_behind(other, record["currency"], language))
    told += [_changed(each, record["currency"], language) for each in why["changed_by"]]
    return told


def _choice(record: dict[str, Any], language: Language) -> str:
    if record["stratum"] != "main":
        code = {"holdout": "holdout", "quiet": "quiet_cohort"}[record["stratum"]]
        group = BLOCKS[code][language == "pl"]
        return {
            "en": f"Nothing is sent: the customer is in the {group}.",
            "pl": f"Nic nie wysyłamy: klient należy do grupy „{group}”.",
        }[language]
    if record["action_id"] == NO_ACTION:
        return {
            "en": "Nothing is sent: no action that is allowed now is worth more than nothing.",
            "pl": "Nic nie wysyłamy: żadne dozwolone teraz działanie nie jest warte więcej.",
        }[language]
    name, currency = arm_in_words(record, language), record["currency"]
    worth = money(record["value_minor"], currency, language)
    parts = ", ".join(
        f"{PARTS[part][language == 'pl']} {money(amount, currency, language)}"
        for part, amount in record["value_parts"].items()
        if amount
    )
    return {
        "en": f"{name} is worth {worth} more than doing nothing: {parts}.",
        "pl": f"{name} jest warte {worth} więcej niż brak działania: {parts}.",
    }[language]


def _effect(basis: dict[str, Any], currency: str, language: Language) -> list[str]:
    if basis["measurement"] is None:
        return [_declared(basis, language)]
    told = [_measured(basis, currency, language)]
    if basis["rests_on"]:
        told += [
            _PULLS[reason["contribution"] > 0][language].format(
                theme=reason["words"][language],
                values=values_in_words(reason, basis["rests_on"], currency, language),
                amount=money(abs(reason["contribution"]), currency, language),
            )
            for reason in basis["rests_on"]["reasons"][:SHOWN_REASONS]
        ]
    return told


def _declared(basis: dict[str, Any], language: Language) -> str:
    """An effect that nobody has measured."""
    share = percent(basis["share_of_margin_at_risk"], language, 1)
    at = stage(basis["lifecycle_stage"], language)
    return {
        "en": f"No personal reason: the effect is a declared {share} of the margin at risk "
        f"for customers who are '{at}', not a measurement.",
        "pl": f"Bez powodu osobistego: efekt to zadeklarowane {share} zagrożonej marży "
        f"dla klientów na etapie „{at}”, nie pomiar.",
    }[language]


def _measured(basis: dict[str, Any], currency: str, language: Language) -> str:
    """An effect that was measured, and what is left of the declared one."""
    told, polish = basis["measurement"], language == "pl"
    belief = percent(basis["share_of_margin_at_risk"], language, 1)
    found = f"{money(told['effect'], currency, language)} ± {money(told['sd'], currency, language)}"
    how, weight = _BASES[told["basis"]][polish], percent(told["weight"], language)
    opening, whom = (words[polish] for words in (_PERSONAL if told["personal"] else _SAME_FOR_ALL))
    decisions = number(told["decisions"], language)
    return {
        "en": f"{opening}: the effect was measured on {decisions} decisions ({how}) as "
        f"{found}, {whom}; the measurement weighs {weight}, the declared {belief} of the margin "
        "at risk the rest.",
        "pl": f"{opening}: efekt zmierzono na podstawie {decisions} decyzji ({how}): "
        f"{found}, {whom}; waga pomiaru to {weight}, resztę daje deklaracja: {belief} "
        "zagrożonej marży.",
    }[language]


def _behind(other: dict[str, Any], currency: str, language: Language) -> str:
    name = arm_in_words(other, language)
    gap = money(other["difference_minor"], currency, language)
    lacks = ""
    if other["lacks_most"]:
        part = PARTS[other["lacks_most"]][language == "pl"]
        amount = money(other["difference_by_part"][other["lacks_most"]], currency, language)
        lacks = {
            "en": f" It falls behind most in {part} ({amount}).",
            "pl": f" Najwięcej traci na pozycji „{part}” ({amount}).",
        }[language]
    return {
        "en": f"The runner-up, {name}, is worth {gap} less.{lacks}",
        "pl": f"Następne w kolejności, {name}, jest warte {gap} mniej.{lacks}",
    }[language]


def _changed(told: dict[str, Any], currency: str, language: Language) -> str:
    """A constraint without which something else would have been the best."""
    name = arm_in_words(told["would_be_best"], language)
    what = BLOCKS[told["constraint"]][language == "pl"]
    rule = f" ({told['rule']})" if "rule" in told else ""
    worth = money(told["value_minor"], currency, language)
    return {
        "en": f"It changed the winner: {what}{rule}. Without it {name} would have been the best, "
        f"worth {worth}.",
        "pl": f"O wyborze przesądziło: {what}{rule}. Bez tego najlepsze byłoby {name}, "
        f"warte {worth}.",
    }[language]


def blocked_in_words(reasons: list[str], language: Language = "en") -> str:
    """Reason codes as a phrase."""
    return ", ".join(BLOCKS[reason][language == "pl"] for reason in reasons)
