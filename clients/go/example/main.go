// Command example tells the guide's story to a running sandbox: sign up, subscribe, pay, have access, upgrade, cancel.
//
//	dues serve --sandbox     # in another terminal
//	go run ./example         # or: go run ./example --tcp 127.0.0.1:7171 --sandbox http://127.0.0.1:7173
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"sort"
	"strings"
	"time"

	"dues"
)

func main() {
	address := flag.String("tcp", "127.0.0.1:7171", "the server's `HOST:PORT`")
	sandbox := flag.String("sandbox", "http://127.0.0.1:7173", "the sandbox's `URL`")
	flag.Parse()
	client := dues.New(dues.Options{Address: *address})
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := story(ctx, client, *sandbox); err != nil {
		log.Fatal(err)
	}
}

func story(ctx context.Context, client *dues.Client, sandbox string) error {
	basic, premium, err := choosePlans(ctx, client)
	if err != nil {
		return err
	}
	fmt.Printf("The plans: %s and %s.\n", basic.Name, premium.Name)

	customer, err := client.CreateCustomer(ctx, dues.CreateCustomerParams{
		Email: "jenny.rosen@example.com", Name: "Jenny Rosen", Metadata: map[string]string{"userId": "6735"},
		Address: &dues.AddressInput{
			Line1: "27 Fredrick Ave", City: "Brothers", State: "OR", PostalCode: "97712", Country: "US",
		},
	})
	if err != nil {
		return err
	}
	fmt.Printf("%s signs up: %s.\n", *customer.Customer.Name, customer.CustomerID)

	subscribed, err := client.CreateSubscription(ctx, dues.CreateSubscriptionParams{
		CustomerID: customer.CustomerID, PriceID: basic.PriceID,
	})
	if err != nil {
		return err
	}
	fmt.Printf("She chooses %s: %s is %s.\n", basic.Name, subscribed.SubscriptionID, subscribed.Status)
	if subscribed.ClientSecret == nil {
		return errors.New("there is nothing to pay")
	}
	if err := confirmInBrowser(ctx, sandbox, string(*subscribed.ClientSecret)); err != nil {
		return err
	}
	paid, err := waitForAccess(ctx, client, customer.CustomerID, basic.ProductID, true)
	if err != nil {
		return err
	}
	fmt.Printf("She pays by card, and has access to %s: %s.\n", basic.Name, paid.Reason)

	method, err := client.GetPaymentMethod(ctx, dues.GetPaymentMethodParams{SubscriptionID: subscribed.SubscriptionID})
	if err != nil {
		return err
	}
	if method.Card == nil {
		return fmt.Errorf("the payment method is no card: %s", method.Type)
	}
	fmt.Printf("The account page shows her %s ending in %s.\n", method.Card.Brand, method.Card.Last4)

	preview, err := client.PreviewChange(ctx, dues.PreviewChangeParams{
		SubscriptionID: subscribed.SubscriptionID, PriceID: premium.PriceID,
	})
	if err != nil {
		return err
	}
	fmt.Printf("%s would cost her %s now.\n", premium.Name, money(preview.AmountDueNow, preview.Currency))
	changed, err := client.UpdatePlan(ctx, dues.UpdatePlanParams{Quote: preview.Quote},
		dues.WithIdempotencyKey("upgrade-"+subscribed.SubscriptionID))
	if err != nil {
		return err
	}
	fmt.Printf("She accepts: %s are charged.\n", money(changed.AmountCharged, changed.Currency))
	if changed.AmountCharged != preview.AmountDueNow {
		return errors.New("that is not what was shown to her")
	}
	upgraded, err := waitForAccess(ctx, client, customer.CustomerID, premium.ProductID, true)
	if err != nil {
		return err
	}
	fmt.Printf("Access to %s: %s.\n", premium.Name, upgraded.Reason)

	canceled, err := client.Cancel(ctx, dues.CancelParams{
		SubscriptionID: subscribed.SubscriptionID, Feedback: dues.CancellationFeedbackUnused,
	})
	if err != nil {
		return err
	}
	ended, err := waitForAccess(ctx, client, customer.CustomerID, premium.ProductID, false)
	if err != nil {
		return err
	}
	fmt.Printf("She cancels: the subscription is %s, access: %s.\n", canceled.Status, ended.Reason)
	return nil
}

// choosePlans gives the cheapest plan and the dearest.
func choosePlans(ctx context.Context, client *dues.Client) (basic, premium dues.Plan, err error) {
	listed, err := client.ListPlans(ctx, dues.ListPlansParams{Limit: dues.Int64(100)})
	if err != nil {
		return basic, premium, err
	}
	var plans []dues.Plan
	for _, plan := range listed.Plans {
		if plan.UnitAmount != nil && *plan.UnitAmount > 0 {
			plans = append(plans, plan)
		}
	}
	if len(plans) < 2 {
		return basic, premium, errors.New("there is nothing to choose from")
	}
	sort.Slice(plans, func(i, j int) bool { return *plans[i].UnitAmount < *plans[j].UnitAmount })
	return plans[0], plans[len(plans)-1], nil
}

// confirmInBrowser is what Stripe's Payment Element does once the customer has typed a card (here 4242 4242 4242 4242).
func confirmInBrowser(ctx context.Context, sandbox, clientSecret string) error {
	intent, _, _ := strings.Cut(clientSecret, "_secret_")
	form := url.Values{
		"key": {"pk_test_example"}, "client_secret": {clientSecret}, "payment_method": {"pm_card_visa"},
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost,
		sandbox+"/v1/payment_intents/"+intent+"/confirm", strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the payment was refused: %s", answer.Status)
	}
	return nil
}

// waitForAccess asks until access is as it should be: it follows Stripe's webhook, which comes a moment after the payment.
func waitForAccess(
	ctx context.Context, client *dues.Client, customerID, productID string, allowed bool,
) (*dues.CheckAccessResult, error) {
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		access, err := client.CheckAccess(ctx, dues.CheckAccessParams{CustomerID: customerID, ProductID: productID})
		if err != nil || access.Allowed == allowed {
			return access, err
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("access to %s stays as it was: %s", productID, access.Reason)
		}
	}
}

func money(amount int64, currency string) string {
	return fmt.Sprintf("%d.%02d %s", amount/100, amount%100, strings.ToUpper(currency))
}
