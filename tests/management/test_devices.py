"""Each client of an account sees every message exactly once and in order, whatever becomes of connections."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

from tests.management.devices import DevicesMachine, Stage

TestDevices = DevicesMachine.TestCase
TestDevices.settings = settings(
    max_examples=20, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


def setup_module() -> None:
    """Start a server for all examples."""
    DevicesMachine.stage = Stage()


def teardown_module() -> None:
    """Stop it."""
    DevicesMachine.stage.close()
