"""The servers that the benchmark compares, in the order of the table's columns."""

from bench.servers.base import Server, ServerFailed
from bench.servers.burble import Burble
from bench.servers.ejabberd import Ejabberd
from bench.servers.prosody import Prosody, ProsodyGenerational, ProsodySql

SERVERS: dict[str, type[Server]] = {
    kind.name: kind for kind in (Burble, Prosody, ProsodyGenerational, ProsodySql, Ejabberd)
}

__all__ = ["SERVERS", "Server", "ServerFailed"]
