"""Kill a server with -9 under load, again and again, and look for what it had acknowledged.

    python -m tests.faults.kill9 --server burble|prosody|prosody-sql|ejabberd|ejabberd-sql --rounds N

Senders with stream management (XEP-0198) write to accounts whose clients are there, there and silent, lost,
or away; some have no archive. After a random time the server is killed and started again. Each message that
it had acknowledged must be on the recipient's screen, among what it gets when it comes back, or in its
archive (XEP-0313); none may be there under several ids, and all in their order.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
from bench.certificate import make_certificate
from bench.client import register
from bench.servers import Server
from bench.servers.burble import BurbleArchive
from bench.servers.ejabberd import Ejabberd, EjabberdArchive
from bench.servers.prosody import Prosody, ProsodyArchive

from tests.faults.witnesses import Recipient, Sender, log_in

#: What each recipient's client does, and whether the account has an archive.
CAST = [
    ("live", True),
    ("plain", True),
    ("stalled", True),
    ("waiting", True),
    ("away", True),
    ("live", False),
    ("stalled", False),
    ("waiting", False),
    ("away", False),
]


class ArchivingProsody(Prosody):
    """With its archive, files as all its data."""

    def configure(self) -> None:
        """Add the module to the configuration of the benchmark."""
        super().configure()
        file = self.home / "prosody.cfg.lua"
        file.write_text(file.read_text().replace('"smacks"', '"smacks"; "mam"', 1))


class ArchivingEjabberd(Ejabberd):
    """With its archive, in Mnesia as all its data."""

    def configure(self) -> None:
        """Add the module to the configuration of the benchmark."""
        super().configure()
        file = self.home / "ejabberd.yml"
        file.write_text(file.read_text() + "  mod_mam:\n    default: always\n")


SERVERS: dict[str, type[Server]] = {
    "burble": BurbleArchive,
    "prosody": ArchivingProsody,
    "prosody-sql": ProsodyArchive,
    "ejabberd": ArchivingEjabberd,
    "ejabberd-sql": EjabberdArchive,
}


@asynccontextmanager
async def killable(server: Server) -> AsyncIterator[None]:
    """Run a server; at the end of the context it and its children are killed with -9."""
    await server._start()
    assert server._process is not None
    try:
        yield
    finally:
        process = psutil.Process(server._process.pid)
        for child in [process, *process.children(recursive=True)]:
            child.send_signal(signal.SIGKILL)
        await server._process.wait()
        server._process = None


async def torment(
    kind: type[Server], rounds: int, seed: int | None = None, longest: float = 1.5
) -> Counter[str]:
    """Kill a server of that kind so many times, after `longest` seconds of load at the most.

    Returns:
        How many messages were ``acknowledged``, and of these ``lost``; how many are there under several ids
        (``doubled``), and how many are out of order (``misordered``); ``lost KIND`` for kinds of recipients.
    """
    chance = random.Random(seed)
    total: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="kill9-") as directory:
        server = kind(Path(directory, "server"), *make_certificate(Path(directory)))
        users = [f"recipient{number}" for number in range(len(CAST))]
        async with killable(server):
            for user in (*users, *(f"sender{number}" for number in range(len(CAST)))):
                await register(server.port, user)
            for user, (_, archived) in zip(users, CAST, strict=True):
                wanted = "always" if archived else "never"
                await Recipient(server.port, user, "away", "").choose_archive(wanted)
            await asyncio.sleep(1.0)  # accounts are not what is tested: let any server write them down
        for number in range(rounds):
            total += await _round(server, users, f"r{number}", chance.uniform(0.2, longest))
    return total


async def _round(server: Server, users: list[str], word: str, seconds: float) -> Counter[str]:
    since = (datetime.now(UTC) - timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    async with killable(server):
        recipients = [
            Recipient(server.port, user, kind, word) for user, (kind, _) in zip(users, CAST, strict=True)
        ]
        clients = await asyncio.gather(*(log_in(server.port, f"sender{n}") for n in range(len(CAST))))
        await asyncio.gather(*(recipient.come() for recipient in recipients))
        senders = [
            Sender(client, f"{recipient.user}@localhost", word)
            for client, recipient in zip(clients, recipients, strict=True)
        ]
        tasks = [asyncio.create_task(each.run()) for each in senders]
        tasks += [asyncio.create_task(each.watch()) for each in recipients]
        await asyncio.sleep(seconds)
    await asyncio.gather(*tasks)
    result: Counter[str] = Counter()
    async with killable(server):
        await asyncio.gather(*(recipient.look(server.port, since) for recipient in recipients))
        for sender, recipient, (kind, archived) in zip(senders, recipients, CAST, strict=True):
            evidence = recipient.evidence
            evidence.acknowledged = sender.acknowledged
            result["acknowledged"] += evidence.acknowledged
            result["lost"] += len(evidence.lost)
            result["doubled"] += len(evidence.doubled)
            result["misordered"] += evidence.misordered
            if evidence.lost:
                result[f"lost {kind}{'' if archived else ', no archive'}"] += len(evidence.lost)
    return result


def main() -> None:
    """Do it, and print the row of the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--server", choices=SERVERS, default="burble")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--longest", type=float, default=1.5, help="seconds of load at most (default 1.5)")
    parser.add_argument("--seed", type=int, help="of the moments at which the server is killed")
    arguments = parser.parse_args()
    kind = SERVERS[arguments.server]
    if missing := kind.missing():
        parser.error(missing)
    start = time.monotonic()
    result = asyncio.run(torment(kind, arguments.rounds, arguments.seed, arguments.longest))
    columns = ("acknowledged", "lost", "doubled", "misordered")
    print("| server | killed | acknowledged | lost | several ids | out of order |")
    print("| --- | --- | --- | --- | --- | --- |")
    print(
        f"| {arguments.server} | {arguments.rounds} | " + " | ".join(str(result[c]) for c in columns) + " |"
    )
    for name, number in sorted(result.items()):
        if name.startswith("lost "):
            print(f"{name}: {number}")
    print(f"{time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    main()
