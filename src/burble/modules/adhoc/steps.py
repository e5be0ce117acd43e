"""What an ad-hoc command is made of. For who offers one:

@on(CommandsRequested)
def offer(self, event: CommandsRequested) -> None:
    event.offer("urn:example:greeter#greeting", "Change the greeting", self.change, admins_of(self.host))

async def change(self, asker: JID) -> Steps:
    form = Form(title="The greeting")
    form.add("greeting", label="New greeting", value=self.greeting, required=True)
    answer = yield Ask(form)
    self.greeting = answer["greeting"]
    yield Done(f"Users are greeted with {self.greeting!r} now.")
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from burble.forms import Form
from burble.hooks import Event
from burble.jid import JID
from burble.namespaces import COMMANDS
from burble.xml import Element

if TYPE_CHECKING:
    from burble.routing.hosts import Host

__all__ = [
    "Action",
    "AdhocCommand",
    "Answer",
    "Ask",
    "CommandsRequested",
    "Done",
    "Note",
    "Steps",
    "admins_of",
]

Action: TypeAlias = Literal["next", "complete"]


@dataclass(frozen=True, slots=True)
class Note:
    """A remark beside a form or a result (§4.3).

    Attributes:
        text: for a person.
        type: how grave it is; a command that is over but failed must say ``error`` (§3.6).
    """

    text: str
    type: Literal["info", "warn", "error"] = "info"

    def to_element(self) -> Element:
        """The ``<note/>``."""
        return Element("note", COMMANDS, {"type": self.type}, self.text)


class Ask:
    """A step that asks something.

    Args:
        form: to be filled in.
        notes: remarks beside it; a plain text is one of type ``info``.
        more: other steps follow this one.
        enough: the command can be completed already all the same: `Answer.action` tells.
    """

    __slots__ = ("enough", "form", "more", "notes")

    def __init__(self, form: Form, *notes: Note | str, more: bool = False, enough: bool = False) -> None:
        self.form = form
        self.notes = [_note(note) for note in notes]
        self.more = more
        self.enough = enough or not more


class Done:
    """The end of a command.

    Args:
        said: what it says: forms of type ``result``, other elements, notes; a plain text is a note.
    """

    __slots__ = ("notes", "payload")

    def __init__(self, *said: Form | Element | Note | str) -> None:
        self.payload = [
            each.to_element() if isinstance(each, Form) else each
            for each in said
            if isinstance(each, Form | Element)
        ]
        self.notes = [_note(each) for each in said if isinstance(each, Note | str)]


class Answer(dict[str, Any]):
    """What was filled in: the values by field, as `Form.accept` has them.

    Attributes:
        action: ``next`` or ``complete``, which differ where `Ask.enough` leaves the choice.
    """

    def __init__(self, values: Mapping[str, Any], action: Action) -> None:
        super().__init__(values)
        self.action = action


Steps: TypeAlias = AsyncGenerator[Ask | Done, Answer]
"""The steps of a command as they are taken: each `Ask` that is yielded gets its `Answer`; `Done` is the last.

Who goes back a step (§2.4.2) makes the generator run anew, with the answers given before; so nothing may be
changed before the last answer is there. `FormError` says that an answer won't do: the same step is asked
again. `StanzaError` ends the command.
"""

Refusal: TypeAlias = Callable[[JID], str]
"""Says why somebody may not call a command; "" where it is allowed."""


def _anybody(asker: JID) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class AdhocCommand:
    """A command.

    Attributes:
        node: what it is called by.
        name: for people.
        run: begins to execute it for somebody.
        refusal: why somebody may not.
        listed: service discovery tells of it.
    """

    node: str
    name: str
    run: Callable[[JID], Steps]
    refusal: Refusal = _anybody
    listed: bool = True


class CommandsRequested(Event):
    """Somebody asks which ad-hoc commands the host has, or calls one: offer yours.

    Handlers are plain functions. Who may not call a command does not see it; that is looked after.

    Attributes:
        node: the one that is asked for; None for all.
        commands: those that were offered, by node.
    """

    __slots__ = ("commands", "node")

    def __init__(self, node: str | None = None) -> None:
        self.stopped = False
        self.node = node
        self.commands: dict[str, AdhocCommand] = {}

    def offer(
        self,
        node: str,
        name: str,
        run: Callable[[JID], Steps],
        refusal: Refusal = _anybody,
        *,
        listed: bool = True,
    ) -> None:
        """Offer a command; see `AdhocCommand`."""
        if self.node is None or self.node == node:
            self.commands[node] = AdhocCommand(node, name, run, refusal, listed)


_ADMINS: Final = "only administrators of {0} may do this: those of the key admins, or of its list of admins"


def admins_of(host: Host) -> Refusal:
    """Lets the administrators of a host call a command, and nobody else."""
    return lambda asker: "" if host.is_admin(asker) else _ADMINS.format(host.name)


def _note(note: Note | str) -> Note:
    return Note(note) if isinstance(note, str) else note
