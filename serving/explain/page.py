"""An explanation as one HTML page that needs nothing else: no script, no font, no other host."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from serving.bundles import Loaded
from serving.explain.amounts import Language, money, number, of_feature
from serving.explain.customer import for_customer
from serving.explain.telling import arm_in_words
from serving.explain.themes import of_feature as theme_of
from serving.explain.wording import PARTS, blocked_in_words

_SHOWN_FROM: Final = 0.0005
"""Log-odds: what is below is shown as 0."""


@dataclass(frozen=True)
class Row:
    """A row's heading and cells; `pull` in [-1, 1] draws a bar, None none."""

    heading: str
    cells: tuple[str, ...]
    pull: float | None = None


@dataclass(frozen=True)
class Table:
    """A table; `folded` shows it only when it is asked for."""

    caption: str
    headings: tuple[str, ...]
    rows: tuple[Row, ...]
    folded: bool = False


@dataclass(frozen=True)
class Section:
    """A heading, sentences, and tables below them."""

    heading: str
    sentences: tuple[str, ...]
    tables: tuple[Table, ...] = ()


def page(record: dict[str, Any], explained: dict[str, Any], language: Language) -> str:
    """The whole explanation for who answers for decisions; every text from outside is escaped."""
    words = _WORDS[language]
    why, risk = explained["why_action"], explained["risk_rests_on"]
    sections = (
        Section(
            words["why"],
            tuple(why["sentences"][language]),
            tuple(t for t in (_values(record, language), _closed(record, language)) if t.rows),
        ),
        Section(
            words["differ"],
            tuple(explained["what_would_differ"]["sentences"][language]),
        ),
        Section(
            words["risk"],
            (words["no_cause"], *risk["sentences"][language]),
            (_reasons(risk, language), _features(risk, record["currency"], language)),
        ),
        Section(
            words["basis"],
            tuple(f"{words[name]}: {value}" for name, value in record["versions"].items()),
        ),
    )
    return _rendered(
        language,
        title=words["title"].format(record["customer_id"]),
        under=f"{record['decision_id'] or words['preview']} · {record['as_of']}",
        sections=sections,
    )


def customer_page(
    record: dict[str, Any], explained: dict[str, Any], loaded: Loaded, language: Language
) -> str:
    """What `for_customer` tells, as a page."""
    told = for_customer(record, explained, loaded, language)
    return _rendered(
        language,
        title=_WORDS[language]["customer_title"],
        under=record["as_of"],
        sections=tuple(Section(heading, tuple(sentences)) for heading, sentences in told),
    )


def _values(record: dict[str, Any], language: Language) -> Table:
    def row(arm: dict[str, Any]) -> Row:
        amounts = (*(arm["value_parts"].get(part, 0) for part in PARTS), arm["value_minor"])
        cells = tuple(money(amount, record["currency"], language) for amount in amounts)
        return Row(arm_in_words(arm, language), cells)

    words = _WORDS[language]
    return Table(
        words["values"],
        (words["action"], *(names[language == "pl"] for names in PARTS.values()), words["value"]),
        tuple(row(arm) for arm in (record, *record["alternatives"])),
    )


def _closed(record: dict[str, Any], language: Language) -> Table:
    words = _WORDS[language]
    rows = tuple(
        Row(arm_in_words(arm, language), (blocked_in_words(arm["reasons"], language),))
        for arm in record["suppressed"]
    )
    return Table(words["closed"], (words["action"], words["reason"]), rows)


def _reasons(risk: dict[str, Any], language: Language) -> Table:
    words, sizes = _WORDS[language], [abs(r["contribution"]) for r in risk["reasons"]]
    most = max(sizes, default=0.0) or 1.0
    rows = tuple(
        Row(
            reason["words"][language],
            (_signed(reason["contribution"], language),),
            reason["contribution"] / most,
        )
        for reason in risk["reasons"]
        if abs(reason["contribution"]) >= _SHOWN_FROM
    )
    return Table(words["reasons"], (words["theme"], words["log_odds"]), rows)


def _features(risk: dict[str, Any], currency: str, language: Language) -> Table:
    words = _WORDS[language]

    def row(one: dict[str, Any]) -> Row:
        name = one["feature"]
        shown = (of_feature(name, one[which], currency, language) for which in ("value", "usual"))
        cells = (*shown, _signed(one["contribution"], language))
        return Row(f"{theme_of(name)[1][language == 'pl']} ({name})", cells)

    total = risk["raw_log_odds"], risk["base_value"]
    caption = words["features"].format(*(number(value, language) for value in total))
    headings = (words["feature"], words["own"], words["usual"], words["log_odds"])
    return Table(caption, headings, tuple(map(row, risk["contributions"])), folded=True)


def _signed(value: float, language: Language) -> str:
    text = f"{value:+.3f}".replace("-", "\u2212")
    return text.replace(".", ",") if language == "pl" else text


def _rendered(language: Language, *, title: str, under: str, sections: tuple[Section, ...]) -> str:
    return _template().render(
        language=language, title=title, under=under, sections=sections, words=_WORDS[language]
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.j2")


_WORDS: Final[dict[Language, dict[str, str]]] = {
    "en": {
        "title": "Why this for customer {}",
        "customer_title": "How we decided about a message to you",
        "preview": "preview, not recorded",
        "skip": "Skip to the explanation",
        "why": "Why this action",
        "differ": "What would have been decided otherwise",
        "risk": "What the risk rests on",
        "no_cause": "This is what the prediction rests on. It is not the cause of the action, nor "
        "of leaving.",
        "basis": "What decided",
        "bundle": "Bundle of models",
        "policy_epoch": "Policy",
        "catalogue": "Catalogue of features",
        "values": "What each open action is worth against doing nothing, and its parts",
        "action": "Action",
        "value": "value",
        "closed": "Closed actions",
        "reason": "why",
        "reasons": "What pulls the risk up (to the right) and down, in log-odds",
        "theme": "Thing",
        "log_odds": "log-odds",
        "features": "Each feature: with what is expected of anybody ({1}) they sum to {0}",
        "feature": "Feature",
        "own": "value",
        "usual": "usually",
    },
    "pl": {
        "title": "Dlaczego tak dla klienta {}",
        "customer_title": "Jak zdecydowaliśmy o wiadomości do Ciebie",
        "preview": "podgląd, nie zapisano",
        "skip": "Przejdź do wyjaśnienia",
        "why": "Dlaczego to działanie",
        "differ": "Kiedy decyzja byłaby inna",
        "risk": "Na czym opiera się ryzyko",
        "no_cause": "Na tym opiera się prognoza. Nie jest to przyczyna działania ani odejścia.",
        "basis": "Co decydowało",
        "bundle": "Zestaw modeli",
        "policy_epoch": "Polityka",
        "catalogue": "Katalog cech",
        "values": "Ile warte jest każde otwarte działanie wobec braku działania, i z czego",
        "action": "Działanie",
        "value": "wartość",
        "closed": "Zamknięte działania",
        "reason": "dlaczego",
        "reasons": "Co podnosi ryzyko (w prawo), a co je obniża, w logarytmie szans",
        "theme": "Rzecz",
        "log_odds": "log. szans",
        "features": "Każda cecha: z oczekiwaną dla każdego ({1}) dają razem {0}",
        "feature": "Cecha",
        "own": "wartość",
        "usual": "zwykle",
    },
}
