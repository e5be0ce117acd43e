"""Write the database into a file while it is in use: a backup, or a dump that people can read."""

import asyncio
import gzip
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final, cast

from sqlalchemy import Table, func, select

from burble.storage.database import Database
from burble.storage.dumpformat import DumpError, Header, columns_of, encoder, line
from burble.storage.dumpreading import is_dump
from burble.storage.newfile import NewFile
from burble.storage.schema import metadata
from burble.storage.snapshot import Snapshot
from burble.storage.upgrade import newest_revision

__all__ = ["Report", "write_dump"]

Report = Callable[[int, int | None, str], None]
"""Is told how much is done, of how much, and what is being done."""

# The fastest is good: what takes place in a database repeats itself.
_COMPRESSION: Final = 1


async def write_dump(
    database: Database,
    path: Path,
    *,
    version: str,
    compress: bool,
    tables: Sequence[Table] | None = None,
    report: Report = lambda done, total, text: None,
) -> int:
    """Write the database, as it is at this moment, into a file that only its owner may read.

    The file appears under its name when it is whole; one that is there already is replaced if it is a backup
    or a dump as well.

    Args:
        database: which.
        path: the file.
        version: of Burble.
        compress: make a backup, compressed and with a checksum, and no text that people can read.
        tables: only some tables; None for all.
        report: is told of the progress.

    Returns:
        How many rows were written.

    Raises:
        DumpError: the file can't be written, or is there and is something else.
        DatabaseUnavailable: the database can't be read.
    """
    chosen = metadata.sorted_tables if tables is None else tables
    moment = datetime.now(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"
    header = Header(newest_revision(), version, moment, tables is None)
    await database.batch.flush()
    try:
        await asyncio.to_thread(_check_place, path)
        with ExitStack() as stack:
            file = stack.enter_context(NewFile(path))
            if compress:
                plain = gzip.GzipFile("", "wb", _COMPRESSION, file, mtime=0)
                file = cast("IO[bytes]", stack.enter_context(plain))
            file.write(header.line())
            async with database.snapshot() as snapshot:
                counts = {table.name: await _write_table(snapshot, table, file, report) for table in chosen}
            file.write(line({"end": counts}))
    except OSError as error:
        raise DumpError(f"{path} can't be written: {(error.strerror or str(error)).lower()}") from error
    return sum(counts.values())


def _check_place(path: Path) -> None:
    """Make sure that nothing is lost by writing a file there: callers from afar may name any."""
    if path.exists() and not (path.is_file() and is_dump(path)):
        raise DumpError(f"{path} is there already, and is no backup or dump; it stays as it is")


async def _write_table(snapshot: Snapshot, table: Table, file: IO[bytes], report: Report) -> int:
    columns = columns_of(table)
    encode = encoder(columns)
    file.write(line({"table": table.name, "columns": columns}))
    total = done = 0
    async for rows in snapshot.stream(select(func.count()).select_from(table)):
        total = rows[0][0]
    report(0, total, table.name)
    async for rows in snapshot.stream(select(table).order_by(*table.primary_key)):
        text = await asyncio.to_thread(encode, rows)
        await asyncio.to_thread(file.write, text)
        done += len(rows)
        report(done, total, table.name)
    return done
