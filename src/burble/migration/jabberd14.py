"""Read the spool of jabberd 1.4: a directory for each host, and in it a file for each account.

A file is named after the account, its directory after the host. Its root ``<xdb/>`` has an element for each
namespace in which something is kept, which ``xdbns`` tells.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from burble.jid import JID, JIDError
from burble.migration.accounts import AccountData, Ignored
from burble.migration.elements import ElementReader
from burble.migration.reading import TransferFailed, split_file
from burble.namespaces import LAST_ACTIVITY, PRIVATE
from burble.xml import Element

__all__ = ["read_spool", "read_spool_file"]

_AUTH: Final = "jabber:iq:auth"
_OFFLINE: Final = "jabber:x:offline"
_OWN: Final = ("xdbns", "j_private_flag")


def read_spool(directory: Path, ignored: Ignored) -> Iterator[AccountData | None]:
    """Read all accounts of a host.

    Args:
        directory: named after the host.
        ignored: counts what can't be taken over.

    Raises:
        TransferFailed: the directory can't be read, or a file in it.
    """
    try:
        paths = sorted(path for path in directory.iterdir() if path.suffix == ".xml")
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise TransferFailed(f"{directory} can't be read: {why}") from error
    for path in paths:
        yield from read_spool_file(path, ignored)


def read_spool_file(path: Path, ignored: Ignored) -> Iterator[AccountData | None]:
    """Read an account.

    Args:
        path: the file; its name without ``.xml`` is the account's, that of its directory the host's.
        ignored: counts what can't be taken over.

    Raises:
        TransferFailed: it can't be read, or there is no such account or host.
    """
    file = path.absolute()
    try:
        jid = JID.build(unquote(file.stem), file.parent.name)
    except JIDError as error:
        raise TransferFailed(f"{path}: neither an account nor a host can be called so: {error}") from None
    spool = _File(AccountData(jid.domain, jid.local), ignored)
    for _ in split_file(path, spool):
        yield None
    yield spool.account


class _File:
    """One file."""

    def __init__(self, account: AccountData, ignored: Ignored) -> None:
        self.account = account
        self._ignored = ignored
        self._reader = ElementReader(ignored)
        #: What is open: the root, and in it what keeps messages.
        self._open: list[str] = []

    def opened(self, ns: str, name: str, attrs: dict[str, str]) -> bool:
        if not self._open:
            if name != "xdb":
                raise ValueError(f"the file begins with <{name}/> and not with <xdb/> of jabberd 1.4")
        elif ns != _OFFLINE or len(self._open) > 1:
            return False
        self._open.append(ns)
        return True

    def closed(self) -> None:
        self._open.pop()

    def part(self, element: Element) -> None:
        account, ns = self.account, element.get("xdbns") or element.ns
        private = element.get("j_private_flag") == "1"
        for name in _OWN:
            element.attrs.pop(name, None)
        if len(self._open) > 1:
            if element.ns == _OFFLINE:
                element = _moved(element, "")
            self._reader.message(account, element)
        elif ns == _AUTH:
            account.password = element.text.strip() or None
        elif ns == LAST_ACTIVITY:
            self._reader.last(account, element.get("last"), element.text)
        elif private or ns == PRIVATE:
            for each in element.elements() if element.ns == PRIVATE else [element]:
                self._reader.private(account, each)
        elif not self._reader.read(account, element):
            self._ignored[f"elements {element.name} of {element.ns}"] += 1


def _moved(element: Element, ns: str) -> Element:
    """An element without a namespace of its own, which it only seems to have from where it stands."""
    old, element.ns = element.ns, ns
    for child in element.elements():
        if child.ns == old:
            _moved(child, ns)
    return element
