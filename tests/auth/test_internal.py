import asyncio
from collections.abc import Callable, Iterator, Sequence

import pytest
from sqlalchemy import Connection, SelectBase, func, select

from burble.auth import (
    HASHES,
    AccountExists,
    AuthenticatorUnavailable,
    InternalAuthenticator,
    InvalidPassword,
    NoSuchAccount,
    internal,
    stored,
)
from burble.auth.scram import derive_keys
from burble.storage import Database, DatabaseUnavailable, Params, Row
from burble.storage.schema import account_tables, credentials, roster_items
from tests.databases import make_database_url, postgresql

__all__ = ["postgresql"]


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    yield from make_database_url(request.param, request)


async def test_registered_account_exists_and_knows_its_password(juliet: InternalAuthenticator) -> None:
    assert await juliet.exists("juliet")
    assert await juliet.check_password("juliet", "pencil")
    assert not await juliet.check_password("juliet", "Pencil")
    assert not await juliet.check_password("juliet", "")


async def test_unknown_account_has_nothing(accounts: InternalAuthenticator) -> None:
    assert not await accounts.exists("romeo")
    assert await accounts.scram_keys("romeo", "SHA-1") is None
    assert not await accounts.check_password("romeo", "pencil")


async def test_an_asked_for_account_can_be_registered_afterwards(accounts: InternalAuthenticator) -> None:
    assert not await accounts.exists("romeo")
    await accounts.register("romeo", "pencil")
    assert await accounts.exists("romeo")


@pytest.mark.parametrize("hash", HASHES)
async def test_keys_are_those_of_the_password(juliet: InternalAuthenticator, hash: str) -> None:
    keys = await juliet.scram_keys("juliet", hash)
    assert keys is not None
    assert keys == derive_keys("pencil", hash, keys.salt, 4096)


async def test_each_hash_and_each_account_has_its_own_salt(juliet: InternalAuthenticator) -> None:
    await juliet.register("nurse", "pencil")
    keys = [await juliet.scram_keys(user, hash) for user in ("juliet", "nurse") for hash in HASHES]
    salts = {found.salt for found in keys if found}
    assert len(salts) == 6
    assert {len(salt) for salt in salts} == {16}


async def test_the_database_holds_no_password(juliet: InternalAuthenticator, database: Database) -> None:
    await juliet.register("nurse", "a-rare-password")
    written = [tuple(row) for table in account_tables() for row in await database.fetch(select(table))]
    assert "nurse" in str(written)
    assert "a-rare-password" not in str(written)


async def test_a_name_is_registered_once(juliet: InternalAuthenticator) -> None:
    with pytest.raises(AccountExists, match=r"juliet@example\.org"):
        await juliet.register("juliet", "other")
    assert await juliet.check_password("juliet", "pencil")


async def test_of_many_who_register_one_name_at_once_one_gets_it(accounts: InternalAuthenticator) -> None:
    results = await asyncio.gather(
        *(accounts.register("juliet", f"password{number}") for number in range(4)), return_exceptions=True
    )
    assert sum(isinstance(result, AccountExists) for result in results) == 3
    winner = results.index(None)
    assert await accounts.check_password("juliet", f"password{winner}")


async def test_password_is_changed(juliet: InternalAuthenticator) -> None:
    before = await juliet.scram_keys("juliet", "SHA-1")
    await juliet.set_password("juliet", "quill")
    after = await juliet.scram_keys("juliet", "SHA-1")
    assert before
    assert after
    assert before.salt != after.salt
    assert await juliet.check_password("juliet", "quill")
    assert not await juliet.check_password("juliet", "pencil")


async def test_refused_passwords_change_nothing(juliet: InternalAuthenticator) -> None:
    for password in ("", "\x00", "a\nb"):
        with pytest.raises(InvalidPassword):
            await juliet.register("romeo", password)
        with pytest.raises(InvalidPassword):
            await juliet.set_password("juliet", password)
    assert not await juliet.exists("romeo")
    assert await juliet.check_password("juliet", "pencil")


async def test_missing_account_is_not_changed_nor_removed(accounts: InternalAuthenticator) -> None:
    with pytest.raises(NoSuchAccount):
        await accounts.set_password("romeo", "quill")
    with pytest.raises(NoSuchAccount):
        await accounts.remove("romeo")
    with pytest.raises(NoSuchAccount):
        await accounts.set_disabled("romeo", True)
    assert not await accounts.exists("romeo")


async def test_removal_takes_everything_of_the_account_and_nothing_else(
    juliet: InternalAuthenticator, database: Database
) -> None:
    await juliet.register("nurse", "pencil")
    item = {"host": juliet.host, "jid": "romeo@example.net", "subscription": "both"}
    await database.execute(roster_items.insert(), [{**item, "user": "juliet"}, {**item, "user": "nurse"}])

    await juliet.remove("juliet")

    assert not await juliet.exists("juliet")
    assert await juliet.exists("nurse")
    assert not await juliet.check_password("juliet", "pencil")
    for table in account_tables():
        users = {row.user for row in await database.fetch(select(table.c.user))}
        assert "juliet" not in users
    assert (await database.fetch(select(func.count()).select_from(roster_items)))[0][0] == 1
    assert (await database.fetch(select(func.count()).select_from(credentials)))[0][0] == len(HASHES)


