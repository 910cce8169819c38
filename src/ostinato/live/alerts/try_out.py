"""Try the addresses of a service, so that people see before it matters that messages arrive."""

from __future__ import annotations

from dataclasses import dataclass

from ostinato.core.errors import InputError, OstinatoError
from ostinato.live.alerts.address import Address, read_address
from ostinato.live.alerts.channel import send
from ostinato.live.alerts.message import Message, Sender, trial
from ostinato.live.layout import Layout
from ostinato.live.service import link_of, read_config


@dataclass(frozen=True, slots=True)
class Tried:
    """An address, and why it did not take the message; None: it did."""

    address: Address
    error: OstinatoError | None


def try_addresses(layout: Layout) -> list[Tried]:
    """Send a message to each address of a service, whether it runs or not.

    Raises
    ------
    InputError
        If there is no service in the folder, or it has no addresses.
    """
    config = read_config(layout)
    if not config.alerts:
        raise InputError(
            "The service tells nobody of alarms",
            found="no address",
            expected="addresses that it was started with",
            hint="ostinato serve FILE --alert URL",
        )
    message = trial(Sender(loop=config.loop, link=link_of(config)))
    return [_tried(read_address(each), message) for each in config.alerts]


def _tried(address: Address, message: Message) -> Tried:
    try:
        send(address, message)
    except OstinatoError as error:
        return Tried(address, error)
    return Tried(address, None)
