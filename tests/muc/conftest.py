"""Fixtures: a stage with a chat service."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from tests.conftest import Serve
from tests.muc.stage import Stage

Stages = Callable[..., Awaitable[Stage]]


@pytest.fixture
async def stages(serve: Serve) -> AsyncIterator[Stages]:
    """Makes stages: ``await stages(max_rooms=3)`` has these settings of the module ``muc``."""
    async with AsyncExitStack() as stack:

        async def build(**muc: Any) -> Stage:
            server = await serve(modules={"muc": muc} if muc else {})
            return await stack.enter_async_context(Stage(server))

        yield build


@pytest.fixture
async def stage(stages: Stages) -> Stage:
    """A stage with the default settings."""
    return await stages()
