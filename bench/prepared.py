"""Prepared data of the peers, kept between invocations.

To befriend 500 users costs a peer minutes, so it is done once. Burble's data is made anew each time:
its own making is part of what changes.
"""

import json
import shutil
from pathlib import Path

from bench.servers import Server

STORE = Path(__file__).parent / "results" / "prepared"
_LIST = "prepared.json"


def restore(server: Server) -> None:
    """Give the server a copy of what was saved for it, if anything was."""
    if server.prepared_as is None or not (saved := STORE / server.prepared_as).exists():
        return
    shutil.copytree(saved, server.home, dirs_exist_ok=True)
    server.prepared.update(json.loads((saved / _LIST).read_text()))


def save(server: Server) -> None:
    """Keep a copy of the stopped server's directory."""
    if server.prepared_as is None:
        return
    saved = STORE / server.prepared_as
    (server.home / _LIST).write_text(json.dumps(sorted(server.prepared)))
    shutil.rmtree(saved, ignore_errors=True)
    shutil.copytree(server.home, saved)
