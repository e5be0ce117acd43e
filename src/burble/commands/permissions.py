"""Who may call which commands from afar: the rules of ``[api.permissions]``, and the scopes of tokens."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from burble.commands.errors import NotAllowed
from burble.commands.registry import Caller
from burble.commands.signature import Command
from burble.config import ApiPermission, Settings
from burble.jid import JID

__all__ = ["IPAddress", "RemoteCaller", "covers"]

IPAddress = IPv4Address | IPv6Address

_TAG: Final = "[tag:"


@dataclass(frozen=True, slots=True)
class RemoteCaller:
    """Who calls, as far as an interface knows before it is known what.

    Attributes:
        interface: ``rest`` or ``xmlrpc``.
        address: the IP address; None where it is not known.
        account: the bare JID that was proved; None without proof.
        scopes: the commands that the caller's token is for; None for one with a password.
    """

    interface: str
    address: IPAddress | None
    account: JID | None = None
    scopes: Sequence[str] | None = None

    def proved(self, account: JID, scopes: Sequence[str] | None = None) -> RemoteCaller:
        """The same caller, known now."""
        return replace(self, account=account, scopes=scopes)

    def caller(self, settings: Settings) -> Caller:
        """This caller for the registry; the settings decide what it may call."""
        who = self.account or "somebody"
        name = f"{who} at {self.address or 'an unknown address'} by {self.interface}"
        return Caller(name, judge=self._judge(settings))

    def _judge(self, settings: Settings) -> Callable[[Command], NotAllowed | None]:
        def judge(command: Command) -> NotAllowed | None:
            return self._refused_by_rules(settings, command) or self._refused_by_scopes(command)

        return judge

    def _refused_by_rules(self, settings: Settings, command: Command) -> NotAllowed | None:
        if not settings.api.permissions:
            return NotAllowed(
                f"{command.name}: there is no rule in [api.permissions]", "api.permissions", "write one down"
            )
        refusals = {
            name: self._unfit(rule, settings.admins, command)
            for name, rule in settings.api.permissions.items()
        }
        # The rule that comes closest tells most of what is wrong; those for anyone are not about the caller.
        rules = settings.api.permissions
        name, unfit = min(refusals.items(), key=lambda item: (len(item[1]), "anyone" in rules[item[0]].who))
        if not unfit:
            return None
        wanted = " and ".join(f"{key} to take in {value}" for key, value in unfit.items())
        return NotAllowed(
            f"{command.name} is not allowed: {' and '.join(_REASONS[key] for key in unfit)}",
            f"api.permissions.{name}",
            f"the rule api.permissions.{name}, or another, would have to have {wanted}",
        )

    def _unfit(self, rule: ApiPermission, admins: Collection[str], command: Command) -> dict[str, str]:
        """The keys of a rule that do not fit, each with what it would have to hold."""
        unfit = {}
        if self.interface not in rule.interfaces:
            unfit["interfaces"] = self.interface
        if self.address is None or not any(self.address in network for network in rule.addresses):
            unfit["addresses"] = str(self.address or "the caller's address, which is not known")
        if not self._is_among(rule.who, admins):
            unfit["who"] = self.account or "callers who do not say who they are"
        if not covers(rule.what, command):
            unfit["what"] = command.name
        return unfit

    def _is_among(self, who: Iterable[str], admins: Collection[str]) -> bool:
        account = self.account
        return any(
            kind == "anyone"
            or (account is not None and kind in ("accounts", account))
            or (kind == "admins" and account in admins)
            for kind in who
        )

    def _refused_by_scopes(self, command: Command) -> NotAllowed | None:
        if self.scopes is None or covers(self.scopes, command):
            return None
        tags = " or ".join(f"{_TAG}{tag}]" for tag in command.tags)
        return NotAllowed(
            f"{command.name} is not allowed: the token is only for {', '.join(self.scopes)}",
            "scopes of the token",
            f"a token with the scope {command.name}{f' or {tags}' if tags else ''}",
        )


_REASONS: Final = {
    "interfaces": "not by this interface",
    "addresses": "not from this address",
    "who": "not for this caller",
    "what": "not this command",
}


def covers(patterns: Iterable[str], command: Command) -> bool:
    """Whether a command is among those that patterns name.

    Args:
        patterns: names, patterns such as ``get_*``, tags as ``[tag:accounts]``; with ``!`` before it, one
            that is taken away from the others. ``ejabberd:admin`` is every command, as ejabberd's tokens say.
        command: the command.
    """
    found = False
    for pattern in patterns:
        if pattern.startswith("!"):
            if _matches(pattern[1:], command):
                return False
        elif _matches(pattern, command):
            found = True
    return found


def _matches(pattern: str, command: Command) -> bool:
    if pattern.startswith(_TAG) and pattern.endswith("]"):
        return pattern[len(_TAG) : -1] in command.tags
    return pattern == "ejabberd:admin" or fnmatchcase(command.name, pattern)
