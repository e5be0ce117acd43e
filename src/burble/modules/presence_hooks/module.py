"""Hears who connects, disconnects and changes status, and has it told."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Final, Literal

from pydantic import Field

from burble.config.fields import HttpURL
from burble.jid import JID
from burble.module import Module, ModuleSettings, on
from burble.modules.presence_hooks.notices import Notice, presence_notice
from burble.modules.presence_hooks.outbox import Limits, Outbox, Target
from burble.modules.presence_hooks.program import Program
from burble.modules.presence_hooks.service import Service
from burble.routing.events import PresenceSent, SessionClosed, SessionOpened, UserUnavailable
from burble.routing.session import Session

_log = logging.getLogger("burble.presence_hooks")

#: Where a session keeps the presence that was told last.
_TOLD: Final = "presence_hooks.told"


class PresenceHooks(Module):
    """Calls a program, a web service or both."""

    name = "presence_hooks"
    requires = ("presence",)

    class Settings(ModuleSettings):
        """Whom to tell, and how patiently."""

        program: list[str] = Field(
            default=[],
            description="A program, with arguments that come first, such as "
            '`["/opt/rest_api_client_script"]`. '
            "It is run with the name of what happened, the user's JID and the status.",
        )
        url: HttpURL | None = Field(
            default=None,
            description="A web service; the name of what happened is put behind it, after a slash.",
        )
        style: Literal["json", "social-stream"] = Field(
            default="json",
            description="How the web service is told: `json` posts an object with `event`, `host`, `jid`, "
            "`show` and `status`; `social-stream` gets, with `name`, `status` and `password` in the URL.",
        )
        password: str = Field(default="", description="The password that the style `social-stream` sends.")
        authorization: str | None = Field(
            default=None,
            description="The header `Authorization` to send, such as `Bearer 6f1ed002`; by default none.",
        )
        reset: bool = Field(
            default=True,
            description="Begin with `resetConnection`, after which nobody counts as connected.",
        )
        timeout: float = Field(
            default=10.0, gt=0, le=300, description="Time the program or the web service has, seconds."
        )
        retries: int = Field(default=5, ge=0, le=100, description="How often to try again what did not work.")
        pause: float = Field(
            default=1.0,
            ge=0,
            le=60,
            description="Time before the first of these, seconds; twice as long before each that follows, "
            "but no more than a minute.",
        )
        at_once: int = Field(
            default=4, ge=1, le=256, description="Programs that run, or requests under way, at a time."
        )
        waiting: int = Field(
            default=1000,
            ge=1,
            le=1_000_000,
            description="Notices that may wait. While there are more, accounts are left out; afterwards only "
            "their last state is told.",
        )

    async def start(self) -> None:
        """Begin to tell: what is so already comes first."""
        self._outboxes = [Outbox(target, self._limits(), self._state) for target in self._targets()]
        if not self._outboxes:
            _log.warning("%s: presence_hooks has neither a program nor a url: nobody is told", self.host.name)
        first = Notice("resetConnection", self.host.name) if self.settings.reset else None
        for outbox in self._outboxes:
            outbox.begin(first)
        for user in self.host.sessions.accounts:
            for notice in self._state(JID.build(user, self.host.name)):
                self._tell(notice)

    async def stop(self) -> None:
        """Tell what waits, but not for long."""
        for outbox in self._outboxes:
            await outbox.close()

    async def configure(self, settings: ModuleSettings) -> None:
        """Begin anew with other options."""
        await self.stop()
        await super().configure(settings)
        await self.start()

    def _limits(self) -> Limits:
        options = self.settings
        return Limits(options.waiting, options.at_once, options.timeout, options.retries, options.pause)

    def _targets(self) -> Iterator[Target]:
        options = self.settings
        if options.program:
            yield Program(options.program)
        if options.url is not None:
            yield Service(
                options.url,
                style=options.style,
                password=options.password,
                authorization=options.authorization,
                connections=options.at_once,
            )

    def _tell(self, notice: Notice) -> None:
        for outbox in self._outboxes:
            outbox.put(notice)

    def _state(self, jid: str) -> Iterator[Notice]:
        """What tells how it is with an account now."""
        sessions = self._sessions(JID.parse(jid))
        yield Notice("setConnection" if sessions else "unsetConnection", self.host.name, jid)
        for session in sessions:
            if session.presence is not None:
                yield presence_notice(self.host.name, session.jid, session.presence)

    def _sessions(self, jid: JID) -> Sequence[Session]:
        account = self.host.sessions.accounts.get(jid.local)
        return () if account is None else list(account.sessions.values())

    # ---- what happens

    @on(SessionOpened)
    def connected(self, event: SessionOpened) -> None:
        """A client has connected."""
        self._tell(Notice("setConnection", self.host.name, event.session.jid.bare))

    @on(SessionClosed)
    def disconnected(self, event: SessionClosed) -> None:
        """A client is gone: that matters where it was the account's last."""
        jid = event.session.jid
        if not self._sessions(jid):
            self._tell(Notice("unsetConnection", self.host.name, jid.bare))

    @on(PresenceSent, priority=-50)
    def changed(self, event: PresenceSent) -> None:
        """A client has told its presence; the module `presence`, which comes earlier, has accepted it."""
        session, presence = event.session, event.presence
        if presence.to is not None or presence.type or session.presence is None:
            return
        notice = presence_notice(self.host.name, session.jid, presence)
        if session.data.get(_TOLD) != notice:
            session.data[_TOLD] = notice
            self._tell(notice)

    @on(UserUnavailable)
    def unavailable(self, event: UserUnavailable) -> None:
        """A client is unavailable: that matters where it is still connected, and no other is available."""
        session = event.session
        session.data.pop(_TOLD, None)
        if session.alive and not session.account.available():
            self._tell(Notice("unsetPresence", self.host.name, session.jid.bare))
