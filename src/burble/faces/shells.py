"""Completion of command lines in shells: the scripts that they read, and what these ask `burblectl`."""

from __future__ import annotations

from typing import Final

from burble.faces.client import Connection, data_dir
from burble.faces.options import OPTIONS, WRONG_ARGUMENTS, Ended, Options, read_options

__all__ = ["candidates", "script"]

# The program is asked by the name that was typed, which may be a path.
_BASH: Final = """\
_burblectl() {
    local IFS=$'\\n'
    COMPREPLY=($("${COMP_WORDS[0]}" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o bashdefault -o default -F _burblectl burblectl
"""

_ZSH: Final = """\
#compdef burblectl
_burblectl() {
    local -a found
    found=(${(f)"$("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)"})
    if (( $#found )); then
        compadd -a found
    else
        _files
    fi
}
if [ "$funcstack[1]" = "_burblectl" ]; then
    _burblectl "$@"
else
    compdef _burblectl burblectl
fi
"""

_FISH: Final = """\
function __burblectl_complete
    set -l words (commandline -opc)
    $words[1] __complete $words[2..-1] (commandline -ct) 2>/dev/null
end
complete -c burblectl -a '(__burblectl_complete)'
"""

_SCRIPTS: Final = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def script(shell: str) -> str:
    """The script for a shell.

    Raises:
        Ended: there is none for it.
    """
    if shell not in _SCRIPTS:
        raise Ended(WRONG_ARGUMENTS, f"completion: expected {', '.join(_SCRIPTS)}; got {shell!r}")
    return _SCRIPTS[shell]


def candidates(words: list[str], local: list[str]) -> list[str]:
    """What the last word of a command line may be completed to; nothing where it may be a file.

    Args:
        words: the command line without the program, its last word as far as it is written.
        local: the commands that `burblectl` carries out itself.
    """
    *before, last = words or [""]
    try:
        options = read_options(before)
    except Ended:
        return []  # an option's value is missing
    if not options.command and last.startswith("-"):
        return [name for name in _option_names() if name.startswith(last)]
    asked = [options.command, *options.arguments, last] if options.command else [last]
    found = _ask(options, asked)
    if len(asked) == 1 or asked[:-1] == ["help"]:
        found += [name for name in local if name.startswith(last)]
    elif asked[:-1] == ["completion"]:
        found = [shell for shell in _SCRIPTS if shell.startswith(last)]
    return sorted(found)


def _option_names() -> list[str]:
    return [word.strip(",") for usage, _ in OPTIONS for word in usage.split() if word.startswith("-")]


def _ask(options: Options, words: list[str]) -> list[str]:
    try:
        with Connection(data_dir(options)) as connection:
            answer = connection.ask({"complete": words})
    except Ended:
        return []  # the server does not run: what is known here has to do
    return list(answer.get("result", []))
