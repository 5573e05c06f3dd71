"""Tests of the client: its core against a small fake server, and the story against a real one (DUES_BIN)."""

import contextlib
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
from dues import Cancellation, Dues, DuesError

Message = Dict[str, Any]
Send = Callable[[Any], None]


class FakeServer:
    """Gives each message but rpc.hello, which it answers, to `react`, together with a way to send."""

    def __init__(self, react: Callable[[Message, Send], None]) -> None:
        self.react = react
        self.hellos: List[Message] = []
        self.received: List[Message] = []
        self.connections: List[socket.socket] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return  # closed
            self.connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        lock = threading.Lock()

        def send(message: Any) -> None:
            line = message if isinstance(message, bytes) else json.dumps(message).encode() + b"\n"
            with lock:
                connection.sendall(line)

        with connection.makefile("rb") as lines, contextlib.suppress(OSError):  # the client went away
            for line in lines:
                message = json.loads(line)
                if message["method"] == "rpc.hello":
                    self.hellos.append(message["params"])
                    send({"jsonrpc": "2.0", "id": message["id"], "result": {}})
                else:
                    self.received.append(message)
                    self.react(message, send)
        self.hang_up(connection)

    @staticmethod
    def hang_up(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(10)
        for connection in self.connections:
            self.hang_up(connection)
            connection.close()


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


class ServedTest(unittest.TestCase):
    def serve(self, react: Callable[[Message, Send], None], **options: Any) -> Dues:
        self.server = FakeServer(react)
        self.addCleanup(self.server.close)
        connection = Dues.connect(port=self.server.port, **{"retries": 0, **options})
        self.addCleanup(connection.close)
        return connection


class CoreTest(ServedTest):
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
        milliseconds = self.server.received[0]["params"]["_meta"].pop("timeoutMs")
        self.assertTrue(2000 < milliseconds <= 2500)
        self.assertEqual(self.server.received[0], {
            "jsonrpc": "2.0", "id": 2, "method": "CreateCustomer", "params": {
                "email": "a@b.c", "address": {"postalCode": "97712"},
                "shipping": {"name": "Jenny", "address": {"line1": "1"}},
                "_meta": {"verbose": True, "idempotencyKey": "key"}}})
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

    def test_a_lost_connection_fails_every_pending_call_and_the_next_call_dials_again(self) -> None:
        received = threading.Barrier(4)

        def react(message: Message, send: Send) -> None:
            if len(self.server.connections) == 1:
                threading.Thread(target=received.wait).start()
            else:
                send({"jsonrpc": "2.0", "id": message["id"], "result": {"status": "SERVING", "checks": {}}})

        dues = self.serve(react)
        with ThreadPoolExecutor(3) as pool:
            calls = [pool.submit(dues.rpc_health) for _ in range(3)]
            received.wait(10)
            self.server.hang_up(self.server.connections[0])
            for call in calls:
                self.assertIn("CONNECTION_LOST", str(call.exception(10)))
        self.assertEqual(dues.rpc_health().status, "SERVING")

    def test_a_server_that_cannot_be_reached_is_a_lost_connection(self) -> None:
        dues = Dues.connect(unix="/nowhere", retries=1)
        with dues, self.assertRaises(DuesError) as caught:
            dues.rpc_health()
        error: DuesError = caught.exception
        self.assertEqual((error.status, error.code, error.reason, error.retryable),
                         ("UNAVAILABLE", -32014, "CONNECTION_LOST", True))
        with self.assertRaisesRegex(DuesError, "CONNECTION_LOST"):
            dues.rpc_health()

    def test_a_garbled_answer_ends_the_connection(self) -> None:
        dues = self.serve(lambda message, send: send(b"{oops\n"))
        with self.assertRaisesRegex(DuesError, "CONNECTION_LOST"):
            dues.rpc_health()

    def test_a_call_that_is_not_answered_in_time_is_given_up_and_cancelled(self) -> None:
        dues = self.serve(lambda message, send: None)
        begun = time.monotonic()
        with mock.patch("dues._client._GRACE_SECONDS", 0.1), self.assertRaises(DuesError) as caught:
            dues.rpc_health(timeout=0.2)
        self.assertEqual((caught.exception.status, caught.exception.reason), ("DEADLINE_EXCEEDED", "NO_ANSWER"))
        self.assertTrue(0.25 < time.monotonic() - begun < 5)
        self.assertTrue(eventually(lambda: len(self.server.received) == 2))
        self.assertTrue(0 < self.server.received[0]["params"]["_meta"]["timeoutMs"] <= 200)
        self.assertEqual(self.server.received[1], {"jsonrpc": "2.0", "method": "rpc.cancel", "params": {"id": 2}})

    def test_a_late_answer_disturbs_nobody(self) -> None:
        def react(message: Message, send: Send) -> None:
            if message["method"] == "rpc.cancel":
                send({"jsonrpc": "2.0", "id": 2, "result": {}})
            elif message["id"] > 2:
                send({"jsonrpc": "2.0", "id": message["id"], "result": {"status": "SERVING"}})

        dues = self.serve(react)
        with mock.patch("dues._client._GRACE_SECONDS", 0), self.assertRaises(DuesError):
            dues.rpc_health(timeout=0.5)
        self.assertEqual(dues.rpc_health().status, "SERVING")

    def test_a_client_has_a_default_timeout(self) -> None:
        dues = self.serve(lambda message, send: send({"id": message["id"], "result": {}}), timeout=7)
        dues.call("rpc.health", {})
        self.assertTrue(6000 < self.server.received[0]["params"]["_meta"]["timeoutMs"] <= 7000)

    def test_a_token_is_given_once_at_the_start_or_with_a_call(self) -> None:
        dues = self.serve(lambda message, send: send({"id": message["id"], "result": {}}), token="secret")
        dues.call("rpc.health", {})
        dues.call("rpc.health", {}, token="other")
        self.assertEqual(self.server.hellos, [
            {"client": f"dues-python/{client.__version__}", "protocol": 1, "authorization": "Bearer secret"}])
        self.assertEqual(self.server.received[0]["params"], {})
        self.assertEqual(self.server.received[1]["params"], {"_meta": {"authorization": "Bearer other"}})

    def test_a_cancellation_ends_whatever_a_call_waits_for(self) -> None:
        def react(message: Message, send: Send) -> None:
            if message["method"] == "Busy":
                send({"id": message["id"], "error": {"code": -32014, "message": "busy", "data": {
                    "retryable": True, "retryAfterMs": 60_000}}})

        dues = self.serve(react, retries=1)
        for method in ("Echo", "Busy"):
            cancellation = Cancellation()
            with ThreadPoolExecutor(1) as pool:
                call = pool.submit(dues.call, method, {}, idempotency_key="key", cancel=cancellation)
                time.sleep(0.2)
                cancellation.cancel()
                error = call.exception(5)
            assert isinstance(error, DuesError)
            self.assertEqual(error.reason, "CALLER_CANCELLED")
        with self.assertRaises(DuesError):
            dues.rpc_health(cancel=cancellation)

    def test_an_idle_connection_that_the_server_has_closed_is_not_used(self) -> None:
        dues = self.answering({})
        dues.call("Echo", {})
        self.server.connections[0].sendall(b'{"id":null,"error":{"code":-32008,"message":"idle for too long"}}\n')
        self.server.hang_up(self.server.connections[0])
        assert dues._connection is not None
        dues._connection._thread.join(10)
        self.assertEqual(dues.call("Echo", {}), {})
        self.assertEqual(len(self.server.connections), 2)

    def test_secrets_are_in_no_error_and_no_representation(self) -> None:
        dues = self.serve(lambda message, send: None, token="tok_secret")
        with self.assertRaises(ValueError) as caught:
            dues.call("Echo", {"value": "\ud800"}, token="tok_secret")
        self.assertNotIn("tok_secret", repr(caught.exception) + repr(dues))

    def test_what_cannot_be_sent_is_refused_here_and_the_connection_goes_on(self) -> None:
        dues = self.answering({"status": "SERVING"})
        for value in ("x" * (1 << 20), float("nan"), "\ud800"):
            with self.assertRaises(ValueError):
                dues.call("Echo", {"value": value})
        self.assertEqual(dues.rpc_health().status, "SERVING")


def event(seq: int) -> Message:
    return {"seq": seq, "id": f"evt_{seq}", "type": "invoice.paid", "created": "2026-04-16T00:00:02Z",
            "customerId": None, "subscriptionId": None, "object": {}}


class StreamTest(ServedTest):
    def stream(self, visits: List[Callable[[Message, Callable[[int], None], Send], None]], **options: Any) -> Dues:
        """A server that answers the streaming calls, each its own way."""
        remaining = iter(visits)

        def react(message: Message, send: Send) -> None:
            def value(seq: int) -> None:
                send({"method": "rpc.stream", "params": {"id": message["id"], "seq": seq, "value": event(seq)}})

            if message["method"] == "WatchEvents":
                next(remaining)(message, value, send)
            elif "id" in message:
                send({"id": message["id"], "result": {}})

        return self.serve(react, **options)

    def afters(self) -> List[Optional[int]]:
        return [call["params"].get("after") for call in self.server.received if call["method"] == "WatchEvents"]

    def test_a_stream_goes_on_behind_its_last_value_and_ends_with_its_result(self) -> None:
        def lost(message: Message, value: Callable[[int], None], send: Send) -> None:
            value(7)
            value(9007199254740993)
            self.server.hang_up(self.server.connections[-1])

        def failing(message: Message, value: Callable[[int], None], send: Send) -> None:
            send({"id": message["id"], "error": {"code": -32014, "message": "So.", "data": {"retryable": True}}})

        def ending(message: Message, value: Callable[[int], None], send: Send) -> None:
            value(9007199254740995)
            send({"id": message["id"], "result": {"after": 9007199254740998}})

        dues = self.stream([lost, failing, lost, ending], retries=2)
        with dues.watch_events(types=["invoice.*"], after=3) as events:
            self.assertEqual(
                [value.seq for value in events], [7, 9007199254740993, 7, 9007199254740993, 9007199254740995])
        assert events.result is not None
        self.assertEqual(events.result.after, 9007199254740998)
        self.assertEqual(self.afters(), [3] + 3 * [9007199254740993])

    def test_a_stream_that_is_left_is_cancelled(self) -> None:
        dues = self.stream(2 * [lambda message, value, send: value(1)])
        with dues.watch_events() as events:
            next(events)
        for _ in dues.watch_events():
            break
        self.assertTrue(eventually(lambda: len(self.server.received) == 4))
        calls = self.server.received
        self.assertEqual([call["method"] for call in calls], 2 * ["WatchEvents", "rpc.cancel"])
        self.assertEqual(calls[1]["params"], {"id": calls[0]["id"]})

    def test_a_stream_whose_reader_is_slow_is_cancelled_and_asked_for_again(self) -> None:
        def much(message: Message, value: Callable[[int], None], send: Send) -> None:
            for seq in range(1, 400):
                value(seq)

        def rest(message: Message, value: Callable[[int], None], send: Send) -> None:
            send({"id": message["id"], "result": {"after": message["params"]["after"]}})

        dues = self.stream([much, rest])
        events = dues.watch_events()
        self.assertEqual(next(events).seq, 1)
        dues.call("Echo", {})  # the answer comes behind the values
        kept = [value.seq for value in events]
        self.assertEqual(kept, list(range(2, kept[-1] + 1)))
        self.assertIn(kept[-1], (256, 257))  # the first was taken when the last came, or was not
        self.assertEqual(self.afters(), [None, kept[-1]])
        self.assertIn("rpc.cancel", [call["method"] for call in self.server.received])

    def test_closing_ends_a_stream_that_is_waited_for(self) -> None:
        dues = self.stream([lambda message, value, send: value(1)])
        with ThreadPoolExecutor(1) as pool:
            events = dues.watch_events()
            next(events)
            waiting = pool.submit(next, events)
            time.sleep(0.1)
            begun = time.monotonic()
            dues.close()
            self.assertIn("CONNECTION_LOST", str(waiting.exception(10)))
        self.assertLess(time.monotonic() - begun, 5)


class SpawnTest(unittest.TestCase):
    def spawn(self, script: str) -> Dues:
        return Dues.spawn([sys.executable, "-c", textwrap.dedent(script)], retries=0)

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
        with self.assertRaisesRegex(DuesError, "CONNECTION_LOST"):
            dues.rpc_health()

    def test_a_child_that_dies_fails_the_call(self) -> None:
        with self.spawn("import sys; sys.stdin.readline(); sys.exit(3)") as dues:
            with self.assertRaisesRegex(DuesError, "CONNECTION_LOST"):
                dues.rpc_health()

    def test_a_child_that_does_not_end_is_ended(self) -> None:
        dues = self.spawn("""
            import signal, sys, time
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            for number in (1, 2):
                sys.stdin.readline()
                print('{"id":%d,"result":{}}' % number, flush=True)
            time.sleep(60)
            """)
        dues.call("Echo", {})
        with mock.patch("dues._transport.STALL_SECONDS", 0.3):
            begun = time.monotonic()
            dues.close()
        self.assertLess(time.monotonic() - begun, 10)

    def test_a_child_that_says_no_address_is_a_lost_connection(self) -> None:
        with Dues.launch([sys.executable, "-c", "print('oops')"], retries=0) as dues:
            with self.assertRaisesRegex(DuesError, "CONNECTION_LOST"):
                dues.rpc_health()


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
