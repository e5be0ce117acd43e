"""The database: tables, migrations, reads, transactions and batched writes.

database = Database.open("sqlite:///burble.db")
await database.start()
row = await database.fetch_one(FIND_ACCOUNT, {"host": "example.org", "user": "juliet"})
ticket = database.batch.add(STORE_MESSAGE, {...}, failed=bounce)
await database.stop()
"""

from burble.storage.batch import Batcher
from burble.storage.database import Database
from burble.storage.errors import DatabaseUnavailable, QueueFull, RowRefused, SchemaTooNew, StorageError
from burble.storage.statements import Params, Row, upsert

__all__ = [
    "Batcher",
    "Database",
    "DatabaseUnavailable",
    "Params",
    "QueueFull",
    "Row",
    "RowRefused",
    "SchemaTooNew",
    "StorageError",
    "upsert",
]
