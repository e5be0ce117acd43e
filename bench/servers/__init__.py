"""The servers that the benchmark compares, in the order of the table's columns."""

from bench.servers.base import Server, ServerFailed
from bench.servers.burble import Burble
from bench.servers.ejabberd import Ejabberd
from bench.servers.prosody import Prosody, ProsodyGenerational, ProsodySql

# prosody-gen before prosody: they share their prepared data, and it is the faster to make them.
SERVERS: dict[str, type[Server]] = {
    kind.name: kind for kind in (Burble, ProsodyGenerational, Prosody, ProsodySql, Ejabberd)
}

__all__ = ["SERVERS", "Server", "ServerFailed"]
