# frozen_string_literal: true

# The guide's story, told to a running sandbox: sign up, subscribe, pay, have access, upgrade, cancel.
#
#     dues serve --sandbox          # in another terminal
#     ruby example.rb               # or: ruby example.rb --tcp 127.0.0.1:7171 --sandbox http://127.0.0.1:7173

require "net/http"
require "optparse"
require_relative "lib/dues" # of the gem: require "dues"

PUBLISHABLE_KEY = "pk_test_example"

# Ends the story where it does not come true.
def expect(what, holds)
  holds or abort "not so: #{what}"
end

# What Stripe's Payment Element does once the customer has typed a card (here 4242 4242 4242 4242).
def confirm_in_browser(sandbox, client_secret)
  intent = client_secret.split("_secret_").first
  answer = Net::HTTP.post_form(URI("#{sandbox}/v1/payment_intents/#{intent}/confirm"), key: PUBLISHABLE_KEY,
                               client_secret: client_secret, payment_method: "pm_card_visa")
  expect "the payment is confirmed", answer.is_a?(Net::HTTPOK)
end

# Access follows Stripe's webhook, which comes a moment after the payment.
def wait_for_access(dues, customer_id, product_id, allowed)
  200.times do
    access = dues.check_access(customer_id: customer_id, product_id: product_id)
    return access if access.allowed == allowed

    sleep 0.05
  end
  abort "not so: access to #{product_id} is #{allowed ? "given" : "refused"}"
end

def price(amount, currency) = format("%.2f %s", amount / 100.0, currency.upcase)

def story(dues, sandbox)
  basic, *, premium = dues.list_plans(limit: 100).plans.select(&:unit_amount).sort_by(&:unit_amount)
  puts "The plans: #{basic.name} and #{premium.name}."

  customer = dues.create_customer(
    email: "jenny.rosen@example.com", name: "Jenny Rosen", metadata: { "userId" => "6735" },
    address: { line1: "27 Fredrick Ave", city: "Brothers", state: "OR", postal_code: "97712", country: "US" }
  )
  puts "#{customer.customer.name} signs up: #{customer.customer_id}."

  subscribed = dues.create_subscription(customer_id: customer.customer_id, price_id: basic.price_id)
  puts "She chooses #{basic.name}: #{subscribed.subscription_id} is #{subscribed.status}."
  expect "there is something to confirm", subscribed.client_secret
  confirm_in_browser(sandbox, subscribed.client_secret)
  paid = wait_for_access(dues, customer.customer_id, basic.product_id, true)
  puts "She pays by card: access to #{basic.name} is given (#{paid.reason})."

  method = dues.get_payment_method(subscription_id: subscribed.subscription_id)
  expect "she paid by card", method.card
  puts "The account page shows her #{method.card.brand} ending in #{method.card.last4}."

  preview = dues.preview_change(subscription_id: subscribed.subscription_id, price_id: premium.price_id)
  puts "#{premium.name} would cost her #{price(preview.amount_due_now, preview.currency)} now."
  changed = dues.update_plan(quote: preview.quote, idempotency_key: "upgrade-#{subscribed.subscription_id}")
  expect "she is charged what the preview said", changed.amount_charged == preview.amount_due_now
  puts "She accepts: #{price(changed.amount_charged, changed.currency)} are charged."
  upgraded = wait_for_access(dues, customer.customer_id, premium.product_id, true)
  puts "Access to #{premium.name}: #{upgraded.reason}."

  canceled = dues.cancel(subscription_id: subscribed.subscription_id, feedback: Dues::CancellationFeedback::UNUSED)
  expect "the subscription is canceled", canceled.status == Dues::SubscriptionStatus::CANCELED
  ended = wait_for_access(dues, customer.customer_id, premium.product_id, false)
  puts "She cancels: the subscription is #{canceled.status}, access: #{ended.reason}."
end

tcp, sandbox = "127.0.0.1:7171", "http://127.0.0.1:7173"
OptionParser.new do |flags|
  flags.on("--tcp HOST:PORT") { |address| tcp = address }
  flags.on("--sandbox URL") { |url| sandbox = url }
end.parse!
host, _, port = tcp.rpartition(":")
Dues::Client.open(host: host, port: Integer(port), timeout: 30) { |dues| story(dues, sandbox) }
