"""What goes from one of our domains to another one: a stream, or a queue until there is one."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Iterable
from typing import TYPE_CHECKING, Final, Protocol

from burble.errors import StanzaError
from burble.stanza import Stanza
from burble.streams.servers.outgoing import StreamRefused

if TYPE_CHECKING:
    from burble.config import Federation
    from burble.streams.servers.base import ServerStream
    from burble.streams.servers.flow import Flow

__all__ = ["Link", "Links"]

_log = logging.getLogger("burble.s2s")

# The pauses between attempts to reach a server that could be reached before, seconds.
_PAUSES: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
# How long the other side has to resume a stream that it had opened, seconds.
_GRACE: Final = 10.0


class Links(Protocol):
    """What a link asks of the S2S manager."""

    settings: Federation

    def open(self, link: Link) -> Awaitable[ServerStream]:
        """Open a stream. Raises `StreamRefused`."""

    def offered(self, link: Link) -> ServerStream | None:
        """A stream that the other side has opened, on which stanzas can go both ways."""

    def delivered(self, stanzas: Iterable[Stanza]) -> None:
        """Another server has taken stanzas."""

    def bounce(self, stanza: Stanza, error: StanzaError) -> None:
        """Tell the sender of a stanza that it can't be delivered."""

    def unreachable(self, link: Link, refused: StreamRefused) -> None:
        """A server can't be reached; it is left in peace for a while."""

    def idle(self, link: Link) -> None:
        """Nothing is under way on a link, and nothing waits."""

    def withdraw(self, flow: Flow) -> None:
        """A flow can't be resumed any more."""


