"""Read files of the portable format for accounts (XEP-0227), which may include each other."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from burble.auth.scram import HASHES, ScramKeys
from burble.jid import JID, JIDError
from burble.migration.accounts import AccountData, Ignored
from burble.migration.elements import ACCOUNT, ARCHIVE, PIE, SCRAM, ElementReader
from burble.migration.reading import TransferFailed, split_file
from burble.xml import Element

__all__ = ["XINCLUDE", "read_pie"]

XINCLUDE: Final = "http://www.w3.org/2001/XInclude"

_OPENED: Final = {"": ("server-data", "host"), "server-data": ("host",), "host": ("user",)}
_MESSAGES: Final = "offline-messages"
_CONTAINERS: Final = (_MESSAGES, "archive")
# Rows of an account, and bytes of them, that are handed on before the rest of it is read.
_ROWS: Final = 2000
_BYTES: Final = 4 * 1024 * 1024


def read_pie(path: Path, ignored: Ignored) -> Iterator[AccountData | None]:
    """Read the accounts in a file and in those it includes (§6).

    Included files must be below the directory of the first.

    Args:
        path: the file, whose root is ``<server-data/>``, or ``<host/>``; or a directory, of which all files
            are read whose names end in ``.xml``, as Prosody writes one for each account.
        ignored: counts what can't be taken over.

    Returns:
        The accounts, large ones in parts; None now and then while nothing is ready.

    Raises:
        TransferFailed: a file can't be read, or is no such file.
    """
    if path.is_dir():
        for each in sorted(path.glob("*.xml")):
            yield from _read_file(each, ignored)
    else:
        yield from _read_file(path, ignored)


def _read_file(path: Path, ignored: Ignored) -> Iterator[AccountData | None]:
    root = path.parent.resolve()
    yield from _File(path, ignored, root, frozenset(), "", "", None).accounts()


class _Include(str):
    """The address of a file that stands in another."""


class _File:
    """One file.

    Args:
        path: where it is.
        ignored: counts what can't be taken over.
        root: the directory that all files must be below.
        including: the files that it stands in.
        parent: the element it stands in: ``server-data``, ``host``, ``user``, or none.
        host: the host it stands in.
        account: the account it stands in.
    """

    def __init__(
        self,
        path: Path,
        ignored: Ignored,
        root: Path,
        including: frozenset[Path],
        parent: str,
        host: str,
        account: AccountData | None,
    ) -> None:
        self._path = path.resolve()
        self._ignored = ignored
        self._root = root
        if self._path in including:
            raise TransferFailed(f"{path} includes itself")
        self._including = including | {self._path}
        self._open = [parent]
        self._host = host
        self._account = account
        self._reader = ElementReader(ignored)
        # What has been read, in order; an include with what it stands in.
        self._found: list[AccountData | tuple[str, str, str, AccountData | None]] = []

    def accounts(self) -> Iterator[AccountData | None]:
        """See `read_pie`."""
        for _ in split_file(self._path, self):
            found, self._found = self._found, []
            for each in found:
                if isinstance(each, AccountData):
                    yield each
                else:
                    href, parent, host, account = each
                    yield from self._included(href, parent, host, account)
            yield None

    def _included(
        self, href: str, parent: str, host: str, account: AccountData | None
    ) -> Iterator[AccountData | None]:
        path = (self._path.parent / href).resolve()
        if not path.is_relative_to(self._root):
            raise TransferFailed(f"{self._path}: the file {href} is not below {self._root}, and is not read")
        file = _File(path, self._ignored, self._root, self._including, parent, host, account)
        yield from file.accounts()

    # ---- what the splitter asks

    def opened(self, ns: str, name: str, attrs: dict[str, str]) -> bool:
        parent = self._open[-1]
        if parent == "user" and (ns in PIE if name == _MESSAGES else ns == ARCHIVE and name == "archive"):
            self._open.append(name)
            return True
        if ns not in PIE:
            if not parent:
                raise ValueError(f"the file begins with <{name}/> and not with <server-data/> of XEP-0227")
            return False
        if name not in _OPENED.get(parent, ()):
            if not parent:
                raise ValueError(f"the file begins with <{name}/> and not with <server-data/> of XEP-0227")
            return False
        if name == "host":
            self._host = _domain(attrs.get("jid", ""))
        elif name == "user":
            self._account = self._begin(attrs)
        self._open.append(name)
        return True

    def closed(self) -> None:
        if self._open.pop() == "user":
            account, self._account = self._account, None
            if account is not None:
                self._found.append(account)

    def part(self, element: Element) -> None:
        parent = self._open[-1]
        if element.ns == XINCLUDE and element.name == "include" and parent not in _CONTAINERS:
            self._include(element, parent)
            return
        account = self._account
        if parent not in ("user", *_CONTAINERS):
            self._ignored[f"elements {element.name} of {element.ns}"] += 1
        elif account is not None:
            self._read(account, element, parent)
            if account.size >= _ROWS or account.bytes >= _BYTES:
                self._found.append(account)
                self._account = AccountData(account.host, account.user, first=False)

    def _include(self, element: Element, parent: str) -> None:
        href = urlsplit(element.get("href") or "")
        if element.get("parse", "xml") != "xml" or element.get("xpointer") or any(href[:2]) or any(href[3:]):
            raise ValueError("an include that is not just the name of a file")
        if not href.path:
            raise ValueError("an include without the name of a file")
        self._found.append((unquote(href.path), parent, self._host, self._account))

    # ---- accounts

    def _begin(self, attrs: dict[str, str]) -> AccountData | None:
        try:
            user = JID.build(attrs.get("name", ""), "localhost").local
        except JIDError:
            user = ""
        if not user:
            self._ignored["accounts whose name is none"] += 1
            return None
        account = AccountData(self._host, user)
        password = attrs.get("password", "")
        if password.startswith("scram:"):
            self._old_scram(account, password)
        else:
            account.password = password or None
        return account

    def _read(self, account: AccountData, element: Element, parent: str) -> None:
        if parent == _MESSAGES:
            self._reader.message(account, element)
        elif parent == "archive":
            self._reader.archived(account, element)
        elif (element.ns, element.name) == (SCRAM, "scram-credentials"):
            self._scram(account, element)
        elif (element.ns, element.name) == (ACCOUNT, "account"):
            account.disabled = element.get("disabled") == "true"
            created, last = element.get("created") or "", element.get("last")
            account.created = int(created) if created.isdecimal() else account.created
            if last is not None:
                self._reader.last(account, last, element.text)
        elif not self._reader.read(account, element):
            self._ignored[f"elements {element.name} of {element.ns}"] += 1

    def _scram(self, account: AccountData, element: Element) -> None:
        """§4.3."""
        name = (element.get("mechanism") or "").removeprefix("SCRAM-")
        fields = [element.child_text(tag, default="") or "" for tag in _FIELDS]
        self._keys(account, name, fields)

    def _old_scram(self, account: AccountData, password: str) -> None:
        """As ejabberd wrote it before the format had a word for it."""
        fields = password.removeprefix("scram:").split(",")
        name = {"sha256": "SHA-256", "sha512": "SHA-512"}.get(fields[0], "SHA-1")
        self._keys(account, name, fields[-4:])

    def _keys(self, account: AccountData, name: str, fields: list[str]) -> None:
        try:
            stored, server, salt = (base64.b64decode(field, validate=True) for field in fields[:3])
            size = hashlib.new(HASHES[name]).digest_size
            if len(stored) != size:
                # ejabberd encodes what it keeps encoded.
                stored, server, salt = (
                    base64.b64decode(each, validate=True) for each in (stored, server, salt)
                )
            iterations = int(fields[3])
            good = len(stored) == len(server) == size and len(salt) > 0 and 0 < iterations < 2**31
        except (ValueError, LookupError):
            good = False
        if good:
            account.keys[name] = ScramKeys(salt, iterations, stored, server)
        else:
            self._ignored["credentials that can't be used"] += 1


_FIELDS: Final = ("stored-key", "server-key", "salt", "iter-count")


def _domain(text: str) -> str:
    try:
        jid = JID.parse(text)
    except JIDError as error:
        raise ValueError(f"a host whose name is none: {error}") from None
    if jid.local or jid.resource:
        raise ValueError(f"a host whose name is none: {text}")
    return str(jid)
