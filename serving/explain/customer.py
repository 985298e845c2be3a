"""The explanation that the customer has a right to (GDPR Art. 15(1)(h)).

Which of their data were used and to what end, by what procedure, and how a change would have
altered the outcome, as the Court of Justice asks (C-203/22, Dun & Bradstreet Austria, 2025). What
the business earns, pays or charges is not in it, nor anything of other people.
"""

from __future__ import annotations

from typing import Any, Final

from features.catalogue import CATALOGUE
from serving.bundles import Loaded
from serving.explain.amounts import Language, of_feature, percent
from serving.explain.telling import lower
from serving.explain.themes import THEMES
from serving.explain.themes import of_feature as theme_of
from serving.policy.problem import NO_ACTION

Section = tuple[str, list[str]]
"""A heading and its sentences."""


def for_customer(
    record: dict[str, Any], explained: dict[str, Any], loaded: Loaded, language: Language
) -> list[Section]:
    """What is told to the customer, section by section.

    Args:
        record: The stored decision.
        explained: What `explain` says of it.
        loaded: The bundle that the record names.
        language: Of the text.
    """
    words = _WORDS[language]
    return [
        (words["decision"], _decision(record, language)),
        (words["data"], [words["used"], *_data(record, loaded, language)]),
        (words["procedure"], _procedure(record, loaded, language)),
        (words["change"], _changes(record, explained, language)),
        (words["rights"], [words["object"]]),
    ]


def outcome(arm: dict[str, Any], language: Language) -> str:
    """What the customer notices of an action: the channel, and not what the business calls it."""
    if arm["action_id"] == NO_ACTION:
        return _WORDS[language]["nothing"]
    return _WORDS[language]["message"].format(_CHANNELS[arm["channel"]][language == "pl"])


def _decision(record: dict[str, Any], language: Language) -> list[str]:
    words, risk = _WORDS[language], record["predictions"]["churn_probability"]
    told = [words["decided"].format(day=record["slot"], what=outcome(record, language))]
    if risk is not None:
        told.append(words["risk"].format(percent(risk, language)))
    return told


def _data(record: dict[str, Any], loaded: Loaded, language: Language) -> list[str]:
    """The features that models or rules read, by theme, with the customer's own values."""
    values, currency = record["inputs"]["features"], record["currency"]
    read = set(loaded.bundle.features).union(*(r.names for r in loaded.program.rules.values()))
    own: dict[str, list[str]] = {}
    for name in (name for name in CATALOGUE.names if name in read):
        theme, words = theme_of(name)
        told = of_feature(name, values[name], currency, language)
        own.setdefault(theme.name, []).append(f"{words[language == 'pl']}: {told}")
    return [
        f"{theme.words[language == 'pl']} ({'; '.join(own[theme.name])})."
        for theme in THEMES
        if theme.name in own
    ]


def _procedure(record: dict[str, Any], loaded: Loaded, language: Language) -> list[str]:
    words, chance = _WORDS[language], record["inputs"].get("policy")
    told = [words["model"].format(days=loaded.bundle.churn.horizon_days), words["weighed"]]
    if chance is not None and _preferred(chance, loaded):
        told.append(words["preferred"])
    if chance is not None and chance.get("learned_preference"):
        told.append(words["answered"])
    if chance is not None:
        told.append(
            words["chance"].format(
                drawn=percent(chance["action_floor"], language),
                holdout=percent(chance["holdout_share"], language),
                quiet=percent(chance["quiet_share"], language),
            )
        )
    if record["stratum"] != "main":
        told.append(words["left_alone"])
    elif record["explored"]:
        told.append(words["drawn"])
    return told


def _preferred(policy: dict[str, Any], loaded: Loaded) -> bool:
    """Whether the business weighs some messages or channels otherwise than others."""
    return bool(policy.get("channel_preference")) or bool((loaded.program.weight != 1).any())


def _changes(record: dict[str, Any], explained: dict[str, Any], language: Language) -> list[str]:
    """Closed channels, and what would have led to an outcome that the customer would notice."""
    words, own = _WORDS[language], outcome(record, language)
    told = []
    refused = {a["channel"] for a in record["suppressed"] if "no_consent" in a["reasons"]}
    if refused:
        names = ", ".join(_CHANNELS[c][language == "pl"] for c in sorted(refused))
        told.append(words["refused"].format(names))
    for found in explained["what_would_differ"]["counterfactuals"]:
        then = outcome(found["then"], language)
        changes = "; ".join(
            f"{theme_of(c['feature'])[1][language == 'pl']}: "
            f"{of_feature(c['feature'], c['to'], record['currency'], language)}"
            for c in found["changes"]
        )
        what = then if then != own else words["other"].format(lower(then))
        told.append(words["would"].format(changes=changes, what=lower(what)))
    return told or [words["no_change"]]


