import dues.AddressInput;
import dues.CallOptions;
import dues.CancelParams;
import dues.CancelResult;
import dues.CancellationFeedback;
import dues.CheckAccessParams;
import dues.CheckAccessResult;
import dues.CreateCustomerParams;
import dues.CreateCustomerResult;
import dues.CreateSubscriptionParams;
import dues.CreateSubscriptionResult;
import dues.Dues;
import dues.DuesOptions;
import dues.GetPaymentMethodParams;
import dues.ListPlansParams;
import dues.Plan;
import dues.PreviewChangeParams;
import dues.PreviewChangeResult;
import dues.UpdatePlanParams;
import dues.UpdatePlanResult;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * The guide's story, told to a running sandbox: sign up, subscribe, pay, have access, upgrade, cancel.
 *
 * <pre>
 *   dues serve --sandbox                     # in another terminal
 *   java -cp dues.jar Example.java           # or: … --tcp 127.0.0.1:7171 --sandbox http://127.0.0.1:7173
 * </pre>
 */
public final class Example {
    private final Dues dues;
    private final String sandbox;

    private Example(Dues dues, String sandbox) {
        this.dues = dues;
        this.sandbox = sandbox;
    }

    public static void main(String[] arguments) throws IOException, InterruptedException {
        String tcp = "127.0.0.1:7171";
        String sandbox = "http://127.0.0.1:7173";
        for (int index = 0; index + 1 < arguments.length; index += 2) {
            if (arguments[index].equals("--tcp")) tcp = arguments[index + 1];
            if (arguments[index].equals("--sandbox")) sandbox = arguments[index + 1];
        }
        String[] address = tcp.split(":");
        DuesOptions options = new DuesOptions()
            .tcp(address[0], Integer.parseInt(address[1])).timeout(Duration.ofSeconds(30));
        try (Dues dues = Dues.connect(options)) {
            new Example(dues, sandbox).tell();
        }
    }

    private void tell() throws IOException, InterruptedException {
        List<Plan> plans = dues.listPlans(new ListPlansParams().limit(100)).plans().stream()
            .filter(plan -> plan.unitAmount().orElse(0L) > 0)
            .sorted(Comparator.comparing(plan -> plan.unitAmount().orElse(0L)))
            .collect(Collectors.toList());
        Plan basic = plans.get(0);
        Plan premium = plans.get(plans.size() - 1);
        say("The plans: %s and %s.", basic.name(), premium.name());

        CreateCustomerResult created = dues.createCustomer(new CreateCustomerParams()
            .email("jenny.rosen@example.com").name("Jenny Rosen").metadata(Map.of("userId", "6735"))
            .address(new AddressInput()
                .line1("27 Fredrick Ave").city("Brothers").state("OR").postalCode("97712").country("US")));
        String customer = created.customerId();
        say("%s signs up: %s.", created.customer().name().orElse("Nobody"), customer);

        CreateSubscriptionResult subscribed =
            dues.createSubscription(new CreateSubscriptionParams(customer).priceId(basic.priceId()));
        String subscription = subscribed.subscriptionId();
        say("She chooses %s: %s is %s.", basic.name(), subscription, subscribed.status());

        confirmInBrowser(subscribed.clientSecret().orElseThrow());
        CheckAccessResult paid = waitForAccess(customer, basic.productId(), true);
        say("She pays by card: access to %s is given (%s).", basic.name(), paid.reason());

        dues.getPaymentMethod(new GetPaymentMethodParams().subscriptionId(subscription)).card()
            .ifPresent(card -> say("The account page shows her %s ending in %s.", card.brand(), card.last4()));

        PreviewChangeResult preview =
            dues.previewChange(new PreviewChangeParams(subscription).priceId(premium.priceId()));
        say("%s would cost her %s now.", premium.name(), money(preview.amountDueNow(), preview.currency()));
        UpdatePlanResult changed = dues.updatePlan(
            new UpdatePlanParams().quote(preview.quote()), new CallOptions().idempotencyKey("upgrade-" + subscription));
        say("She accepts: %s are charged.", money(changed.amountCharged(), changed.currency()));
        say("Access to %s: %s.", premium.name(), waitForAccess(customer, premium.productId(), true).reason());

        CancelResult canceled = dues.cancel(new CancelParams(subscription).feedback(CancellationFeedback.UNUSED));
        CheckAccessResult ended = waitForAccess(customer, premium.productId(), false);
        say("She cancels: the subscription is %s, access: %s.", canceled.status(), ended.reason());
    }

    /** What Stripe's Payment Element does once the customer has typed a card (here 4242 4242 4242 4242). */
    private void confirmInBrowser(String clientSecret) throws IOException, InterruptedException {
        String intent = clientSecret.split("_secret_")[0];
        String form = "key=pk_test_example&payment_method=pm_card_visa&client_secret=" + clientSecret;
        HttpRequest request = HttpRequest.newBuilder(URI.create(sandbox + "/v1/payment_intents/" + intent + "/confirm"))
            .header("Content-Type", "application/x-www-form-urlencoded")
            .POST(HttpRequest.BodyPublishers.ofString(form)).build();
        int status = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.discarding()).statusCode();
        if (status != 200) throw new IOException("the payment was answered by " + status);
    }

    /** Access follows Stripe's webhook, which comes a moment after the payment. */
    private CheckAccessResult waitForAccess(String customer, String product, boolean isWanted)
        throws InterruptedException {
        for (int round = 0; round < 200; round++) {
            CheckAccessResult access = dues.checkAccess(new CheckAccessParams(customer).productId(product));
            if (access.allowed() == isWanted) return access;
            Thread.sleep(50);
        }
        throw new IllegalStateException("access stays as it was");
    }

    private static String money(long amount, String currency) {
        return String.format("%d.%02d %s", amount / 100, amount % 100, currency.toUpperCase());
    }

    private static void say(String sentence, Object... values) {
        System.out.println(String.format(sentence, values));
    }
}
