"""The data directory: made where it is missing, and used by one server at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from pathlib import Path

__all__ = ["DataDirectory", "DataDirectoryError"]


class DataDirectoryError(Exception):
    """The data directory can't be used; the text says why."""


class DataDirectory:
    """Holds a data directory for one server, from `open` to `close`.

    Two servers on the same accounts would each remember what the other has changed.

    Args:
        path: the directory.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = -1

    def open(self) -> None:
        """Make the directory, for its owner alone, if it is missing, and take hold of it.

        Raises:
            DataDirectoryError: it can't be made or read, or another server uses it.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise DataDirectoryError(
                f"the data directory {self.path} can't be used: {reason}; "
                "name another one with data_dir in the settings, or with --data-dir"
            ) from error
        try:
            # The kernel lets go of the lock when the process ends, however it ends.
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self.close()
            raise DataDirectoryError(
                f"the data directory {self.path} is in use by another server: "
                "stop that one first (burblectl stop), or give this one a data_dir of its own"
            ) from error

    def close(self) -> None:
        """Let another server use it."""
        os.close(self._descriptor)
        self._descriptor = -1

    def secret(self) -> bytes:
        """The server's own secret, made at the first start."""
        path = self.path / "secret"
        with contextlib.suppress(FileNotFoundError):
            return path.read_bytes()
        secret = secrets.token_bytes(32)
        path.touch(0o600)
        path.write_bytes(secret)
        return secret
