"""Delivering messages: one file for each provider, all held to one contract by one test."""

from __future__ import annotations

from typing import Protocol

from serving.ledger.message import Message
from serving.orchestrator.errors import OrchestratorError


class DeliveryError(OrchestratorError):
    """A provider did not take a message; `final` when trying again cannot help."""

    def __init__(self, text: str, *, final: bool = False) -> None:
        super().__init__(text)
        self.final = final


class Sender(Protocol):
    """One provider."""

    def deliver(self, message: Message) -> str:
        """Deliver `message` under its key, so that a repeat of the key is no second message.

        Returns:
            The provider's id of the delivery.

        Raises:
            DeliveryError: when the provider does not take it, or the channel is not its own.
        """
        ...
