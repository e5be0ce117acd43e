"""What can go wrong with the database, in words the rest of the server understands.

Everything else that a database raises (an integrity error of a statement in `Database.write`, say)
reaches the caller as it is.
"""

import sqlite3

from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout


class StorageError(Exception):
    """Base of the errors which the storage itself raises."""


class DatabaseUnavailable(StorageError):
    """The database cannot do its work just now: gone, starting up, out of disk, locked for too long.

    The same call may succeed later; a client gets `resource-constraint` or `internal-server-error`
    of type `wait` for it (RFC 6120 §8.3.3).
    """


class RowRefused(StorageError):
    """The database refused this row, or the statement: trying again cannot help."""


class QueueFull(StorageError):
    """More rows wait to be written than the batcher may hold."""


class SchemaTooNew(StorageError):
    """The database was migrated by a newer version of Burble."""


# Primary result codes of SQLite that speak of the state of the file, the disk or the machine.
_SQLITE_STATE = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_NOTADB,
    }
)

# Classes of SQLSTATE that speak of the server, not of the row: connection, transaction rollback,
# resources, state, operator intervention, system and internal errors.
_SERVER_STATE = frozenset({"08", "25", "40", "53", "55", "57", "58", "XX"})


def _sqlstate(error: BaseException | None) -> str:
    return getattr(error, "sqlstate", None) or getattr(error, "pgcode", None) or ""


def is_unavailable(error: BaseException) -> bool:
    """Tell whether `error`, from SQLAlchemy or a driver, is about the database and not about the row."""
    if isinstance(error, DatabaseUnavailable | OSError | PoolTimeout):
        return True
    if isinstance(error, DBAPIError):
        if error.connection_invalidated:
            return True
        if isinstance(error.orig, sqlite3.Error):
            return is_unavailable(error.orig)
        state = _sqlstate(error.orig)
        return state[:2] in _SERVER_STATE if state else isinstance(error, OperationalError)
    if isinstance(error, sqlite3.Error):
        # Errors of the Python module itself (a value it cannot bind) have no code.
        return getattr(error, "sqlite_errorcode", 0) & 0xFF in _SQLITE_STATE
    return _sqlstate(error)[:2] in _SERVER_STATE


def is_lost(error: BaseException) -> bool:
    """Tell whether a transaction that failed with `error` can only have been rolled back and may run again.

    True for a connection found dead and for the server's own rollbacks (deadlock); the caller must know
    that no commit was under way.
    """
    return isinstance(error, DBAPIError) and (
        error.connection_invalidated or _sqlstate(error.orig).startswith("40")
    )


def reason(error: BaseException) -> str:
    """What the driver said, for a log line: without the statement and the values SQLAlchemy adds."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return str(cause) or type(cause).__name__


def unavailable(error: BaseException) -> DatabaseUnavailable:
    """Wrap `error` in `DatabaseUnavailable`, or return it if it is one already."""
    if isinstance(error, DatabaseUnavailable):
        return error
    wrapped = DatabaseUnavailable(f"the database is not available: {reason(error)}")
    wrapped.__cause__ = error
    return wrapped


def refused(error: BaseException) -> RowRefused:
    """Wrap `error` in `RowRefused`."""
    wrapped = RowRefused(f"the database refused a row: {reason(error)}")
    wrapped.__cause__ = error
    return wrapped
