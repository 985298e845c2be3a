"""What the risk rests on, and what would have been decided, in English and Polish sentences."""

from __future__ import annotations

from typing import Any, Final

from serving.explain.amounts import LANGUAGES, Language, of_feature, percent
from serving.explain.themes import THEMES
from serving.explain.themes import of_feature as theme_of
from serving.policy.problem import NO_ACTION

Words = dict[str, list[str]]
"""Sentences by language."""

SHOWN_REASONS: Final = 3
SHOWN_CHANGES: Final = 3
_SHOWN_FEATURES: Final = 2

_NOTHING: Final = {"en": "do nothing", "pl": "brak działania"}
_THEMES: Final = {theme.name: theme for theme in THEMES}


def arm_in_words(arm: dict[str, Any], language: Language) -> str:
    """An action with its channel; doing nothing in words."""
    if arm["action_id"] == NO_ACTION:
        return _NOTHING[language]
    return f"{arm['action_id']} ({arm['channel']})"


def values_in_words(
    reason: dict[str, Any], among: dict[str, Any], currency: str, language: Language
) -> str:
    """The customer's values behind a reason, each beside what is usual.

    `among` holds the `contributions` that the reason was grouped from.
    """
    listed = {one["feature"]: one for one in among["contributions"]}
    told = []
    for name in reason["features"][:_SHOWN_FEATURES]:
        value, usual = (
            of_feature(name, listed[name][which], currency, language)
            for which in ("value", "usual")
        )
        words = theme_of(name)[1][language == "pl"]
        told.append(f"{words}: {value}, {_USUALLY[language]} {usual}")
    return "; ".join(told)


def sentences_of_risk(risk: dict[str, Any], currency: str) -> Words:
    """What the risk rests on: the strongest themes, with values and what is usual."""
    return {language: _of_risk(risk, currency, language) for language in LANGUAGES}


def _of_risk(risk: dict[str, Any], currency: str, language: Language) -> list[str]:
    probability = risk["churn_probability"]
    if probability is None:
        return [_NO_ORDER[language]]
    told = [_RISK[language].format(percent(probability, language))]
    if not risk["churn_applies"]:
        told.append(_NOT_DEFINED[language])
    for reason in risk["reasons"][:SHOWN_REASONS]:
        pulls = _DIRECTION[reason["contribution"] > 0][language]
        values = values_in_words(reason, risk, currency, language)
        told.append(f"{pulls}: {lower(reason['words'][language])} ({values}).")
    return told


def sentences_of_difference(
    record: dict[str, Any], counterfactuals: list[dict[str, Any]], currency: str
) -> Words:
    """What would have been decided had something been as usual."""
    if record["stratum"] != "main" or record["explored"]:
        return {language: [_BY_CHANCE[language]] for language in LANGUAGES}
    if not counterfactuals:
        return {language: [_NOTHING_FOUND[language]] for language in LANGUAGES}
    return {
        language: [_difference(each, currency, language) for each in counterfactuals]
        for language in LANGUAGES
    }


def _difference(found: dict[str, Any], currency: str, language: Language) -> str:
    themes = _AND[language].join(
        lower(_THEMES[name].words[language == "pl"]) for name in found["themes"]
    )
    changes = "; ".join(changes_in_words(found["changes"], currency, language))
    then = arm_in_words(found["then"], language)
    risk = percent(found["then"]["churn_probability"], language)
    return {
        "en": f"Were this as usual: {themes}, the decision would have been: {then}, "
        f"at a risk of {risk}. That is: {changes}.",
        "pl": f"Gdyby zwykłe były wartości: {themes}, decyzja brzmiałaby: {then}, "
        f"przy ryzyku {risk}. To znaczy: {changes}.",
    }[language]


def changes_in_words(changes: list[dict[str, Any]], currency: str, language: Language) -> list[str]:
    """The first few features that were moved, and how many more."""
    told = [_change(each, currency, language) for each in changes[:SHOWN_CHANGES]]
    left = len(changes) - len(told)
    return [*told, _MORE[language].format(left)] if left else told


def _change(change: dict[str, Any], currency: str, language: Language) -> str:
    """A feature with the value that was tried, and the one that it has."""
    name = change["feature"]
    new, own = (of_feature(name, change[which], currency, language) for which in ("to", "from"))
    return f"{theme_of(name)[1][language == 'pl']}: {new}, {_INSTEAD[language]} {own}"


def lower(words: str) -> str:
    """With a small first letter, for the middle of a sentence."""
    return words[0].lower() + words[1:]


_USUALLY: Final = {"en": "usually", "pl": "zwykle"}
_MORE: Final = {"en": "and {} more like these", "pl": "i {} podobnych"}
_INSTEAD: Final = {"en": "not", "pl": "a nie"}
_AND: Final = {"en": " and ", "pl": " oraz "}
_RISK: Final = {"en": "Churn risk {}.", "pl": "Ryzyko odejścia {}."}
_DIRECTION: Final = {
    True: {"en": "Raises the risk", "pl": "Podnosi ryzyko"},
    False: {"en": "Lowers the risk", "pl": "Obniża ryzyko"},
}
_NO_ORDER: Final = {
    "en": "Nothing is predicted: the customer has not ordered yet.",
    "pl": "Brak prognozy: klient jeszcze nic nie zamówił.",
}
_NOT_DEFINED: Final = {
    "en": "Churn is not defined for who has not been active of late: read it as the risk of "
    "staying away.",
    "pl": "Klient nie jest ostatnio aktywny: to ryzyko, że nie wróci.",
}
_BY_CHANCE: Final = {
    "en": "Chance decided: nothing about the customer would have changed that.",
    "pl": "Zdecydował los: żadna cecha klienta by tego nie zmieniła.",
}
_NOTHING_FOUND: Final = {
    "en": "No one thing that the customer can change, nor any two, being as usual would have "
    "changed the decision.",
    "pl": "Zwykła wartość żadnej z rzeczy, które klient może zmienić, ani dwóch naraz, nie "
    "zmieniłaby decyzji.",
}
