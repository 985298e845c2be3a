"""Words that depend on numbers and dates, in the languages of the packaged templates."""

from __future__ import annotations

import datetime as dt

_POLISH = (
    *("stycznia", "lutego", "marca", "kwietnia", "maja", "czerwca", "lipca"),
    *("sierpnia", "września", "października", "listopada", "grudnia"),
)
_ENGLISH = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
_MONTHS = {"pl": _POLISH, "en": _ENGLISH}


def plural(count: int, *forms: str) -> str:
    """The form of a word that goes with `count`; used as the template filter `plural`.

    Two forms follow English (one day, other days), three follow Polish (one dzień, few dni,
    many dni), as in the plural rules of Unicode CLDR for whole numbers.

    Raises:
        ValueError: when the number of forms is neither two nor three.
    """
    if len(forms) not in (2, 3):
        raise ValueError(f"plural takes 2 forms (English) or 3 (Polish), got: {forms}")
    if abs(count) == 1:
        return forms[0]
    if len(forms) == 2:
        return forms[1]
    few = abs(count) % 10 in (2, 3, 4) and abs(count) % 100 not in (12, 13, 14)
    return forms[1] if few else forms[2]


def long_date(day: dt.date, language: str) -> str:
    """'14 maja 2026' or '14 May 2026'; ISO 8601 in languages whose months are unknown here."""
    if language not in _MONTHS:
        return day.isoformat()
    return f"{day.day} {_MONTHS[language][day.month - 1]} {day.year}"
