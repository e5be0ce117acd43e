"""Ports for servers that have to be told where to listen."""

import secrets
import socket

# Below those that the system hands out by itself: nobody who asks it for any port gets one of these
# between our look and the start of the server that is told of it.
_FIRST, _COUNT = 10_000, 20_000


def free_port() -> int:
    """Return a TCP port that nobody listens on."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """Return as many different TCP ports that nobody listens on."""
    ports: list[int] = []
    while len(ports) < count:
        port = _FIRST + secrets.randbelow(_COUNT)
        if port not in ports and _is_free(port):
            ports.append(port)
    return ports


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
