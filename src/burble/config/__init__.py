"""Settings: a TOML file read into typed, immutable tables.

`load` reads and checks the file; `Settings.for_host` gives what holds for one virtual host.
"""

from burble.config.api import Api, ApiPermission
from burble.config.auth import Auth, AuthHttp, AuthScript
from burble.config.components import ComponentOf, ComponentSettings
from burble.config.explain import ConfigError
from burble.config.federation import Federation, FederationDomain
from burble.config.fields import Address, Table
from burble.config.reader import load
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
from burble.config.settings import HostOverrides, HostSettings, Settings

__all__ = [
    "TLS",
    "Address",
    "Api",
    "ApiPermission",
    "Auth",
    "AuthHttp",
    "AuthScript",
    "ComponentOf",
    "ComponentSettings",
    "ConfigError",
    "Database",
    "Federation",
    "FederationDomain",
    "HostLimits",
    "HostOverrides",
    "HostSettings",
    "HostTLS",
    "Limits",
    "Listen",
    "Log",
    "Modules",
    "Registration",
    "Settings",
    "Table",
    "load",
]
