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
_GRACE: Final = 5.0


class Links(Protocol):
    """What a link asks of the S2S manager."""

    settings: Federation

    def open(self, link: Link) -> Awaitable[ServerStream]:
        """Open a stream. Raises `StreamRefused`."""

    def delivered(self, stanzas: Iterable[Stanza]) -> None:
        """Another server has taken stanzas."""

    def bounce(self, stanza: Stanza, error: StanzaError) -> None:
        """Tell the sender of a stanza that it can't be delivered."""

    def unreachable(self, link: Link, refused: StreamRefused) -> None:
        """A server can't be reached; it is left in peace for a while."""

    def idle(self, link: Link) -> None:
        """Nothing is under way on a link, and there is no stream."""


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
        "_broken_until",
        "_bytes",
        "_manager",
        "_queue",
        "_task",
        "_timer",
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
        flow = stream.flow
        if len(flow.waiting) >= self._manager.settings.queue_stanzas:
            if flow.managed:
                return False
            self._manager.delivered(flow.confirm(flow.confirmed + 1))  # nothing will tell whether it was
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
        broken, self.broken = self.broken, None
        self.stream = stream
        if broken is not None and broken is not stream.flow:
            self._put_back(broken, self._deadline())
        self.flush()

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
        if resumable and not theirs:
            self.broken = flow
            self._broken_until = self._deadline()
        elif resumable:
            self._timer = asyncio.get_running_loop().call_later(_GRACE, self._not_resumed, flow)
        elif flow.managed:
            self._put_back(flow, self._deadline())
        else:
            self._give_up(flow)
        self._open_soon()
        self._check_idle()

    def _not_resumed(self, flow: Flow) -> None:
        self._timer = None
        self._put_back(flow, self._deadline())
        self._open_soon()
        self._check_idle()

    def _deadline(self) -> float:
        return asyncio.get_running_loop().time() + self._manager.settings.queue_timeout

    def _put_back(self, flow: Flow, deadline: float) -> None:
        """What was not confirmed on a stream that counts is sent on the next one, before all else."""
        for stanza in reversed(flow.waiting):
            size = len(stanza.to_bytes())
            self._queue.appendleft((deadline, stanza, size))
            self._bytes += size
        flow.waiting.clear()

    def _give_up(self, flow: Flow) -> None:
        """Where nobody counts, nobody knows what has arrived: the senders are told that it may be lost."""
        lost, flow.waiting = flow.waiting, deque()
        text = f"the connection to {self.remote} broke before it was confirmed that this arrived"
        for stanza in lost:
            self._manager.bounce(stanza, StanzaError("remote-server-timeout", text))

    def _open_soon(self) -> None:
        due = bool(self._queue) or (self.broken is not None and bool(self.broken.waiting))
        if due and self.stream is None and self._task is None and self._timer is None:
            self._task = asyncio.get_running_loop().create_task(self._open())

    async def _open(self) -> None:
        attempt = 0
        try:
            while True:
                try:
                    stream = await self._manager.open(self)
                except StreamRefused as refused:
                    if not self._try_again(refused):
                        return
                    await asyncio.sleep(_PAUSES[min(attempt, len(_PAUSES) - 1)])
                    attempt += 1
                    continue
                if self.stream is None:
                    self.adopt(stream)
                return
        finally:
            self._task = None
            self._open_soon()
            self._check_idle()

    def _try_again(self, refused: StreamRefused) -> bool:
        """The server could not be reached: whether it is worth trying again for what waits."""
        if self.stream is not None:  # by a stream of the other side
            return False
        now = asyncio.get_running_loop().time()
        again = self.reached and refused.condition != "remote-server-not-found"
        if self.broken is not None and not (again and now < self._broken_until):
            broken, self.broken = self.broken, None
            self._put_back(broken, now)
        expired = [each for each in self._queue if not again or each[0] <= now]
        if expired:
            self._queue = deque(each for each in self._queue if again and each[0] > now)
            self._bytes = sum(size for _, _, size in self._queue)
        for _, stanza, _ in expired:
            self._manager.bounce(stanza, StanzaError(refused.condition, refused.text))
        if again and (self._queue or self.broken is not None):
            return True
        self._manager.unreachable(self, refused)
        return False

    def _check_idle(self) -> None:
        if self.stream is None and self._task is None and self._timer is None and not self._queue:
            self._manager.idle(self)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # ---- the end

    def close(self, error: StanzaError) -> None:
        """Send nothing more; the senders of what waits are told why."""
        self._stop_timer()
        if self._task is not None:
            self._task.cancel()
        if self.broken is not None:
            self._put_back(self.broken, 0)
            self.broken = None
        queue, self._queue, self._bytes = self._queue, deque(), 0
        for _, stanza, _ in queue:
            self._manager.bounce(stanza, error)
