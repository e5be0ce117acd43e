"""Commands under way: each with its session id, its steps and the time it has left (XEP-0050 §3.3)."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from burble.errors import StanzaError
from burble.fields import FormError
from burble.forms import Form
from burble.jid import JID
from burble.modules.adhoc.steps import Action, AdhocCommand, Answer, Ask, Done, Steps
from burble.namespaces import COMMANDS, DATA_FORMS
from burble.xml import Element

__all__ = ["Execution", "Executions", "expired", "unfit"]

_MAC_LENGTH: Final = 24


def unfit(condition: str, text: str) -> StanzaError:
    """The error that a request won't do as it is: ``bad-action``, ``bad-payload`` and the like (§4.4)."""
    return StanzaError("bad-request", text, "modify", (condition, COMMANDS))


def expired() -> StanzaError:
    """The error that an execution is over (§4.4)."""
    text = "this was completed or canceled, or waited too long: begin anew"
    return StanzaError("not-allowed", text, "cancel", ("session-expired", COMMANDS))


class Execution:
    """One execution of a command.

    Attributes:
        id: the session id.
        command: what is executed.
        asker: the full JID of who does.
        asked: the step that waits for an answer.
        until: when it expires, by the clock of `Executions`.
        lock: held while a request is worked on.
        over: it has ended.
    """

    __slots__ = ("_answers", "_steps", "asked", "asker", "command", "id", "lock", "over", "until")

    def __init__(self, id: str, command: AdhocCommand, asker: JID) -> None:
        self.id = id
        self.command = command
        self.asker = asker
        self.asked: Ask | None = None
        self.until = 0.0
        self.lock = asyncio.Lock()
        self.over = False
        self._steps: Steps = command.run(asker)
        self._answers: list[tuple[Answer, Form]] = []

    @property
    def actions(self) -> list[str]:
        """What can be done now, besides to cancel, in the order of the schema."""
        assert self.asked is not None
        able = {"prev": bool(self._answers), "next": self.asked.more, "complete": self.asked.enough}
        return [action for action, possible in able.items() if possible]

    @property
    def default(self) -> Action:
        """What ``execute`` stands for (§3.4)."""
        assert self.asked is not None
        return "next" if self.asked.more else "complete"

    async def begin(self) -> Ask | Done:
        """Take the first step."""
        try:
            return self._reached(await anext(self._steps))
        except StopAsyncIteration:
            return Done()

    async def go_on(self, action: Action, payload: Element | None) -> Ask | Done:
        """Take the next step.

        Args:
            action: what the user chose.
            payload: what was filled in.

        Raises:
            StanzaError: bad-payload, where it won't do; the step can be tried again. Any other ends it.
        """
        assert self.asked is not None
        if payload is None:
            raise unfit("bad-payload", "the form of this step is to be submitted")
        try:
            filled = Form.from_element(payload)
            if filled.type == "cancel":  # §3.5.1: a responder should take it as a submission
                filled.type = "submit"
            answer = Answer(self.asked.form.accept(filled), action)
        except FormError as error:
            raise unfit("bad-payload", str(error.text)) from None
        try:
            step = await self._steps.asend(answer)
        except StopAsyncIteration:
            return Done()
        except FormError as error:
            await self._repeat()
            raise unfit("bad-payload", str(error.text)) from None
        self._answers.append((answer, filled))
        return self._reached(step)

    async def back(self) -> Ask | Done:
        """Return to the step before, with what was filled in there (§2.4.2)."""
        _, filled = self._answers.pop()
        step = await self._repeat()
        if isinstance(step, Ask):
            for field in step.form.fields:
                before = filled.field(field.var)
                if before is not None and field.type not in ("fixed", "hidden", "text-private"):
                    field.values = before.values
        return step

    async def close(self) -> None:
        """Let go of it, once the request under way is done."""
        self.over = True
        async with self.lock:
            await self._steps.aclose()

    async def _repeat(self) -> Ask | Done:
        """Come to the present step anew, by the answers that led to it."""
        await self._steps.aclose()
        self._steps = self.command.run(self.asker)
        step = await anext(self._steps)
        for answer, _ in self._answers:
            step = await self._steps.asend(answer)
        return self._reached(step)

    def _reached(self, step: Ask | Done) -> Ask | Done:
        self.asked = step if isinstance(step, Ask) else None
        return step


class Executions:
    """The executions of one host.

    Args:
        timeout: how long one waits for its next request, seconds.
        per_user: how many one account may have; the one that waited longest gives way.
        clock: tells the time, seconds.
    """

    def __init__(self, timeout: float, per_user: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.timeout = timeout
        self.per_user = per_user
        self.clock = clock
        self._secret = secrets.token_bytes(32)
        # The one that expires first comes first.
        self._running: OrderedDict[str, Execution] = OrderedDict()

    def __len__(self) -> int:
        return len(self._running)

    def open(self, command: AdhocCommand, asker: JID) -> tuple[Execution, list[Execution]]:
        """Begin an execution.

        Returns:
            It, and those that have to be closed: expired ones, and one that gave way.

        Raises:
            StanzaError: resource-constraint, where all that the account has are being worked on.
        """
        left = self.expire()
        own = [each for each in self._running.values() if each.asker.bare == asker.bare]
        if len(own) >= self.per_user:
            idle = next((each for each in own if not each.lock.locked()), None)
            if idle is None:
                raise StanzaError("resource-constraint", "too many of your commands are under way")
            left.append(self._drop(idle))
        token = secrets.token_hex(8)
        made = Execution(token + self._mac(token, command.node, asker), command, asker)
        self._running[made.id] = made
        self.touch(made)
        return made, left

    def find(self, id: str, node: str, asker: JID) -> Execution:
        """The execution of a session id.

        Raises:
            StanzaError: session-expired for one that was, bad-sessionid for what never was, or is not the
                asker's.
        """
        found = self._running.get(id)
        if found is not None and (found.command.node, found.asker) == (node, asker):
            if found.until > self.clock():
                return found
            raise expired()
        token = id[:-_MAC_LENGTH]
        if hmac.compare_digest(id.encode(), (token + self._mac(token, node, asker)).encode()):
            raise expired()
        raise unfit("bad-sessionid", "there is no such session of yours")

    def touch(self, execution: Execution) -> None:
        """Give an execution its time anew."""
        if execution.id in self._running:
            execution.until = self.clock() + self.timeout
            self._running.move_to_end(execution.id)

    def end(self, execution: Execution) -> None:
        """Forget an execution that is over; it is still to be closed."""
        if execution.id in self._running:
            self._drop(execution)

    def expire(self) -> list[Execution]:
        """Forget those whose time is over, and return them to be closed."""
        now = self.clock()
        return [self._drop(each) for each in list(self._running.values()) if each.until <= now]

    def of(self, asker: JID | None = None) -> list[Execution]:
        """Those of a full JID; all where None."""
        return [each for each in self._running.values() if asker is None or each.asker == asker]

    def _drop(self, execution: Execution) -> Execution:
        execution.over = True
        return self._running.pop(execution.id)

    def _mac(self, token: str, node: str, asker: JID) -> str:
        """Makes that nobody can tell an id of its own from one that has expired."""
        text = f"{token} {asker} {node}".encode()
        return hmac.new(self._secret, text, hashlib.sha256).hexdigest()[:_MAC_LENGTH]


def submitted(command: Element) -> Element | None:
    """The form in a request."""
    return command.child("x", DATA_FORMS)
