"""Deliver what other services want a citizen to know. Locally: into the development inbox."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from shr_contracts.events import NotificationRequested

from shr_healthid.domain.delivery import Message
from shr_healthid.domain.messages import text_of


class Inbox(Protocol):
    """Where messages of a development system land."""

    async def add(self, messages: Sequence[Message]) -> None:
        """Keep messages, each once."""


class DeliverNotifications:
    """``open_secret`` decrypts what only healthid may read; it raises ValueError for what is not ours."""

    def __init__(self, inbox: Inbox, *, open_secret: Callable[[str, str], str]) -> None:
        self._inbox = inbox
        self._open_secret = open_secret

    async def __call__(self, requests: Sequence[NotificationRequested]) -> None:
        """Deliver a batch. Raises ValueError when a secret cannot be opened."""
        await self._inbox.add([self._message(request) for request in requests])

    def _message(self, request: NotificationRequested) -> Message:
        secret = None if request.secret is None else self._open_secret(request.secret, request.id)
        text = text_of(request.template, request.parameters, secret)
        return Message(request.id, request.health_id, request.at, "sms", text)
