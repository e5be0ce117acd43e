"""The scenarios, in the order of the table's rows."""

from bench.scenarios.archive import Archive
from bench.scenarios.base import Scenario, ScenarioFailed
from bench.scenarios.chat import Chat
from bench.scenarios.federation import Federation
from bench.scenarios.login import Login
from bench.scenarios.memory import Memory
from bench.scenarios.muc import Muc
from bench.scenarios.offline import Offline
from bench.scenarios.presence import Presence
from bench.scenarios.resumptions import Resumptions

SCENARIOS: list[Scenario] = [
    Chat(),
    Chat(managed=True),
    Federation(),
    Resumptions(),
    Login(),
    Memory(tls=False),
    Memory(tls=True),
    Presence(),
    Muc(),
    Offline(),
    Archive(),
]

__all__ = ["SCENARIOS", "Scenario", "ScenarioFailed"]
