"""Tests of the client: its core against a small fake server, and the story against a real one (DUES_BIN)."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Dict, List, Optional
from unittest import mock

import dues as client
import example
from dues import Dues, DuesConnectionError, DuesError

Message = Dict[str, Any]
Send = Callable[[Any], None]


class FakeServer:
    """Accepts one connection and gives each message to `react`, together with a way to send."""

    def __init__(self, react: Callable[[Message, Send], None]) -> None:
        self.react = react
        self.received: List[Message] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.connection: Optional[socket.socket] = None
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        self.connection, _ = self.listener.accept()
        lock = threading.Lock()

        def send(message: Any) -> None:
            line = message if isinstance(message, bytes) else json.dumps(message).encode() + b"\n"
            with lock:
                assert self.connection is not None
                self.connection.sendall(line)

        try:
            for line in self.connection.makefile("rb"):
                message = json.loads(line)
                self.received.append(message)
                self.react(message, send)
        except OSError:
            pass  # the client went away

    def hang_up(self) -> None:
        assert self.connection is not None
        self.connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.listener.close()
        if self.connection is not None:
            self.connection.close()


class CoreTest(unittest.TestCase):
    def serve(self, react: Callable[[Message, Send], None], **options: Any) -> Dues:
        self.server = FakeServer(react)
        self.addCleanup(self.server.close)
        connection = Dues.connect(port=self.server.port, **options)
        self.addCleanup(connection.close)
        return connection

    def answering(self, result: Any) -> Dues:
        return self.serve(lambda message, send: send({"jsonrpc": "2.0", "id": message["id"], "result": result}))

    def failing(self, error: Message) -> DuesError:
        dues = self.serve(lambda message, send: send({"jsonrpc": "2.0", "id": message["id"], "error": error}))
        with self.assertRaises(DuesError) as caught:
            dues.get_subscription(subscription_id="sub_1")
        return caught.exception

    def test_answers_are_paired_by_id_whatever_their_order(self) -> None:
        waiting: List[Message] = []

        def react(message: Message, send: Send) -> None:
            waiting.append(message)
            if len(waiting) == 8:
                random.Random(1).shuffle(waiting)
                for held in waiting:
                    send({"jsonrpc": "2.0", "id": held["id"], "result": {"echo": held["params"]["number"]}})

        dues = self.serve(react)
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda number: dues.call("Echo", {"number": number})["echo"], range(8)))
        self.assertEqual(answers, list(range(8)))

    def test_many_threads_share_one_connection(self) -> None:
        def react(message: Message, send: Send) -> None:
            send({"jsonrpc": "2.0", "id": message["id"], "result": message["params"]})

        dues = self.serve(react)
        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda number: dues.call("Echo", {"number": number})["number"], range(800)))
        self.assertEqual(answers, list(range(800)))

    def test_params_go_by_their_names_on_the_wire_and_absent_ones_do_not_go(self) -> None:
        dues = self.answering({"customerId": "cus_1", "customer": {"id": "cus_1", "created": "2026-04-01T00:00:00Z"}})
        dues.create_customer(
            email="a@b.c", address=client.AddressInput(postal_code="97712"),
            shipping={"name": "Jenny", "address": client.AddressInput(line1="1")},
            idempotency_key="key", timeout=2.5, meta={"verbose": True})
        self.assertEqual(self.server.received[0], {
            "jsonrpc": "2.0", "id": 1, "method": "CreateCustomer", "params": {
                "email": "a@b.c", "address": {"postalCode": "97712"},
                "shipping": {"name": "Jenny", "address": {"line1": "1"}},
                "_meta": {"verbose": True, "timeoutMs": 2500, "idempotencyKey": "key"}}})
        dues.call("rpc.health", {})
        self.assertEqual(self.server.received[1]["params"], {})

    def test_results_are_typed_and_keep_what_is_not_known(self) -> None:
        dues = self.answering({
            "subscriptionId": "sub_1", "status": "incomplete", "clientSecret": "pi_1_secret_2", "intent": "payment",
            "latestInvoiceId": "in_1", "novelty": [1], "subscription": {
                "id": "sub_1", "items": [{"id": "si_1", "quantity": 9007199254740993,
                                          "currentPeriodStart": "2026-04-01T00:00:00Z",
                                          "currentPeriodEnd": "2026-05-01T00:00:00Z"}],
                "metadata": {"a": "b"}, "pendingUpdate": None, "created": "2026-04-01T00:00:00Z"}})
        result = dues.create_subscription(customer_id="cus_1", items=[client.SubscriptionItemInput(price_id="price_1")])
        self.assertEqual(result.client_secret, "pi_1_secret_2")
        self.assertNotIn("secret_2", repr(result))
        self.assertEqual(result.raw["novelty"], [1])
        self.assertEqual(result.subscription.items[0].quantity, 9007199254740993)
        self.assertEqual(result.subscription.items[0].current_period_end.isoformat(), "2026-05-01T00:00:00+00:00")
        self.assertEqual(result.subscription.metadata, {"a": "b"})
        self.assertIsNone(result.subscription.pending_update)
        self.assertIsNone(result.subscription.trial_end)

    def test_errors_say_everything_that_the_server_said(self) -> None:
        error = self.failing({"code": -32008, "message": "Too fast.", "data": {
            "status": "RESOURCE_EXHAUSTED", "reason": "RATE_LIMITED", "retryable": True, "retryAfterMs": 1500,
            "subjectId": "sub_1",
            "violations": [{"pointer": "/quantity", "rule": "minimum", "message": "must be at least 1, got 0"}],
            "stripe": {"type": "invalid_request_error", "requestId": "req_1", "httpStatus": 429}}})
        self.assertEqual((error.code, error.status, error.reason), (-32008, "RESOURCE_EXHAUSTED", "RATE_LIMITED"))
        self.assertEqual((error.message, error.retryable, error.retry_after), ("Too fast.", True, 1.5))
        self.assertEqual(error.subject_id, "sub_1")
        self.assertEqual(error.violations, [client.Violation("/quantity", "minimum", "must be at least 1, got 0")])
        assert error.stripe is not None
        self.assertEqual((error.stripe.request_id, error.stripe.http_status, error.stripe.code), ("req_1", 429, None))
        self.assertEqual(str(error), "RESOURCE_EXHAUSTED RATE_LIMITED: Too fast.")

    def test_an_error_without_data_is_an_error_all_the_same(self) -> None:
        error = self.failing({"code": -32601, "message": "no such method"})
        self.assertEqual((error.status, error.reason, error.retryable), ("UNKNOWN", "UNSPECIFIED", False))
        self.assertEqual((error.violations, error.stripe, error.retry_after), ([], None, None))

    def test_an_error_without_an_id_belongs_to_the_only_call(self) -> None:
        dues = self.serve(lambda message, send: send(
            {"jsonrpc": "2.0", "id": None, "error": {"code": -32700, "message": "not JSON"}}))
        with self.assertRaisesRegex(DuesError, "not JSON"):
            dues.rpc_health()

    def test_a_lost_connection_fails_every_pending_call_and_every_later_one(self) -> None:
        received = threading.Barrier(4)
        dues = self.serve(lambda message, send: threading.Thread(target=received.wait).start())
        with ThreadPoolExecutor(3) as pool:
            calls = [pool.submit(dues.rpc_health) for _ in range(3)]
            received.wait(10)
            self.server.hang_up()
            for call in calls:
                self.assertIsInstance(call.exception(10), DuesConnectionError)
        with self.assertRaises(DuesConnectionError):
            dues.rpc_health()

    def test_a_garbled_answer_ends_the_connection(self) -> None:
        dues = self.serve(lambda message, send: send(b"{oops\n"))
        with self.assertRaises(DuesConnectionError):
            dues.rpc_health()

    def test_a_call_that_is_not_answered_in_time_is_given_up_and_cancelled(self) -> None:
        dues = self.serve(lambda message, send: None)
        begun = time.monotonic()
        with mock.patch.object(client, "_GRACE_SECONDS", 0.1), self.assertRaises(DuesError) as caught:
            dues.rpc_health(timeout=0.2)
        self.assertEqual(caught.exception.status, "DEADLINE_EXCEEDED")
        self.assertTrue(0.25 < time.monotonic() - begun < 5)
        while len(self.server.received) < 2:
            self.assertLess(time.monotonic() - begun, 10)
            time.sleep(0.01)
        self.assertEqual(self.server.received[0]["params"]["_meta"]["timeoutMs"], 200)
        self.assertEqual(self.server.received[1], {"jsonrpc": "2.0", "method": "rpc.cancel", "params": {"id": 1}})

    def test_a_late_answer_disturbs_nobody(self) -> None:
        def react(message: Message, send: Send) -> None:
            if message["method"] == "rpc.cancel":
                send({"jsonrpc": "2.0", "id": 1, "result": {}})
            elif message["id"] > 1:
                send({"jsonrpc": "2.0", "id": message["id"], "result": {"status": "SERVING"}})

        dues = self.serve(react)
        with mock.patch.object(client, "_GRACE_SECONDS", 0), self.assertRaises(DuesError):
            dues.rpc_health(timeout=0.05)
        self.assertEqual(dues.rpc_health().status, "SERVING")

    def test_the_connection_has_a_default_timeout(self) -> None:
        dues = self.serve(lambda message, send: send({"id": message["id"], "result": {}}), timeout=7)
        dues.call("rpc.health", {})
        self.assertEqual(self.server.received[0]["params"]["_meta"], {"timeoutMs": 7000})

    def test_a_token_is_given_once_at_the_start(self) -> None:
        dues = self.serve(lambda message, send: send({"id": message["id"], "result": {}}), token="secret")
        dues.call("rpc.health", {})
        self.assertEqual([message["method"] for message in self.server.received], ["rpc.hello", "rpc.health"])
        self.assertEqual(self.server.received[0]["params"], {"authorization": "Bearer secret", "protocol": 1})

    def test_what_cannot_be_sent_is_refused_here_and_the_connection_goes_on(self) -> None:
        dues = self.answering({"status": "SERVING"})
        for value in ("x" * (1 << 20), float("nan"), "\ud800"):
            with self.assertRaises(ValueError):
                dues.call("Echo", {"value": value})
        self.assertEqual(dues.rpc_health().status, "SERVING")


class SpawnTest(unittest.TestCase):
    def spawn(self, script: str) -> Dues:
        return Dues.spawn([sys.executable, "-c", textwrap.dedent(script)])

    def test_a_child_is_spoken_to_over_its_stdin_and_stdout_and_ends_with_the_client(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            dues = self.spawn(f"""
                import json, sys
                for line in sys.stdin:
                    message = json.loads(line)
                    print(json.dumps({{"id": message["id"], "result": {{"status": "SERVING"}}}}), flush=True)
                open({folder + "/done"!r}, "w").close()
                """)
            with dues:
                self.assertEqual(dues.rpc_health().status, "SERVING")
            self.assertTrue(os.path.exists(folder + "/done"))
        with self.assertRaises(DuesConnectionError):
            dues.rpc_health()

    def test_a_child_that_dies_fails_the_call(self) -> None:
        with self.spawn("import sys; sys.stdin.readline(); sys.exit(3)") as dues:
            with self.assertRaises(DuesConnectionError):
                dues.rpc_health()

    def test_a_child_that_does_not_end_is_ended(self) -> None:
        dues = self.spawn("""
            import signal, sys, time
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            print('{"id":1,"result":{}}', flush=True)
            time.sleep(60)
            """)
        with mock.patch.object(client, "_EXIT_SECONDS", 0.3):
            begun = time.monotonic()
            dues.close()
        self.assertLess(time.monotonic() - begun, 10)


DUES_BIN = os.environ.get("DUES_BIN")


@unittest.skipUnless(DUES_BIN, "DUES_BIN is not set: the story is not told to a real server")
class StoryTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def check(self, dues: Dues, sandbox: str) -> None:
        told = example.story(dues, sandbox, say=lambda line: None)
        self.assertEqual((told["subscribed"].status, told["subscribed"].intent), ("incomplete", "payment"))
        self.assertEqual((told["paid"].allowed, told["paid"].reason), (True, "ACTIVE"))
        self.assertEqual((told["method"].type, told["method"].card.last4), ("card", "4242"))
        self.assertGreater(told["preview"].amount_due_now, 0)
        self.assertEqual(told["changed"].amount_charged, told["preview"].amount_due_now)
        self.assertTrue(told["upgraded"].allowed)
        self.assertEqual((told["canceled"].status, told["ended"].allowed), ("canceled", False))
        with self.assertRaises(DuesError) as caught:
            dues.get_subscription(subscription_id="sub_none")
        self.assertEqual(caught.exception.reason, "NO_SUCH_SUBSCRIPTION")

    def test_the_story_over_tcp(self) -> None:
        assert DUES_BIN is not None
        server = subprocess.Popen(
            [os.path.abspath(DUES_BIN), "serve", "--sandbox", "--tcp", "127.0.0.1:0", "--http", "127.0.0.1:0",
             "--sandbox-http", "127.0.0.1:0"], stdout=subprocess.PIPE, cwd=self.folder)
        try:
            assert server.stdout is not None
            handshake = json.loads(server.stdout.readline())
            host, port = handshake["tcp"].rsplit(":", 1)
            with Dues.connect(host, int(port), timeout=30) as dues:
                self.check(dues, handshake["sandbox"])
            server.send_signal(signal.SIGTERM)
            self.assertEqual(server.wait(20), 0)
        finally:
            server.kill()
            server.wait()
            if server.stdout is not None:
                server.stdout.close()

    def test_the_story_over_stdio(self) -> None:
        assert DUES_BIN is not None
        with socket.create_server(("127.0.0.1", 0)) as free:
            sandbox = f"127.0.0.1:{free.getsockname()[1]}"
        command = [os.path.abspath(DUES_BIN), "stdio", "--sandbox", "--sandbox-http", sandbox]
        before = os.getcwd()
        self.addCleanup(os.chdir, before)
        os.chdir(self.folder)
        with Dues.spawn(command, timeout=30) as dues:
            self.check(dues, f"http://{sandbox}")


if __name__ == "__main__":
    unittest.main()
