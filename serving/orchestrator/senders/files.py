"""Leaving messages as files: e-mail as `.eml`, the other channels as `.json`."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address, BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, Policy
from pathlib import Path

from serving.config import Channel, Messages
from serving.ledger.message import Message
from serving.orchestrator.senders import DeliveryError

_SAFE_KEY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}")


class _Whole(UnstructuredHeader, BaseHeader):
    """A header in one line: folding would encode a long address, which mail programs refuse."""

    def fold(self, *, policy: Policy) -> str:
        return f"{self.name}: {self}{policy.linesep}"


_HEADERS = HeaderRegistry()
_HEADERS.map_to_type("List-Unsubscribe", _Whole)
_POLICY = SMTP.clone(header_factory=_HEADERS)


class FileSender:
    """Writes each message to `<folder>/<key>`, whole or not at all.

    The same key overwrites the same file: a message that is delivered again is there once.
    """

    def __init__(self, folder: Path, clock: Callable[[], datetime], messages: Messages) -> None:
        self._folder = folder
        self._clock = clock
        self._messages = messages

    def deliver(self, message: Message) -> str:
        """Write the file; its name is the provider's id."""
        if not _SAFE_KEY.fullmatch(message.key):
            raise DeliveryError(
                f"key must be letters, digits, '.', '_' or '-', got: {message.key!r}", final=True
            )
        match message.channel:
            case Channel.EMAIL:
                name, content = f"{message.key}.eml", self._eml(message)
            case Channel.SMS | Channel.PUSH | Channel.CALL_CENTER:
                name, content = f"{message.key}.json", _json(message)
            case other:
                raise DeliveryError(
                    f"channel must be email, sms, push or call_center, got: {other!r}", final=True
                )
        try:
            _write(self._folder / name, content)
        except OSError as error:
            raise DeliveryError(f"{name} cannot be written: {error}") from error
        return name

    def _eml(self, message: Message) -> bytes:
        domain = self._messages.sender_address.rpartition("@")[2]
        mail = EmailMessage(policy=_POLICY)
        mail.set_content(message.body_text, cte="quoted-printable")
        if message.body_html is not None:
            mail.add_alternative(message.body_html, subtype="html", cte="quoted-printable")
            # A boundary drawn from the key makes the same message the same bytes.
            mail.set_boundary(hashlib.sha256(message.key.encode()).hexdigest())
        try:
            mail["From"] = Address(
                self._messages.sender_name, addr_spec=self._messages.sender_address
            )
            mail["To"] = Address(addr_spec=message.address)
            mail["Subject"] = message.subject or ""
            mail["Date"] = self._clock()
            mail["Message-ID"] = f"<{message.key}@{domain}>"
            mail["Content-Language"] = message.language
            for name, value in json.loads(message.headers).items():
                mail[name] = value
        except (ValueError, IndexError, MessageError) as error:
            raise DeliveryError(f"a header cannot be written: {error}", final=True) from error
        return mail.as_bytes()


def _json(message: Message) -> bytes:
    document = {
        "key": message.key,
        "channel": message.channel,
        "to": message.address,
        "language": message.language,
        "title": message.subject,
        "text": message.body_text,
        "headers": json.loads(message.headers),
    }
    return (json.dumps(document, ensure_ascii=False, indent=2) + "\n").encode()


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with unfinished.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    # The new name itself must survive a power cut before anyone calls the message sent.
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
