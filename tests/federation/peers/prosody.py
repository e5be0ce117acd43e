"""Prosody, from the distribution's package."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.federation.peers.base import Peer

_CONFIG = """\
modules_enabled = {{
    "disco", "roster", "saslauth", "tls", "blocklist", "carbons", "pep", "private", "vcard4", "vcard_legacy",
    "ping", "register", "time", "uptime", "version", "posix", "smacks",
    "offline", {modules}
}}
modules_disabled = {{ {disabled} }}
data_path = "{home}/data"
pidfile = "{home}/prosody.pid"
run_as_root = {root}
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {port} }}
s2s_ports = {{ {s2s_ports} }}
s2s_direct_tls_ports = {{ {s2s_direct_tls_ports} }}
ssl = {{ certificate = "{certificate}"; key = "{key}"; cafile = "{authority}" }}
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
s2s_require_encryption = true
s2s_secure_auth = {secure_auth}
-- Only the name server of the tests, which is on loopback, where resolvers ask nobody by default.
unbound = {{
    resolvconf = false; hoststxt = false; forward = "127.0.0.1@{nameserver}";
    options = {{ ["do-not-query-localhost:"] = "no" }};
}}
allow_registration = true
registration_invite_only = false
authentication = "internal_hashed"
log = {{ {level} = "*console" }}
VirtualHost "{domain}"
Component "{rooms}" "muc"
"""


class Prosody(Peer):
    """With the modules that its shipped configuration loads, and what federation takes."""

    level = "info"

    @staticmethod
    def missing() -> str:
        """Return what has to be installed first; without unbound it can't be told whom to ask for names."""
        if shutil.which("prosody") is None:
            return "prosody"
        return "" if any(Path("/usr/lib").glob("*/lua/*/lunbound.so")) else "lua-unbound"

    def configure(self) -> None:
        """Write prosody.cfg.lua."""
        (self.home / "data").mkdir(exist_ok=True)
        dialback = self.proof == "dialback"
        text = _CONFIG.format(
            modules='"dialback"' if dialback else "",
            disabled="" if dialback else '"dialback"',
            home=self.home,
            root=str(os.getuid() == 0).lower(),
            port=self.port,
            s2s_ports="" if self.direct_tls else self.s2s_port,
            s2s_direct_tls_ports=self.s2s_port if self.direct_tls else "",
            certificate=self.files.certificate,
            key=self.files.key,
            authority=self.authority,
            secure_auth=str(not dialback).lower(),
            nameserver=self.nameserver,
            level=self.level,
            domain=self.domain,
            rooms=self.rooms,
        )
        (self.home / "prosody.cfg.lua").write_text(text)

    def command(self) -> list[str]:
        """Return the command."""
        return ["prosody", "--config", str(self.home / "prosody.cfg.lua"), "-F"]
