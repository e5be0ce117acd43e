"""Accounts of a virtual host: who exists, and what proves it."""

from burble.auth.base import (
    CHANGES,
    AccountExists,
    Authenticator,
    AuthenticatorUnavailable,
    AuthError,
    ChangeRefused,
    NoSuchAccount,
)
from burble.auth.external import ExternalAuthenticator
from burble.auth.internal import InternalAuthenticator
from burble.auth.passwords import InvalidPassword, prepare_password
from burble.auth.scram import HASHES, ScramKeys

__all__ = [
    "CHANGES",
    "HASHES",
    "AccountExists",
    "AuthError",
    "Authenticator",
    "AuthenticatorUnavailable",
    "ChangeRefused",
    "ExternalAuthenticator",
    "InternalAuthenticator",
    "InvalidPassword",
    "NoSuchAccount",
    "ScramKeys",
    "prepare_password",
]
