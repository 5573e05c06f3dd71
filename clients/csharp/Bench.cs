// What the client adds to a bare round trip, beside what a GET by HttpClient costs.
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.Linq;
using System.Net.Http;
using System.Net.Sockets;
using System.Text;
using Dues;

internal static class Bench
{
    private const int WarmUps = 500, Rounds = 10, CallsARound = 200;

    private static void Main(string[] arguments)
    {
        var flags = new Dictionary<string, string>();
        for (var at = 0; at + 1 < arguments.Length; at += 2) flags[arguments[at]] = arguments[at + 1];
        var place = flags["--tcp"].Split(':');
        var port = int.Parse(place[1]);
        var question = new CheckAccessParams { CustomerId = "cus_NffrFeUfNV2Hib", ProductId = "prod_UKpremium00001" };
        using (var bare = new TcpClient(place[0], port) { NoDelay = true })
        using (var dues = new DuesClient(Transport.Tcp(place[0], port)))
        using (var http = new HttpClient())
        {
            var socket = bare.Client;
            var line = Encoding.UTF8.GetBytes(
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"CheckAccess\",\"params\":" + Json.Write(question) + "}\n");
            var buffer = new byte[1 << 16];
            var ways = new Dictionary<string, Action>
            {
                ["bareMicroseconds"] = () =>
                {
                    socket.Send(line);
                    for (var count = 0; count == 0 || buffer[count - 1] != '\n';)
                        count += socket.Receive(buffer, count, buffer.Length - count, SocketFlags.None);
                },
                ["clientMicroseconds"] = () => dues.CheckAccess(question),
                ["httpMicroseconds"] = () => Json.Read(http.GetStringAsync(flags["--http"]).GetAwaiter().GetResult()),
            };
            foreach (var way in ways.Values) Measure(way, WarmUps).ToList();
            var times = ways.ToDictionary(way => way.Key, way => new List<double>());
            for (var round = 0; round < Rounds; round++)
                foreach (var way in ways) times[way.Key].AddRange(Measure(way.Value, CallsARound));
            var medians = times.Select(
                way => $"\"{way.Key}\":{Median(way.Value).ToString("F1", CultureInfo.InvariantCulture)}");
            Console.WriteLine("{" + string.Join(",", medians) + "}");
        }
    }

    private static IEnumerable<double> Measure(Action way, int count)
    {
        for (; count > 0; count--)
        {
            var begun = Stopwatch.GetTimestamp();
            way();
            yield return (Stopwatch.GetTimestamp() - begun) * 1e6 / Stopwatch.Frequency;
        }
    }

    private static double Median(List<double> times) => times.OrderBy(time => time).ElementAt(times.Count / 2);
}
