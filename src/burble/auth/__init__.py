"""Accounts of a virtual host: who exists, and what proves it."""

from burble.auth.base import (
    AccountExists,
    Authenticator,
    AuthenticatorUnavailable,
    AuthError,
    NoSuchAccount,
)
from burble.auth.internal import InternalAuthenticator
from burble.auth.passwords import InvalidPassword, prepare_password
from burble.auth.scram import HASHES, ScramKeys

__all__ = [
    "HASHES",
    "AccountExists",
    "AuthError",
    "Authenticator",
    "AuthenticatorUnavailable",
    "InternalAuthenticator",
    "InvalidPassword",
    "NoSuchAccount",
    "ScramKeys",
    "prepare_password",
]
