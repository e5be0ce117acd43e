"""Databases for the tests: SQLite files, and PostgreSQL, found or started.

The server is the one of `BURBLE_TEST_POSTGRESQL` (an SQLAlchemy URL whose role may create databases), or a
cluster of this session's own, made with the `initdb` and `postgres` of PATH or of Debian's packages. It
listens on a Unix socket only. Each test finds an empty, migrated database: the one of the test before,
cleared, which takes a tenth of the time of a fresh one.
"""

import asyncio
import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Coroutine, Iterator
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import pytest
from sqlalchemy import URL
from sqlalchemy.engine import make_url

from burble.storage import Database

T = TypeVar("T")

VARIABLE = "BURBLE_TEST_POSTGRESQL"
MISSING = (
    f"no PostgreSQL: set {VARIABLE} to the URL of a server, or install one "
    "(Debian: apt-get install postgresql) so that initdb and postgres are found"
)
_PATIENCE = 30.0


def add_option(parser: pytest.Parser) -> None:
    """Add `--database sqlite|postgresql`; for `pytest_addoption` of the root conftest."""
    parser.addoption(
        "--database",
        choices=["sqlite", "postgresql"],
        default="sqlite",
        help="the database which tests run on that are not about one of them",
    )


def run_apart(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end on a loop and a thread of its own."""
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(asyncio.run(coroutine))
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


def find_programs() -> Path | None:
    """The directory with PostgreSQL's `initdb` and `postgres`, the newest if there are several."""
    if (initdb := shutil.which("initdb")) and shutil.which("postgres"):
        return Path(initdb).resolve().parent
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    found = [path for path in found if (path / "postgres").exists()]
    return max(found, key=lambda path: float(path.parent.name), default=None)


class Cluster:
    """A PostgreSQL server in a temporary directory.

    Args:
        programs: see `find_programs`.
        durable: write as carefully as in real life; without it a commit is much faster.
    """

    def __init__(self, programs: Path, *, durable: bool = False) -> None:
        self._programs = programs
        self._durable = durable
        # The path of a Unix socket may have about a hundred characters, too few for a deep directory.
        self.directory = Path(tempfile.mkdtemp(prefix="burble-pg-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._account: dict[str, Any] = {}
        if os.geteuid() == 0:
            # The server refuses to run as root.
            entry = pwd.getpwnam("postgres")
            self._account = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
            os.chown(self.directory, entry.pw_uid, entry.pw_gid)
        try:
            self._initialise()
            self.start()
        except BaseException:
            self.remove()
            raise

    @property
    def url(self) -> URL:
        """The URL of the database `postgres`."""
        return make_url(f"postgresql+asyncpg://postgres@/postgres?host={self.directory}")

    def start(self) -> None:
        """Start the server and wait until it answers."""
        safe = "on" if self._durable else "off"
        options = [f"fsync={safe}", f"synchronous_commit={safe}", f"full_page_writes={safe}"]
        options += ["listen_addresses=", f"unix_socket_directories={self.directory}", "max_connections=50"]
        log = (self.directory / "log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [
                    *(self._programs / "postgres", "-D", self.directory / "data"),
                    *(part for option in options for part in ("-c", option)),
                ],
                stdout=log,
                stderr=log,
                cwd=self.directory,
                **self._account,
            )
        deadline = time.monotonic() + _PATIENCE
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL does not start:\n{(self.directory / 'log').read_text()}")
            time.sleep(0.02)

    def _answers(self) -> bool:
        try:
            run_apart(_execute(self.url, "SELECT 1"))
        except (OSError, asyncpg.PostgresError):
            return False
        return True

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop the server: SIGINT is its "fast" stop, SIGQUIT the one that leaves everything to recovery."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(_PATIENCE)
            self._process = None

    def remove(self) -> None:
        """Stop the server and delete its files."""
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.directory)

    def _initialise(self) -> None:
        subprocess.run(
            [
                *(self._programs / "initdb", "-D", self.directory / "data", "-U", "postgres", "-A", "trust"),
                *("-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=self.directory,
            **self._account,
        )


# What a test may have changed beside rows: columns, constraints, indexes, triggers.
_SHAPE = """
SELECT md5(string_agg(line, ';' ORDER BY line)) FROM (
  SELECT concat_ws(' ', c.relname, c.relkind, a.attname, a.atttypid, a.attnotnull) AS line
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
    WHERE c.relnamespace = 'public'::regnamespace
  UNION ALL SELECT concat_ws(' ', conrelid::regclass, conname, contype) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace
  UNION ALL SELECT concat_ws(' ', tgrelid::regclass, tgname) FROM pg_trigger
  UNION ALL SELECT version_num FROM alembic_version
) AS shape
"""
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
_OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


class Databases:
    """Makes databases on one PostgreSQL server, quickly: as copies of one that is migrated once."""

    def __init__(self, url: URL) -> None:
        self._url = url
        self._numbers = count(1)
        self._prefix = f"burble_test_{os.getpid()}"
        self._template = f"{self._prefix}_template"
        self._spare: str | None = None
        self.create(self._template, "template1")
        run_apart(_migrate(self.url(self._template)))
        self._shape = run_apart(_shape(make_url(self.url(self._template))))

    def url(self, name: str) -> str:
        """The URL of the database `name`."""
        return self._url.set(database=name).render_as_string(hide_password=False)

    def create(self, name: str = "", template: str = "") -> str:
        """Create a database, migrated unless another `template` is given, and return its name."""
        name = name or f"{self._prefix}_{next(self._numbers)}"
        self.admin(f'CREATE DATABASE "{name}" TEMPLATE "{template or self._template}"')
        return name

    def drop(self, name: str) -> None:
        """Drop a database, whoever is connected to it."""
        self.admin(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def lend(self) -> str:
        """The name of an empty database for one test, to be given `back`."""
        name, self._spare = self._spare, None
        return name or self.create()

    def back(self, name: str) -> None:
        """Take a database back: cleared for the next test, or dropped where more than rows was changed."""
        if run_apart(_cleared(make_url(self.url(name)), self._shape)):
            self._spare = name
        else:
            self.drop(name)

    def close(self) -> None:
        """Drop what is left."""
        if self._spare is not None:
            self.drop(self._spare)
        self.drop(self._template)

    def admin(self, statement: str) -> None:
        """Run one statement in the server's own database."""
        run_apart(_execute(self._url, statement))


@contextlib.contextmanager
def postgresql_databases() -> Iterator[Databases | None]:
    """The databases of a server for as long as the context lasts, or None if there is no PostgreSQL."""
    if url := os.environ.get(VARIABLE):
        databases = Databases(make_url(url).set(drivername="postgresql+asyncpg"))
        yield databases
        databases.close()
    elif (programs := find_programs()) is None:
        yield None
    else:
        cluster = Cluster(programs)
        try:
            yield Databases(cluster.url)
        finally:
            cluster.remove()


async def _migrate(url: str) -> None:
    database = Database.open(url)
    await database.start()
    await database.stop()


@contextlib.asynccontextmanager
async def _connected(url: URL) -> AsyncIterator[asyncpg.Connection]:
    host = url.query.get("host") or url.host
    connection = await asyncpg.connect(
        host=host, port=url.port, user=url.username, password=url.password, database=url.database
    )
    try:
        yield connection
    finally:
        await connection.close()


async def _execute(url: URL, statement: str) -> None:
    async with _connected(url) as connection:
        await connection.execute(statement)


async def _shape(url: URL) -> str:
    async with _connected(url) as connection:
        return str(await connection.fetchval(_SHAPE))


async def _cleared(url: URL, shape: str) -> bool:
    """Delete all rows, whoever still holds them; False where the tables are not what they were."""
    async with _connected(url) as connection:
        await connection.execute(_OTHERS)
        if str(await connection.fetchval(_SHAPE)) != shape:
            return False
        tables = [row["tablename"] for row in await connection.fetch(_TABLES)]
        await connection.execute("; ".join(f'DELETE FROM "{table}"' for table in tables))
        return True


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Databases]:
    """PostgreSQL; a test that asks for it is skipped, with the reason, when there is none."""
    with postgresql_databases() as databases:
        if databases is None:
            pytest.skip(MISSING)
        yield databases


def make_database_url(kind: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a fresh database of `kind` for one test; the body of a `database_url` fixture."""
    if kind == "sqlite":
        directory: Path = request.getfixturevalue("tmp_path")
        yield f"sqlite:///{directory / 'burble.db'}"
    else:
        databases: Databases = request.getfixturevalue("postgresql")
        name = databases.lend()
        yield databases.url(name)
        databases.back(name)


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A fresh database of the kind which `--database` names."""
    yield from make_database_url(request.config.getoption("--database"), request)
