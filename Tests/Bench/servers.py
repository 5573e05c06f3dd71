"""The servers that are compared: each is started on a free port of the loopback address and ended by its own process id."""

import json
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

ENVIRONMENT = {
    "PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"),
    # Who asks Stripe anything asks the stub.
    "STRIPE_SECRET_KEY": "sk_test_bench", "STRIPE_WEBHOOK_SECRET": "whsec_bench",
}


class Server:
    """A process that answers on a port; leaving the `with` ends it."""

    request = None
    expected = None
    lines = 1

    def __init__(self, command, **options):
        self.process = subprocess.Popen(command, env=ENVIRONMENT, **options)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def load_arguments(self, keys):
        return ["-p", str(self.port), "-k", str(keys), "-l", str(self.lines), "-e", self.expected, self.request]

    def resident_kib(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))

    def processor_seconds(self):
        """User and system time of the process so far, to the nanosecond: /proc knows it by the hundredth alone."""
        return time.clock_gettime(~self.process.pid << 3 | 2)  # as clock_getcpuclockid(3) makes a clock of a process

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port))

    def ask(self, number):
        """One call on a connection of its own."""
        with self.connect() as connection:
            return self.ask_on(connection, number)

    def ask_on(self, connection, number):
        text = self.request.replace("%d", "1").replace("%k", f"{number:07d}") + "\n"
        connection.sendall(text.encode())
        answer = b""
        while answer.count(b"\n") < self.lines:
            more = connection.recv(65536)
            if not more:
                raise RuntimeError(f"{type(self).__name__} hung up")
            answer += more
        return answer


class Dues(Server):
    name = "dues"
    request = ('{"jsonrpc":"2.0","id":%d,"method":"CheckAccess",'
               '"params":{"customerId":"cus_%k","productId":"prod_pro"}}')
    expected = '"allowed":true'

    # Nothing listens there: whatever the server asks Stripe by itself fails at once.
    nowhere = "http://127.0.0.1:1"

    def __init__(self, binary, database, wrapper=(), options=(), stripe=nowhere):
        super().__init__(
            [*wrapper, binary, "serve", "--tcp", "127.0.0.1:0", "--http", "127.0.0.1:0", "--db", f"sqlite:{database}",
             # One loop, as the other server has one thread.
             "--stripe-base", stripe, "--poll-seconds", "0", "--loops", "1", "--log", "error", *options],
            stdout=subprocess.PIPE, stderr=None if not wrapper else subprocess.DEVNULL)
        handshake = self.process.stdout.readline()
        if not handshake:
            raise RuntimeError("dues did not start")
        self.port = int(json.loads(handshake)["tcp"].rsplit(":", 1)[1])
        self.http = json.loads(handshake)["http"]

    def result(self, number):
        """The result object of a CheckAccess, as it stands on the wire."""
        answer = self.ask(number).decode()
        return answer[answer.index('"result":') + len('"result":'):].rstrip("\n")[:-1]


class Sandbox(Server):
    """Stripe's stand-in, in memory."""

    name = "sandbox"

    def __init__(self, binary):
        super().__init__([binary, "sandbox", "--http", "127.0.0.1:0"], stdout=subprocess.PIPE)
        handshake = json.loads(self.process.stdout.readline())
        self.url, self.key = handshake["sandbox"], handshake["secretKey"]


class Redis(Server):
    """One thread, nothing written to disk: GET over its own line protocol."""

    name = "redis"
    request = "*2\r\n$3\r\nGET\r\n$11\r\ncus_%k\r"
    expected = '"allowed":true'
    lines = 2

    def __init__(self, wrapper=()):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        super().__init__(
            [*wrapper, "redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
             "--io-threads", "1", "--maxclients", "20000"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/tmp")
        for _ in range(600):
            try:
                self.connect().close()
                return
            except ConnectionRefusedError:
                time.sleep(0.05)
        raise RuntimeError("redis-server did not start")

    @staticmethod
    def is_installed():
        return shutil.which("redis-server") is not None

    def fill(self, sample, count):
        """Gives every customer the bytes that Dues answers, `sample` being those of customer 0."""
        with self.connect() as connection:
            for start in range(0, count, 1000):
                numbers = range(start, min(start + 1000, count))
                connection.sendall(b"".join(self._set(sample, number) for number in numbers))
                missing = len(numbers) * len("+OK\r\n")
                while missing:
                    missing -= len(connection.recv(65536))

    @staticmethod
    def _set(sample, number):
        value = sample.replace("0000000", f"{number:07d}")
        return f"*3\r\n$3\r\nSET\r\n$11\r\ncus_{number:07d}\r\n${len(value)}\r\n{value}\r\n".encode()


# What is asked of every service that creates customers, and of the stub itself.
NEW_CUSTOMER = '{"email":"c%k@example.com","name":"Jenny Rosen"}'


class CustomerDues(Dues):
    """Dues, asked to create customers at a stub of Stripe."""

    request = f'{{"jsonrpc":"2.0","id":%d,"method":"CreateCustomer","params":{NEW_CUSTOMER}}}'
    expected = '"customerId":"cus_'


class Posted(Server):
    """A server that is asked over HTTP and says in its first line on which port."""

    request = NEW_CUSTOMER
    path = None

    def __init__(self, command):
        super().__init__(command, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} did not start")
        self.port = int(line)

    def load_arguments(self, keys):
        return ["-u", self.path, *super().load_arguments(keys)]


class Stub(Posted):
    """Stripe's API as far as creating a customer goes, answering after a delay."""

    name = "the stub itself"
    path = "/v1/customers"
    expected = '"id": "cus_'

    def __init__(self, program, delay_milliseconds):
        super().__init__([program, "-d", str(delay_milliseconds)])
        self.address = f"http://127.0.0.1:{self.port}"

    def end(self):
        """Ends it, and says what it has seen."""
        self.process.terminate()
        return json.loads(self.process.stdout.read())


class Peer(Posted):
    """FastAPI and the official SDK, with one of the SDK's HTTP clients."""

    path = "/customers"
    expected = '"customerId":"cus_'
    clients = ["aiohttp", "httpx"]

    def __init__(self, python, client, stripe):
        self.name = client
        super().__init__([python, str(Path(__file__).with_name("peer.py")), client, stripe])


class WebhookDues(Dues):
    """Dues, given webhooks."""

    expected = '"received":true'

    def load_arguments(self, _):
        return ["-p", self.http.rsplit(":", 1)[1], "-e", self.expected, ""]


class WebhookPeer(Posted):
    """FastAPI and SQLite; `sdk` has the official SDK make an event of the payload, `lean` has it check the signature alone."""

    expected = '"received":true'
    kinds = ["sdk", "lean"]

    def __init__(self, python, kind, database):
        self.name = f"FastAPI, {kind}"
        super().__init__([python, str(Path(__file__).with_name("webhook_peer.py")), kind, database])

    def load_arguments(self, _):
        return ["-p", str(self.port), "-e", self.expected, ""]
