"""Burble itself, from this source tree."""

import importlib.util
import os
import sys

from bench.servers.base import Server

_CONFIG = """\
hosts = ["{domain}"]
data_dir = "{home}/data"

[listen]
c2s = ["127.0.0.1:{port}"]
c2s_tls = []
s2s = {s2s}

[federation]
nameservers = {nameservers}

[tls]
require = false
certificate = "{certificate}"
key = "{key}"

[auth]
allow_plain_without_tls = true

[registration]
open = true

# No limits (0 is none): the load generator is one address, and faster than any person.
[limits]
rate = 0
offline_messages = 100000
registrations_per_address = 0
connections_per_address = 0

[modules]
disable = {disable}

# Without an archive nobody else stores what is sent to clients that are there.
[modules.stream_management]
store = {store}

[modules.muc.room_defaults]
max_users = 0  # as many as the service allows
{extra}
"""
#: The URL of an empty PostgreSQL database that the benchmark may use.
_POSTGRESQL = "BENCH_POSTGRESQL"


class Burble(Server):
    """All default modules but the archive, SQLite."""

    name = "burble"
    disable = '["archive"]'
    store = "false"
    extra = ""

    @classmethod
    def missing(cls) -> str | None:
        """Return what has to be installed first."""
        if importlib.util.find_spec("burble") is None:
            return "the package burble has to be installed"
        return None

    def configure(self) -> None:
        """Write burble.toml."""
        text = _CONFIG.format(
            domain=self.domain,
            home=self.home,
            s2s=f'["127.0.0.1:{self.s2s_port}"]' if self.nameserver else "[]",
            nameservers=f'["127.0.0.1:{self.nameserver}"]' if self.nameserver else "[]",
            port=self.port,
            certificate=self.certificate,
            key=self.key,
            disable=self.disable,
            store=self.store,
            extra=self.extra,
        )
        (self.home / "burble.toml").write_text(text)

    def command(self) -> list[str]:
        """Return the command."""
        return [sys.executable, "-m", "burble", "serve", "--config", str(self.home / "burble.toml")]


class BurbleArchive(Burble):
    """With the archive."""

    name = "burble-archive"
    only = frozenset({"chat", "sm", "archive"})
    disable = "[]"
    store = "true"


class BurbleArchivePostgresql(BurbleArchive):
    """With the archive, on PostgreSQL; the CPU of the database is not counted."""

    name = "burble-archive-pg"
    extra = f'[database]\nurl = "{os.environ.get(_POSTGRESQL, "")}"'

    @classmethod
    def missing(cls) -> str | None:
        """Return what has to be there first."""
        if not os.environ.get(_POSTGRESQL):
            return f"{_POSTGRESQL} has to be the URL of an empty PostgreSQL database"
        return super().missing()
