"""Commands about the log."""

from __future__ import annotations

from burble import log
from burble.commands.base import Administered
from burble.module import CommandFailed, command

# As ejabberd numbered them before it took names.
_NUMBERS = dict(enumerate(("none", "critical", "error", "warning", "info", "debug")))


class LogCommands:
    """The commands about the log."""

    def __init__(self, server: Administered) -> None:
        del server  # a process has one log, whichever servers it runs

    @command(tags=["logs"], safe=True, result="levelatom::atom")
    def get_loglevel(self) -> str:
        """Tell the least important level that is logged.

        Returns:
            Its name.

        Example:
            get_loglevel
        """
        return log.level()

    @command(tags=["logs"], result="res::rescode")
    def set_loglevel(self, loglevel: str) -> None:
        """Log what is at least as important as a level, until the next reload or restart.

        Args:
            loglevel: none, emergency, alert, critical, error, warning, notice, info or debug; or a number of
                older versions of ejabberd, from 0 (none) to 5 (debug).

        Example:
            set_loglevel debug
        """
        name = _NUMBERS.get(int(loglevel), "") if loglevel.isdecimal() else loglevel.lower()
        if name not in log.LEVELS:
            levels = ", ".join(reversed(log.LEVELS))
            raise CommandFailed(f"invalid log level {loglevel!r}: expected one of {levels}")
        log.set_level(name)

    @command(tags=["logs"], result="res::rescode")
    def reopen_log(self) -> None:
        """Open the log file anew, after another program has moved it away.

        Without a log file there is nothing to do.

        Example:
            reopen_log
        """
        try:
            log.reopen()
        except OSError as error:
            raise CommandFailed(f"the log file can't be opened: {error}; the old one stays in use") from error

    @command(tags=["logs"], result="res::rescode")
    def rotate_log(self) -> None:
        """Put the time behind the name of the log file, and begin another.

        No file is ever deleted. Without a log file there is nothing to do.

        Example:
            rotate_log
        """
        try:
            log.rotate()
        except OSError as error:
            raise CommandFailed(f"the log file can't be moved: {error}") from error
