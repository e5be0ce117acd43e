"""A backup that waits in the data directory to be restored when the server starts."""

import asyncio
import logging
from pathlib import Path
from typing import Final

from burble.storage.database import Database
from burble.storage.errors import StorageError
from burble.storage.restore import check_dump, restore_dump

__all__ = ["FALLBACK", "use_fallback"]

_log = logging.getLogger(__name__)

FALLBACK: Final = "fallback.backup"
"""Its name."""


async def use_fallback(database: Database, directory: Path) -> None:
    """Restore the backup that waits in a directory, if there is one, and remove it.

    Args:
        database: open, and used by nobody yet.
        directory: the data directory.

    Raises:
        StorageError: it can't be restored; the database is as it was, and the file is still there.
    """
    path = directory / FALLBACK
    if not await asyncio.to_thread(path.exists):
        return
    try:
        header = await check_dump(path)
        rows = await restore_dump(database, path)
    except StorageError as error:
        raise StorageError(
            f"{error}. The server was told by install_fallback to restore this file; "
            "remove it, and the server starts with the data it has"
        ) from error
    # What is done twice, because the machine stops here, is done before anybody has changed anything.
    await asyncio.to_thread(path.unlink)
    _log.info("restored %d rows of %s from %s", rows, header.created, path)
