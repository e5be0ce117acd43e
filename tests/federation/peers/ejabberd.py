"""ejabberd, from the distribution's package."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.federation.peers.base import Peer

_CONFIG = """\
loglevel: {level}
log_rotate_count: 0
hosts: ["{domain}"]
certfiles: ["{pem}"]
ca_file: "{authority}"
s2s_cafile: "{authority}"
s2s_use_starttls: required
s2s_max_retry_delay: 1
listen:
  - port: {port}
    ip: "127.0.0.1"
    module: ejabberd_c2s
    max_stanza_size: 262144
    starttls: true
  - port: {s2s_port}
    ip: "127.0.0.1"
    module: ejabberd_s2s_in
    tls: {direct_tls}
    max_stanza_size: 524288
disable_sasl_mechanisms: ["digest-md5", "X-OAUTH2"]
auth_password_format: scram
registration_timeout: infinity
modules:
  mod_adhoc: {{}}
  mod_blocking: {{}}
  mod_caps: {{}}
  mod_carboncopy: {{}}
  mod_disco: {{}}
  mod_last: {{}}
  mod_muc:
    host: "{rooms}"
  mod_offline: {{}}
  mod_ping: {{}}
  mod_privacy: {{}}
  mod_private: {{}}
  mod_pubsub:
    plugins: [flat, pep]
  mod_register:
    access: all
    ip_access: all
  mod_roster:
    versioning: true
{modules}  mod_stream_mgmt:
    resend_on_timeout: if_offline
  mod_time: {{}}
  mod_vcard:
    search: false
  mod_version: {{}}
"""

# Only the name server of the tests, and nothing of this machine's own names.
_RESOLVER = """\
{{lookup, [dns]}}.
{{resolv_conf, ""}}.
{{hosts_file, ""}}.
{{nameserver, {{127,0,0,1}}, {port}}}.
{{edns, 0}}.
"""


class Ejabberd(Peer):
    """With most modules that its shipped configuration loads, and no limits of rate."""

    level = "info"

    @staticmethod
    def library() -> Path | None:
        """The directory of ejabberd's Erlang applications."""
        found = sorted(Path("/usr/lib").glob("*/ejabberd-*/ebin/ejabberd.app"))
        return found[-1].parents[2] if found else None

    @staticmethod
    def missing() -> str:
        """Return what has to be installed first."""
        return "" if Ejabberd.library() is not None and shutil.which("erl") else "ejabberd"

    def configure(self) -> None:
        """Write ejabberd.yml and inetrc."""
        pem = self.home / "ejabberd.pem"
        pem.write_bytes(self.files.certificate.read_bytes() + self.files.key.read_bytes())
        text = _CONFIG.format(
            level=self.level,
            domain=self.domain,
            rooms=self.rooms,
            pem=pem,
            authority=self.authority,
            port=self.port,
            s2s_port=self.s2s_port,
            direct_tls=str(self.direct_tls).lower(),
            modules="  mod_s2s_dialback: {}\n" if self.proof == "dialback" else "",
        )
        (self.home / "ejabberd.yml").write_text(text)
        (self.home / "inetrc").write_text(_RESOLVER.format(port=self.nameserver))

    def environment(self) -> dict[str, str]:
        """Return what ejabberdctl would set."""
        return {
            "EJABBERD_CONFIG_PATH": str(self.home / "ejabberd.yml"),
            "EJABBERD_LOG_PATH": str(self.home / "ejabberd.log"),
            "ERL_INETRC": str(self.home / "inetrc"),
            "ERL_LIBS": str(self.library()),
            "ERL_MAX_ETS_TABLES": "1400",
            "ERL_CRASH_DUMP_BYTES": "0",
        }

    def command(self) -> list[str]:
        """Return the command."""
        # Not through ejabberdctl: it insists on a user of its own and leaves epmd running.
        spool = f'"{self.home / "spool"}"'
        machine = ["erl", "+K", "true", "-noinput"]
        return [*machine, "-mnesia", "dir", spool, "-ejabberd", "quiet", "true", "-s", "ejabberd"]
