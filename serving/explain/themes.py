"""Features as people speak of them: themes, in each of which several windows are one reason.

The words are data: a feature of the catalogue that has none fails a test. `{d}` stands for the
days of a window. Where a feature is a share, its value is told in percent; where it is money, as
an amount; else the words hold the unit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Final

Words = tuple[str, str]
"""The same in English and in Polish."""


@dataclass(frozen=True)
class Theme:
    """One thing that is known of customers.

    Attributes:
        name: For machines.
        words: As the subject of a sentence.
        features: By name, its words; `{d}` in both stands for the days of a window.
        changes: Whether a customer can change it, and one feature without the others. Age of the
            relationship and season come by themselves; shares of hours sum to 1.
    """

    name: str
    words: Words
    features: dict[str, Words]
    changes: bool = True


THEMES: Final = (
    Theme(
        "recency",
        ("Time since the last order", "Czas od ostatniego zamówienia"),
        {
            "days_since_last_order": (
                "days since the last order",
                "dni od ostatniego zamówienia",
            ),
            "overdue_ratio": (
                "days since the last order, in usual gaps",
                "dni od ostatniego zamówienia, w zwykłych odstępach",
            ),
            "overdue_score": (
                "days beyond the usual gap, in standard deviations",
                "dni ponad zwykły odstęp, w odchyleniach standardowych",
            ),
            "days_to_expected_order": (
                "days until the next order is due",
                "dni do spodziewanego zamówienia",
            ),
        },
    ),
    Theme(
        "orders",
        ("How often they order", "Częstość zamówień"),
        {
            "orders_{d}d": ("orders in the last {d} days", "zamówienia z ostatnich {d} dni"),
            "order_days_{d}d": (
                "days with an order in the last {d} days",
                "dni z zamówieniem w ostatnich {d} dniach",
            ),
            "frequency": ("repeat purchases", "ponowne zakupy"),
            "orders_per_week": ("days with an order a week", "dni z zamówieniem na tydzień"),
        },
    ),
    Theme(
        "rhythm",
        ("The rhythm of orders", "Rytm zamówień"),
        {
            "mean_gap_days": (
                "mean days between orders",
                "średnio dni między zamówieniami",
            ),
            "mean_gap_days_{d}d": (
                "mean days between orders in the last {d} days",
                "średnio dni między zamówieniami w ostatnich {d} dniach",
            ),
            "gap_sd_days": (
                "spread of the days between orders",
                "rozrzut liczby dni między zamówieniami",
            ),
            "gap_variation": (
                "spread of the gaps, as a part of their mean",
                "rozrzut odstępów względem ich średniej",
            ),
            "last_gap_days": (
                "days between the last two orders",
                "dni między dwoma ostatnimi zamówieniami",
            ),
        },
    ),
    Theme(
        "trend",
        ("Whether they order more or less than before", "Zmiana częstości zamówień"),
        {
            "cadence_trend_{d}d": (
                "orders of the last {d} days over those of twice the time",
                "zamówienia z ostatnich {d} dni względem dwa razy dłuższego czasu",
            ),
            "gap_trend": (
                "the last gap over the mean gap",
                "ostatni odstęp względem średniego",
            ),
            "order_rate_trend": (
                "orders of the last 91 days over those before",
                "zamówienia z ostatnich 91 dni względem wcześniejszych",
            ),
        },
    ),
    Theme(
        "spend",
        ("What they spend", "Wydatki"),
        {
            "spend_{d}d": ("spend of the last {d} days", "wydatki z ostatnich {d} dni"),
            "lifetime_spend": ("spend in all time", "wydatki od początku"),
        },
    ),
    Theme(
        "order_value",
        ("The value of an order", "Wartość zamówienia"),
        {
            "monetary_value": ("mean order", "średnie zamówienie"),
            "order_value_{d}d": (
                "mean order of the last {d} days",
                "średnie zamówienie z ostatnich {d} dni",
            ),
            "order_value_trend": (
                "mean order of the last 28 days over that of 182",
                "średnie zamówienie z 28 dni względem 182 dni",
            ),
            "largest_order_{d}d": (
                "largest order of the last {d} days",
                "największe zamówienie z ostatnich {d} dni",
            ),
            "last_order_value": ("last order", "ostatnie zamówienie"),
            "item_value_{d}d": (
                "mean price of an item in the last {d} days",
                "średnia cena sztuki w ostatnich {d} dniach",
            ),
        },
    ),
    Theme(
        "basket",
        ("The size of the basket", "Wielkość koszyka"),
        {
            "items_{d}d": ("items of the last {d} days", "sztuki z ostatnich {d} dni"),
            "items_per_order_{d}d": (
                "items in an order of the last {d} days",
                "sztuki w zamówieniu z ostatnich {d} dni",
            ),
            "lines_{d}d": (
                "order lines of the last {d} days",
                "pozycje zamówień z ostatnich {d} dni",
            ),
        },
    ),
    Theme(
        "variety",
        ("The variety of what is bought", "Różnorodność zakupów"),
        {
            "categories_{d}d": (
                "product categories in the last {d} days",
                "kategorie produktów w ostatnich {d} dniach",
            ),
            "category_entropy_{d}d": (
                "evenness over categories in the last {d} days",
                "równomierność między kategoriami w ostatnich {d} dniach",
            ),
            "top_category_share_{d}d": (
                "share of the category bought most in the last {d} days",
                "udział najczęstszej kategorii w ostatnich {d} dniach",
            ),
            "novelty_{d}d": (
                "share of first purchases in a category in the last {d} days",
                "udział pierwszych zakupów w kategorii w ostatnich {d} dniach",
            ),
        },
    ),
    Theme(
        "discounts",
        ("Use of discounts", "Korzystanie z rabatów"),
        {
            "discount_{d}d": (
                "discounts of the last {d} days",
                "rabaty z ostatnich {d} dni",
            ),
            "discount_share_{d}d": (
                "discounts as a share of prices in the last {d} days",
                "udział rabatów w cenach w ostatnich {d} dniach",
            ),
            "coupon_{d}d": (
                "coupon discounts of the last {d} days",
                "rabaty z kuponów z ostatnich {d} dni",
            ),
            "coupon_share_{d}d": (
                "coupons as a share of prices in the last {d} days",
                "udział kuponów w cenach w ostatnich {d} dniach",
            ),
            "coupons_redeemed_{d}d": (
                "coupons used in the last {d} days",
                "kupony użyte w ostatnich {d} dniach",
            ),
            "days_since_last_redemption": (
                "days since the last coupon",
                "dni od ostatniego kuponu",
            ),
            "redemptions_per_message_{d}d": (
                "coupons used for each message of the last {d} days",
                "kupony użyte na wiadomość z ostatnich {d} dni",
            ),
        },
    ),
    Theme(
        "returns",
        ("Orders sent back", "Zwroty"),
        {
            "returns_{d}d": ("returns of the last {d} days", "zwroty z ostatnich {d} dni"),
            "returns_per_order_{d}d": (
                "returns for each order of the last {d} days",
                "zwroty na zamówienie z ostatnich {d} dni",
            ),
            "days_since_last_return": ("days since the last return", "dni od ostatniego zwrotu"),
        },
    ),
    Theme(
        "visits",
        ("Visits", "Wizyty"),
        {
            "sessions_{d}d": (
                "visits to the site in the last {d} days",
                "wizyty na stronie w ostatnich {d} dniach",
            ),
            "sessions_trend_{d}d": (
                "visits of the last {d} days over those of twice the time",
                "wizyty z ostatnich {d} dni względem dwa razy dłuższego czasu",
            ),
            "days_since_last_session": ("days since the last visit", "dni od ostatniej wizyty"),
            "store_visits_{d}d": (
                "visits to a store in the last {d} days",
                "wizyty w sklepie w ostatnich {d} dniach",
            ),
            "online_order_share_{d}d": (
                "share of orders placed online in the last {d} days",
                "udział zamówień przez internet w ostatnich {d} dniach",
            ),
        },
    ),
    Theme(
        "products",
        ("Products viewed", "Oglądane produkty"),
        {
            "product_views_{d}d": (
                "products viewed in the last {d} days",
                "produkty obejrzane w ostatnich {d} dniach",
            ),
            "days_since_last_product_view": (
                "days since the last product viewed",
                "dni od ostatnio obejrzanego produktu",
            ),
            "product_views_since_last_order": (
                "products viewed since the last order",
                "produkty obejrzane od ostatniego zamówienia",
            ),
            "product_views_per_order_{d}d": (
                "products viewed for each order of the last {d} days",
                "produkty obejrzane na zamówienie z ostatnich {d} dni",
            ),
            "viewed_category_entropy_{d}d": (
                "evenness of viewed categories in the last {d} days",
                "równomierność oglądanych kategorii w ostatnich {d} dniach",
            ),
        },
    ),
    Theme(
        "carts",
        ("Carts", "Koszyki w sklepie internetowym"),
        {
            "cart_adds_{d}d": (
                "additions to a cart in the last {d} days",
                "dodania do koszyka w ostatnich {d} dniach",
            ),
            "checkouts_{d}d": (
                "checkouts begun in the last {d} days",
                "rozpoczęte płatności w ostatnich {d} dniach",
            ),
            "carts_left_{d}d": (
                "carts left in the last {d} days",
                "porzucone koszyki w ostatnich {d} dniach",
            ),
            "carts_left_share_{d}d": (
                "share of carts left in the last {d} days",
                "udział porzuconych koszyków w ostatnich {d} dniach",
            ),
            "days_since_last_cart_add": (
                "days since the last addition to a cart",
                "dni od ostatniego dodania do koszyka",
            ),
        },
    ),
    Theme(
        "messages",
        ("Messages received", "Otrzymane wiadomości"),
        {
            "messages_{d}d": (
                "messages of the last {d} days",
                "wiadomości z ostatnich {d} dni",
            ),
            "emails_{d}d": ("e-mails of the last {d} days", "e-maile z ostatnich {d} dni"),
            "sms_{d}d": ("text messages of the last {d} days", "SMS-y z ostatnich {d} dni"),
            "pushes_{d}d": (
                "push messages of the last {d} days",
                "powiadomienia z ostatnich {d} dni",
            ),
            "bounced_emails_{d}d": (
                "e-mails that bounced in the last {d} days",
                "niedostarczone e-maile z ostatnich {d} dni",
            ),
            "days_since_last_message": (
                "days since the last message",
                "dni od ostatniej wiadomości",
            ),
        },
    ),
    Theme(
        "answers",
        ("Answers to messages", "Reakcje na wiadomości"),
        {
            "opens_{d}d": (
                "messages opened in the last {d} days",
                "wiadomości otwarte w ostatnich {d} dniach",
            ),
            "clicks_{d}d": ("clicks in the last {d} days", "kliknięcia w ostatnich {d} dniach"),
            "days_since_last_open": (
                "days since a message was opened",
                "dni od otwarcia wiadomości",
            ),
            "days_since_last_click": ("days since the last click", "dni od ostatniego kliknięcia"),
            "messages_since_last_click": (
                "messages since the last click",
                "wiadomości od ostatniego kliknięcia",
            ),
            "email_open_rate_{d}d": (
                "opens for each e-mail of the last {d} days",
                "otwarcia na e-mail z ostatnich {d} dni",
            ),
            "email_click_rate_{d}d": (
                "clicks for each e-mail of the last {d} days",
                "kliknięcia na e-mail z ostatnich {d} dni",
            ),
            "sms_click_rate_{d}d": (
                "clicks for each text message of the last {d} days",
                "kliknięcia na SMS z ostatnich {d} dni",
            ),
            "push_click_rate_{d}d": (
                "clicks for each push message of the last {d} days",
                "kliknięcia na powiadomienie z ostatnich {d} dni",
            ),
        },
    ),
    Theme(
        "refusals",
        ("Messages refused", "Rezygnacje z wiadomości"),
        {
            "unsubscribes_{d}d": (
                "times unsubscribed in the last {d} days",
                "rezygnacje w ostatnich {d} dniach",
            ),
            "spam_complaints_{d}d": (
                "messages reported as spam in the last {d} days",
                "zgłoszenia spamu w ostatnich {d} dniach",
            ),
        },
    ),
    Theme(
        "service",
        ("Support and complaints", "Zgłoszenia i reklamacje"),
        {
            "tickets_{d}d": (
                "support tickets of the last {d} days",
                "zgłoszenia z ostatnich {d} dni",
            ),
            "tickets_per_order_{d}d": (
                "support tickets for each order of the last {d} days",
                "zgłoszenia na zamówienie z ostatnich {d} dni",
            ),
            "complaints_{d}d": (
                "complaints of the last {d} days",
                "reklamacje z ostatnich {d} dni",
            ),
            "days_since_last_ticket": (
                "days since the last support ticket",
                "dni od ostatniego zgłoszenia",
            ),
            "days_since_last_complaint": (
                "days since the last complaint",
                "dni od ostatniej reklamacji",
            ),
        },
    ),
    Theme(
        "voice",
        ("Ratings and reviews", "Oceny i opinie"),
        {
            "reviews_{d}d": ("reviews of the last {d} days", "opinie z ostatnich {d} dni"),
            "last_nps": ("last answer to the NPS question", "ostatnia odpowiedź na pytanie NPS"),
            "days_since_last_nps": (
                "days since that answer",
                "dni od tej odpowiedzi",
            ),
            "mean_stars_{d}d": (
                "mean stars of the last {d} days",
                "średnia gwiazdek z ostatnich {d} dni",
            ),
            "last_stars": ("stars of the last review", "gwiazdki ostatniej opinii"),
        },
    ),
    Theme(
        "loyalty",
        ("Loyalty points", "Punkty lojalnościowe"),
        {
            "points_earned_{d}d": (
                "points earned in the last {d} days",
                "punkty zdobyte w ostatnich {d} dniach",
            ),
            "points_redeemed_{d}d": (
                "points used in the last {d} days",
                "punkty wykorzystane w ostatnich {d} dniach",
            ),
            "points_expired_{d}d": (
                "points that expired in the last {d} days",
                "punkty wygasłe w ostatnich {d} dniach",
            ),
            "points_balance": ("points left", "pozostałe punkty"),
            "points_expiring_{d}d": (
                "points that expire within {d} days",
                "punkty wygasające w ciągu {d} dni",
            ),
            "points_redeemed_share": (
                "share of points that were used",
                "udział wykorzystanych punktów",
            ),
            "days_since_points_redeemed": (
                "days since points were used",
                "dni od wykorzystania punktów",
            ),
        },
    ),
    Theme(
        "referrals",
        ("Invitations to others", "Zaproszenia dla innych"),
        {
            "referrals_sent_{d}d": (
                "invitations of the last {d} days",
                "zaproszenia z ostatnich {d} dni",
            ),
            "referrals_joined_{d}d": (
                "invitations taken up in the last {d} days",
                "przyjęte zaproszenia z ostatnich {d} dni",
            ),
            "days_since_last_referral": (
                "days since the last invitation",
                "dni od ostatniego zaproszenia",
            ),
        },
    ),
    Theme(
        "subscription",
        ("The subscription", "Subskrypcja"),
        {
            "subscription_pauses_{d}d": (
                "pauses in the last {d} days",
                "przerwy w ostatnich {d} dniach",
            ),
            "subscription_active": ("active (1) or not (0)", "aktywna (1) lub nie (0)"),
            "subscription_paused": ("paused (1) or not (0)", "wstrzymana (1) lub nie (0)"),
            "subscription_tenure_days": ("days since its start", "dni od jej początku"),
            "days_since_subscription_cancelled": (
                "days since it was cancelled",
                "dni od jej anulowania",
            ),
        },
        changes=False,
    ),
    Theme(
        "hours",
        ("Hours and days of orders", "Godziny i dni zamówień"),
        {
            "morning_share": ("share of orders in the morning", "udział zamówień rano"),
            "afternoon_share": (
                "share of orders in the afternoon",
                "udział zamówień po południu",
            ),
            "evening_share": ("share of orders in the evening", "udział zamówień wieczorem"),
            "night_share": ("share of orders at night", "udział zamówień w nocy"),
            "weekend_share": ("share of orders at weekends", "udział zamówień w weekendy"),
            "usual_order_hour": ("usual hour of orders", "zwykła godzina zamówień"),
            "usual_click_hour": ("usual hour of clicks", "zwykła godzina kliknięć"),
        },
        changes=False,
    ),
    Theme(
        "relationship",
        ("Age and stage of the relationship", "Długość i etap relacji"),
        {
            "tenure_days": ("days since the first order", "dni od pierwszego zamówienia"),
            "lifecycle_stage": ("lifecycle stage", "etap relacji"),
        },
        changes=False,
    ),
    Theme(
        "season",
        ("The season", "Pora roku"),
        {
            "month": ("month", "miesiąc"),
            "orders_same_weeks_last_year": (
                "orders in these weeks a year ago",
                "zamówienia w tych tygodniach rok temu",
            ),
        },
        changes=False,
    ),
)

_WINDOW = re.compile(r"_(\d+)d$")


@cache
def of_feature(name: str) -> tuple[Theme, Words]:
    """The theme that a feature belongs to, and the feature's own words.

    Raises:
        KeyError: It has none: `serving/explain/themes.py` gives every feature of the catalogue one.
    """
    window = _WINDOW.search(name)
    family = _WINDOW.sub("_{d}d", name)
    for theme in THEMES:
        for known in (name, family):
            if known in theme.features:
                english, polish = theme.features[known]
                days = window[1] if window else ""
                return theme, (english.replace("{d}", days), polish.replace("{d}", days))
    raise KeyError(f"a feature must have words in serving/explain/themes.py, got: {name!r}")
