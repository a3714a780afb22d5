"""A broker's packets in, callbacks out: paho's client, made to outlive what it does not expect.

Imports paho-mqtt (extra `mqtt`) as it loads: import it where it is needed.
"""

import threading
from collections.abc import Callable

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

_PAUSE_S = 1.0  # until the next try, as after any other loss of a connection


class SteadyClient(Client):
    """paho's client, whose thread does not end where something goes wrong that paho did not expect.

    paho's own thread dies then, and no callback says so: before 2.2 of a packet that makes no
    sense, and still of a host that can be no name.
    """

    def __init__(self, client_id: str, *, broken: Callable[[Exception], None]) -> None:
        super().__init__(CallbackAPIVersion.VERSION2, client_id=client_id)
        self._broken = broken
        self._left = threading.Event()

    def leave(self) -> None:
        """Disconnect for good."""
        self._left.set()
        self.disconnect()

    def loop_forever(
        self, timeout: float = 1.0, retry_first_connection: bool = False
    ) -> MQTTErrorCode:
        """What paho's thread runs: the same again, on a new connection, after an exception."""
        while True:
            try:
                return super().loop_forever(timeout, retry_first_connection)
            except Exception as error:  # noqa: BLE001  # what paho does not expect, we cannot name
                self.connect_async(self.host, self.port, self.keepalive)
                self._broken(error)
            if self._left.wait(_PAUSE_S):
                return MQTTErrorCode.MQTT_ERR_NO_CONN
