"""Where things are: the settings file, the data directory, the socket of `burblectl`.

Only the standard library is imported here, because `burblectl` is a program that has to start at once.
"""

import os
from pathlib import Path
from typing import Final

SETTINGS_FILES: Final = (Path("burble.toml"), Path("/etc/burble/burble.toml"))
"""Where the settings file is looked for, in this order, when nobody says where it is."""

SOCKET_NAME: Final = "burble.sock"
"""The name of the socket in the data directory."""


def find_settings_file() -> Path | None:
    """Return the first of `SETTINGS_FILES` that exists, or None where the defaults have to do."""
    return next((path for path in SETTINGS_FILES if path.exists()), None)


def default_data_dir() -> Path:
    """Return `burble` in the user's directory for data ($XDG_DATA_HOME, else ~/.local/share)."""
    home = Path(os.environ.get("XDG_DATA_HOME", ""))
    return (home if home.is_absolute() else Path("~/.local/share").expanduser()) / "burble"
