"""Files that commands read and write: on the server's machine, with what its user may do there.

A path that is not absolute starts at the data directory, as ejabberd's start at the directory of its node.
Commands that take paths are for administrators. They write new files, and replace none but their own kind.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from burble.commands.base import Administered
from burble.config.fields import expected

__all__ = ["FilePath", "place"]


def _path(text: str) -> str:
    if not text.strip() or "\0" in text:
        raise expected("the path of a file on the server's machine")
    return text


FilePath = Annotated[str, AfterValidator(_path)]
"""The path of a file or directory, absolute or from the data directory."""


def place(server: Administered, path: str) -> Path:
    """Where a file is."""
    return server.settings.data_dir.absolute() / path
