"""A virtual host: its settings, accounts, sessions and modules. Everything is per host."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from burble.auth import Authenticator
from burble.config import HostSettings
from burble.errors import StreamError
from burble.hooks import Event, Hooks
from burble.jid import JID
from burble.routing import events
from burble.routing.local import LocalRouter
from burble.routing.router import Router
from burble.routing.sessions import SessionManager
from burble.sasl import SaslPolicy, SaslServer, Success
from burble.stanza import Iq
from burble.storage import Database
from burble.streams.parser import ParserLimits
from burble.xml import Element

if TYPE_CHECKING:
    from burble.routing.session import Session
    from burble.streams.c2s import C2SStream, NonzaHandler

_log = logging.getLogger("burble.host")


class Host:
    """One virtual host.

    Args:
        settings: what holds for it.
        database: where its accounts' data is kept.
        authenticator: knows its accounts.
        router: carries its stanzas.
        secret: of the server's own; see `SaslPolicy`.

    Attributes:
        hooks: the events of this host.
        sessions: its session manager.
        local: its local router.
        features: what it announces by service discovery (XEP-0030), the server's own.
        account_features: what its accounts announce.
        modules: the modules loaded on it, by name.
        nonzas: who takes the elements clients send beside stanzas (XEP-0360), by namespace.
        session_states: how states of sessions outlive a restart, by key; see `keep_state`.
        added_admins: accounts that administer it besides those of the settings.
        secret: of the server's own, which outlives the process and is not in the database.
        started: when it was started, seconds since the epoch.
    """

    def __init__(
        self,
        settings: HostSettings,
        database: Database,
        authenticator: Authenticator,
        router: Router,
        secret: bytes,
    ) -> None:
        self.name = settings.name
        self.jid = JID.parse(settings.name)
        self.database = database
        self.authenticator = authenticator
        self.router = router
        self.hooks = Hooks()
        self.sessions = SessionManager(self)
        self.local = LocalRouter(self)
        self.features: list[str] = []
        self.account_features: list[str] = []
        self.modules: dict[str, Any] = {}
        self.added_admins: frozenset[str] = frozenset()
        self.started = time.time()
        self.nonzas: dict[str, NonzaHandler] = {}
        self.session_states: dict[str, tuple[Callable[[Session], Any], Callable[[Session, Any], None]]] = {}
        self.secret = secret
        self._tasks: set[asyncio.Task[Any]] = set()
        self.configure(settings)
        router.register(self.name, self.local.route)

    def configure(self, settings: HostSettings) -> None:
        """Take settings, at the start or while running; sessions stay."""
        self.settings = settings
        auth, limits = settings.auth, settings.limits
        policy = SaslPolicy(self.secret, auth.mechanisms, auth.allow_plain_without_tls, auth.scram_iterations)
        self.sasl = SaslServer(self.authenticator, policy)
        self.client_limits = ParserLimits(
            stanza_bytes=limits.stanza_bytes,
            depth=limits.depth,
            elements=limits.elements,
            attributes=limits.attributes,
            tag_bytes=limits.tag_bytes,
        )

    def is_admin(self, jid: JID) -> bool:
        """Whether an account administers this host."""
        return jid.bare in self.settings.admins or jid.bare in self.added_admins

    # ---- for clients' streams (`burble.streams.c2s.ClientHost`)

    def stream_features(self, stream: C2SStream) -> list[Element]:
        """Features that modules add to a stream's own."""
        event = events.StreamFeatures(stream)
        self.hooks.emit(event)
        return event.features

    async def bind(self, stream: C2SStream, login: Success, resource: str | None) -> Session:
        """Open a session."""
        return await self.sessions.bind(stream, login, resource)

    async def receive_before_login(self, stream: C2SStream, request: Iq) -> Iq | None:
        """Answer a client that has not logged in; None where that is not on offer."""
        event = events.RequestBeforeLogin(stream, request)
        waiting = self.hooks.emit(event)
        if waiting is not None:
            await waiting
        return event.answer

    def take_nonzas(self, ns: str, handler: NonzaHandler) -> Callable[[], None]:
        """Let `handler` take the elements of a namespace that are no stanzas.

        Returns:
            A function that takes the handler off again.

        Raises:
            ValueError: another handler takes them.
        """
        if ns in self.nonzas:
            raise ValueError(f"elements of {ns} are taken already")
        self.nonzas[ns] = handler

        def off() -> None:
            del self.nonzas[ns]

        return off

    def keep_state(
        self, key: str, save: Callable[[Session], Any], restore: Callable[[Session, Any], None]
    ) -> Callable[[], None]:
        """Let what a module keeps for a session outlive a restart, where the session does (XEP-0198).

        Args:
            key: names the state, once for all modules.
            save: returns the state as JSON has it, or None for nothing.
            restore: takes what `save` returned, for the session as it is after the restart.

        Returns:
            A function that takes both off again.

        Raises:
            ValueError: another state has this key.
        """
        if key in self.session_states:
            raise ValueError(f"the state {key} is kept already")
        self.session_states[key] = (save, restore)

        def off() -> None:
            del self.session_states[key]

        return off

    # ---- accounts

    async def register(self, user: str, password: str) -> None:
        """Make an account.

        Args:
            user: its prepared localpart.
            password: in clear.

        Raises:
            AuthError: it exists, or it is refused where the accounts are kept.
            InvalidPassword: the password won't do.
        """
        await self.authenticator.register(user, password)
        await self.emit(events.AccountRegistered(JID.build(user, self.name)))

    async def unregister(self, user: str, farewell: Iq | None = None) -> None:
        """Remove an account, all that is stored for it, and its sessions.

        Args:
            user: its localpart.
            farewell: routed once the account is gone, before its sessions are closed.

        Raises:
            AuthError: there is none, or it stays where the accounts are kept.
        """
        await self.authenticator.prepare_removal(user)
        await self.emit(events.AccountRemoved(JID.build(user, self.name)))
        # A row that still waited would be written after the others are gone.
        await self.database.batch.flush()
        await self.authenticator.remove(user)
        if farewell is not None and (waiting := self.router.route(farewell)) is not None:
            await waiting
        for session in self.sessions.of(user):
            session.close(StreamError("not-authorized", "this account has been removed"))

    # ---- work beside the streams

    async def emit(self, event: Event) -> None:
        """Tell of an event and wait until all handlers are done."""
        waiting = self.hooks.emit(event)
        if waiting is not None:
            await waiting

    def emit_soon(self, event: Event) -> None:
        """Tell of an event; what its handlers wait for goes on by itself."""
        waiting = self.hooks.emit(event)
        if waiting is not None:
            self.spawn(_awaited(waiting))

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Let a coroutine go on by itself; errors are logged, and the host's stop waits for it."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("%s: work in the background failed", self.name, exc_info=error)

    async def close(
        self, error: StreamError, patience: float | None = None, *, for_good: bool = False
    ) -> None:
        """End all sessions, and wait for what they left to do; what is sent to its accounts is still taken.

        Args:
            error: what their clients are told.
            patience: wait no longer than this for any of it to end, seconds; None: wait for all.
            for_good: the server goes on without this host: end the sessions, too, that would wait for their
                clients beyond a stop (XEP-0198).
        """
        self.hooks.emit(events.HostStopping(error))
        for session in list(self.sessions):
            if session.connected or for_good:
                session.close(error)
        self.local.stop_asking()
        while self._tasks:
            done, _ = await asyncio.wait(self._tasks, timeout=patience)
            if not done:
                break


async def _awaited(waiting: Any) -> None:
    await waiting
