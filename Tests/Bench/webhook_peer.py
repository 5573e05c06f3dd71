"""Dues's peer for webhooks: a service in Python that keeps Stripe's events in SQLite, as one writes it with FastAPI.

webhook_peer.py KIND DATABASE, KIND being `sdk` (the official SDK makes an event of the payload, as Stripe's documentation shows)
or `lean` (the SDK checks the signature alone, and the payload is read as JSON). Listens on a free port of the loopback address,
prints it as its first line, and serves POST /webhook in this one process: a row a commit, by id once.
"""

import json
import os
import socket
import sqlite3
import sys

import stripe
import uvicorn
from fastapi import FastAPI, Request, Response

SECRET = os.environ["STRIPE_WEBHOOK_SECRET"]
database = sqlite3.connect(sys.argv[2], isolation_level=None)
database.execute("PRAGMA journal_mode=WAL")
database.execute("PRAGMA synchronous=FULL")
database.execute("CREATE TABLE IF NOT EXISTS events (id TEXT PRIMARY KEY, type TEXT, created INTEGER, payload BLOB)")
app = FastAPI()


def read(payload, signature):
    if sys.argv[1] == "sdk":
        event = stripe.Webhook.construct_event(payload, signature, SECRET)
        return event.id, event.type, event.created
    stripe.WebhookSignature.verify_header(payload.decode(), signature, SECRET, stripe.Webhook.DEFAULT_TOLERANCE)
    event = json.loads(payload)
    return event["id"], event["type"], event["created"]


@app.post("/webhook")
async def take(request: Request):
    payload = await request.body()
    try:
        event = read(payload, request.headers["stripe-signature"])
    except (ValueError, KeyError, stripe.SignatureVerificationError):
        return Response(status_code=400)
    database.execute("INSERT OR IGNORE INTO events VALUES (?, ?, ?, ?)", (*event, payload))
    return Response('{"received":true}', media_type="application/json")


if __name__ == "__main__":
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    print(listener.getsockname()[1], flush=True)
    configuration = uvicorn.Config(app, loop="uvloop", http="httptools", access_log=False, log_level="warning")
    uvicorn.Server(configuration).run(sockets=[listener])
