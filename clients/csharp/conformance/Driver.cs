// The client's driver for the conformance tests: a JSON-RPC server on standard streams that makes each call by the client.
using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.RegularExpressions;
using System.Threading;
using System.Threading.Tasks;
using Dues;
using JsonObject = System.Collections.Generic.IReadOnlyDictionary<string, object>;

internal static class Driver
{
    private static readonly Stream Output = Console.OpenStandardOutput();
    private static readonly ConcurrentDictionary<string, CancellationTokenSource> Calls =
        new ConcurrentDictionary<string, CancellationTokenSource>();

    private static int Main(string[] arguments)
    {
        var flags = new Dictionary<string, string>();
        for (var at = 0; at + 1 < arguments.Length; at += 2) flags[arguments[at]] = arguments[at + 1];
        var answers = new List<Task>();
        using (var dues = Connect(flags))
        using (var input = new StreamReader(Console.OpenStandardInput(), new UTF8Encoding(false)))
        {
            for (string line; (line = input.ReadLine()) != null;)
            {
                var message = (JsonObject)Json.Read(line);
                if ((string)message["method"] == "rpc.cancel")
                {
                    var id = ((JsonObject)message["params"])["id"];
                    if (Calls.TryGetValue(Json.Write(id), out var call)) call.Cancel();
                    continue;
                }
                var cancellation = new CancellationTokenSource();
                Calls[Json.Write(message["id"])] = cancellation;
                answers.Add(Answer(dues, message, cancellation.Token));  // goes no further here than to send the call
            }
        }
        Task.WaitAll(answers.ToArray());
        return 0;
    }

    private static DuesClient Connect(IReadOnlyDictionary<string, string> flags)
    {
        var retries = flags.TryGetValue("--retries", out var count) ? int.Parse(count) : 0;
        flags.TryGetValue("--token", out var token);
        return new DuesClient(Transport(flags), token, retries);
    }

    private static Transport Transport(IReadOnlyDictionary<string, string> flags)
    {
        if (flags.TryGetValue("--unix", out var path)) return Dues.Transport.Unix(path);
        if (flags.TryGetValue("--stdio", out var stdio)) return Dues.Transport.Stdio(Shell(stdio));
        if (flags.TryGetValue("--serve", out var serve)) return Dues.Transport.Serve(Shell(serve));
        var place = flags["--tcp"].Split(':');
        return flags.TryGetValue("--tls-ca", out var file)
            ? Dues.Transport.Tls(place[0], int.Parse(place[1]), Authorities(file))
            : Dues.Transport.Tcp(place[0], int.Parse(place[1]));
    }

    private static ProcessStartInfo Shell(string command) =>
        new ProcessStartInfo("/bin/sh", "-c \"exec " + command.Replace("\\", "\\\\").Replace("\"", "\\\"") + "\"");

    private static X509Certificate2Collection Authorities(string file)
    {
        var blocks = Regex.Matches(
            File.ReadAllText(file), "-----BEGIN CERTIFICATE-----(.*?)-----END", RegexOptions.Singleline);
        var certificates = blocks.Cast<Match>().Select(
            block => new X509Certificate2(System.Convert.FromBase64String(block.Groups[1].Value)));
        return new X509Certificate2Collection(certificates.ToArray());
    }

    private static async Task Answer(DuesClient dues, JsonObject message, CancellationToken cancellation)
    {
        var answer = new Dictionary<string, object> { ["jsonrpc"] = "2.0", ["id"] = message["id"] };
        try
        {
            answer["result"] = await Call(dues, message, cancellation);
        }
        catch (DuesException error)
        {
            answer["error"] = error.ToJson();
        }
        catch (OperationCanceledException)
        {
            answer["error"] = Error(-32001, "CANCELLED", "CALLER_CANCELLED", "The caller cancelled the call.");
        }
        catch (Exception error)
        {
            answer["error"] = Error(-32603, "INTERNAL", "DRIVER", error.Message);
        }
        Calls.TryRemove(Json.Write(message["id"]), out _);
        Write(answer);
    }

    private static JsonObject Error(int code, string status, string reason, string message)
    {
        var data = new Dictionary<string, object> { ["status"] = status, ["reason"] = reason, ["retryable"] = false };
        return new Dictionary<string, object> { ["code"] = code, ["message"] = message, ["data"] = data };
    }

    private static void Write(JsonObject message)
    {
        var line = Encoding.UTF8.GetBytes(Json.Write(message) + "\n");
        lock (Output)
        {
            Output.Write(line, 0, line.Length);
            Output.Flush();
        }
    }

