#!/usr/bin/env bash
# The guide's story, told to a running sandbox: sign up, subscribe, pay, have access, upgrade, cancel.
#
#     dues serve --sandbox        # in another terminal
#     ./example.sh                # or: ./example.sh --tcp 127.0.0.1:7171 --sandbox http://127.0.0.1:7173
set -euo pipefail
# shellcheck source=dues.sh
source "$(dirname "${BASH_SOURCE[0]}")/dues.sh"
trap dues_close EXIT

DUES_TCP=127.0.0.1:7171
DUES_TIMEOUT=30000
sandbox=http://127.0.0.1:7173
while (($#)); do
    case $1 in
    --tcp) DUES_TCP=$2 ;;
    --sandbox) sandbox=$2 ;;
    *) echo "usage: $0 [--tcp HOST:PORT] [--sandbox URL]" >&2 && exit 64 ;;
    esac
    shift 2
done

# Puts the value that the pointer $2 leads to in the last result into the variable $1.
take() { printf -v "$1" %s "$(dues_get "$2" <<<"$DUES_RESULT")"; }

# An amount of the minor unit, as people write it.
money() { printf '%d.%02d %s' $(($1 / 100)) $(($1 % 100)) "${2^^}"; }

# What Stripe's Payment Element does once the customer has typed a card (here 4242 4242 4242 4242).
confirm_in_browser() {
    curl -fsS --max-time 10 -o /dev/null "$sandbox/v1/payment_intents/${1%%_secret_*}/confirm" \
        -d key=pk_test_example -d "client_secret=$1" -d payment_method=pm_card_visa
}

# Access follows Stripe's webhook, which comes a moment after the payment.
wait_for_access() {
    local allowed until=$((SECONDS + 10))
    while :; do
        dues_check_access customerId="$customer" productId="$1" >/dev/null
        take allowed /allowed
        take reason /reason
        if [[ $allowed == "$2" ]]; then return; fi
        ((SECONDS < until)) || { echo "access to $1 is still $reason" >&2 && return 1; }
        sleep 0.05
    done
}

# The cheapest plan and the dearest.
dues_list_plans limit=100 >/dev/null
plans=$DUES_RESULT least='' most=''
for ((i = 0; ; i++)); do
    plan=$(dues_get "/plans/$i" <<<"$plans") || break
    amount=$(dues_get /unitAmount <<<"$plan")
    if [[ $amount == null ]] || ((amount == 0)); then continue; fi
    if [[ -z $least ]] || ((amount < least)); then least=$amount basic=$plan; fi
    if [[ -z $most ]] || ((amount > most)); then most=$amount premium=$plan; fi
done
basic_product=$(dues_get /productId <<<"$basic") basic_name=$(dues_get /name <<<"$basic")
premium_product=$(dues_get /productId <<<"$premium") premium_name=$(dues_get /name <<<"$premium")
echo "The plans: $basic_name and $premium_name."

dues_create_customer email=jenny.rosen@example.com name='Jenny Rosen' metadata.userId=6735 \
    address.line1='27 Fredrick Ave' address.city=Brothers address.state=OR address.postalCode=97712 address.country=US >/dev/null
take customer /customerId
echo "Jenny Rosen signs up: $customer."

dues_create_subscription customerId="$customer" priceId="$(dues_get /priceId <<<"$basic")" >/dev/null
take subscription /subscriptionId
take status /status
take secret /clientSecret
echo "She chooses $basic_name: $subscription is $status."
confirm_in_browser "$secret"
wait_for_access "$basic_product" true
echo "She pays by card: access to $basic_name is given ($reason)."

dues_get_payment_method subscriptionId="$subscription" >/dev/null
take brand /card/brand
take last4 /card/last4
echo "The account page shows her $brand ending in $last4."

dues_preview_change subscriptionId="$subscription" priceId="$(dues_get /priceId <<<"$premium")" >/dev/null
take quote /quote
take due /amountDueNow
take currency /currency
echo "$premium_name would cost her $(money "$due" "$currency") now."
dues_update_plan quote="$quote" --idempotency-key "upgrade-$subscription" >/dev/null
take charged /amountCharged
echo "She accepts: $(money "$charged" "$currency") are charged."
wait_for_access "$premium_product" true
echo "Access to $premium_name: $reason."

dues_cancel subscriptionId="$subscription" feedback=unused >/dev/null
take status /status
wait_for_access "$premium_product" false
echo "She cancels: the subscription is $status, access: $reason."
