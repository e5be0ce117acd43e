"""The authenticator of a virtual host, as its settings name it."""

from burble.auth.base import Authenticator
from burble.auth.external import ExternalAuthenticator
from burble.auth.internal import InternalAuthenticator
from burble.auth.script import ScriptPool
from burble.config import HostSettings
from burble.storage import Database

__all__ = ["authenticator_for", "same_accounts"]


def authenticator_for(settings: HostSettings, database: Database) -> Authenticator:
    """Make the authenticator of a host, to be closed in the end.

    Args:
        settings: the host's.
        database: where Burble keeps what is its own of the accounts.
    """
    auth, name = settings.auth, settings.name
    if auth.method == "script":
        options = auth.script
        pool = ScriptPool(options.command, name, processes=options.processes, timeout=options.timeout)
        return ExternalAuthenticator(database, name, pool, changes=options.changes, cache=options.cache)
    if auth.method == "http":
        # Here, because it takes a tenth of a second, which a server without it need not spend.
        from burble.auth.service import HttpService

        assert auth.http.url is not None
        service = HttpService(
            auth.http.url,
            name,
            verb=auth.http.verb,
            authorization=auth.http.authorization,
            connections=auth.http.connections,
            timeout=auth.http.timeout,
        )
        return ExternalAuthenticator(
            database, name, service, changes=auth.http.changes, cache=auth.http.cache
        )
    return InternalAuthenticator(database, name, auth.scram_iterations)


def same_accounts(one: HostSettings, other: HostSettings) -> bool:
    """Whether an authenticator made for the one settings will do for the other ones."""
    first, second = one.auth, other.auth
    return (first.method, first.script, first.http) == (second.method, second.script, second.http)
