// What the conformance tests do not reach; built together with `src`, so that it sees what is internal. Its exit status tells.
using System;
using System.Collections.Generic;
using System.Linq;
using Dues;

internal static class Tests
{
    private static readonly string[] Exact =
    {
        "{}", "[]", "null", "\"\"", "-9223372036854775808", "9223372036854775807", "0", "0.10",
        "[[],[1,{\"a\":null,\"\":true}]]", "\"Gr\u00f6\u00dfe \U0001F600\"", "\"\\\"\\\\\\u0000\"",
    };

    private static readonly string[] Wrong =
    {
        "", "{", "[1,]", "{\"a\":1,}", "{\"a\":1,\"a\":1}", "{a:1}", "01", "-", "1.", ".5", "1e", "+1", "NaN", "1e999", "tru",
        "\"", "\"\n\"", "\"\\x\"", "\"\\u12g4\"", "\"\\ud800\"", "\"\\udc00\\ud800\"", "1 2", "[1 2]", "{\"a\" 1}",
        string.Concat(Enumerable.Repeat("[", 65)) + string.Concat(Enumerable.Repeat("]", 65)),
    };

    private static int failures;

    private static int Main()
    {
        foreach (var text in Exact) Expect(Json.Write(Json.Read(text)) == text, "is read and written as it is: " + text);
        foreach (var text in Wrong) Expect(Throws<FormatException>(() => Json.Read(text)), "is not JSON: " + text);
        Expect((string)Json.Read("\"\\u00e9\\ud83d\\ude00\\/\"") == "\u00e9\U0001F600/", "escapes are read");
        Expect(Json.Read(" [ 1 , 2 ] ") is IReadOnlyList<object> list && list.Count == 2, "white space is skipped");
        var invalid = new byte[] { (byte)'"', 0xC0, 0xAF, (byte)'"' };
        Expect(Throws<FormatException>(() => Json.Read(invalid, 0, invalid.Length)), "overlong UTF-8 is not JSON");
        Expect(Throws<ArgumentException>(() => Json.Write(double.NaN)), "JSON has no NaN");

        var raw = Json.Read("{\"clientSecret\":\"pi_secret\",\"status\":\"novel\",\"new\":1}");
        var result = new CreateSubscriptionResult((IReadOnlyDictionary<string, object>)raw);
        Expect(result.ClientSecret == "pi_secret" && !result.ToString().Contains("pi_secret"), "secrets are not shown");
        Expect(result.Status == "novel" && (long)result.Raw["new"] == 1, "what is new is kept");
        Expect(new CheckAccessParams { CustomerId = "c" }.ToJson().Count == 1, "what is absent is left out");
        var time = new DateTimeOffset(2026, 4, 1, 2, 0, 0, 500, TimeSpan.FromHours(2));
        Expect(Json.Write(time) == "\"2026-04-01T00:00:00.5Z\"", "times are written in UTC");

        var client = new DuesClient(Transport.Tcp("127.0.0.1", 1), token: "tok_secret", retries: 0);
        var lost = Catch<DuesException>(() => client.RpcHealth());
        Expect(lost?.Reason == "CONNECTION_LOST" && !lost.ToString().Contains("tok_secret"), "who cannot connect says so");
        var tooMuch = new Dictionary<string, object> { ["a"] = new string('x', 1 << 20) };
        Expect(Throws<ArgumentException>(() => Connection.Line("X", tooMuch)), "a line has an end");
        client.Dispose();
        Expect(Throws<ObjectDisposedException>(() => client.RpcHealth()), "a closed client takes no calls");
        return failures;
    }

    private static void Expect(bool isSo, string what)
    {
        if (isSo) return;
        failures++;
        Console.Error.WriteLine("not so: " + what);
    }

    private static bool Throws<T>(Action action) where T : Exception => Catch<T>(action) != null;

    private static T Catch<T>(Action action) where T : Exception
    {
        try
        {
            action();
            return null;
        }
        catch (T error)
        {
            return error;
        }
    }
}
