"""The check that saves a start the time Alembic takes."""

import subprocess
import sys
from pathlib import Path

from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from burble.storage.migrate import migrate
from burble.storage.upgrade import VERSIONS, newest_revision

_START = """
import asyncio, sys
from burble.storage import Database

async def main():
    database = Database.open("sqlite:///" + sys.argv[1])
    await database.start()
    await database.stop()

asyncio.run(main())
print("alembic" in sys.modules)
"""


def test_the_newest_revision_is_what_alembic_takes_for_it() -> None:
    assert newest_revision() == ScriptDirectory(str(VERSIONS.parent)).get_current_head()


def test_only_a_database_that_lacks_a_step_needs_alembic(tmp_path: Path) -> None:
    path = tmp_path / "burble.db"

    def start() -> str:
        command = [sys.executable, "-c", _START, str(path)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    new_file, again = start(), start()
    path.unlink()
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        migrate(connection, "0010")
    engine.dispose()
    assert [new_file, again, start(), start()] == ["False", "False", "True", "False"]
