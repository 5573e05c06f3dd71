"""What a call costs: on a bare socket, by the client, and a GET by the usual HTTP client; medians, as a line of JSON.

    python3 bench.py --tcp 127.0.0.1:7171 --http http://127.0.0.1:7172/health
"""

import argparse
import importlib
import json
import socket
import statistics
import time
import urllib.request
from typing import Any, Callable, Dict, List

from dues import Dues

ROUNDS, CALLS, WARM_UP = 10, 200, 500
QUESTION = {"customerId": "cus_bench", "productId": "prod_bench"}


def bare(host: str, port: int) -> Callable[[], object]:
    sock = socket.create_connection((host, port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    line = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "CheckAccess", "params": QUESTION}).encode() + b"\n"

    def call() -> bytes:
        sock.sendall(line)
        answer = sock.recv(65536)
        while not answer.endswith(b"\n"):
            answer += sock.recv(65536)
        return answer

    return call


def http(url: str) -> Callable[[], object]:
    """By requests, which most programs use, if it is installed."""
    try:
        session = importlib.import_module("requests").Session()
        return lambda: session.get(url).json()
    except ImportError:
        def get() -> Any:
            with urllib.request.urlopen(url) as answer:
                return json.load(answer)
        return get


def main() -> None:
    flags = argparse.ArgumentParser()
    flags.add_argument("--tcp", required=True)
    flags.add_argument("--http", required=True)
    given = flags.parse_args()
    host, _, port = given.tcp.rpartition(":")
    with Dues.connect(host, int(port)) as dues:
        turns: Dict[str, Callable[[], object]] = {
            "bareMicroseconds": bare(host, int(port)),
            "clientMicroseconds": lambda: dues.check_access(customer_id="cus_bench", product_id="prod_bench"),
            "httpMicroseconds": http(given.http)}
        taken: Dict[str, List[float]] = {name: [] for name in turns}
        for call in turns.values():
            for _ in range(WARM_UP):
                call()
        for _ in range(ROUNDS):
            for name, call in turns.items():
                for _ in range(CALLS):
                    begun = time.perf_counter()
                    call()
                    taken[name].append((time.perf_counter() - begun) * 1e6)
    print(json.dumps({name: round(statistics.median(times), 1) for name, times in taken.items()}))


if __name__ == "__main__":
    main()
