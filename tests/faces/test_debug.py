"""The console inside a running server."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import signal
import sys
from types import TracebackType
from typing import Any, Self

import pytest

from burble.server import Server
from burble.testing import serving
from tests.conftest import Connect
from tests.faces.programs import Ended, burblectl


class Talk:
    """A connection to the console of a server; a context."""

    def __init__(self, server: Server) -> None:
        self._path = str(server.settings.data_dir / "burble.sock")

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_unix_connection(self._path)
        self.send({"debug": True})
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()

    def send(self, request: dict[str, Any]) -> None:
        self._writer.write(json.dumps(request).encode() + b"\n")

    async def heard(self) -> dict[str, Any]:
        """The next line."""
        line = await asyncio.wait_for(self._reader.readline(), 5)
        return dict(json.loads(line))

    async def run(self, source: str) -> tuple[str, bool]:
        """What it prints, and whether it went well."""
        self.send({"source": source})
        return await self.ended()

    async def ended(self) -> tuple[str, bool]:
        """What is printed from now on, and whether it went well."""
        output = ""
        while "done" not in (line := await self.heard()):
            output += line["output"]
        return output, line["done"]


async def test_code_runs_inside_the_server(server: Server) -> None:
    async with Talk(server) as talk:
        assert await talk.run("list(hosts)") == ("['localhost']\n", True)
        assert await talk.run("x = 5") == ("", True)
        assert await talk.run("_, x") == ("(['localhost'], 5)\n", True)
        assert await talk.run("def double(n):\n    return n * 2\n\nprint('a')\ndouble(x)") == (
            "a\n10\n",
            True,
        )
        assert await talk.run("await call('registered_users', 'localhost')") == (
            "['juliet', 'nurse', 'romeo']\n",
            True,
        )
        assert await talk.run("for n in range(2):\n    await asyncio.sleep(0)\n    print(n)") == (
            "0\n1\n",
            True,
        )
        assert await talk.run("None") == ("", True)
        assert await talk.run("server.marked = True") == ("", True)
    assert vars(server)["marked"] is True


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("1 +", "SyntaxError: invalid syntax"),
        ("1 / 0", 'File "<console'),
        ("1 / 0", "    1 / 0\n"),
        ("nothing", "NameError: name 'nothing' is not defined"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("exit()", "SystemExit"),
        ("\0", "null bytes"),
        ("await call('regster')", "there is no command 'regster'"),
    ],
)
async def test_what_goes_wrong_is_told_and_the_console_goes_on(
    server: Server, source: str, said: str
) -> None:
    async with Talk(server) as talk:
        output, well = await talk.run(source)
        assert said in output
        assert "faces/console.py" not in output  # of the trace, what the person typed
        assert not well
        assert await talk.run("1 + 1") == ("2\n", True)


async def test_what_is_awaited_can_be_given_up_and_the_server_goes_on_meanwhile(
    server: Server, connect: Connect
) -> None:
    async with Talk(server) as talk:
        talk.send({"source": "print('waiting')\nawait asyncio.Event().wait()"})
        assert await talk.heard() == {"output": "waiting"}
        assert await talk.heard() == {"output": "\n"}
        await connect("juliet/balcony")
        talk.send({"interrupt": True})
        assert await talk.ended() == ("interrupted\n", False)


async def test_names_are_completed(server: Server) -> None:
    async with Talk(server) as talk:
        for text, name in (("serv", "server"), ("server.ho", "server.hosts"), ("no.thing", "")):
            talk.send({"complete": text})
            names = (await talk.heard())["names"]
            assert names == ([name] if name else [])


async def test_consoles_hear_what_their_own_code_prints(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sys.stdout
    async with serving() as other, Talk(server) as one, Talk(other) as two:
        assert await one.run("x = 1") == ("", True)
        output, well = await two.run("x")
        assert "NameError" in output
        assert not well
        waiting = (
            "print('wait')\ngate = asyncio.Event()\nserver.gate = gate\nawait gate.wait()\nprint('mine')"
        )
        one.send({"source": waiting})
        assert [await one.heard(), await one.heard()] == [{"output": "wait"}, {"output": "\n"}]
        print("ours")
        assert await two.run("print('theirs')") == ("theirs\n", True)
        vars(server)["gate"].set()
        assert await one.ended() == ("mine\n", True)
    await server.stop()
    assert sys.stdout is before
    assert capsys.readouterr().out == "ours\n"


async def test_an_open_console_does_not_keep_the_server_from_stopping(server: Server) -> None:
    async with Talk(server) as talk:
        talk.send({"source": "await server.stop()"})
        await asyncio.wait_for(server.wait_stopped(), 10)
        assert server.hosts == {}


@pytest.mark.parametrize("line", [b"hello\n", b"[]\n", b'{"source": 5}\n', b"[" * 60_000 + b"\n"])
async def test_garbage(server: Server, line: bytes) -> None:
    reader, writer = await asyncio.open_unix_connection(str(server.settings.data_dir / "burble.sock"))
    writer.write(b'{"debug": true}\n' + line)
    writer.write_eof()
    await asyncio.wait_for(reader.read(), 5)
    writer.close()
    async with Talk(server) as talk:
        assert await talk.run("1") == ("1\n", True)


# ---- the program


async def ctl(server: Server, source: str, *arguments: str) -> Ended:
    """Run `burblectl debug` with this in its standard input."""
    directory = server.settings.data_dir
    return await burblectl(directory, "--data-dir", str(directory), *arguments, "debug", stdin=source)


async def test_a_script(server: Server) -> None:
    script = "names = list(hosts)\nfor name in names:\n    print(name.upper())\nlen(names)\n"
    assert await ctl(server, script) == Ended(0, "LOCALHOST\n1\n", "")
    failed = await ctl(server, "1 / 0")
    assert failed.status == 1
    assert "ZeroDivisionError" in failed.out


async def test_accounts_may_not(server: Server) -> None:
    ended = await ctl(server, "1", "--auth", "juliet", "localhost", "secret")
    assert ended.status == 2
    assert "not for accounts" in ended.err


async def test_a_person_at_a_terminal(server: Server) -> None:
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "burble.faces.cli",
        "--data-dir",
        str(server.settings.data_dir),
        "debug",
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "dumb"},
        # Whoever started the tests in the background may have had this signal ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    os.close(theirs)
    shown = ""

    async def until(text: str) -> None:
        nonlocal shown
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(15):
            while text not in shown:
                shown += (await loop.run_in_executor(None, os.read, ours, 4096)).decode()
        shown = shown.partition(text)[2]

    await until("Ctrl-D leaves.")
    await until(">>> ")
    os.write(ours, b"for host in hosts:\n")
    await until("... ")
    os.write(ours, b"    print(host * 2)\n\n")
    await until("localhostlocalhost")
    await until(">>> ")
    os.write(ours, b"server.hos\t\n")
    await until("'localhost': <burble")
    await until(">>> ")
    os.write(ours, b"print('g' + 'o'); await asyncio.sleep(3600)\n")
    await until("go")
    process.send_signal(signal.SIGINT)
    await until("interrupted")
    await until(">>> ")
    os.write(ours, b"\x04")
    assert await asyncio.wait_for(process.wait(), 10) == 0
    os.close(ours)
    assert not re.search("Traceback", shown)
