"""What the customer was sent, and what they did with it; what a machine opened does not count.

Unsubscribing and reporting spam say "leave me alone". They may hold a message back; they are not
for finding a message that works on this person all the same, so it is marked `TROUBLE`.
"""

from __future__ import annotations

from features.catalogue.aggregates import Aggregate, Op
from features.catalogue.columns import Column, days_between, ratio
from features.catalogue.declare import Group
from features.restraint import Sensitive

messages = Group("messages", "Messages received, opened and clicked, and refused")

messages.windows(
    "messages_{d}d", "Messages received in the last {d} days.", "messages",
    Op.COUNT, "message_sent", days=(28, 91, 364),
)  # fmt: skip
for _name, _channel, _words in (
    ("emails", "email", "E-mails"),
    ("sms", "sms", "Text messages"),
    ("pushes", "push", "Push messages of the app"),
):
    messages.windows(
        f"{_name}_{{d}}d", f"{_words} received in the last {{d}} days.", "messages",
        Op.COUNT, "message_sent", days=(28,), channel=_channel,
    )  # fmt: skip
    messages.aggregate(f"_{_name}_91d", Aggregate(Op.COUNT, "message_sent", 91, channel=_channel))
    messages.aggregate(
        f"_{_name}_clicked_91d", Aggregate(Op.COUNT, "message_clicked", 91, channel=_channel)
    )
messages.windows(
    "opens_{d}d", "Messages opened in the last {d} days.", "messages",
    Op.COUNT, "message_opened", days=(91,),
)  # fmt: skip
messages.windows(
    "clicks_{d}d", "Clicks on messages in the last {d} days.", "clicks",
    Op.COUNT, "message_clicked", days=(91,),
)  # fmt: skip
messages.windows(
    "bounced_emails_{d}d", "E-mails that could not be delivered in the last {d} days.", "messages",
    Op.COUNT, "message_bounced", days=(91,), channel="email",
)  # fmt: skip
messages.windows(
    "unsubscribes_{d}d", "Times unsubscribed in the last {d} days.", "times",
    Op.COUNT, "unsubscribed", days=(364,), sensitive=Sensitive.TROUBLE,
)  # fmt: skip
messages.windows(
    "spam_complaints_{d}d", "Messages reported as spam in the last {d} days.", "messages",
    Op.COUNT, "spam_complaint", days=(364,), sensitive=Sensitive.TROUBLE,
)  # fmt: skip
messages.aggregate("_last_message_at", Aggregate(Op.LAST_AT, "message_sent"))
messages.aggregate("_last_open_at", Aggregate(Op.LAST_AT, "message_opened"))
messages.aggregate("_last_click_at", Aggregate(Op.LAST_AT, "message_clicked"))
messages.aggregate("_opened_emails_91d", Aggregate(Op.COUNT, "message_opened", 91, channel="email"))
messages.aggregate(
    "_messages_since_last_click",
    Aggregate(Op.COUNT_SINCE, "message_sent", other="message_clicked"),
)


@messages.feature("days")
def days_since_last_message(_last_message_at: Column, as_of: Column) -> Column:
    """Days from the last message to `as_of`."""
    return days_between(_last_message_at, as_of)


@messages.feature("days")
def days_since_last_open(_last_open_at: Column, as_of: Column) -> Column:
    """Days from the last message opened to `as_of`."""
    return days_between(_last_open_at, as_of)


@messages.feature("days")
def days_since_last_click(_last_click_at: Column, as_of: Column) -> Column:
    """Days from the last click on a message to `as_of`."""
    return days_between(_last_click_at, as_of)


@messages.feature("messages")
def messages_since_last_click(_messages_since_last_click: Column) -> Column:
    """Messages received since the last click, all where there was none: fatigue."""
    return _messages_since_last_click


@messages.feature("ratio")
def email_open_rate_91d(_opened_emails_91d: Column, _emails_91d: Column) -> Column:
    """Opens for each e-mail received in the last 91 days."""
    return ratio(_opened_emails_91d, _emails_91d)


@messages.feature("ratio")
def email_click_rate_91d(_emails_clicked_91d: Column, _emails_91d: Column) -> Column:
    """Clicks for each e-mail received in the last 91 days."""
    return ratio(_emails_clicked_91d, _emails_91d)


@messages.feature("ratio")
def sms_click_rate_91d(_sms_clicked_91d: Column, _sms_91d: Column) -> Column:
    """Clicks for each text message received in the last 91 days."""
    return ratio(_sms_clicked_91d, _sms_91d)


@messages.feature("ratio")
def push_click_rate_91d(_pushes_clicked_91d: Column, _pushes_91d: Column) -> Column:
    """Clicks for each push message received in the last 91 days."""
    return ratio(_pushes_clicked_91d, _pushes_91d)


@messages.feature("ratio")
def redemptions_per_message_364d(coupons_redeemed_364d: Column, messages_364d: Column) -> Column:
    """Coupons redeemed for each message received in the last 364 days."""
    return ratio(coupons_redeemed_364d, messages_364d)
