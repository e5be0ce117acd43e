"""What the server may ask about the accounts of one virtual host."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator

from burble.auth.scram import ScramKeys


class AuthError(Exception):
    """Something about an account could not be done; the text is fit to be shown to a person."""


class AccountExists(AuthError):
    """The account to be registered is already there."""


class NoSuchAccount(AuthError):
    """The account to be changed or removed is not there."""


class AuthenticatorUnavailable(AuthError):
    """The place that knows the accounts cannot be reached now; the same question may be asked again later."""


class Authenticator(ABC):
    """The accounts of one host.

    ``user`` is always a prepared localpart (RFC 7622 §3.3), as ``JID.local`` holds it. Every method may raise
    `AuthenticatorUnavailable`.

    Attributes:
        host: the virtual host whose accounts these are.
        mechanisms: the SASL mechanisms that can be served from what is known of a password, by the names
            without ``-PLUS``: channel binding is a matter of the connection, not of the account.
    """

    host: str
    mechanisms: frozenset[str]

    @abstractmethod
    async def exists(self, user: str) -> bool:
        """Tell whether there is such an account."""

    def known(self, user: str) -> bool | None:
        """Tell whether there is such an account where that is known without asking anywhere, else None."""
        return None

    async def is_disabled(self, user: str) -> bool:
        """Tell whether the account exists but may not log in. Asked only after the password was proved."""
        return False

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
        """Create an account. Raises `AccountExists` or `InvalidPassword`."""

    @abstractmethod
    async def set_password(self, user: str, password: str) -> None:
        """Replace an account's password. Raises `NoSuchAccount` or `InvalidPassword`."""

    @abstractmethod
    async def remove(self, user: str) -> None:
        """Remove an account and everything stored for it. Raises `NoSuchAccount`."""

    @abstractmethod
    def users(self) -> AsyncIterator[str]:
        """Iterate over the localparts of all accounts, in ascending order."""

    @abstractmethod
    async def count(self) -> int:
        """Return how many accounts there are."""
