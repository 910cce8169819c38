"""Channels: by which way a message reaches an address."""

from __future__ import annotations

from ostinato.live.alerts import apprise_alerts, webhook
from ostinato.live.alerts.address import Address
from ostinato.live.alerts.message import Message


def send(address: Address, message: Message) -> None:
    """Send a message.

    Raises
    ------
    OstinatoError
        If it was not taken.
    """
    if address.is_webhook:
        webhook.post(address.url, message.body)
    else:
        apprise_alerts.notify(address.url, message)
