"""All settings together, and what they are for one virtual host."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Self, TypeVar

from pydantic import Field, model_validator

from burble.config.api import Api
from burble.config.auth import Auth
from burble.config.components import ComponentOf, ComponentSettings
from burble.config.federation import Federation
from burble.config.fields import Account, Domain, EachOnce, FilePath, Table
from burble.config.sections import (
    TLS,
    Database,
    HostLimits,
    HostTLS,
    Limits,
    Listen,
    Log,
    Modules,
    Registration,
)
from burble.paths import default_data_dir

_T = TypeVar("_T", bound=Table)


class HostOverrides(Table):
    """Settings for one virtual host, in `[host."NAME"]`.

    A key that stands here replaces the general one for this host; all others keep their general
    value. Tables such as `[host."NAME".limits]` are merged key by key.
    """

    admins: Annotated[list[Account], EachOnce] | None = Field(
        default=None, description="Administrators of this host, instead of the general ones."
    )
    tls: HostTLS = Field(default=HostTLS(), description="`certificate`, `key` and `require` of this host.")
    auth: Auth = Field(default=Auth(), description="Any key of `[auth]`.")
    registration: Registration = Field(default=Registration(), description="Any key of `[registration]`.")
    limits: HostLimits = Field(
        default=HostLimits(), description="Any key of `[limits]` but those that hold before a host is known."
    )
    modules: Modules = Field(
        default=Modules(), description="Any key of `[modules]`, and the tables `[modules.NAME]`."
    )


_NOTHING: Final = HostOverrides()


@dataclass(frozen=True, slots=True)
class HostSettings:
    """What holds for one virtual host: the general settings with the host's own laid over them."""

    name: str
    admins: list[str]
    tls: TLS
    auth: Auth
    registration: Registration
    limits: Limits
    modules: Modules


class Settings(Table):
    """The keys at the top of the file, before the first `[table]`."""

    hosts: Annotated[list[Domain], EachOnce] = Field(
        default=["localhost"], min_length=1, description="Domains the server serves, its virtual hosts."
    )
    admins: Annotated[list[Account], EachOnce] = Field(
        default=[], description="Accounts that may administer the server, `name@domain`."
    )
    data_dir: FilePath = Field(
        default_factory=default_data_dir,
        description="Directory for the database, the certificates and the socket of `burblectl`. By default "
        "`$XDG_DATA_HOME/burble`, or `~/.local/share/burble` where that variable is not set.",
    )
    listen: Listen = Field(default=Listen())
    tls: TLS = Field(default=TLS())
    database: Database = Field(default=Database())
    auth: Auth = Field(default=Auth())
    registration: Registration = Field(default=Registration())
    limits: Limits = Field(default=Limits())
    modules: Modules = Field(default=Modules())
    federation: Federation = Field(default=Federation())
    components: dict[Domain, ComponentSettings] = Field(default={})
    component_of: dict[Domain, ComponentOf] = Field(default={})
    log: Log = Field(default=Log())
    api: Api = Field(default=Api())
    host: dict[Domain, HostOverrides] = Field(default={})

    @model_validator(mode="after")
    def _methods_have_what_they_need(self) -> Self:
        lacking = {
            f"{place}auth.{key}: {text}"
            for name in self.hosts
            for place in (f'host."{name}".' if name in self.host else "",)
            for key, text in self.for_host(name).auth.lacking()
        }
        if lacking:
            raise ValueError("; ".join(sorted(lacking)))
        return self

    @model_validator(mode="after")
    def _components_have_domains_of_their_own(self) -> Self:
        taken = [name for name in self.components if name in (*self.hosts, *self.component_of)]
        if taken:
            raise ValueError(f'components."{taken[0]}": the domain is a host of this server')
        return self

    @property
    def database_url(self) -> str:
        """The SQLAlchemy URL of the database, with the default filled in."""
        return self.database.url or f"sqlite:///{self.data_dir / 'burble.db'}"

    def for_host(self, name: str) -> HostSettings:
        """Return what holds for the virtual host `name`. Raise KeyError when it is not in `hosts`."""
        if name not in self.hosts:
            raise KeyError(name)
        own = self.host.get(name, _NOTHING)
        return HostSettings(
            name=name,
            admins=self.admins if own.admins is None else own.admins,
            tls=_overlaid(self.tls, own.tls),
            auth=_overlaid(self.auth, own.auth),
            registration=_overlaid(self.registration, own.registration),
            limits=_overlaid(self.limits, own.limits),
            modules=_overlaid(self.modules, own.modules),
        )


def _overlaid(general: _T, own: Table) -> _T:
    """Return `general` with the keys that were written in `own` replaced, nested tables merged."""
    if not own.model_fields_set:
        return general  # itself: a thousand hosts that change nothing share it
    written = {key: getattr(own, key) for key in own.model_fields_set}
    for key, value in written.items():
        if isinstance(value, dict):
            written[key] = merge(getattr(general, key, {}), value)
        elif isinstance(value, Table):
            written[key] = _overlaid(getattr(general, key), value)
    return general.model_copy(update=written)


def merge(general: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return `general` with the keys of `own` laid over it, tables merged key by key."""
    merged = dict(general)
    for key, value in own.items():
        below = merged.get(key)
        merged[key] = merge(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged
