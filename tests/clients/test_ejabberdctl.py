"""The same commands given to ejabberd by its ejabberdctl, and to Burble by a link of that name."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from bench.ports import free_port

from burble.testing import serving
from tests.clients.conftest import require

pytestmark = [pytest.mark.clients, pytest.mark.timeout(180)]

_EJABBERDCTL = Path("/usr/sbin/ejabberdctl")
_CONFIG = """\
hosts: [localhost]
auth_password_format: plain
registration_timeout: infinity
listen: []
modules:
  mod_admin_extra: {}
  mod_last: {}
  mod_muc: {}
  mod_muc_admin: {}
  mod_offline: {}
  mod_private: {}
  mod_roster: {}
  mod_vcard: {}
"""

# What is typed, in this order.
COMMANDS = """\
register juliet localhost secret
register romeo localhost secret
registered-users localhost
registered_vhosts
check_account juliet localhost
check_account nobody localhost
check_password juliet localhost wrong
connected_users
connected_users_number
num-resources juliet localhost
get_presence juliet localhost
add-rosteritem juliet localhost romeo localhost Romeo Friends both
delete_rosteritem juliet localhost romeo localhost
get_roster juliet localhost
set_vcard juliet localhost FN Juliet
get_vcard juliet localhost FN
set_last juliet localhost 1500000000 Gone
get_last juliet localhost
create_room hall conference.localhost localhost
set_room_affiliation hall conference.localhost romeo@localhost member
get_room_affiliations hall conference.localhost
muc_online_rooms global
destroy_room hall conference.localhost
stats registeredusers
set_loglevel debug
get_loglevel
regster mercutio
register mercutio
registered_users
help nothing_like_it
ping
"""
# Of these only the last line says what is wrong: before it comes the help, with each server's own words.
_LAST_LINE = ("register mercutio", "registered_users")


class Ejabberd:
    """ejabberd with a database of its own, given commands as its package does."""

    def __init__(self, home: Path) -> None:
        self._program = home / "ejabberdctl"
        # The packaged script insists on a user of its own.
        self._program.write_text(_EJABBERDCTL.read_text().replace("INSTALLUSER=ejabberd", "INSTALLUSER="))
        self._program.chmod(0o755)
        (home / "ejabberd.yml").write_text(_CONFIG)
        (home / "inetrc").touch()
        self._options = [
            "--node",
            "burbletest@localhost",
            "--config-dir",
            home,
            "--spool",
            home,
            "--logs",
            home,
        ]
        self.environment = {
            **os.environ,
            "HOME": str(home),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(free_port()),
        }

    async def __call__(self, *words: str) -> tuple[int, str]:
        """Give it a command; returns the exit status and what was printed."""
        return await output(self._program, *self._options, *words, environment=self.environment)


async def output(*command: str | Path, environment: dict[str, str]) -> tuple[int, str]:
    """Run a program; returns its exit status and what it printed."""
    process = await asyncio.create_subprocess_exec(
        *command,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    out, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    return process.returncode, out.decode()


@pytest.fixture
async def ejabberd(tmp_path: Path) -> AsyncIterator[Ejabberd]:
    """ejabberd, running."""
    require("ejabberd")
    home = tmp_path / "ejabberd"
    home.mkdir()
    ejabberd = Ejabberd(home)
    assert await ejabberd("start") == (0, "")
    try:
        assert (await ejabberd("started"))[0] == 0
        yield ejabberd
    finally:
        await ejabberd("stop")
        await ejabberd("stopped")
        await output("epmd", "-kill", environment=ejabberd.environment)


async def test_a_script_reads_the_same(ejabberd: Ejabberd, tmp_path: Path) -> None:
    program = shutil.which("burblectl", path=str(Path(sys.executable).parent))
    assert program is not None
    link = tmp_path / "ejabberdctl"
    link.symlink_to(program)
    async with serving(tmp_path / "burble") as burble:
        environment = {**os.environ, "BURBLE_DATA_DIR": str(burble.settings.data_dir)}
        for line in COMMANDS.splitlines():
            words = line.split()
            ours, theirs = await asyncio.gather(
                output(link, "--node", "ejabberd@localhost", *words, environment=environment),
                ejabberd(*words),
            )
            if line in _LAST_LINE:
                # ejabberd 23.01 ends with 1 here, later ones with 2, for wrong arguments.
                assert (ours[0], theirs[0]) == (2, 1)
                assert ours[1].splitlines()[-1] == theirs[1].splitlines()[-1]
            else:
                assert ours == theirs, line
