"""Fixtures for commands that are called over HTTP."""

from __future__ import annotations

from tests.faces.conftest import admin, serve_web, web

__all__ = ["admin", "serve_web", "web"]
