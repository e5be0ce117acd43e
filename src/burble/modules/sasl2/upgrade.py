"""XEP-0480: a client that has logged in helps to keys of a better hash, which need its password."""

from __future__ import annotations

import base64
import secrets
from typing import Final

from burble.auth import Authenticator
from burble.auth.internal import InternalAuthenticator
from burble.auth.scram import HASHES, SALT_LENGTH, keys_of
from burble.namespaces import SASL2, SASL_UPGRADE, SCRAM_UPGRADE
from burble.sasl import SaslFailure, Success, encode
from burble.xml import Element

# SHA-1 is what one upgrades from.
_TASKS: Final = {f"UPGR-SCRAM-{hash}": hash for hash in HASHES if hash != "SHA-1"}


def tasks(authenticator: Authenticator) -> list[Element]:
    """The upgrades to announce: the same for everybody, so that they tell nothing of an account."""
    if not isinstance(authenticator, InternalAuthenticator):
        return []
    return [Element("upgrade", SASL_UPGRADE, None, name) for name in _TASKS]


async def wanted(authenticator: Authenticator, success: Success, request: Element) -> Upgrade | None:
    """The upgrade a client offers and its account needs, if there is one."""
    if success.anonymous or not isinstance(authenticator, InternalAuthenticator):
        return None
    for element in request.elements("upgrade", SASL_UPGRADE):
        hash = _TASKS.get(element.text.strip())
        if hash is not None and await authenticator.scram_keys(success.user, hash) is None:
            return Upgrade(authenticator, success.user, hash)
    return None


class Upgrade:
    """One upgrade, after the client has proved itself.

    Args:
        authenticator: keeps the keys.
        user: whose they are.
        hash: for which.
    """

    def __init__(self, authenticator: InternalAuthenticator, user: str, hash: str) -> None:
        self._authenticator = authenticator
        self._user = user
        self._hash = hash
        self._task = f"UPGR-SCRAM-{hash}"
        self._salt = secrets.token_bytes(SALT_LENGTH)
        self._begun = False

    def proposal(self, data: bytes | None) -> Element:
        """The ``<continue/>`` that names the task (XEP-0388 §2.6.3).

        Args:
            data: what the mechanism ended with.
        """
        element = Element("continue", SASL2)
        if data is not None:
            element.add("additional-data", text=encode(data))
        element.add("tasks").add("task", text=self._task)
        return element

    async def take(self, element: Element) -> Element | None:
        """Take the client's next step.

        Returns:
            What to answer; None once the task is done.

        Raises:
            SaslFailure: it can't be done.
        """
        if element.name == "next" and element.get("task") == self._task and not self._begun:
            self._begun = True
            answer = Element("task-data", SASL2)
            iterations = {"iterations": str(self._authenticator.iterations)}
            answer.add("salt", SCRAM_UPGRADE, iterations, base64.b64encode(self._salt).decode())
            return answer
        given = element.child_text("hash", SCRAM_UPGRADE) if element.name == "task-data" else None
        if given is None or not self._begun:
            raise SaslFailure("malformed-request", f"<{element.name}/> is not expected now")
        try:
            salted = base64.b64decode(given.strip(), validate=True)
            keys = keys_of(salted, self._hash, self._salt, self._authenticator.iterations)
        except ValueError as error:
            raise SaslFailure("malformed-request", "this is no salted password of that hash") from error
        await self._authenticator.add_keys(self._user, self._hash, keys)
        return None