class Link:
    """A pair of domains: ours, and one elsewhere. There is one for each (RFC 6120 §10.4).

    Args:
        manager: the S2S manager.
        local: our domain.
        remote: the other one.
        reached: its server could be reached before.

    Attributes:
        stream: what stanzas are sent on.
        broken: the counters of a stream that broke and that we can resume (XEP-0198 §5).
    """

    __slots__ = (
        "_both_ways",
        "_broken_until",
        "_bytes",
        "_closed",
        "_confirmed",
        "_manager",
        "_queue",
        "_stuck_until",
        "_task",
        "_theirs",
        "_timer",
        "_tries",
        "_trying",
        "broken",
        "local",
        "reached",
        "remote",
        "stream",
    )

    def __init__(self, manager: Links, local: str, remote: str, *, reached: bool) -> None:
        self._manager = manager
        self.local = local
        self.remote = remote
        self.reached = reached
        self.stream: ServerStream | None = None
        self.broken: Flow | None = None
        self._both_ways = False  # what is broken may have brought stanzas of which they wait to hear
        self._theirs: Flow | None = None  # the counters of a stream that broke and that they can resume
        self._closed = False
        self._trying = False  # we are opening one, and do not pause between attempts
        self._confirmed = 0  # the stream's count when it was taken into use
        self._tries = 0  # how many streams in a row broke before anything was confirmed on them
        self._stuck_until = 0.0  # when that is no longer borne with
        self._queue: deque[tuple[float, Stanza, int]] = deque()
        self._bytes = 0
        self._broken_until = 0.0
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def __str__(self) -> str:
        return f"s2s {self.local} to {self.remote}"

    @property
    def waiting(self) -> int:
        """How many stanzas wait to be sent."""
        return len(self._queue)

    @property
    def opening(self) -> bool:
        """Whether a stream is being opened."""
        return self._task is not None

    # ---- stanzas

    def send(self, stanza: Stanza) -> None:
        """Send a stanza, or let it wait.

        Raises:
            StanzaError: resource-constraint, where too many wait already.
        """
        stream = self.stream
        if stream is None or self._queue or not self._takes(stream):
            self._enqueue(stanza)
        else:
            stream.send_stanza(stanza)

    def _takes(self, stream: ServerStream) -> bool:
        flow, settings = stream.flow, self._manager.settings
        if len(flow.waiting) >= settings.queue_stanzas or flow.size >= settings.queue_bytes:
            return False
        return stream.has_room

    def _enqueue(self, stanza: Stanza) -> None:
        settings = self._manager.settings
        size = len(stanza.to_bytes())
        if len(self._queue) >= settings.queue_stanzas or self._bytes + size > settings.queue_bytes:
            raise StanzaError("resource-constraint", f"too much waits for {self.remote} already")
        self._queue.append((self._deadline(), stanza, size))
        self._bytes += size
        self._open_soon()

    def flush(self) -> None:
        """Send what waits, as much as the stream takes."""
        stream, queue = self.stream, self._queue
        while stream is not None and queue and self._takes(stream):
            _, stanza, size = queue.popleft()
            self._bytes -= size
            stream.send_stanza(stanza)

    # ---- streams

    def adopt(self, stream: ServerStream) -> None:
        """Send on a stream from now on."""
        self.reached = True
        self._stop_timer()
        self.stream = stream
        broken, self.broken = self.broken, None
        theirs, self._theirs = self._theirs, None
        for flow in (broken, theirs):
            if flow is not None and flow is not stream.flow:
                self._put_back(flow, self._deadline())
            elif flow is not None and flow.confirmed > self._confirmed:
                self._tries = 0
        self._confirmed = stream.flow.confirmed
        self.flush()

    def offer(self, stream: ServerStream) -> None:
        """The other side has opened a stream on which stanzas go both ways: use it where one is needed.

        Not where ours is about to be there: each side goes on with what it opened, should that break.
        """
        if self.stream is None and self.broken is None and not self._trying:
            self.adopt(stream)

    def lost(self, stream: ServerStream, *, resumable: bool, theirs: bool) -> None:
        """The stream is over.

        Args:
            stream: that one.
            resumable: the flow can go on, on another stream.
            theirs: it is for the other side to resume it.
        """
        if stream is not self.stream:
            return
        self.stream = None
        flow = stream.flow
        if not flow.waiting or flow.confirmed != self._confirmed:
            self._tries = 0
        elif not self._tries:
            self._tries, self._stuck_until = 1, self._deadline()
        elif self._stuck_until < asyncio.get_running_loop().time():
            self._tries = 0
            self._give_up(flow)  # it may be one of them that the other side can't bear
        else:
            self._tries += 1
        if resumable and not theirs:
            self.broken = flow
            self._both_ways = stream.bidi
            self._broken_until = self._deadline()
        elif resumable:
            self._theirs = flow
            self._timer = asyncio.get_running_loop().call_later(_GRACE, self._not_resumed)
        elif flow.managed:
            self._put_back(flow, self._deadline())
        else:
            self._give_up(flow)
        self._open_soon()
        self._check_idle()

    def _not_resumed(self) -> None:
        self._timer = None
        flow, self._theirs = self._theirs, None
        if flow is not None:
            self._manager.withdraw(flow)
            self._put_back(flow, self._deadline())
        self._open_soon()
        self._check_idle()

    def _deadline(self) -> float:
        return asyncio.get_running_loop().time() + self._manager.settings.queue_timeout

    def _put_back(self, flow: Flow, deadline: float) -> None:
        """What was not confirmed on a stream that counts is sent on the next one, before all else."""
        for stanza in reversed(flow.give_up()):
            size = len(stanza.to_bytes())
            self._queue.appendleft((deadline, stanza, size))
            self._bytes += size

    def _give_up(self, flow: Flow) -> None:
        """Where nobody counts, nobody knows what has arrived: the senders are told that it may be lost."""
        text = f"the connection to {self.remote} broke before it was confirmed that this arrived"
        for stanza in flow.give_up():
            self._manager.bounce(stanza, StanzaError("remote-server-timeout", text))

    @property
    def _due(self) -> bool:
        """Whether a stream is needed: something waits here, or may wait there until we resume."""
        broken = self.broken
        return bool(self._queue) or (broken is not None and (self._both_ways or bool(broken.waiting)))

    def _open_soon(self) -> None:
        busy = self.stream is not None or self._task is not None or self._timer is not None
        if self._due and not busy and not self._closed:
            self._task = asyncio.get_running_loop().create_task(self._open())

    async def _open(self) -> None:
        attempt = 0
        try:
            if self._tries > 1:
                await asyncio.sleep(_PAUSES[min(self._tries - 2, len(_PAUSES) - 1)])
            while self.stream is None and self._due:
                self._trying = True
                try:
                    stream = await self._manager.open(self)
                except StreamRefused as refused:
                    self._trying = False
                    if not self._try_again(refused):
                        return
                    await asyncio.sleep(_PAUSES[min(attempt, len(_PAUSES) - 1)])
                    attempt += 1
                else:
                    if self.stream is None:
                        self.adopt(stream)
        finally:
            self._task = None
            self._trying = False
            self._open_soon()
            self._check_idle()

    def _try_again(self, refused: StreamRefused) -> bool:
        """The server could not be reached: whether it is worth trying again for what waits."""
        offered = self._manager.offered(self)
        if self.stream is None and offered is not None:
            self.adopt(offered)
        if self.stream is not None:
            return False
        now = asyncio.get_running_loop().time()
        again = self.reached and not refused.permanent
        if self.broken is not None and not (again and now < self._broken_until):
            broken, self.broken = self.broken, None
            self._put_back(broken, now)
        expired = [each for each in self._queue if not again or each[0] <= now]
        if expired:
            self._queue = deque(each for each in self._queue if again and each[0] > now)
            self._bytes = sum(size for _, _, size in self._queue)
        for _, stanza, _ in expired:
            self._manager.bounce(stanza, refused.error)
        if again and (self._queue or self.broken is not None):
            return True
        self._manager.unreachable(self, refused)
        return False

    def _check_idle(self) -> None:
        busy = self.stream is not None or self._task is not None or self._timer is not None
        if not busy and not self._due:
            self._manager.idle(self)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # ---- the end

    def close(self, error: StanzaError) -> None:
        """Send nothing more; the senders of what waits, and of what is not confirmed, are told why."""
        self._closed = True
        self._stop_timer()
        if self._task is not None:
            self._task.cancel()
        flows = (self._theirs, self.broken, self.stream.flow if self.stream is not None else None)
        self.broken = self._theirs = None
        stanzas = [stanza for flow in flows if flow is not None for stanza in flow.give_up()]
        stanzas += [stanza for _, stanza, _ in self._queue]
        self._queue.clear()
        self._bytes = 0
        self._manager.idle(self)
        for stanza in stanzas:
            self._manager.bounce(stanza, error)
