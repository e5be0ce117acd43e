"""A file that is there under its name only once it is whole."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO

__all__ = ["NewFile"]


class NewFile:
    """Writes a file that only its owner may read, beside its place, and moves it there at the end.

    Where something goes wrong before, nothing is left of it, and what was in its place stays.

    Args:
        path: its place.

    Raises:
        OSError: it can't be made.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        descriptor, name = tempfile.mkstemp(".part", f"{path.name}.", path.parent)
        self._part = Path(name)
        self.file: IO[bytes] = os.fdopen(descriptor, "wb")

    def __enter__(self) -> IO[bytes]:
        return self.file

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self.file.flush()
                os.fsync(self.file.fileno())
                self.file.close()
                os.replace(self._part, self._path)
        finally:
            with suppress(OSError):
                self.file.close()
            self._part.unlink(missing_ok=True)
