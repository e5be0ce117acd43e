"""Prosody from the distribution's package, with the modules that its shipped configuration loads."""

import os
import shutil
from pathlib import Path

from bench.servers.base import Server

# Without `limits`, which holds a client to 10 kB/s even when the configuration names no rate.
_MODULES = """
    disco roster saslauth tls blocklist bookmarks carbons dialback pep private smacks vcard4
    vcard_legacy csi_simple invites invites_adhoc invites_register ping register time uptime version
    admin_adhoc admin_shell posix
"""

_CONFIG = """\
modules_enabled = {{ {modules} }}
data_path = "{home}/data"
pidfile = "{home}/prosody.pid"
run_as_root = {root}
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {port} }}
s2s_ports = {{ {s2s_port} }}
{resolver}
ssl = {{ certificate = "{certificate}"; key = "{key}" }}
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
allow_registration = true
registration_invite_only = false
authentication = "internal_hashed"
log = {{ info = "*console" }}
{extra}
VirtualHost "{domain}"
Component "conference.{domain}" "muc"
"""

# Resolvers ask nobody on loopback by default.
_RESOLVER = """\
unbound = {{
    resolvconf = false; hoststxt = false; forward = "127.0.0.1@{port}";
    options = {{ ["do-not-query-localhost:"] = "no" }};
}}
"""


class Prosody(Server):
    """As shipped: files for storage, the incremental garbage collector of Lua."""

    name = "prosody"
    prepared_as: str | None = "prosody-files"
    extra = ""

    @classmethod
    def missing(cls) -> str | None:
        """Return what has to be installed first."""
        return None if shutil.which("prosody") else "the package prosody has to be installed"

    def configure(self) -> None:
        """Write prosody.cfg.lua."""
        (self.home / "data").mkdir(exist_ok=True)
        modules = "; ".join(f'"{module}"' for module in _MODULES.split())
        text = _CONFIG.format(
            modules=modules,
            home=self.home,
            root=str(os.getuid() == 0).lower(),
            port=self.port,
            s2s_port=self.s2s_port,
            domain=self.domain,
            resolver=_RESOLVER.format(port=self.nameserver) if self.nameserver else "",
            certificate=self.certificate,
            key=self.key,
            extra=self.extra.format(home=self.home, modules=modules),
        )
        (self.home / "prosody.cfg.lua").write_text(text)

    def command(self) -> list[str]:
        """Return the command."""
        return ["prosody", "--config", str(self.home / "prosody.cfg.lua"), "-F"]


class ProsodyGenerational(Prosody):
    """With Lua's generational garbage collector: less CPU, more memory."""

    name = "prosody-gen"
    extra = 'gc = {{ mode = "generational" }}'


class ProsodyArchive(ProsodyGenerational):
    """With an archive (mod_mam) on SQLite, the rest in files."""

    name = "prosody-archive"
    only = frozenset({"chat", "sm", "archive"})
    prepared_as = None
    extra = (
        ProsodyGenerational.extra
        + '\nmodules_enabled = {{ {modules}; "mam" }}\nstorage = {{ archive = "sql" }}'
        + '\nsql = {{ driver = "SQLite3"; database = "{home}/data/prosody.sqlite" }}'
        + '\ndefault_archive_policy = true\narchive_expires_after = "never"'
    )

    @classmethod
    def missing(cls) -> str | None:
        """Return what has to be installed first."""
        return ProsodySql.missing()


class ProsodySql(Prosody):
    """On SQLite, as a server that keeps its data in a database."""

    name = "prosody-sql"
    only = frozenset({"offline"})
    prepared_as = None
    extra = 'storage = "sql"\nsql = {{ driver = "SQLite3"; database = "{home}/data/prosody.sqlite" }}'

    @classmethod
    def missing(cls) -> str | None:
        """Return what has to be installed first."""
        if not any(Path("/usr/lib").glob("*/lua/*/dbd/sqlite3.so")):
            return "the package lua-dbi-sqlite3 has to be installed"
        return super().missing()
