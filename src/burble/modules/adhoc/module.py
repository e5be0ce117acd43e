"""The module `adhoc`: lists the commands of a host, and executes them step by step (XEP-0050)."""

from __future__ import annotations

from typing import Final, cast

from pydantic import Field

from burble.discovery import Identity, Info
from burble.errors import StanzaError
from burble.jid import JID
from burble.module import Module, ModuleSettings, iq, on
from burble.modules.adhoc.executions import Execution, Executions, expired, submitted, unfit
from burble.modules.adhoc.steps import Action, AdhocCommand, Ask, CommandsRequested, Done
from burble.namespaces import COMMANDS, DATA_FORMS
from burble.routing.events import ItemsRequested, NodeInfoRequested, SessionClosed
from burble.routing.router import as_stanza_error
from burble.stanza import Iq
from burble.xml import Element

_ACTIONS: Final = ("execute", "cancel", "prev", "next", "complete")
_ECHOED: Final = ("node", "sessionid", "action")
_LANG: Final = "en"


class Adhoc(Module):
    """Ad-hoc commands of one host; the event `CommandsRequested` lets others offer them."""

    name = "adhoc"
    features = (COMMANDS,)

    class Settings(ModuleSettings):
        """How long commands wait for their users, and how many."""

        session_timeout: float = Field(
            default=600.0, gt=0, description="Time an ad-hoc command waits for its next form, seconds."
        )
        sessions_per_user: int = Field(
            default=10,
            ge=1,
            description="Ad-hoc commands one account may have under way; when it begins another, the one "
            "that waited longest is given up.",
        )

    async def start(self) -> None:
        """Nothing is under way yet."""
        self.executions = Executions(self.settings.session_timeout, self.settings.sessions_per_user)

    async def configure(self, settings: ModuleSettings) -> None:
        """Take other limits; they hold from the next request of each execution."""
        await super().configure(settings)
        self.executions.timeout = self.settings.session_timeout
        self.executions.per_user = self.settings.sessions_per_user

    async def stop(self) -> None:
        """Let go of what is under way."""
        for execution in self.executions.of():
            await execution.close()

    # ---- executing (§2.4)

    # Not inline: a command may take long, or wait for something that its user sends.
    @iq(COMMANDS, "command", type="set", discipline="parallel")
    async def execute(self, request: Iq) -> Element:
        """Take a step of a command; errors are those of §4.4, and what the command itself raises ends it."""
        asked, asker = request.payload, request.from_
        assert asked is not None
        assert asker is not None
        try:
            return await self._execute(asked, asker)
        except Exception as error:
            # With what was asked, as in the example of §3.7: some clients know by that which command it was.
            answer = request.error(as_stanza_error(error, request))
            echo = {name: value for name, value in asked.attrs.items() if name in _ECHOED}
            answer.children.insert(0, Element("command", COMMANDS, echo))
            return answer

    async def _execute(self, asked: Element, asker: JID) -> Element:
        node, action = asked.get("node"), asked.get("action", "execute")
        if not node:
            raise StanzaError("bad-request", "which command? The attribute node is missing")
        if action not in _ACTIONS:
            raise unfit("malformed-action", f"the actions are {', '.join(_ACTIONS)}")
        # What is said for the whole stanza or stream tells the user's language; only what is said right here
        # demands it.
        if (asked.get("xml:lang") or _LANG).partition("-")[0].lower() != _LANG:
            raise unfit("bad-locale", "this server speaks English only")
        command = self._find(node, asker)
        session = asked.get("sessionid")
        if session is not None:
            return await self._go_on(self.executions.find(session, node, asker), action, submitted(asked))
        if action != "execute":
            raise unfit("bad-sessionid", f"{action} needs the sessionid of what is under way")
        execution, left = self.executions.open(command, asker)
        self._close(*left)
        async with execution.lock:
            return await self._take(execution, None, None)

    async def _go_on(self, execution: Execution, action: str, payload: Element | None) -> Element:
        async with execution.lock:
            if execution.over:  # the same form was submitted before, or something else has ended it
                raise expired()
            if action == "cancel":
                self._end(execution)
                return _answer(execution, "canceled")
            chosen = execution.default if action == "execute" else action
            if chosen not in execution.actions:
                raise unfit("bad-action", f"now there is {', '.join(execution.actions)} or cancel")
            return await self._take(execution, chosen, payload)

    async def _take(self, execution: Execution, action: str | None, payload: Element | None) -> Element:
        try:
            if action is None:
                step = await execution.begin()
            elif action == "prev":
                step = await execution.back()
            else:
                step = await execution.go_on(cast(Action, action), payload)
        except StanzaError as error:
            if error.extra is not None and error.extra == ("bad-payload", COMMANDS):
                self.executions.touch(execution)
            else:
                self._end(execution)
            raise
        except BaseException:
            self._end(execution)
            raise
        if isinstance(step, Ask):
            self.executions.touch(execution)
            return _question(execution, step)
        self._end(execution)
        return _result(execution, step)

    def _end(self, execution: Execution) -> None:
        self.executions.end(execution)
        self._close(execution)

    def _close(self, *executions: Execution) -> None:
        for execution in executions:
            self.host.spawn(execution.close())

    @on(SessionClosed)
    def forget(self, event: SessionClosed) -> None:
        """Who is gone won't go on with a command."""
        for execution in self.executions.of(event.session.jid):
            self._end(execution)

    # ---- what there is (§2.1, §2.2)

    @on(ItemsRequested)
    def list_commands(self, event: ItemsRequested) -> None:
        """List the commands that the asker may call."""
        asker, to = event.request.from_, event.request.to
        if event.node != COMMANDS or asker is None or (to is not None and to.local):
            return
        offered = CommandsRequested()
        self.host.hooks.emit(offered)
        event.items = event.items or []
        for command in offered.commands.values():
            if command.listed and not command.refusal(asker):
                event.add(self.host.jid, command.name, command.node)

    @on(NodeInfoRequested)
    def describe_node(self, event: NodeInfoRequested) -> None:
        """Tell what a command is, or the list of them.

        Raises:
            StanzaError: forbidden, where the asker may not call it.
        """
        asker, to = event.request.from_, event.request.to
        if asker is None or (to is not None and to.local):
            return
        if event.node == COMMANDS:
            event.info = Info([Identity("automation", "command-list", name="Commands")], [COMMANDS])
            event.stop()
            return
        command = self._offered(event.node)
        if command is not None:
            self._check(command, asker)
            identity = Identity("automation", "command-node", name=command.name)
            event.info = Info([identity], [COMMANDS, DATA_FORMS])
            event.stop()

    def _offered(self, node: str) -> AdhocCommand | None:
        offered = CommandsRequested(node)
        self.host.hooks.emit(offered)
        return offered.commands.get(node)

    def _find(self, node: str, asker: JID) -> AdhocCommand:
        command = self._offered(node)
        if command is None:
            raise StanzaError("item-not-found", "there is no such command")
        self._check(command, asker)
        return command

    def _check(self, command: AdhocCommand, asker: JID) -> None:
        refusal = command.refusal(asker)
        if refusal:
            raise StanzaError("forbidden", refusal, "cancel")


def _answer(execution: Execution, status: str) -> Element:
    attrs = {
        "node": execution.command.node,
        "sessionid": execution.id,
        "status": status,
        "xml:lang": _LANG,
    }
    return Element("command", COMMANDS, attrs)


def _question(execution: Execution, step: Ask) -> Element:
    answer = _answer(execution, "executing")
    actions = execution.actions
    if actions != ["complete"]:  # a single step needs no telling: §3.4
        element = answer.add("actions", attrs={"execute": execution.default})
        for action in actions:
            element.add(action)
    answer.append(step.form.to_element())
    answer.children += [note.to_element() for note in step.notes]
    return answer


def _result(execution: Execution, step: Done) -> Element:
    answer = _answer(execution, "completed")
    answer.children += [*step.payload, *[note.to_element() for note in step.notes]]
    return answer
