"""From a decision and a profile to the message that goes into the outbox."""

from __future__ import annotations

import datetime as dt
import json
from urllib.parse import urlencode, urlsplit, urlunsplit
from zoneinfo import ZoneInfo

from serving.config import Action, Channel, Messages
from serving.ledger.instants import to_us
from serving.ledger.message import Message
from serving.ledger.profiles import Profile
from serving.orchestrator.decision import Decision
from serving.orchestrator.render import Content, Renderer

SEND_AT_HEADER = "X-Bocian-Send-At"


def compose(
    decision: Decision,
    channel: Channel,
    address: str,
    *,
    action: Action,
    profile: Profile,
    renderer: Renderer,
    messages: Messages,
    now: dt.datetime,
) -> Message:
    """The message that carries out `decision` on `channel` to `address`.

    Raises:
        TemplateError: when the action's template is missing or cannot be rendered.
    """
    send_at = decision.send_at or now
    unsubscribe_url = one_click_url(messages.unsubscribe_url, decision.decision_id)
    content = Content(
        sender_name=messages.sender_name,
        unsubscribe_url=unsubscribe_url,
        valid_until=_last_day(decision, send_at, profile.time_zone),
        offer=decision.offer,
        favourite_category=decision.favourite_category
        if profile.language == messages.category_language
        else None,
    )
    rendered = renderer.render(action.id, channel, profile.language, content)
    headers = {SEND_AT_HEADER: send_at.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")}
    if channel == Channel.EMAIL:
        # RFC 8058: one POST to this address unsubscribes, without any further question.
        headers["List-Unsubscribe"] = f"<{unsubscribe_url}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return Message(
        key=decision.decision_id,
        customer_id=decision.customer_id,
        action_id=action.id,
        channel=channel.value,
        purpose=action.purpose.value,
        language=rendered.language,
        address=address,
        subject=rendered.subject,
        body_text=rendered.text,
        body_html=rendered.html,
        headers=json.dumps(headers, sort_keys=True),
        send_at_us=to_us(send_at),
        created_at_us=to_us(now),
    )


def one_click_url(base: str, key: str) -> str:
    """`base` with the message's key in its query: it says who unsubscribes, and shows no one else.

    A query that `base` already has stays.
    """
    parts = urlsplit(base)
    query = "&".join(filter(None, [parts.query, urlencode({"message": key})]))
    return urlunsplit(parts._replace(query=query))


def _last_day(decision: Decision, send_at: dt.datetime, time_zone: str) -> dt.date:
    """The last day of the offer, counted from its arrival, or else of the decision."""
    end = decision.valid_until
    if decision.offer is not None:
        end = send_at + dt.timedelta(days=decision.offer.valid_days)
    return end.astimezone(ZoneInfo(time_zone)).date()
