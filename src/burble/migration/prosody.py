"""Read the files in which Prosody keeps its data: a directory for each host, and in it one for each kind."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import unquote

from burble.auth.scram import ScramKeys
from burble.jid import JID, JIDError
from burble.migration.accounts import AccountData, Ignored
from burble.migration.elements import ElementReader
from burble.migration.lua import LuaError, read_items, read_return
from burble.migration.reading import TransferFailed
from burble.namespaces import BLOCKING, CLIENT, DELAY, FORWARD, MAM, ROSTER
from burble.timestamps import format_stamp
from burble.xml import Element

__all__ = ["read_prosody"]

T = TypeVar("T")

_HASHES: Final = {20: "SHA-1", 32: "SHA-256", 64: "SHA-512"}
#: What Prosody adds to a stanza that it keeps.
_OWN: Final = ("stamp", "stamp_legacy")
_TAKEN: Final = frozenset({"accounts", "archive", "blocklist", "offline", "private", "roster", "vcard"})
#: What there is no use for, or what is made anew.
_LEFT: Final = re.compile("account_(details|roles)|cron|invite.*|lastlog2?|smacks.*|tokenauth.*|tombstones")
_DEEPEST: Final = 100


def read_prosody(directory: Path, ignored: Ignored) -> Iterator[AccountData | None]:
    """Read all accounts of all hosts.

    Args:
        directory: Prosody's data directory.
        ignored: counts what can't be taken over.

    Raises:
        TransferFailed: the directory can't be read, or is not Prosody's, or a file is not as Prosody writes.
    """
    try:
        hosts = sorted(path for path in directory.iterdir() if (path / "accounts").is_dir())
        if not hosts:
            raise TransferFailed(f"{directory} has no directory of a host with accounts, as Prosody has")
        for host in hosts:
            yield from _Host(host, ignored).accounts()
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise TransferFailed(f"{error.filename or directory} can't be read: {why}") from error


class _Host:
    """The directory of a host."""

    def __init__(self, directory: Path, ignored: Ignored) -> None:
        self._directory = directory
        self._ignored = ignored
        self._reader = ElementReader(ignored)
        self._name = unquote(directory.name)

    def accounts(self) -> Iterator[AccountData | None]:
        for path in sorted((self._directory / "accounts").glob("*.dat")):
            try:
                jid = JID.build(unquote(path.stem), self._name)
            except JIDError:
                self._ignored["accounts whose name is none"] += 1
                continue
            account = AccountData(jid.domain, jid.local)
            self._account(account, self._read(path, read_return))
            self._data(account, path.stem)
            yield account
        for path in sorted(self._directory.iterdir()):
            if path.is_dir() and path.name not in _TAKEN and not _LEFT.fullmatch(path.name):
                self._ignored[f"files in {path.name}"] += sum(1 for _ in path.iterdir())

    def _read(self, path: Path, read: Callable[[bytes], T]) -> T:
        try:
            return read(path.read_bytes())
        except LuaError as error:
            raise TransferFailed(f"{path}: not as Prosody writes: {error}") from None

    def _stored(self, kind: str, name: str) -> dict[Any, Any]:
        path = self._directory / kind / f"{name}.dat"
        found = self._read(path, read_return) if path.exists() else None
        return found if isinstance(found, dict) else {}

    def _listed(self, kind: str, name: str) -> list[dict[Any, Any]]:
        path = self._directory / kind / f"{name}.list"
        found = self._read(path, lambda data: [*read_items(data)]) if path.exists() else []
        return [each for each in found if isinstance(each, dict)]

    def _account(self, account: AccountData, stored: object) -> None:
        data: dict[Any, Any] = stored if isinstance(stored, dict) else {}
        account.disabled = bool(data.get("disabled"))
        account.password = str(data["password"]) if data.get("password") else None
        try:
            key = bytes.fromhex(str(data.get("stored_key", "")))
            server, salt = bytes.fromhex(str(data.get("server_key", ""))), str(data.get("salt", "")).encode()
            iterations = int(data.get("iteration_count", 0))
        except ValueError:
            key = b""
        if key and len(key) in _HASHES and len(server) == len(key) and salt and 0 < iterations < 2**31:
            account.keys[_HASHES[len(key)]] = ScramKeys(salt, iterations, key, server)
        elif account.password is None:
            self._ignored["credentials that can't be used"] += 1

    def _data(self, account: AccountData, name: str) -> None:
        reader = self._reader
        self._roster(account, self._stored("roster", name))
        if (card := self._stored("vcard", name)) and (element := self._element(card)) is not None:
            reader.read(account, element)
        for stored in self._stored("private", name).values():
            if (element := self._element(stored)) is not None:
                reader.private(account, element)
        blocked = Element("blocklist", BLOCKING)
        for jid, is_blocked in self._stored("blocklist", name).items():
            if is_blocked is True:
                blocked.add("item", attrs={"jid": str(jid)})
        reader.read(account, blocked)
        for stored in self._listed("offline", name):
            if (element := self._element(stored)) is not None:
                reader.message(account, _delayed(element, account, stored.get("when")))
        for stored in self._listed("archive", name):
            if (element := self._element(stored)) is not None:
                reader.archived(account, _result(element, stored))

    def _roster(self, account: AccountData, stored: dict[Any, Any]) -> None:
        query = Element("query", ROSTER)
        for jid, item in stored.items():
            if not isinstance(item, dict) or not isinstance(jid, str):
                continue
            if jid == "<false>":
                for contact, request in (item.get("pending") or {}).items():
                    presence = _element(request, CLIENT) if isinstance(request, dict) else None
                    presence = presence or Element("presence", CLIENT, {"type": "subscribe"})
                    presence.attrs["from"] = str(contact)
                    self._reader.read(account, presence)
                continue
            attrs = {key: str(item[key]) for key in ("name", "subscription", "ask") if item.get(key)}
            if item.get("approved"):
                attrs["approved"] = "true"
            element = query.add("item", attrs={"jid": jid, **attrs})
            for group in item.get("groups") or {}:
                element.add("group", text=str(group))
        if query.children:
            self._reader.read(account, query)

    def _element(self, stored: object) -> Element | None:
        element = _element(stored, CLIENT)
        if element is None:
            self._ignored["elements that are none"] += 1
        return element


def _element(stored: object, ns: str, depth: int = 0) -> Element | None:
    """An element as Prosody keeps it: a table with a name, attributes and, by their places, its children."""
    if not isinstance(stored, dict) or not isinstance(stored.get("name"), str) or depth > _DEEPEST:
        return None
    given = stored.get("attr")
    attrs = {str(key): str(value) for key, value in given.items()} if isinstance(given, dict) else {}
    ns = attrs.pop("xmlns", ns)
    for name in [name for name in attrs if "\1" in name]:
        uri, _, local = name.partition("\1")
        attrs[f"{{{uri}}}{local}"] = attrs.pop(name)
    element = Element(stored["name"], ns, attrs)
    place = 1
    while place in stored:
        child = stored[place]
        if isinstance(child, str):
            element.append(child)
        elif (inner := _element(child, ns, depth + 1)) is not None:
            element.append(inner)
        place += 1
    return element


def _stamp(when: object) -> str:
    moment = float(when) if isinstance(when, int | float) else 0.0
    return format_stamp(datetime.fromtimestamp(max(0.0, min(moment, 2.0**36)), UTC))


def _plain(message: Element) -> Element:
    for name in _OWN:
        message.attrs.pop(name, None)
    return message


def _delayed(message: Element, account: AccountData, when: object) -> Element:
    """A message that is kept for later, with the time of that."""
    stamp = message.get("stamp") or _stamp(when)
    message.append(Element("delay", DELAY, {"from": account.host, "stamp": stamp}))
    return _plain(message)


def _result(message: Element, stored: dict[Any, Any]) -> Element:
    """A message of an archive as XEP-0313 tells it."""
    forwarded = Element("forwarded", FORWARD)
    forwarded.append(Element("delay", DELAY, {"stamp": _stamp(stored.get("when"))}))
    forwarded.append(_plain(message))
    return Element("result", MAM, {"id": str(stored.get("key") or "")}, forwarded)
