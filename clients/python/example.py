"""The guide's story, told to a running sandbox: sign up, subscribe, pay, have access, upgrade, cancel.

    dues serve --sandbox          # in another terminal
    python3 example.py            # or: python3 example.py --tcp 127.0.0.1:7171 --sandbox http://127.0.0.1:7173
"""

import argparse
import json
import time
import urllib.parse
import urllib.request
from typing import Any, Callable, Dict

from dues import AddressInput, CheckAccessResult, Dues

PUBLISHABLE_KEY = "pk_test_example"


def post(url: str, **form: str) -> Dict[str, Any]:
    """One request as a browser, or the Dashboard, sends it to Stripe."""
    with urllib.request.urlopen(url, urllib.parse.urlencode(form).encode(), timeout=10) as answer:
        body: Dict[str, Any] = json.load(answer)
        return body


def confirm_in_browser(sandbox: str, client_secret: str) -> None:
    """What Stripe's Payment Element does once the customer has typed a card (here 4242 4242 4242 4242)."""
    intent = client_secret.split("_secret_")[0]
    post(f"{sandbox}/v1/payment_intents/{intent}/confirm", key=PUBLISHABLE_KEY, client_secret=client_secret,
         payment_method="pm_card_visa")


def wait_for_access(dues: Dues, customer_id: str, product_id: str, allowed: bool) -> CheckAccessResult:
    """Access follows Stripe's webhook, which comes a moment after the payment."""
    deadline = time.monotonic() + 10
    while True:
        access = dues.check_access(customer_id=customer_id, product_id=product_id)
        if access.allowed == allowed:
            return access
        if time.monotonic() > deadline:
            raise TimeoutError(f"access to {product_id} is still {access.reason}")
        time.sleep(0.05)


def story(dues: Dues, sandbox: str, say: Callable[[str], None] = print) -> Dict[str, Any]:
    """Tells the story, and gives what came of it."""
    plans = dues.list_plans(limit=100).plans
    plans = sorted((plan for plan in plans if plan.unit_amount), key=lambda plan: plan.unit_amount or 0)
    basic, premium = plans[0], plans[-1]
    say(f"The plans: {basic.name} and {premium.name}.")

    customer = dues.create_customer(
        email="jenny.rosen@example.com", name="Jenny Rosen", metadata={"userId": "6735"},
        address=AddressInput(line1="27 Fredrick Ave", city="Brothers", state="OR", postal_code="97712", country="US"))
    say(f"{customer.customer.name} signs up: {customer.customer_id}.")

    subscribed = dues.create_subscription(customer_id=customer.customer_id, price_id=basic.price_id)
    say(f"She chooses {basic.name}: {subscribed.subscription_id} is {subscribed.status}.")
    assert subscribed.client_secret is not None
    confirm_in_browser(sandbox, subscribed.client_secret)
    paid = wait_for_access(dues, customer.customer_id, basic.product_id, allowed=True)
    say(f"She pays by card: access to {basic.name} is given ({paid.reason}).")

    method = dues.get_payment_method(subscription_id=subscribed.subscription_id)
    if method.card is not None:
        say(f"The account page shows her {method.card.brand} ending in {method.card.last4}.")

    preview = dues.preview_change(subscription_id=subscribed.subscription_id, price_id=premium.price_id)
    say(f"{premium.name} would cost her {preview.amount_due_now / 100:.2f} {preview.currency.upper()} now.")
    changed = dues.update_plan(quote=preview.quote, idempotency_key=f"upgrade-{subscribed.subscription_id}")
    say(f"She accepts: {changed.amount_charged / 100:.2f} {changed.currency.upper()} are charged.")
    upgraded = wait_for_access(dues, customer.customer_id, premium.product_id, allowed=True)
    say(f"Access to {premium.name}: {upgraded.reason}.")

    canceled = dues.cancel(subscription_id=subscribed.subscription_id, feedback="unused")
    ended = wait_for_access(dues, customer.customer_id, premium.product_id, allowed=False)
    say(f"She cancels: the subscription is {canceled.status}, access: {ended.reason}.")
    return {"subscribed": subscribed, "paid": paid, "method": method, "preview": preview, "changed": changed,
            "upgraded": upgraded, "canceled": canceled, "ended": ended}


def main() -> None:
    arguments = argparse.ArgumentParser(description="The guide's story, told to a running `dues serve --sandbox`.")
    arguments.add_argument("--tcp", default="127.0.0.1:7171", help="the server's address")
    arguments.add_argument("--sandbox", default="http://127.0.0.1:7173", help="the sandbox's address")
    given = arguments.parse_args()
    host, _, port = given.tcp.rpartition(":")
    with Dues.connect(host, int(port), timeout=30) as dues:
        story(dues, given.sandbox)


if __name__ == "__main__":
    main()
