"""The servers that the benchmark compares, in the order of the table's columns."""

from bench.servers.base import Server, ServerFailed
from bench.servers.burble import Burble, BurbleArchive, BurbleArchivePostgresql
from bench.servers.ejabberd import Ejabberd, EjabberdArchive
from bench.servers.prosody import Prosody, ProsodyArchive, ProsodyGenerational, ProsodySql

# prosody-gen before prosody: they share their prepared data, and it is the faster to make them.
SERVERS: dict[str, type[Server]] = {
    kind.name: kind
    for kind in (
        Burble,
        ProsodyGenerational,
        Prosody,
        ProsodySql,
        Ejabberd,
        BurbleArchive,
        BurbleArchivePostgresql,
        ProsodyArchive,
        EjabberdArchive,
    )
}

__all__ = ["SERVERS", "Server", "ServerFailed"]
