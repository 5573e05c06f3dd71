// The guide's story, told to a running sandbox: sign up, subscribe, pay, have access, upgrade, cancel.
//
//     dues serve --sandbox          # in another terminal
//     mono example.exe              # or: mono example.exe --tcp 127.0.0.1:7171 --sandbox http://127.0.0.1:7173
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Net.Http;
using System.Threading.Tasks;
using Dues;

internal static class Example
{
    private const string PublishableKey = "pk_test_example";
    private static readonly HttpClient Browser = new HttpClient();

    private static int Main(string[] arguments)
    {
        var flags = new Dictionary<string, string> { ["--tcp"] = "127.0.0.1:7171", ["--sandbox"] = "http://127.0.0.1:7173" };
        for (var at = 0; at + 1 < arguments.Length; at += 2) flags[arguments[at]] = arguments[at + 1];
        var place = flags["--tcp"].Split(':');
        using (var dues = new DuesClient(Transport.Tcp(place[0], int.Parse(place[1]))))
        {
            return Tell(dues, flags["--sandbox"]).GetAwaiter().GetResult() ? 0 : 1;
        }
    }

    /// <summary>Tells the story; whether all of it came true.</summary>
    private static async Task<bool> Tell(DuesClient dues, string sandbox)
    {
        var listed = await dues.ListPlansAsync(new ListPlansParams { Limit = 100 });
        var plans = listed.Plans.Where(plan => plan.UnitAmount > 0).OrderBy(plan => plan.UnitAmount).ToList();
        var (basic, premium) = (plans.First(), plans.Last());
        Console.WriteLine($"The plans: {basic.Name} and {premium.Name}.");

        var customer = await dues.CreateCustomerAsync(new CreateCustomerParams
        {
            Email = "jenny.rosen@example.com",
            Name = "Jenny Rosen",
            Metadata = new Dictionary<string, string> { ["userId"] = "6735" },
            Address = new AddressInput
            {
                Line1 = "27 Fredrick Ave", City = "Brothers", State = "OR", PostalCode = "97712", Country = "US",
            },
        });
        var customerId = customer.CustomerId;
        Console.WriteLine($"{customer.Customer.Name} signs up: {customerId}.");

        var subscribed = await dues.CreateSubscriptionAsync(
            new CreateSubscriptionParams { CustomerId = customerId, PriceId = basic.PriceId });
        var subscriptionId = subscribed.SubscriptionId;
        Console.WriteLine($"She chooses {basic.Name}: {subscriptionId} is {subscribed.Status}.");
        await ConfirmInBrowser(sandbox, subscribed.ClientSecret);
        var paid = await WaitForAccess(dues, customerId, basic.ProductId, isAllowed: true);
        var decision = paid.Allowed ? "given" : "refused";
        Console.WriteLine($"She pays by card: access to {basic.Name} is {decision} ({paid.Reason}).");

        var preview = await dues.PreviewChangeAsync(
            new PreviewChangeParams { SubscriptionId = subscriptionId, PriceId = premium.PriceId });
        Console.WriteLine($"{premium.Name} would cost her {Money(preview.AmountDueNow, preview.Currency)} now.");
        var changed = await dues.UpdatePlanAsync(
            new UpdatePlanParams { Quote = preview.Quote }, new CallOptions { IdempotencyKey = "upgrade-" + subscriptionId });
        Console.WriteLine($"She accepts: {Money(changed.AmountCharged, changed.Currency)} are charged.");
        var upgraded = await WaitForAccess(dues, customerId, premium.ProductId, isAllowed: true);
        Console.WriteLine($"Access to {premium.Name}: {upgraded.Reason}.");

        var method = await dues.GetPaymentMethodAsync(new GetPaymentMethodParams { SubscriptionId = subscriptionId });
        Console.WriteLine($"The account page shows her {method.Card?.Brand} ending in {method.Card?.Last4}.");

        var canceled = await dues.CancelAsync(
            new CancelParams { SubscriptionId = subscriptionId, Feedback = CancellationFeedback.Unused });
        var ended = await WaitForAccess(dues, customerId, premium.ProductId, isAllowed: false);
        Console.WriteLine($"She cancels: the subscription is {canceled.Status}, access: {ended.Reason}.");

        return paid.Allowed && changed.AmountCharged == preview.AmountDueNow && upgraded.Reason == AccessReason.Active
            && method.Card?.Last4 == "4242" && canceled.Status == SubscriptionStatus.Canceled && !ended.Allowed;
    }

    /// <summary>What Stripe's Payment Element does once the customer has typed a card (here 4242 4242 4242 4242).</summary>
    private static async Task ConfirmInBrowser(string sandbox, string clientSecret)
    {
        var intent = clientSecret.Substring(0, clientSecret.IndexOf("_secret_", StringComparison.Ordinal));
        var form = new FormUrlEncodedContent(new Dictionary<string, string>
        {
            ["key"] = PublishableKey, ["client_secret"] = clientSecret, ["payment_method"] = "pm_card_visa",
        });
        using (var answer = await Browser.PostAsync($"{sandbox}/v1/payment_intents/{intent}/confirm", form))
            answer.EnsureSuccessStatusCode();
    }

    /// <summary>Access follows Stripe's webhook, which comes a moment after the payment.</summary>
    private static async Task<CheckAccessResult> WaitForAccess(
        DuesClient dues, string customerId, string productId, bool isAllowed)
    {
        for (var clock = Stopwatch.StartNew(); ; await Task.Delay(50))
        {
            var access = await dues.CheckAccessAsync(
                new CheckAccessParams { CustomerId = customerId, ProductId = productId });
            if (access.Allowed == isAllowed || clock.Elapsed > TimeSpan.FromSeconds(10)) return access;
        }
    }

    private static string Money(long amount, string currency) => $"{amount / 100m:0.00} {currency.ToUpperInvariant()}";
}
