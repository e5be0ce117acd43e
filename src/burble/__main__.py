"""The program `burble`: run a server, check its settings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from burble import __version__, paths

_FOUND_IN = " or ".join(str(path) for path in paths.SETTINGS_FILES)

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        envvar="BURBLE_CONFIG",
        help=f"The settings file. By default {_FOUND_IN}, whichever is there first; "
        "without any, a server for localhost.",
    ),
]
DataDirOption = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        metavar="DIR",
        envvar="BURBLE_DATA_DIR",
        help="The data directory, in place of the one that the settings name.",
    ),
]

app = typer.Typer(name="burble", help="Burble, an XMPP server.", no_args_is_help=True, add_completion=False)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"burble {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_version, help="Print the version.")
    ] = False,
) -> None:
    pass


@app.command()
def serve(
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    detached: Annotated[
        bool, typer.Option("--detached", hidden=True, help="Run as `burblectl start` needs it.")
    ] = False,
) -> None:
    """Run the server in the foreground, until SIGTERM, Ctrl-C or `burblectl stop`."""
    from burble.process import serve

    raise typer.Exit(serve(config or paths.find_settings_file(), data_dir, detached=detached))


@app.command()
def check_config(config: ConfigOption = None) -> None:
    """Say what is wrong with the settings file, if anything."""
    from burble.config import ConfigError
    from burble.process import read_settings

    file = config or paths.find_settings_file()
    try:
        read_settings(file)
    except ConfigError as error:
        print(error)
        raise typer.Exit(1) from None
    print(f"{file}: all is well" if file else "no settings file: the defaults are in use")


def main() -> None:
    """The console script `burble`."""
    app()


if __name__ == "__main__":
    main()
