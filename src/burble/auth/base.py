"""What the server may ask about the accounts of one virtual host."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from typing import Final

from burble.auth.scram import ScramKeys


class AuthError(Exception):
    """Something about an account could not be done; the text is fit to be shown to a person."""


class AccountExists(AuthError):
    """The account to be registered is already there."""


class NoSuchAccount(AuthError):
    """The account to be changed or removed is not there."""


class ChangeRefused(AuthError):
    """Whoever keeps the accounts does not let this be changed, or not from here."""


class AuthenticatorUnavailable(AuthError):
    """The place that knows the accounts cannot be reached now; the same question may be asked again later."""


CHANGES: Final = frozenset({"register", "set_password", "remove"})
"""What may happen to an account."""


class Authenticator(ABC):
    """The accounts of one host.

    ``user`` is always a prepared localpart (RFC 7622 §3.3), as ``JID.local`` holds it. Every method may raise
    `AuthenticatorUnavailable`.

    Attributes:
        host: the virtual host whose accounts these are.
        mechanisms: the SASL mechanisms that can be served from what is known of a password, by the names
            without ``-PLUS``: channel binding is a matter of the connection, not of the account.
        changes: those of `CHANGES` that can be asked for here; the others raise `ChangeRefused`.
    """

    host: str
    mechanisms: frozenset[str]
    changes: frozenset[str] = CHANGES

    @abstractmethod
    async def exists(self, user: str) -> bool:
        """Tell whether there is such an account."""

    def known(self, user: str) -> bool | None:
        """Tell whether there is such an account where that is known without asking anywhere, else None."""
        return None

    @abstractmethod
    async def is_disabled(self, user: str) -> bool:
        """Tell whether the account exists but may not log in. Asked only after the password was proved."""

    @abstractmethod
    async def set_disabled(self, user: str, disabled: bool) -> None:
        """Forbid or allow an account to log in; its data stays. Raises `NoSuchAccount`."""

    @abstractmethod
    async def scram_keys(self, user: str, hash: str) -> ScramKeys | None:
        """Return the account's keys for SCRAM, or None if there are none.

        Args:
            user: the account.
            hash: a name of `burble.auth.scram.HASHES`.
        """

    @abstractmethod
    async def check_password(self, user: str, password: str) -> bool:
        """Tell whether ``password`` is this account's.

        Without an account the answer is False, and takes as long.
        """

    @abstractmethod
    async def register(self, user: str, password: str) -> None:
        """Create an account. Raises `AccountExists`, `InvalidPassword` or `ChangeRefused`."""

    @abstractmethod
    async def set_password(self, user: str, password: str) -> None:
        """Replace an account's password. Raises `NoSuchAccount`, `InvalidPassword` or `ChangeRefused`."""

    async def prepare_removal(self, user: str, password: str | None = None) -> None:
        """Make sure that an account can be removed, before anybody is told that it is.

        Where others keep the accounts, they remove it now.

        Args:
            user: the account.
            password: where it is given, the account's; a wrong one lets the account be.

        Raises:
            NoSuchAccount: there is none.
            ChangeRefused: it stays.
        """
        if not await self.exists(user):
            raise NoSuchAccount(f"there is no account {user}@{self.host}")
        if password is not None and not await self.check_password(user, password):
            raise ChangeRefused("the password is wrong")

    @abstractmethod
    async def remove(self, user: str) -> None:
        """Remove an account and everything stored for it. Raises `NoSuchAccount`."""

    @abstractmethod
    def users(self) -> AsyncIterator[str]:
        """Iterate over the localparts of all accounts known here, in ascending order."""

    @abstractmethod
    async def count(self) -> int:
        """Return how many accounts are known here."""

    @abstractmethod
    def clear_cache(self) -> None:
        """Remember nothing of any account any more; the next questions are asked anew."""

    @abstractmethod
    async def close(self) -> None:
        """Let go of what lies outside the server. Nothing is asked any more."""