_CHANNELS: Final = {
    "web": ("web page", "strona internetowa"),
    "app": ("app", "aplikacja"),
    "store": ("store", "sklep"),
    "email": ("e-mail", "e-mail"),
    "sms": ("text message", "SMS"),
    "push": ("push message", "powiadomienie"),
    "web_push": ("browser message", "powiadomienie w przeglądarce"),
    "call_center": ("telephone", "telefon"),
    "other": ("another way", "inny sposób"),
}
_WORDS: Final[dict[Language, dict[str, str]]] = {
    "en": {
        "decision": "What was decided",
        "data": "Which of your data were used",
        "procedure": "How it was decided",
        "change": "What would have changed it",
        "rights": "Your rights",
        "nothing": "No message",
        "message": "A message ({})",
        "other": "another message than this one: {}",
        "decided": "On {day} a computer decided: {what}.",
        "risk": "It estimated the chance that you will not buy again soon as {}.",
        "used": "Counts and times of what you did with us. Your age, sex, income, health or "
        "beliefs were not used. Beside these: whether you agreed to messages, your address for "
        "them, how many you had lately, an open complaint, and the hours at which you order.",
        "model": "A statistical model, learned from past purchases, estimates from these data how "
        "likely a customer is not to buy within {days} days, and what their purchases may be worth "
        "to us.",
        "weighed": "Each possible message is then weighed: how much it may help, against what it "
        "costs, your patience included. What you have not agreed to, what came too often, or what "
        "would come at a quiet hour is left out. If no message is worth sending, none is sent.",
        "preferred": "Some messages or channels count more or less than others because we prefer "
        "it so, and not because of you.",
        "answered": "A channel counts more if you answer messages on it more than on others.",
        "chance": "Part of it is chance, so that we learn what helps: {drawn} of decisions are "
        "drawn among all messages that are allowed, {holdout} of customers never get one, and "
        "{quiet} get none for a while.",
        "left_alone": "You were drawn by chance to get no message; your data did not matter.",
        "drawn": "This decision was drawn by chance.",
        "refused": "You have not agreed to, or withdrew: {}. Agreeing would remove this obstacle.",
        "would": "With these values of your own, and everything else as it was, the outcome would "
        "have been {what}: {changes}.",
        "no_change": "None of the changes to your data that we tried would have led to another "
        "outcome that you would notice.",
        "object": "You may object to this use of your data at any time, have wrong data corrected, "
        "ask that a person looks at the decision, say what you think of it, and contest it.",
    },
    "pl": {
        "decision": "Jaka zapadła decyzja",
        "data": "Które z Twoich danych wykorzystano",
        "procedure": "Jak zapadła decyzja",
        "change": "Co by ją zmieniło",
        "rights": "Twoje prawa",
        "nothing": "Brak wiadomości",
        "message": "Wiadomość ({})",
        "other": "inna wiadomość niż ta: {}",
        "decided": "Dnia {day} komputer zdecydował: {what}.",
        "risk": "Szansę, że wkrótce nic nie kupisz, oszacował na {}.",
        "used": "Liczby i czasy tego, co robisz u nas. Nie wykorzystano wieku, płci, dochodu, "
        "zdrowia ani przekonań. Poza tym: zgody na wiadomości, adres do nich, liczba ostatnich "
        "wiadomości, otwarta reklamacja oraz godziny, w których zamawiasz.",
        "model": "Model statystyczny, wyuczony na dawnych zakupach, szacuje na podstawie tych "
        "danych, jak prawdopodobne jest, że klient nic nie kupi przez {days} dni, i ile jego "
        "zakupy mogą być dla nas warte.",
        "weighed": "Potem każda możliwa wiadomość jest ważona: ile może pomóc, a ile kosztuje, "
        "także Twoją cierpliwość. Pomijamy to, na co nie ma zgody, co przyszłoby za często albo "
        "w godzinach ciszy. Jeśli żadna wiadomość nie jest tego warta, nie wysyłamy nic.",
        "preferred": "Niektóre wiadomości lub kanały liczą się bardziej albo mniej, bo tak wolimy, "
        "a nie z Twojego powodu.",
        "answered": "Kanał liczy się bardziej, jeśli odpowiadasz na nim częściej niż na innych.",
        "chance": "Część jest losowa, abyśmy wiedzieli, co pomaga: {drawn} decyzji losujemy "
        "spośród wszystkich dozwolonych wiadomości, {holdout} klientów nigdy ich nie dostaje, "
        "a {quiet} nie dostaje ich przez pewien czas.",
        "left_alone": "Los zdecydował, że nie dostaniesz wiadomości; Twoje dane nie miały "
        "znaczenia.",
        "drawn": "Ta decyzja została wylosowana.",
        "refused": "Brak zgody lub zgoda wycofana: {}. Zgoda usunęłaby tę przeszkodę.",
        "would": "Przy takich Twoich wartościach, i wszystkim innym bez zmian, wynik brzmiałby: "
        "{what}: {changes}.",
        "no_change": "Żadna ze zmian Twoich danych, które sprawdziliśmy, nie dałaby innego wyniku, "
        "który dałoby się zauważyć.",
        "object": "W każdej chwili możesz sprzeciwić się takiemu użyciu danych, poprawić błędne "
        "dane, zażądać, by decyzji przyjrzał się człowiek, przedstawić swoje stanowisko "
        "i zakwestionować decyzję.",
    },
}
