"""A small server that receives webhooks, as an integration would have one."""

import http.server
import json
import threading
import time

import watching


class Receiver:
    """Listens on a port of its own while it is entered; answers 200 unless `refuse` says how many it is to refuse."""

    def __init__(self, refuse=0):
        self.refuse = refuse
        self.received = []
        self.refused = []
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                watching.hold(json.loads(body), "a webhook")
                refuses = len(receiver.refused) < receiver.refuse
                (receiver.refused if refuses else receiver.received).append((dict(self.headers), body))
                self.send_response(500 if refuses else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}/webhook"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error):
        self.server.shutdown()
        self.server.server_close()

    def wait(self, enough, seconds=20):
        """Waits until `enough` says so of what was received."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if enough(self.received):
                return self.received
            time.sleep(0.02)
        raise AssertionError(f"only {len(self.received)} deliveries came")
