"""XEP-0077: let people make accounts, change their passwords and leave, all inside XMPP."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from functools import lru_cache, partial
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, Final

from burble.auth import AccountExists, AuthError, ChangeRefused, InvalidPassword
from burble.errors import StanzaError
from burble.forms import Form
from burble.jid import JID, JIDError
from burble.module import Module, iq, on
from burble.namespaces import DATA_FORMS, REGISTER, REGISTER_FEATURE
from burble.routing.events import RequestBeforeLogin, StreamFeatures
from burble.stanza import Iq
from burble.xml import Element

if TYPE_CHECKING:
    from burble.streams.c2s import C2SStream

_HOUR: Final = 3600.0
_WELCOME: Final = "Choose a username and a password."
_REGISTERED: Final = "You are registered. To change your password, send your username and the new one."


class Register(Module):
    """In-band registration before the login, where `[registration] open` allows it, and after it the change
    of the password and the account's end."""

    features = (REGISTER,)

    async def start(self) -> None:
        """Begin to count who registers."""
        self._recent = RecentRegistrations()

    # ---- before the login

    @on(StreamFeatures)
    def announce(self, event: StreamFeatures) -> None:
        """Tell a client that it may register (§8)."""
        if event.stream.login is None and self._allows(event.stream):
            event.features.append(Element("register", REGISTER_FEATURE))

    @on(RequestBeforeLogin)
    async def register(self, event: RequestBeforeLogin) -> None:
        """Show the fields, or make an account (§3.1).

        Raises:
            StanzaError: service-unavailable where registration is closed; conflict; not-acceptable where
                something is missing, won't do, or the address has registered too much; not-allowed where
                the accounts are kept elsewhere and it is refused there.
        """
        request = event.request
        query = request.child("query", REGISTER)
        if query is None:
            return
        event.stop()
        if not self._allows(event.stream):
            raise StanzaError("service-unavailable", "nobody can register here")
        if request.type == "set":
            await self._make_account(event.stream.carrier.address, query)
            event.answer = request.reply()
        else:
            event.answer = request.reply(_fields())

    def _allows(self, stream: C2SStream) -> bool:
        settings = self.host.settings
        if "register" not in self.host.authenticator.changes:
            return False
        if settings.tls.require and stream.carrier.tls is None:
            return False
        address = _address(stream.carrier.address)
        return bool(settings.registration.allows(loopback=address is not None and address.is_loopback))

    async def _make_account(self, address: str, query: Element) -> None:
        username, password = _submitted(query)
        if not username or not password:
            raise StanzaError("not-acceptable", "both a username and a password are needed")
        try:
            user = JID.build(username, self.host.name).local
        except JIDError as error:
            raise StanzaError("not-acceptable", f"this username won't do: {error}") from None
        release = self._recent.note(address, self.host.settings.limits.registrations_per_address)
        try:
            # Asked first, since making keys of the password is work.
            if await self.host.authenticator.exists(user):
                raise AccountExists(f"{user}@{self.host.name} is already registered")
            await self.host.register(user, password)
        except (AuthError, InvalidPassword) as error:
            release()
            raise _refusal(error) from error

    # ---- after it

    @iq(REGISTER, "query")
    @iq(REGISTER, "query", to="account")
    async def manage(self, request: Iq) -> Element | None:
        """Say that the account is registered (§3.1), change its password (§3.3) or remove it (§3.2).

        Raises:
            StanzaError: registration-required for who has no account here; bad-request; not-allowed for
                another's account, or where accounts are kept elsewhere and it is refused there;
                not-acceptable for a password that won't do.
        """
        user = self._owner(request)
        query = request.payload
        assert query is not None
        if request.type == "get":
            return _registration(user)
        try:
            if query.child("remove", REGISTER) is None:
                await self._change_password(user, query)
            else:
                await self._remove(user, request, query)
        except (AuthError, InvalidPassword) as error:
            raise _refusal(error) from error
        return None

    def _owner(self, request: Iq) -> str:
        sender = request.from_
        session = self.host.sessions.find(sender) if sender is not None else None
        if session is None or session.anonymous:
            raise StanzaError("registration-required", "you have no account here")
        return session.user

    async def _change_password(self, user: str, query: Element) -> None:
        username, password = _submitted(query)
        if not username or not password:
            raise StanzaError("bad-request", "both the username and the new password are needed")
        own = JID.build(user, self.host.name)
        try:
            named = JID.parse(username if "@" in username else f"{username}@{self.host.name}")
        except JIDError:
            named = None
        if named != own:
            raise StanzaError("not-allowed", f"you can change only the password of {user}")
        await self.host.authenticator.set_password(user, password)

    async def _remove(self, user: str, request: Iq, query: Element) -> None:
        if sum(1 for _ in query.elements()) != 1:
            raise StanzaError("bad-request", "<remove/> must stand alone")
        # The answer has to be out before the sessions are closed; the one that follows finds nobody.
        await self.host.unregister(user, farewell=request.reply())


class RecentRegistrations:
    """How many accounts each address has made within an hour; an IPv6 network of /64 counts as one."""

    def __init__(self) -> None:
        self._times: dict[object, deque[float]] = {}

    def note(self, address: str, limit: int) -> Callable[[], None]:
        """Count one more.

        Args:
            address: who registers.
            limit: how many an hour; 0 is no limit.

        Returns:
            What takes it back, for a registration that fails.

        Raises:
            StanzaError: not-acceptable, there were too many (§3.1.1).
        """
        now = time.monotonic()
        self._forget(now - _HOUR)
        key = _network(address)
        times = self._times.setdefault(key, deque())
        if 0 < limit <= len(times):
            raise StanzaError("not-acceptable", "too many accounts come from your address; wait", "wait")
        times.append(now)
        return partial(times.remove, now)

    def _forget(self, before: float) -> None:
        for key, times in list(self._times.items()):
            while times and times[0] < before:
                times.popleft()
            if not times:
                del self._times[key]


@lru_cache(maxsize=1024)
def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _network(text: str) -> object:
    address = _address(text)
    return int(address) >> 64 if isinstance(address, IPv6Address) else address


def _fields() -> Element:
    """What a stranger has to fill in, twice: for clients that know data forms, and for the others."""
    form = Form("form", REGISTER, title="Registration", instructions=_WELCOME)
    form.add("username", label="Username", required=True)
    form.add("password", "text-private", label="Password", required=True)
    query = Element("query", REGISTER)
    query.add("instructions", text=_WELCOME)
    query.add("username")
    query.add("password")
    query.append(form.to_element())
    return query


def _registration(user: str) -> Element:
    query = Element("query", REGISTER)
    query.add("registered")
    query.add("instructions", text=_REGISTERED)
    query.add("username", text=user)
    query.add("password")
    return query


def _submitted(query: Element) -> tuple[str, str]:
    """Username and password, of the data form where there is one (§5), else of the plain fields."""
    form = query.child("x", DATA_FORMS)
    if form is None:
        return query.child_text("username", REGISTER) or "", query.child_text("password", REGISTER) or ""
    answer = Form.from_element(form)
    return answer.value("username") or "", answer.value("password") or ""


def _refusal(error: AuthError | InvalidPassword) -> StanzaError:
    if isinstance(error, AccountExists):
        return StanzaError("conflict", str(error))
    if isinstance(error, InvalidPassword):
        return StanzaError("not-acceptable", str(error))
    if isinstance(error, ChangeRefused):
        return StanzaError("not-allowed", str(error))
    return StanzaError("resource-constraint", str(error))
