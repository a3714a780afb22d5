"""A number in; a kind of connection of which a server never has more open, out."""

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection


def limited(most: int) -> "type[ServerConnection]":
    """Connections of one server; where `most` are open, the next one is closed at once.

    Counted from the first byte on: who connects and says nothing takes a descriptor too.
    """
    from websockets.asyncio.server import ServerConnection

    class Limited(ServerConnection):
        opened = 0

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            Limited.opened += 1
            if Limited.opened > most:
                self.transport.abort()

        def connection_lost(self, exc: Exception | None) -> None:
            Limited.opened -= 1
            super().connection_lost(exc)

    return Limited