    /// <summary>Calls the client's own method, or the untyped one where the types cannot say what is asked.</summary>
    private static Task<object> Call(DuesClient dues, JsonObject message, CancellationToken cancellation)
    {
        var name = (string)message["method"];
        var wire = message.TryGetValue("params", out var given) ? (JsonObject)given : new Dictionary<string, object>();
        var isStreaming = Contract.Streaming.Contains(name);
        if (!Contract.IsSafeToRepeat.ContainsKey(name) || !Typed(name, isStreaming, wire, out var method, out var arguments))
        {
            return isStreaming
                ? Values(message["id"], dues.Stream(name, wire, null, cancellation))
                : Result(dues.CallAsync(name, wire, null, cancellation));
        }
        dynamic outcome = method.Invoke(dues, arguments.Concat(new object[] { cancellation }).ToArray());
        return isStreaming ? Values(message["id"], outcome) : Result(outcome);
    }

    private static async Task<object> Result<T>(Task<T> result) => WithMeta(await result);

    private static async Task<object> Values<TValue, TResult>(object id, DuesStream<TValue, TResult> stream)
    {
        using (stream)
        {
            for (var seq = 1; await stream.MoveNextAsync(); seq++)
            {
                var value = new Dictionary<string, object> { ["id"] = id, ["seq"] = seq, ["value"] = stream.Current };
                Write(new Dictionary<string, object> { ["jsonrpc"] = "2.0", ["method"] = "rpc.stream", ["params"] = value });
            }
            return WithMeta(stream.Result);
        }
    }

    private static object WithMeta(object result)
    {
        if (!(result is DuesResult typed) || typed.Meta == null) return result;
        return typed.ToJson().Concat(new[] { new KeyValuePair<string, object>("_meta", typed.Meta) });
    }

    // MARK: From the wire to types

    private static string Pascal(string name) => char.ToUpperInvariant(name[0]) + name.Substring(1);

    private static bool Options(object meta, out CallOptions options)
    {
        options = new CallOptions();
        foreach (var member in meta as JsonObject ?? new Dictionary<string, object>())
        {
            if (member.Key == "timeoutMs" && member.Value is long milliseconds && milliseconds > 0 && milliseconds <= 600000)
                options.Timeout = TimeSpan.FromMilliseconds(milliseconds);
            else if (member.Key == "idempotencyKey" && member.Value is string key) options.IdempotencyKey = key;
            else if (member.Key == "authorization" && member.Value is string bearer) options.Authorization = bearer;
            else if (member.Key == "traceparent" && member.Value is string trace) options.Traceparent = trace;
            else if (member.Key == "verbose" && member.Value is bool isVerbose) options.Verbose = isVerbose;
            else return false;
        }
        return meta == null || meta is JsonObject;
    }

    /// <summary>The client's method and what to give it; false where that would be less than is asked.</summary>
    private static bool Typed(
        string name, bool isStreaming, JsonObject wire, out MethodInfo method, out List<object> arguments)
    {
        method = typeof(DuesClient).GetMethod(
            string.Concat(name.Split('.').Select(Pascal)) + (isStreaming ? "" : "Async"));
        arguments = new List<object>();
        var type = method.GetParameters()[0].ParameterType;
        var members = wire.Where(member => member.Key != "_meta").ToDictionary(member => member.Key, member => member.Value);
        if (typeof(DuesObject).IsAssignableFrom(type))
        {
            if (!Convert(type, members, out var parameters)) return false;
            arguments.Add(parameters);
        }
        else if (members.Count > 0) return false;
        wire.TryGetValue("_meta", out var meta);
        if (!Options(meta, out var options)) return false;
        arguments.Add(options);
        return true;
    }

    private static bool Convert(Type type, object wire, out object value)
    {
        value = wire;
        type = Nullable.GetUnderlyingType(type) ?? type;
        if (type == typeof(string) || type == typeof(long) || type == typeof(bool)) return type.IsInstanceOfType(wire);
        if (type == typeof(IReadOnlyDictionary<string, string>) && wire is JsonObject map)
        {
            value = map.ToDictionary(member => member.Key, member => member.Value as string);
            return map.Values.All(one => one is string);
        }
        if (typeof(DuesObject).IsAssignableFrom(type) && wire is JsonObject members)
        {
            var made = value = Activator.CreateInstance(type);
            return members.All(member =>
            {
                var property = type.GetProperty(Pascal(member.Key));
                if (property == null || !Convert(property.PropertyType, member.Value, out var converted)) return false;
                property.SetValue(made, converted);
                return true;
            });
        }
        if (type.IsGenericType && wire is IReadOnlyList<object> elements)
        {
            var element = type.GetGenericArguments()[0];
            var list = (System.Collections.IList)Activator.CreateInstance(typeof(List<>).MakeGenericType(element));
            value = list;
            return elements.All(one => Convert(element, one, out var converted) && list.Add(converted) >= 0);
        }
        return false;
    }
}
