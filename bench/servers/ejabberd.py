"""ejabberd from the distribution's package, with the modules that its shipped configuration loads."""

import shutil
import sqlite3
from pathlib import Path

from bench.servers.base import Server

# Without mod_pres_counter (a rate limit); with mod_register, which a benchmark needs; with rooms in which
# more than 1,000 see each other.
_CONFIG = """\
loglevel: info
log_rotate_count: 0
hosts: ["{domain}"]
certfiles: ["{pem}"]
listen:
  - port: {port}
    ip: "127.0.0.1"
    module: ejabberd_c2s
    max_stanza_size: 262144
    shaper: none
    access: all
    starttls: true
{s2s}disable_sasl_mechanisms: ["digest-md5", "X-OAUTH2"]
auth_password_format: scram
registration_timeout: infinity
shaper_rules:
  max_user_sessions: 10
  max_user_offline_messages: infinity
{extra}modules:
  mod_adhoc: {{}}
  mod_admin_extra: {{}}
  mod_announce: {{}}
  mod_avatar: {{}}
  mod_blocking: {{}}
  mod_bosh: {{}}
  mod_caps: {{}}
  mod_carboncopy: {{}}
  mod_client_state: {{}}
  mod_configure: {{}}
  mod_disco: {{}}
  mod_fail2ban: {{}}
  mod_http_api: {{}}
  mod_last: {{}}
{modules}  mod_mqtt: {{}}
  mod_muc:
    max_users: 5000
    max_users_presence: 5000
    default_room_options:
      max_users: 5000
  mod_muc_admin: {{}}
  mod_offline:
    access_max_user_messages: max_user_offline_messages
  mod_ping: {{}}
  mod_privacy: {{}}
  mod_private: {{}}
  mod_pubsub:
    plugins: [flat, pep]
    force_node_config:
      "eu.siacs.conversations.axolotl.*":
        access_model: open
      storage:bookmarks:
        access_model: whitelist
  mod_push: {{}}
  mod_push_keepalive: {{}}
  mod_register:
    access: all
    ip_access: all
  mod_roster:
    versioning: true
  mod_s2s_dialback: {{}}
  mod_shared_roster: {{}}
  mod_sic: {{}}
  mod_stream_mgmt:
    resend_on_timeout: if_offline
  mod_stun_disco: {{}}
  mod_vcard:
    search: false
  mod_vcard_xupdate: {{}}
  mod_version: {{}}
"""


_S2S = """\
  - port: {port}
    ip: "127.0.0.1"
    module: ejabberd_s2s_in
    max_stanza_size: 524288
    shaper: none
s2s_use_starttls: required
"""

_RESOLVER = """\
{{lookup, [dns]}}.
{{resolv_conf, ""}}.
{{hosts_file, ""}}.
{{nameserver, {{127,0,0,1}}, {port}}}.
"""


class Ejabberd(Server):
    """As shipped: Mnesia for storage."""

    name = "ejabberd"
    prepared_as: str | None = "ejabberd"
    modules = ""
    extra = ""

    @staticmethod
    def _library() -> Path | None:
        """Return the directory that holds ejabberd's Erlang applications."""
        found = sorted(Path("/usr/lib").glob("*/ejabberd-*/ebin/ejabberd.app"))
        return found[-1].parents[2] if found else None

    @classmethod
    def missing(cls) -> str | None:
        """Return what has to be installed first."""
        if shutil.which("erl") and cls._library():
            return None
        return "the package ejabberd has to be installed"

    def configure(self) -> None:
        """Write ejabberd.yml."""
        pem = self.home / "ejabberd.pem"
        pem.write_bytes(self.certificate.read_bytes() + self.key.read_bytes())
        (self.home / "ejabberd.yml").write_text(self.configuration(pem))
        (self.home / "inetrc").write_text(_RESOLVER.format(port=self.nameserver) if self.nameserver else "")

    def configuration(self, pem: Path) -> str:
        """Return what ejabberd.yml says."""
        return _CONFIG.format(
            domain=self.domain,
            pem=pem,
            port=self.port,
            s2s=_S2S.format(port=self.s2s_port) if self.nameserver else "",
            modules=self.modules,
            extra=self.extra.format(home=self.home),
        )

    def environment(self) -> dict[str, str]:
        """Return what ejabberdctl would set."""
        return {
            "EJABBERD_CONFIG_PATH": str(self.home / "ejabberd.yml"),
            "EJABBERD_LOG_PATH": str(self.home / "ejabberd.log"),
            "ERL_INETRC": str(self.home / "inetrc"),
            "ERL_LIBS": str(self._library()),
            "ERL_MAX_PORTS": "32000",
            "ERL_MAX_ETS_TABLES": "1400",
            "ERL_CRASH_DUMP_BYTES": "0",
        }

    def command(self) -> list[str]:
        """Return the command."""
        # Not through ejabberdctl: it insists on a user of its own and leaves epmd running.
        # Quiet on the console only, where it would write its log a second time.
        machine = ["erl", "+K", "true", "+P", "250000", "-noinput"]
        spool = f'"{self.home / "spool"}"'
        return [*machine, "-mnesia", "dir", spool, "-ejabberd", "quiet", "true", "-s", "ejabberd"]


class EjabberdArchive(Ejabberd):
    """With an archive (mod_mam) on SQLite, the rest in Mnesia."""

    name = "ejabberd-archive"
    only = frozenset({"chat", "sm", "archive"})
    prepared_as = None
    modules = "  mod_mam:\n    default: always\n    db_type: sql\n    assume_mam_usage: false\n"
    extra = "sql_type: sqlite\nsql_database: {home}/ejabberd.sqlite\n"

    @classmethod
    def missing(cls) -> str | None:
        """Return what has to be installed first."""
        if not any(Path("/usr/lib").glob("**/p1_sqlite3-*/ebin/sqlite3.app")):
            return "the package erlang-p1-sqlite3 has to be installed"
        return super().missing()

    def configure(self) -> None:
        """Write ejabberd.yml, and make the tables, which this version does not."""
        super().configure()
        path = self.home / "ejabberd.sqlite"
        if not path.exists():
            library = self._library()
            assert library is not None
            schema = max(library.glob("ejabberd-*/priv/sql/lite.sql"))
            database = sqlite3.connect(path)
            database.executescript(schema.read_text())
            database.close()
