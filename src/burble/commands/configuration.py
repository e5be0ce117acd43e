"""Commands about the settings in force, certificates, and what is remembered."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from sqlalchemy.engine import make_url
from sqlalchemy.schema import CreateIndex, CreateTable

from burble.commands.base import Administered
from burble.commands.files import FilePath, place
from burble.config.written import toml_lines
from burble.module import CommandFailed, command
from burble.storage.schema import metadata

_URLS: Final = {"pgsql": "postgresql+asyncpg://", "sqlite": "sqlite://"}


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate: the domain it is for, its file, and whether it is used."""

    domain: str
    file: str
    used: str


class Configuration:
    """The commands about settings.

    Args:
        server: whose.
    """

    def __init__(self, server: Administered) -> None:
        self._server = server

    @command(tags=["config"], result="res::rescode")
    async def reload_config(self) -> None:
        """Read the settings file and the certificates anew: as `reload`, which tells more.

        Example:
            reload_config
        """
        await self._server.reload_settings()

    @command(tags=["config"], result="res::rescode")
    async def dump_config(self, out: FilePath) -> None:
        """Write the settings in force into a file, with all defaults, as Burble reads them.

        The file can be read by its owner only, since there may be passwords in it.

        Args:
            out: the file, on the server's machine; one that is there is written over.

        Example:
            dump_config /tmp/burble.toml
        """
        settings = self._server.settings
        # What a host does not say itself it has from the general settings, not from the defaults.
        hosts = settings.model_dump(mode="json", include={"host"}, exclude_unset=True)
        text = "".join(f"{line}\n" for line in toml_lines(settings.model_dump(mode="json") | hosts))
        path = place(self._server, out)
        try:
            await asyncio.to_thread(_write, path, text)
        except OSError as error:
            raise CommandFailed(f"{path} can't be written: {error.strerror or error}") from None

    @command(
        tags=["acme"],
        safe=True,
        result="certificates::[certificate::(domain::string, file::string, used::string)]",
    )
    def list_certificates(self) -> list[Certificate]:
        """List the certificates that are used, by the hosts they are for.

        Returns:
            Each host with the file of its certificate.

        Example:
            list_certificates
        """
        certificates = self._server.certificates
        return [Certificate(name, str(files.certificate), "true") for name, files in certificates.items()]

    @command(tags=["sql"], safe=True, result="res::string")
    def print_sql_schema(
        self, db_type: Literal["pgsql", "sqlite"], db_version: str = "", multihost_schema: str = ""
    ) -> str:
        """Tell the statements that make Burble's tables. Burble makes them itself, at its start.

        Args:
            db_type: the database: ``pgsql`` or ``sqlite``.
            db_version: taken because ejabberd takes it: the statements are the same for all versions.
            multihost_schema: taken because ejabberd takes it: all tables are for all hosts.

        Returns:
            The statements.

        Example:
            print_sql_schema sqlite
        """
        dialect = make_url(_URLS[db_type]).get_dialect()()
        made: list[str] = []
        for table in metadata.sorted_tables:
            made.append(str(CreateTable(table).compile(dialect=dialect)).strip())
            indexes = sorted(table.indexes, key=lambda index: str(index.name))
            made += [str(CreateIndex(index).compile(dialect=dialect)) for index in indexes]
        return ";\n\n".join(made) + ";\n"

    @command(tags=["internal"], safe=True, result="sentence::string")
    def echo(self, sentence: str) -> str:
        """Tell what was said, to try whether commands arrive.

        Args:
            sentence: what is said.

        Returns:
            The same.

        Example:
            echo "Test Sentence"
        """
        return sentence

    @command(tags=["internal"], safe=True, result="sentence::string")
    def echo3(self, first: str, second: str, sentence: str) -> str:
        """Tell the last of three things that were said, to try whether commands arrive.

        Args:
            first: what is said first.
            second: what is said next.
            sentence: what is said last.

        Returns:
            The last.

        Example:
            echo3 one two "Test Sentence"
        """
        return sentence

    @command(tags=["server"], result="res::rescode")
    def clear_cache(self) -> None:
        """Forget what is remembered of accounts, after somebody has changed the database by hand.

        Example:
            clear_cache
        """
        for host in self._server.hosts.values():
            host.authenticator.clear_cache()


def _write(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
