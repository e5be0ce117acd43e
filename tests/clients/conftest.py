"""Real clients: one server for all of them, and users with accounts of their own."""

from __future__ import annotations

import functools
import itertools
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from tests.clients.node_user import DIRECTORY, NodeUser
from tests.clients.profanity_user import ProfanityUser
from tests.clients.server import BurbleProcess, running
from tests.clients.slixmpp_user import SlixmppUser
from tests.clients.user import User

CLIENTS: dict[str, type[User]] = {"slixmpp": SlixmppUser, "node": NodeUser, "profanity": ProfanityUser}

SLIDGE = Path(__file__).with_name("slidge") / ".venv" / "bin" / "slidge"

Meet = Callable[..., Awaitable[User]]


_RIVALS = frozenset({"ejabberd"})


@functools.cache
def missing(client: str) -> str:
    """Why a client can't run here; empty where it can."""
    if client == "node":
        if _node_version() < 20:
            return "no Node 20 or later with npm (Debian 13: apt-get install nodejs npm)"
        if not (DIRECTORY / "node_modules" / "@xmpp").is_dir():
            return f"no @xmpp/client: run npm ci in {os.path.relpath(DIRECTORY)}, or make test"
    if client == "slidge" and not SLIDGE.exists():
        return f"no slidge: run make test, which installs it in {os.path.relpath(SLIDGE.parents[1])}"
    needs = {
        "profanity": ("tmux", "profanity"),
        "go-sendxmpp": ("go-sendxmpp",),
        "ruby": ("ruby",),
        "ejabberd": ("ejabberdctl",),
        "curl": ("curl",),
    }
    for program in needs.get(client, ()):
        if shutil.which(program) is None:
            return f"no {program} (Debian: apt-get install {program})"
    return ""


def _node_version() -> int:
    """The major version of Node; 0 where there is none."""
    if shutil.which("node") is None:
        return 0
    found = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)
    return int(found.stdout.removeprefix("v").partition(".")[0])


def require(client: str) -> None:
    """Skip the test where the client is missing; with BURBLE_TEST_REQUIRE_ALL=1, as in CI, fail it.

    Another server, to compare with, may be missing there, too.
    """
    if reason := missing(client):
        if os.environ.get("BURBLE_TEST_REQUIRE_ALL") == "1" and client not in _RIVALS:
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.fixture(scope="session")
def burble(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BurbleProcess]:
    """A server that offers SCRAM only: who logs in has proved itself with it."""
    with running(tmp_path_factory.mktemp("burble")) as process:
        yield process


_numbers = itertools.count(1)


@pytest.fixture
async def meet(burble: BurbleProcess) -> AsyncIterator[Meet]:
    """Makes users: ``await meet("slixmpp", "juliet")`` has an account and is logged in.

    The name gets a number, so that no test meets the contacts of another.
    """
    users: list[User] = []

    async def make(client: str, name: str, *, direct_tls: bool = False, log_in: bool = True) -> User:
        require(client)
        user = CLIENTS[client](f"{name}{next(_numbers)}", burble, direct_tls=direct_tls)
        users.append(user)
        await user.register()
        if log_in:
            await user.log_in()
        return user

    yield make
    for user in users:
        await user.close()
