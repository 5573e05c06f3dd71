/**
 * The guide's story, told to a running sandbox: sign up, subscribe, pay, have access, upgrade, cancel.
 *
 *     dues serve --sandbox     # in another terminal
 *     node example.js          # or: node example.js --tcp 127.0.0.1:7171 --sandbox http://127.0.0.1:7173
 */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Dues } from "dues";

const { values: flags } = parseArgs({
  options: {
    tcp: { type: "string", default: "127.0.0.1:7171" },
    sandbox: { type: "string", default: "http://127.0.0.1:7173" },
  },
});

/** What Stripe's Payment Element does once the customer has typed a card (here 4242 4242 4242 4242). */
async function confirmInBrowser(clientSecret) {
  const [intent] = clientSecret.split("_secret_");
  const form = { key: "pk_test_example", client_secret: clientSecret, payment_method: "pm_card_visa" };
  const url = `${flags.sandbox}/v1/payment_intents/${intent}/confirm`;
  const answer = await fetch(url, { method: "POST", body: new URLSearchParams(form) });
  assert.ok(answer.ok, `the sandbox answered ${answer.status}`);
}

/** Access follows Stripe's webhook, which comes a moment after the payment. */
async function access(customerId, productId, allowed) {
  for (const deadline = Date.now() + 10_000; ; await sleep(50)) {
    const decision = await dues.checkAccess({ customerId, productId });
    if (decision.allowed === allowed) return decision;
    assert.ok(Date.now() < deadline, `access is still ${decision.reason}`);
  }
}

const money = (amount, currency) => `${(amount / 100).toFixed(2)} ${currency.toUpperCase()}`;

const { hostname: host, port } = new URL(`tcp://${flags.tcp}`);
const dues = await Dues.connect({ host, port: Number(port), timeout: 30_000 });
try {
  const { plans } = await dues.listPlans({ limit: 100 });
  const priced = plans.filter((plan) => plan.unitAmount).sort((a, b) => a.unitAmount - b.unitAmount);
  const [basic, premium] = [priced.at(0), priced.at(-1)];
  console.log(`The plans: ${basic.name} and ${premium.name}.`);

  const { customerId, customer } = await dues.createCustomer({
    email: "jenny.rosen@example.com",
    name: "Jenny Rosen",
    metadata: { userId: "6735" },
    address: { line1: "27 Fredrick Ave", city: "Brothers", state: "OR", postalCode: "97712", country: "US" },
  });
  console.log(`${customer.name} signs up: ${customerId}.`);

  const { subscriptionId, status, clientSecret } = await dues.createSubscription({ customerId, priceId: basic.priceId });
  console.log(`She chooses ${basic.name}: ${subscriptionId} is ${status}.`);
  await confirmInBrowser(clientSecret);
  const paid = await access(customerId, basic.productId, true);
  console.log(`She pays by card: access to ${basic.name} is given (${paid.reason}).`);

  const { card } = await dues.getPaymentMethod({ subscriptionId });
  console.log(`The account page shows her ${card.brand} ending in ${card.last4}.`);

  const preview = await dues.previewChange({ subscriptionId, priceId: premium.priceId });
  console.log(`${premium.name} would cost her ${money(preview.amountDueNow, preview.currency)} now.`);
  const upgrade = await dues.updatePlan({ quote: preview.quote }, { idempotencyKey: `upgrade-${subscriptionId}` });
  assert.equal(upgrade.amountCharged, preview.amountDueNow);
  console.log(`She accepts: ${money(upgrade.amountCharged, upgrade.currency)} are charged.`);
  const upgraded = await access(customerId, premium.productId, true);
  console.log(`Access to ${premium.name}: ${upgraded.reason}.`);

  const canceled = await dues.cancel({ subscriptionId, feedback: "unused" });
  const ended = await access(customerId, premium.productId, false);
  console.log(`She cancels: the subscription is ${canceled.status}, access: ${ended.reason}.`);
} finally {
  await dues.close();
}
