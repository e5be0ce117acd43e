"""Looks at how the server gets on with other servers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Final

from burble.commands.checks.finding import Finding, ok, warning
from burble.commands.checks.subject import Subject

__all__ = ["check_federation"]

# Domains that can't be reached, and none that can, before it looks as if it were our fault.
_SUSPICIOUS: Final = 3
_SHOWN: Final = 5


def check_federation(subject: Subject) -> Iterator[Finding]:
    """Look at the streams to other servers, what waits for them, and who can't be reached."""
    federation = subject.federation
    if not subject.settings.federation.enabled:
        yield ok("federation", "it is turned off: nothing goes to other servers")
        return
    if federation is None:
        return
    streams = [stream for stream in (*federation.incoming, *federation.outgoing) if stream.method]
    unreached = federation.known.failures(asyncio.get_running_loop().time())
    waiting = {(link.local, link.remote): link.waiting for link in federation.links.values()}
    most = max(waiting, key=lambda pair: waiting[pair], default=("", ""))
    if waiting and waiting[most] * 2 > subject.settings.federation.queue_stanzas:
        text = f"{waiting[most]} stanzas from {most[0]} wait for {most[1]}, and soon no more can"
        yield warning("federation", text, f"see burblectl list_s2s and the log for {most[1]}")
    if len(unreached) >= _SUSPICIOUS and not streams:
        names = ", ".join(sorted(unreached)[:_SHOWN])
        text = f"none of {len(unreached)} other servers could be reached: {names}"
        advice = "see burblectl list_s2s_unreached; a firewall may keep this machine from their port 5269"
        yield warning("federation", text, advice)
    else:
        known = f", {len(unreached)} domains not reached of late" if unreached else ""
        yield ok("federation", f"{len(streams)} streams, {sum(waiting.values())} stanzas wait{known}")
