"""The module API: everything an XMPP server can load or leave out is a class like this.

    class LastActivity(Module):
        \"\"\"XEP-0012: tell how long an account has been away.\"\"\"

        features = ["jabber:iq:last"]

        class Settings(Module.Settings):
            share_with: Literal["contacts", "everyone"] = "contacts"

        @iq("jabber:iq:last", "query", to="account", type="get")
        async def report(self, request: Iq) -> Element: ...

        @on(UserUnavailable)
        def remember(self, event: UserUnavailable) -> None: ...

A module is made once for each virtual host that loads it. What the decorators declare is in force
from `Module.start` to `Module.stop`.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar

from burble.config import Table
from burble.hooks import Event, Handler
from burble.routing.events import ModulesChanged
from burble.routing.local import Discipline, Handling, Target

if TYPE_CHECKING:
    from burble.routing.hosts import Host

__all__ = ["CommandDeclaration", "CommandFailed", "Module", "command", "declared", "iq", "on"]

F = TypeVar("F", bound=Callable[..., Any])
E = TypeVar("E", bound=Event)
M = TypeVar("M", bound="Module")
_MARK = "_burble_declarations"


class CommandFailed(Exception):
    """A command could not be done; the text tells the person who called it why.

    Attributes:
        kind: one word for programs: what sort of failure it is.
    """

    kind: ClassVar[str] = "failed"


class ModuleSettings(Table):
    """The options of a module: ``[modules.NAME]`` in the settings file."""


class Module:
    """A capability of a virtual host. Subclass it.

    Attributes:
        name: what the settings call it; by default the name of the Python module it is in.
        features: namespaces that the server announces by service discovery (XEP-0030).
        account_features: those that its accounts announce.
        requires: modules that must be loaded for this one to work, by name.
        host: the virtual host it serves.
        settings: its options on this host.
    """

    name: ClassVar[str] = ""
    features: ClassVar[Sequence[str]] = ()
    account_features: ClassVar[Sequence[str]] = ()
    requires: ClassVar[Sequence[str]] = ()

    #: The options a module takes; override with a subclass.
    Settings: ClassVar[type[ModuleSettings]] = ModuleSettings

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "name" not in cls.__dict__:
            cls.name = cls.__module__.rpartition(".")[2]

    def __init__(self, host: Host, settings: ModuleSettings) -> None:
        self.host = host
        self.settings: Any = settings
        self._off: list[Callable[[], None]] = []

    async def start(self) -> None:
        """Called before anything declared is in force: read what is stored, start what must run."""

    async def stop(self) -> None:
        """Called when nothing declared is in force any more."""

    async def configure(self, settings: ModuleSettings) -> None:
        """Take other options while running. Override it where something was made from the old ones."""
        self.settings = settings

    def require(self, kind: type[M]) -> M:
        """The instance of another module on this host, one of those it `requires`.

        Raises:
            LookupError: it is not loaded.
        """
        found = self.host.modules.get(kind.name)
        if not isinstance(found, kind):
            raise LookupError(f"module {self.name} needs module {kind.name}")
        return found

    def listen(
        self,
        kind: type[E],
        handler: Handler[E],
        priority: int = 0,
        users: Container[str] | None = None,
        stanzas: Callable[[Any], bool] | None = None,
    ) -> None:
        """Call a handler for each event of a kind until the module is unloaded: ``@on``, while running.

        Args:
            kind, handler, priority, users, stanzas: as `Hooks.on` takes them.
        """
        self._off.append(self.host.hooks.on(kind, handler, priority, users, stanzas))

    # ---- what the loader calls

    async def load(self) -> None:
        """Start the module and put what it declares in force; what it raises leaves nothing in force."""
        host = self.host
        try:
            await self.start()
            for declaration, call in declared(self):
                match declaration:
                    case EventDeclaration(kind, priority):
                        self.listen(kind, call, priority)
                    case IqDeclaration(ns, name, to, types, owner_only, any_account, discipline):
                        handling = Handling(call, types, owner_only, any_account, discipline)
                        self._off.append(host.local.handle(to, ns, name, handling))
                    case NonzaDeclaration(ns):
                        self._off.append(host.take_nonzas(ns, call))
        except BaseException:
            self._silence()
            raise
        host.features += self.features
        host.account_features += self.account_features
        host.modules[self.name] = self
        await host.emit(ModulesChanged())

    async def unload(self) -> None:
        """Take back what it declares, and stop the module."""
        host = self.host
        self._silence()
        for feature in self.features:
            host.features.remove(feature)
        for feature in self.account_features:
            host.account_features.remove(feature)
        del host.modules[self.name]
        await host.emit(ModulesChanged())
        await self.stop()

    def _silence(self) -> None:
        while self._off:
            self._off.pop()()


# ---- declarations


@dataclass(frozen=True, slots=True)
class EventDeclaration:
    """What ``@on`` says."""

    kind: type[Event]
    priority: int


@dataclass(frozen=True, slots=True)
class IqDeclaration:
    """What ``@iq`` says."""

    ns: str
    name: str
    to: Target
    types: frozenset[str]
    owner_only: bool
    any_account: bool
    discipline: Discipline


@dataclass(frozen=True, slots=True)
class NonzaDeclaration:
    """What ``@nonza`` says."""

    ns: str


@dataclass(frozen=True, slots=True)
class CommandDeclaration:
    """What ``@command`` says."""

    tags: tuple[str, ...]
    name: str
    access: str
    safe: bool
    result: str
    version: int


Declaration = EventDeclaration | IqDeclaration | NonzaDeclaration | CommandDeclaration


def on(kind: type[Event], priority: int = 0) -> Callable[[F], F]:
    """Call the method for each event of a kind.

    Args:
        kind: the event's class; see `burble.routing.events`.
        priority: higher ones are called earlier.
    """
    return _mark(EventDeclaration(kind, priority))


def iq(
    ns: str,
    name: str,
    *,
    to: Target = "server",
    type: Literal["get", "set"] | None = None,
    owner_only: bool | None = None,
    any_account: bool = False,
    discipline: Discipline = "inline",
) -> Callable[[F], F]:
    """Answer requests with the method: it takes the `Iq` and returns the payload of the result.

    Args:
        ns: the namespace of the request's payload.
        name: its name.
        to: ``server``: requests to the host; ``account``: to an account's bare JID.
        type: the one type it answers; both where None.
        owner_only: only the account's owner may ask; so by default for ``account``.
        any_account: it is asked for accounts that do not exist, too, and answers so that nobody learns which.
        discipline: see `burble.routing.local.Handling`.
    """
    types = frozenset({type} if type else {"get", "set"})
    own = to == "account" if owner_only is None else owner_only
    return _mark(IqDeclaration(ns, name, to, types, own, any_account, discipline))


def nonza(ns: str) -> Callable[[F], F]:
    """Take the elements of a namespace that clients send beside their stanzas (XEP-0360) with the method.

    It is called with the client's stream and the element, in the order in which all that the client sends is
    handled, before the login as well as after; it may be a coroutine function, and raise `StreamError`.

    Args:
        ns: the elements' namespace.
    """
    return _mark(NonzaDeclaration(ns))


def command(
    *,
    tags: Sequence[str],
    name: str = "",
    access: str = "admin",
    safe: bool = False,
    result: str = "",
    version: int = 0,
) -> Callable[[F], F]:
    """Make the method an administration command, under its own name unless another is given.

    Its signature and docstring say how it is called; a module's command has an argument ``host``, which
    chooses the host whose module is asked. It raises `CommandFailed` where it can't be done.

    Args:
        tags: what it is about, such as ``accounts``, ``sessions``.
        name: another name.
        access: the role a caller needs.
        safe: it only tells something and changes nothing, so that it may be called with HTTP's GET.
        result: its result as ejabberd describes it, such as ``num_sessions::integer``, where ejabberd has a
            command of that name; see `burble.commands.results`.
        version: the version of ejabberd's API in which the command became what it is here. A command may be
            there in several: as methods of their own with the same ``name``, or, where only the results
            differ, as one method with several decorators.
    """
    return _mark(CommandDeclaration(tuple(tags), name, access, safe, result, version))


def declared(owner: object) -> list[tuple[Declaration, Callable[..., Any]]]:
    """What the decorators declare on an object's methods: each declaration with its bound method."""
    found: dict[str, None] = {}
    for kind in reversed(type(owner).__mro__):
        found |= dict.fromkeys(name for name, value in vars(kind).items() if hasattr(value, _MARK))
    return [
        (declaration, method)
        for name in found
        if (method := getattr(owner, name, None)) is not None
        for declaration in getattr(method, _MARK, ())
    ]


def _mark(declaration: Declaration) -> Callable[[F], F]:
    def decorate(function: F) -> F:
        marks: list[Declaration] = function.__dict__.setdefault(_MARK, [])
        marks.append(declaration)
        return function

    return decorate