async def test_a_removed_name_may_be_registered_again(juliet: InternalAuthenticator) -> None:
    await juliet.remove("juliet")
    await juliet.register("juliet", "quill")
    assert await juliet.check_password("juliet", "quill")


async def test_accounts_of_another_host_are_others(juliet: InternalAuthenticator, database: Database) -> None:
    neighbour = InternalAuthenticator(database, "example.net", iterations=4096)
    assert not await neighbour.exists("juliet")
    await neighbour.register("juliet", "other")
    await neighbour.remove("juliet")
    assert await juliet.check_password("juliet", "pencil")
    assert await neighbour.count() == 0


async def test_accounts_are_listed_in_order_across_pages(
    juliet: InternalAuthenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "_LIST", stored._LIST.limit(2))
    for user in ("romeo", "benvolio", "nurse", "mercutio"):
        await juliet.register(user, "pencil")
    assert [user async for user in juliet.users()] == ["benvolio", "juliet", "mercutio", "nurse", "romeo"]
    assert await juliet.count() == 5


async def test_disabling_lasts_until_it_is_undone(juliet: InternalAuthenticator, database: Database) -> None:
    assert not await juliet.is_disabled("juliet")
    await juliet.set_disabled("juliet", True)
    assert await juliet.is_disabled("juliet")
    assert await InternalAuthenticator(database, juliet.host, 4096).is_disabled("juliet")
    await juliet.set_disabled("juliet", False)
    assert not await juliet.is_disabled("juliet")


async def test_accounts_outlive_the_process(juliet: InternalAuthenticator, database: Database) -> None:
    again = InternalAuthenticator(database, juliet.host, iterations=8192)
    keys = await again.scram_keys("juliet", "SHA-256")
    assert keys
    assert keys.iterations == 4096
    assert await again.check_password("juliet", "pencil")


async def test_what_is_remembered_follows_a_change_whose_caller_gave_up(
    juliet: InternalAuthenticator, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, go_on, done, write = asyncio.Event(), asyncio.Event(), asyncio.Event(), database.write

    async def slow_write(function: Callable[[Connection], None]) -> None:
        started.set()
        await go_on.wait()
        await write(function)
        done.set()

    monkeypatch.setattr(database, "write", slow_write)
    assert await juliet.exists("juliet")
    removal = asyncio.ensure_future(juliet.remove("juliet"))
    await started.wait()
    removal.cancel()
    with pytest.raises(asyncio.CancelledError):
        await removal
    assert await juliet.exists("juliet")
    go_on.set()
    await done.wait()
    assert not await juliet.exists("juliet")


async def test_what_was_read_beside_a_change_is_not_remembered(
    juliet: InternalAuthenticator, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, go_on, fetch = asyncio.Event(), asyncio.Event(), database.fetch

    async def slow_fetch(statement: SelectBase, params: Params | None = None) -> Sequence[Row]:
        rows = await fetch(statement, params)
        read.set()
        await go_on.wait()
        return rows

    monkeypatch.setattr(database, "fetch", slow_fetch)
    question = asyncio.ensure_future(juliet.exists("juliet"))
    await read.wait()
    await juliet.remove("juliet")
    go_on.set()
    assert await question
    assert not await juliet.exists("juliet")


async def test_of_many_names_those_in_use_are_remembered(
    juliet: InternalAuthenticator, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, fetch = [], database.fetch

    async def counted(statement: SelectBase, params: Params | None = None) -> Sequence[Row]:
        assert params
        asked.append(params["user"])
        return await fetch(statement, params)

    monkeypatch.setattr(database, "fetch", counted)
    monkeypatch.setattr(internal, "MAX_CACHED", 10)
    for number in range(30):
        assert await juliet.exists("juliet")
        assert not await juliet.exists(f"nobody{number}")
    assert asked.count("juliet") == 1
    assert not await juliet.exists("nobody0")
    assert asked.count("nobody0") == 2


async def test_a_database_out_of_reach_is_no_answer(
    juliet: InternalAuthenticator, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(*_: object) -> None:
        raise DatabaseUnavailable("no space left on device")

    monkeypatch.setattr(database, "fetch", gone)
    monkeypatch.setattr(database, "write", gone)
    for question in (
        juliet.exists("romeo"),
        juliet.check_password("romeo", "pencil"),
        juliet.register("romeo", "pencil"),
        juliet.set_password("juliet", "quill"),
        juliet.remove("juliet"),
        juliet.count(),
    ):
        with pytest.raises(AuthenticatorUnavailable, match="no space left"):
            await question
