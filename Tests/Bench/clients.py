"""What a client adds to a call: beside the bare round trip, and a GET of JSON by its language's usual HTTP client."""

import json
import os
import shutil
import statistics
import subprocess
from pathlib import Path

CLIENTS = Path(__file__).resolve().parents[2] / "clients"


def measure(server, rounds, build, say):
    """Rows of texts, the first being the head; clients take turns, and each round is a run of the client's own bench."""
    clients = list(installed(build, say))
    runs = {client["language"]: [] for client in clients}
    for turn in range(rounds):
        for client in clients if turn % 2 == 0 else clients[::-1]:
            runs[client["language"]].append(run(client, server))
    rows = [["", "bare µs", "client µs", "http µs", "added µs", "of http"]]
    for language, figures in runs.items():
        bare, client, http = (statistics.median(run[name] for run in figures) for name in
                              ("bareMicroseconds", "clientMicroseconds", "httpMicroseconds"))
        # The two are measured in turns within a run, so that their difference is taken there.
        added = statistics.median(run["clientMicroseconds"] - run["bareMicroseconds"] for run in figures)
        rows.append([language, *(f"{figure:.1f}" for figure in (bare, client, http, added)), f"{added / http:.3f}"])
    return rows


def installed(build, say):
    """The clients whose language is there, built."""
    for path in sorted(CLIENTS.glob("*/conformance.json")):
        client = json.loads(path.read_text())
        missing = [program for program in client["requires"] if not shutil.which(program)]
        if missing:
            say(f"SKIPPED: the {client['language']} client: {', '.join(missing)} not found")
            continue
        client["folder"], client["output"] = path.parent, build / "clients" / path.parent.name
        client["output"].mkdir(parents=True, exist_ok=True)
        for command in client["build"]:
            subprocess.run(words(client, command), cwd=client["folder"], check=True, stdout=subprocess.DEVNULL)
        yield client


def words(client, command):
    return [word.replace("${build}", str(client["output"])) for word in command]


def run(client, server):
    flags = ["--tcp", f"127.0.0.1:{server.port}", "--http", f"http://{server.http}/healthz"]
    # An HTTP client may keep to an address of a proxy; none is meant here.
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    done = subprocess.run(words(client, client["bench"]) + flags, cwd=client["folder"], env=environment, check=True,
                          stdout=subprocess.PIPE)
    return json.loads(done.stdout.splitlines()[-1])
