"""Every sender keeps one contract; what files hold is checked by the parsers of others."""

from __future__ import annotations

import datetime as dt
import email
import json
from email import policy
from pathlib import Path

import pytest

from serving.config import Messages
from serving.orchestrator.senders import DeliveryError
from serving.orchestrator.senders.files import FileSender

NOON = dt.datetime(2026, 5, 14, 12, 0, tzinfo=dt.UTC)
MESSAGES = Messages(sender_name="Bocian Market — Łódź", sender_address="hello@bocian.invalid")
HEADERS = json.dumps(
    {
        "List-Unsubscribe": "<https://bocian.invalid/unsubscribe?message=d1>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
)


def file_sender(folder: Path) -> FileSender:
    return FileSender(folder / "out", lambda: NOON, MESSAGES)


@pytest.fixture(params=[file_sender])
def sender(request, tmp_path):
    return request.param(tmp_path)


@pytest.mark.parametrize("channel", ["email", "sms", "push", "call_center"])
def test_contract_a_repeat_of_a_key_is_the_same_delivery(sender, a_message, channel):
    message = a_message(channel=channel)
    first = sender.deliver(message)
    assert first
    assert sender.deliver(message) == first
    assert sender.deliver(a_message("d2", channel=channel)) != first


def test_contract_an_unknown_channel_is_refused_for_good(sender, a_message):
    with pytest.raises(DeliveryError, match=r"channel must be .*got: 'store'") as error:
        sender.deliver(a_message(channel="store"))
    assert error.value.final


@pytest.mark.parametrize("key", ["../d1", "a/b", ".hidden", "", "d1\n", "x" * 201])
def test_a_key_cannot_leave_the_folder(tmp_path, a_message, key):
    with pytest.raises(DeliveryError, match="key must be letters, digits"):
        file_sender(tmp_path).deliver(a_message(key))
    assert list(tmp_path.iterdir()) == []


def mail(tmp_path: Path, message):
    name = file_sender(tmp_path).deliver(message)
    content = (tmp_path / "out" / name).read_bytes()
    return content, email.message_from_bytes(content, policy=policy.default)


def test_an_email_file_parses_to_what_was_meant(tmp_path, a_message):
    long_html = "<p>" + "Zażółć gęślą jaźń " * 200 + "</p>"
    content, parsed = mail(tmp_path, a_message(body_html=long_html, headers=HEADERS))
    assert parsed.get_content_type() == "multipart/alternative"
    plain, html = parsed.iter_parts()
    assert (plain.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert plain.get_content().strip() == "Zażółć gęślą jaźń"
    assert html.get_content().strip() == long_html
    for part in (plain, html):
        assert part["Content-Transfer-Encoding"] == "quoted-printable"
        assert part.get_content_charset() == "utf-8"
    assert parsed["Subject"] == "Dziękujemy"
    assert parsed["To"].addresses[0].addr_spec == "ala@example.com"
    assert parsed["From"].addresses[0].display_name == "Bocian Market — Łódź"
    assert parsed["Date"].datetime == NOON
    assert parsed["Message-ID"] == "<d1@bocian.invalid>"
    assert parsed["List-Unsubscribe"] == "<https://bocian.invalid/unsubscribe?message=d1>"
    assert parsed["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert all(not part.defects for part in parsed.walk())
    assert content.isascii()
    assert max(map(len, content.splitlines())) <= 998  # RFC 5322, 2.1.1
    assert content.count(b"\n") == content.count(b"\r\n")


def test_a_long_unsubscribe_address_stays_whole(tmp_path, a_message):
    url = "<https://bocian.invalid/unsubscribe?message=" + "a1b2c3d4" * 30 + ">"
    headers = json.dumps({"List-Unsubscribe": url})
    content, parsed = mail(tmp_path, a_message(headers=headers))
    assert parsed["List-Unsubscribe"] == url
    assert f"\r\nList-Unsubscribe: {url}\r\n".encode() in content


def test_the_same_message_is_the_same_bytes(tmp_path, a_message):
    first, _ = mail(tmp_path / "a", a_message())
    second, _ = mail(tmp_path / "b", a_message())
    assert first == second


@pytest.mark.parametrize(
    "changes",
    [
        {"address": "ala@example.com\nBcc: all@example.com"},
        {"address": "ala@example.com, eve@example.com"},
        {"address": "no address"},
        {"subject": "Hi\r\nBcc: all@example.com"},
        {"headers": '{"X-Evil": "a\\nBcc: all@example.com"}'},
    ],
)
def test_nothing_can_slip_into_the_headers(tmp_path, a_message, changes):
    with pytest.raises(DeliveryError, match="a header cannot be written") as error:
        file_sender(tmp_path).deliver(a_message(**changes))
    assert error.value.final


def test_other_channels_are_json(tmp_path, a_message):
    message = a_message(channel="sms", subject=None, body_html=None, headers='{"X-A": "1"}')
    name = file_sender(tmp_path).deliver(message)
    assert json.loads((tmp_path / "out" / name).read_text()) == {
        "key": "d1",
        "channel": "sms",
        "to": "ala@example.com",
        "language": "pl",
        "title": None,
        "text": "Zażółć gęślą jaźń",
        "headers": {"X-A": "1"},
    }


def test_no_halves_are_left_and_a_full_disk_may_be_tried_again(tmp_path, a_message):
    sender = file_sender(tmp_path)
    sender.deliver(a_message())
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["d1.eml"]
    blocked = FileSender(tmp_path / "out" / "d1.eml", lambda: NOON, MESSAGES)  # no folder at all
    with pytest.raises(DeliveryError, match=r"d1.eml cannot be written") as error:
        blocked.deliver(a_message())
    assert not error.value.final
