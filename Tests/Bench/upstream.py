"""What a call costs that goes on to Stripe: CreateCustomer through a local stub, beside Python services on the official SDK.

CPU seconds are those of the server alone, user and system; the stub's and the load generator's are in no figure. All share one
machine, though, so that calls per second and latencies say less about a server than what it costs.
"""

import contextlib
import importlib.util
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

from measuring import callgrind, in_turns, instructions_of_all_threads, run_load, say, table, without_debug_information
from servers import CustomerDues, Peer, Stub

ROOT = Path(__file__).resolve().parents[2]
CONNECTIONS = 64
DELAYS = [0, 100]
FIGURES = {"cpu_s_per_1000": ".4f", "calls_per_second": ".0f", "p50_us": ".0f", "p99_us": ".0f"}
# E-mail addresses are as good as never the same twice.
KEYS = 10_000_000
# Beside the bound: a delay at which the calls in flight are more than enough to keep every server busy.
IN_FLIGHT, DELAY = 1000, 100
COUNTED_CALLS = 2000


def measure(binary, load, stub, build, folder, rounds, seconds):
    python = python_with_sdk(build)
    for delay in DELAYS:
        beside_peers(binary, load, stub, python, f"{folder}/upstream-{delay}.db", delay, rounds, seconds)
    beside_the_bound(binary, load, stub, f"{folder}/bound.db", rounds, seconds)
    instructions(binary, load, stub, folder)


def python_with_sdk(build):
    """The interpreter of a virtual environment that has what the peers need; None where it is not there."""
    environment = build / "bench-python"
    python = environment / "bin" / "python"
    if os.environ.get("INSTALL") == "1":
        if importlib.util.find_spec("ensurepip") is None:
            subprocess.run(["apt-get", "install", "-y", "-qq", "python3-venv"], check=True, stdout=subprocess.DEVNULL)
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "-r", ROOT / "Tests/Bench/requirements.txt"], check=True)
    if python.exists():
        return str(python)
    say("Stripe's SDK for Python is not installed: Dues is measured alone (make bench INSTALL=1 installs it below .build)")
    return None


def warm_up(load, server, connections):
    """What is done once, at the first calls, is no part of a call."""
    run_load(load, server, "-c", str(connections), "-n", "1000", keys=KEYS)


def run(load, server, connections, seconds):
    before = server.processor_seconds()
    figures = run_load(load, server, "-c", str(connections), "-s", seconds, "-w", "0.5", keys=KEYS)
    time.sleep(0.2)  # what is left to do after the last answer is a cost of the calls too
    figures["cpu_s_per_1000"] = (server.processor_seconds() - before) / figures["answers"] * 1000
    return figures


def medians(runs):
    return {name: {figure: statistics.median(each[figure] for each in of_one) for figure in FIGURES}
            for name, of_one in runs.items()}


# MARK: Cost

def beside_peers(binary, load, stub, python, database, delay, rounds, seconds):
    say(f"\nCreateCustomer, {CONNECTIONS} at a time, Stripe answering after {delay} ms; and FastAPI with the SDK's HTTP clients")
    with contextlib.ExitStack() as running:
        upstream = running.enter_context(Stub(stub, delay))
        servers = [running.enter_context(CustomerDues(binary, database, stripe=upstream.address))]
        for client in Peer.clients if python else []:
            servers.append(running.enter_context(Peer(python, client, upstream.address)))
        for server in servers:
            warm_up(load, server, CONNECTIONS)
        figures = medians(in_turns(servers, rounds, lambda server: run(load, server, CONNECTIONS, seconds)))
    rows = [["", *FIGURES]]
    for name, of_one in figures.items():
        rows.append([name, *(f"{of_one[figure]:{form}}" for figure, form in FIGURES.items())])
    ours = figures.pop(CustomerDues.name)
    if not figures:
        return table(rows)
    best = min(figures, key=lambda name: figures[name]["cpu_s_per_1000"])
    ratios = {figure: ours[figure] / max(figures[best][figure], 1e-9) for figure in FIGURES}
    rows.append(["ratio", *(f"{ratio:.3f}" for ratio in ratios.values())])
    table(rows)
    say(f"The ratio is to {best}, the best of them: dues spends {1 / ratios['cpu_s_per_1000']:.1f} times fewer CPU seconds.")


# MARK: The bound

def beside_the_bound(binary, load, stub, database, rounds, seconds):
    bound = IN_FLIGHT / DELAY * 1000
    say(f"\nCreateCustomer, {IN_FLIGHT} at a time, Stripe answering after {DELAY} ms: {bound:.0f} calls a second at the most")
    # Two stubs, so that the one counts the connections of Dues alone.
    with Stub(stub, DELAY) as alone, Stub(stub, DELAY) as upstream:
        with CustomerDues(binary, database, stripe=upstream.address) as dues:
            figures = medians(in_turns([alone, dues], rounds, lambda server: run(load, server, IN_FLIGHT, seconds)))
        seen = upstream.end()
    rows = [["", *FIGURES, "of the bound", "of upstream's p99"]]
    for name, of_one in figures.items():
        rows.append([name, *(f"{of_one[figure]:{form}}" for figure, form in FIGURES.items()),
                     f"{of_one['calls_per_second'] / bound:.3f}", f"{of_one['p99_us'] / figures[alone.name]['p99_us']:.2f}"])
    table(rows)
    say(f"Connections to Stripe at one time: {seen['most_connections']} at the most, of {connection_bound()} allowed.\n")


def connection_bound():
    """What Dues allows itself where no flag says otherwise."""
    source = (ROOT / "Sources/HTTP/Client/HTTPClientConfiguration.swift").read_text()
    return int(re.search(r"maximumConnectionsPerHost = ([\d_]+)", source)[1].replace("_", ""))


# MARK: Instructions

def instructions(binary, load, stub, folder):
    if not shutil.which("valgrind"):
        return say("valgrind is not installed: instructions are not counted\n")
    say("User-space instructions per CreateCustomer, of all threads of Dues, by callgrind: "
        f"those of {COUNTED_CALLS} calls less those of none")
    bare = without_debug_information(binary, folder)
    counts = {}
    for connections in [None, 1, CONNECTIONS]:
        shape = connections and (connections, 1)
        database = f"{folder}/counted-{connections}.db"
        with Stub(stub, 0) as upstream, \
                CustomerDues(bare, database, callgrind(folder, "upstream", shape), stripe=upstream.address) as dues:
            warm_up(load, dues, CONNECTIONS)
            if connections:
                run_load(load, dues, "-c", str(connections), "-n", str(COUNTED_CALLS), keys=KEYS)
        counts[connections] = instructions_of_all_threads(folder, "upstream", shape)
    rows = [["connections", "instructions"]]
    for connections in [1, CONNECTIONS]:
        rows.append([str(connections), f"{(counts[connections] - counts[None]) / COUNTED_CALLS:.0f}"])
    table(rows)
