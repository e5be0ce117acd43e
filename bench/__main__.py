"""`python -m bench`: run the scenarios on the servers and print one table."""

import argparse
import asyncio
import json
import os
import platform
import resource
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import uvloop

from bench.certificate import make_certificate
from bench.client import Refused
from bench.figures import Results
from bench.prepared import restore, save
from bench.scenarios import SCENARIOS, Scenario, ScenarioFailed
from bench.servers import SERVERS, Server, ServerFailed
from bench.table import render

_FAILURES = (OSError, Refused, ServerFailed, ScenarioFailed)
_FILES = 8192  # that server and load generator may have open, each


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _names(known: list[str]) -> Callable[[str], list[str]]:
    def parse(text: str) -> list[str]:
        for name in (chosen := text.split(",")):
            if name not in known:
                raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(known)}")
        return chosen

    return parse


def _arguments() -> argparse.Namespace:
    scenarios = list(dict.fromkeys(scenario.name for scenario in SCENARIOS))
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", type=_names(list(SERVERS)), default=list(SERVERS), metavar="SERVER,...")
    parser.add_argument("--scenario", type=_names(scenarios), default=scenarios, metavar="SCENARIO,...")
    parser.add_argument("--runs", type=int, default=3, help="the table shows their medians (default 3)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every run's figures, too")
    return parser.parse_args()


async def _once(server: Server, scenario: Scenario, results: Results) -> None:
    async with scenario.running(server):
        figures, span = await scenario.run(server)
    results.noise.append(span.other_cpus)
    for figure in figures:
        results.add(server.name, figure)


async def _prepare(server: Server, scenarios: list[Scenario]) -> bool:
    try:
        restore(server)
        before = set(server.prepared)
        async with server.running():
            for scenario in scenarios:
                await scenario.prepare(server)
        if server.prepared != before:
            save(server)
    except _FAILURES as error:
        _say(f"{server.name}: left out, preparing failed: {error}\n{server.last_words()}")
        return False
    return True


async def measure(servers: list[Server], scenarios: list[Scenario], runs: int) -> Results:
    """Run each scenario on each server so many times. A failure leaves out that run, and is told."""
    task = asyncio.current_task()
    assert task is not None
    # So that a terminated benchmark leaves no server behind.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    results = Results()
    plan = []
    for server in servers:
        chosen = [s for s in scenarios if server.only is None or s.name in server.only]
        _say(f"{server.name}: preparing")
        if chosen and await _prepare(server, chosen):
            plan.append((server, chosen))
    # Run by run and not server by server, so that a busy minute of the machine hits all alike.
    for run in range(1, runs + 1):
        for server, chosen in plan:
            for scenario in chosen:
                start = time.monotonic()
                try:
                    await _once(server, scenario, results)
                except _FAILURES as error:
                    _say(f"{server.name}: {scenario.name} failed: {error}\n{server.last_words()}")
                else:
                    _say(f"run {run}: {server.name}, {scenario.name}: {time.monotonic() - start:.0f} s")
    return results


def _write_json(path: Path, results: Results) -> None:
    rows = [
        {"server": server, "figure": label, "unit": dict(results.labels)[label], "runs": values}
        for (server, label), values in results.values.items()
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"noise": results.noise, "figures": rows}, indent=1, ensure_ascii=False))


def main() -> None:
    """Measure and print."""
    arguments = _arguments()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(_FILES, hard), hard))
    scenarios = [scenario for scenario in SCENARIOS if scenario.name in arguments.scenario]
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        certificate, key = make_certificate(Path(directory))
        servers = []
        for name in arguments.only:
            if missing := SERVERS[name].missing():
                _say(f"{name}: left out: {missing}")
            else:
                servers.append(SERVERS[name](Path(directory, name), certificate, key))
        if not servers:
            sys.exit("no server to measure")
        start = time.monotonic()
        try:
            results = uvloop.run(measure(servers, scenarios, arguments.runs))
        except (KeyboardInterrupt, asyncio.CancelledError):
            sys.exit("interrupted")
    if not results.values:
        sys.exit("nothing was measured")
    print(render(results, [server.name for server in servers]))
    print(
        f"\n{arguments.runs} runs in {time.monotonic() - start:.0f} s; {os.cpu_count()} CPUs, Linux"
        f" {platform.release()}, Python {platform.python_version()};"
        f" CPUs that others kept busy meanwhile: {statistics.median(results.noise):.2f}"
    )
    if arguments.json:
        _write_json(arguments.json, results)


if __name__ == "__main__":
    main()
