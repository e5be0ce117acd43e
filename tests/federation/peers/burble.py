"""Burble itself, from this source tree."""

from __future__ import annotations

import json
import sys

from tests.federation.peers.base import Peer

_CONFIG = """\
hosts = ["{domain}"]
data_dir = "{home}/data"

[listen]
c2s = ["127.0.0.1:{port}"]
c2s_tls = []
{listener} = ["127.0.0.1:{s2s_port}"]
{other_listener} = []

[tls]
require = false
certificate = "{certificate}"
key = "{key}"

[auth]
allow_plain_without_tls = true
scram_iterations = 4096

[registration]
open = true

[federation]
certificate = "{certificates}"
dialback = {dialback}
nameservers = ["127.0.0.1:{nameserver}"]
trust = ["{authority}"]
deny = {denied}

[limits]
rate = 0
registrations_per_address = 0
connections_per_address = 0

[log]
level = "{level}"
"""


class Burble(Peer):
    """All default modules."""

    level = "info"

    @staticmethod
    def missing() -> str:
        """Return nothing: it is what is being tested."""
        return ""

    def configure(self) -> None:
        """Write burble.toml."""
        dialback = self.proof == "dialback"
        text = _CONFIG.format(
            domain=self.domain,
            home=self.home,
            port=self.port,
            listener="s2s_tls" if self.direct_tls else "s2s",
            other_listener="s2s" if self.direct_tls else "s2s_tls",
            s2s_port=self.s2s_port,
            certificate=self.files.certificate,
            key=self.files.key,
            certificates="optional" if dialback else "required",
            dialback=json.dumps(dialback),
            nameserver=self.nameserver,
            authority=self.authority,
            denied=json.dumps(self.blocked),
            level=self.level,
        )
        (self.home / "burble.toml").write_text(text)

    def command(self) -> list[str]:
        """Return the command."""
        return [sys.executable, "-m", "burble", "serve", "--config", str(self.home / "burble.toml")]
