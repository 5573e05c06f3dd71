"""Dues's peer: a service in Python that creates a customer by Stripe's official SDK, as one writes it with FastAPI.

peer.py CLIENT STRIPE, CLIENT being the SDK's aiohttp or httpx, and STRIPE the address that it calls. Listens on a free port of
the loopback address, prints it as its first line, and serves POST /customers in this one process.
"""

import socket
import sys

import stripe
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

CLIENTS = {"aiohttp": stripe.AIOHTTPClient, "httpx": stripe.HTTPXClient}


class NewCustomer(BaseModel):
    email: str
    name: str


app = FastAPI()
api = None


@app.post("/customers")
async def create(new: NewCustomer):
    global api
    if api is None:  # it belongs to the event loop on which it is made
        api = stripe.StripeClient(
            "sk_test_bench", http_client=CLIENTS[sys.argv[1]](), base_addresses={"api": sys.argv[2]})
    made = await api.v1.customers.create_async({"email": new.email, "name": new.name})
    return {"customerId": made.id, "email": made.email, "created": made.created}


if __name__ == "__main__":
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    print(listener.getsockname()[1], flush=True)
    configuration = uvicorn.Config(app, loop="uvloop", http="httptools", access_log=False, log_level="warning")
    uvicorn.Server(configuration).run(sockets=[listener])
