"""Numbers as people write them, in English and in Polish."""

from __future__ import annotations

from typing import Final, Literal

from features.catalogue import CATALOGUE

Language = Literal["en", "pl"]
LANGUAGES: Final[tuple[Language, ...]] = ("en", "pl")

_UNKNOWN: Final = {"en": "unknown", "pl": "brak danych"}
_STAGES: Final = {
    "new": "nowy",
    "active": "aktywny",
    "loyal": "lojalny",
    "at_risk": "zagrożony",
    "lapsed": "nieaktywny",
    "lost": "utracony",
    "returned": "powracający",
}


def money(minor: float, currency: str, language: Language) -> str:
    """Minor units as an amount of the currency, such as `1,234.50 PLN`."""
    amount = round(minor / 100, 2) + 0.0  # a cost of less than half a cent is 0, and not -0
    return f"{_grouped(f'{amount:,.2f}', language)} {currency}"


def number(value: float | None, language: Language) -> str:
    """At most four significant digits below a thousand, whole above."""
    if value is None:
        return _UNKNOWN[language]
    return _grouped(f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}", language)


def percent(share: float, language: Language, digits: int = 0) -> str:
    """A share, such as `35%` or, in Polish, `35%` with a comma before decimals."""
    return _grouped(f"{share:.{digits}%}", language)


def of_feature(name: str, value: float | None, currency: str, language: Language) -> str:
    """The value of a feature in its own unit: money, a share in percent, a stage in words."""
    feature = CATALOGUE.features[name]
    if value is None:
        return _UNKNOWN[language]
    if feature.codes:
        return stage(feature.codes[int(value)], language)
    if feature.unit == "minor units":
        return money(value, currency, language)
    if feature.unit == "share":
        return f"{number(value * 100, language)}%"
    return number(value, language)


def stage(name: str | None, language: Language) -> str:
    """A lifecycle stage in words."""
    if name is None:
        return _UNKNOWN[language]
    return _STAGES[name] if language == "pl" else name.replace("_", " ")


def _grouped(text: str, language: Language) -> str:
    """In Polish a comma before decimals, and between thousands a space at which no line breaks."""
    if language == "en":
        return text
    return text.replace(",", "\u00a0").replace(".", ",")
