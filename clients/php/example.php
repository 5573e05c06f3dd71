<?php

declare(strict_types=1);

// The guide's story, told to a running sandbox: sign up, subscribe, pay, have access, upgrade, cancel.
//
//     dues serve --sandbox      # in another terminal
//     php example.php           # or: php example.php --tcp 127.0.0.1:7171 --sandbox http://127.0.0.1:7173

use Dues\CallOptions;
use Dues\Client;
use Dues\Types\AddressInput;
use Dues\Types\CancellationFeedback;
use Dues\Types\CheckAccessResult;
use Dues\Types\Plan;

require __DIR__ . '/autoload.php';

/** What Stripe's Payment Element does once the customer has typed a card (here 4242 4242 4242 4242). */
function confirmInBrowser(string $sandbox, string $clientSecret): void
{
    [$intent] = explode('_secret_', $clientSecret);
    $form = ['key' => 'pk_test_example', 'client_secret' => $clientSecret, 'payment_method' => 'pm_card_visa'];
    $context = stream_context_create(['http' => [
        'method' => 'POST',
        'header' => 'Content-Type: application/x-www-form-urlencoded',
        'content' => http_build_query($form),
        'timeout' => 10,
    ]]);
    if (file_get_contents("$sandbox/v1/payment_intents/$intent/confirm", false, $context) === false) {
        throw new RuntimeException('The payment was not confirmed.');
    }
}

/** Access follows Stripe's webhook, which comes a moment after the payment. */
function waitForAccess(Client $dues, string $customerId, string $productId, bool $allowed): CheckAccessResult
{
    for ($deadline = microtime(true) + 10; microtime(true) < $deadline; usleep(50_000)) {
        $access = $dues->checkAccess(customerId: $customerId, productId: $productId);
        if ($access->allowed === $allowed) {
            return $access;
        }
    }
    throw new RuntimeException("Access stays $access->reason.");
}

function money(int $amount, string $currency): string
{
    return sprintf('%.2f %s', $amount / 100, strtoupper($currency));
}

$flags = getopt('', ['tcp:', 'sandbox:']);
$sandbox = $flags['sandbox'] ?? 'http://127.0.0.1:7173';
$dues = new Client('tcp://' . ($flags['tcp'] ?? '127.0.0.1:7171'), timeout: 30);

$plans = array_filter($dues->listPlans(limit: 100)->plans, fn (Plan $plan) => $plan->unitAmount > 0);
usort($plans, fn (Plan $a, Plan $b) => $a->unitAmount <=> $b->unitAmount);
[$basic, $premium] = [reset($plans), end($plans)];
echo "The plans: $basic->name and $premium->name.\n";

$customer = $dues->createCustomer(
    email: 'jenny.rosen@example.com',
    name: 'Jenny Rosen',
    address: new AddressInput('27 Fredrick Ave', city: 'Brothers', state: 'OR', postalCode: '97712', country: 'US'),
    metadata: ['userId' => '6735'],
);
echo "{$customer->customer->name} signs up: $customer->customerId.\n";

$subscribed = $dues->createSubscription(customerId: $customer->customerId, priceId: $basic->priceId);
$id = $subscribed->subscriptionId;
echo "She chooses $basic->name: $id is $subscribed->status.\n";

confirmInBrowser($sandbox, $subscribed->clientSecret);
$paid = waitForAccess($dues, $customer->customerId, $basic->productId, allowed: true);
echo "She pays by card: access to $basic->name is given ($paid->reason).\n";

// The account page asks for two things at once.
$method = $dues->async(fn () => $dues->getPaymentMethod(subscriptionId: $id));
$preview = $dues->async(fn () => $dues->previewChange(subscriptionId: $id, priceId: $premium->priceId));
$card = $method->await()->card;
$preview = $preview->await();
echo "The account page shows her $card->brand ending in $card->last4.\n";
echo "$premium->name would cost her ", money($preview->amountDueNow, $preview->currency), " now.\n";

$changed = $dues->updatePlan(quote: $preview->quote, options: new CallOptions(idempotencyKey: "upgrade-$id"));
if ($changed->amountCharged !== $preview->amountDueNow) {
    throw new RuntimeException('She is charged what she was not shown.');
}
$upgraded = waitForAccess($dues, $customer->customerId, $premium->productId, allowed: true);
echo 'She accepts: ', money($changed->amountCharged, $changed->currency), " are charged.\n";
echo "Access to $premium->name: $upgraded->reason.\n";

$canceled = $dues->cancel(subscriptionId: $id, feedback: CancellationFeedback::UNUSED);
$ended = waitForAccess($dues, $customer->customerId, $premium->productId, allowed: false);
echo "She cancels: the subscription is $canceled->status, access: $ended->reason.\n";
$dues->close();
