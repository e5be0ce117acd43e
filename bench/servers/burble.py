"""Burble itself, from this source tree."""

import importlib.util
import sys

from bench.servers.base import Server

_CONFIG = """\
hosts = ["localhost"]
data_dir = "{home}/data"

[listen]
c2s = ["127.0.0.1:{port}"]
c2s_tls = []

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

[modules.muc.room_defaults]
max_users = 0  # as many as the service allows
"""


class Burble(Server):
    """All default modules, SQLite."""

    name = "burble"

    @classmethod
    def missing(cls) -> str | None:
        """Return what has to be installed first."""
        if importlib.util.find_spec("burble") is None:
            return "the package burble has to be installed"
        return None

    def configure(self) -> None:
        """Write burble.toml."""
        text = _CONFIG.format(home=self.home, port=self.port, certificate=self.certificate, key=self.key)
        (self.home / "burble.toml").write_text(text)

    def command(self) -> list[str]:
        """Return the command."""
        return [sys.executable, "-m", "burble", "serve", "--config", str(self.home / "burble.toml")]
