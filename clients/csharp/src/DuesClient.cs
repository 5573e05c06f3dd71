using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;

namespace Dues
{
    using JsonObject = IReadOnlyDictionary<string, object>;

    /// <summary>
    /// A client of Dues, the subscription billing service, with methods for each of the service's. Any number of
    /// threads may use one; their calls run at once on one connection, which is made when it is needed and again after
    /// it was lost.
    /// </summary>
    /// <example><code>
    /// using (var dues = new DuesClient())
    /// {
    ///     var customer = await dues.CreateCustomerAsync(new CreateCustomerParams { Email = "jenny@example.com" });
    /// }
    /// </code></example>
    public sealed partial class DuesClient : IDisposable
    {
        /// <summary>The version of this client.</summary>
        public const string Version = "1.0.0";

        private const int ClosingMilliseconds = 10000;

        private readonly Transport transport;
        private readonly JsonObject hello;
        private Connection connection;
        private int callsInFlight;
        private volatile bool isClosing, isClosed;

        /// <summary>A client that will connect when its first call needs it.</summary>
        /// <param name="transport">How the server is reached; TCP to 127.0.0.1:7171 unless given.</param>
        /// <param name="token">What the server knows this client by, where it wants that.</param>
        /// <param name="retries">How often a call is made again that may be, after an error that may pass.</param>
        public DuesClient(Transport transport = null, string token = null, int retries = 2)
        {
            this.transport = transport ?? Transport.Tcp();
            Retries = retries;
            var members = new Dictionary<string, object>
            {
                ["client"] = "dues-csharp/" + Version, ["protocol"] = Contract.Protocol,
            };
            if (token != null) members["authorization"] = "Bearer " + token;
            hello = members;
        }

        internal int Retries { get; }

        /// <summary>Any method by its name on the wire; this thread waits for the result.</summary>
        /// <exception cref="DuesException">The server refused or failed the call, or cannot be reached.</exception>
        public JsonObject Call(
            string method, JsonObject parameters = null, CallOptions options = null,
            CancellationToken cancellation = default) =>
            Complete(new Call(this, method, parameters, options, cancellation), blocking: true)
                .GetAwaiter().GetResult();

        /// <summary>Any method by its name on the wire.</summary>
        /// <exception cref="DuesException">The server refused or failed the call, or cannot be reached.</exception>
        public Task<JsonObject> CallAsync(
            string method, JsonObject parameters = null, CallOptions options = null,
            CancellationToken cancellation = default) =>
            Complete(new Call(this, method, parameters, options, cancellation), blocking: false);

        /// <summary>Any method that streams, by its name on the wire.</summary>
        public DuesStream<JsonObject, JsonObject> Stream(
            string method, JsonObject parameters = null, CallOptions options = null,
            CancellationToken cancellation = default) =>
            Stream(method, parameters, options, cancellation, value => value, result => result);

        private DuesStream<TValue, TResult> Stream<TValue, TResult>(
            string method, JsonObject parameters, CallOptions options, CancellationToken cancellation,
            Func<JsonObject, TValue> toValue, Func<JsonObject, TResult> toResult) =>
            new DuesStream<TValue, TResult>(
                new Call(this, method, parameters, options, cancellation, isStream: true), toValue, toResult);

        private static async Task<T> Typed<T>(Task<JsonObject> result, Func<JsonObject, T> toResult) =>
            toResult(await result.ConfigureAwait(false));

        private async Task<JsonObject> Complete(Call call, bool blocking)
        {
            Interlocked.Increment(ref callsInFlight);
            try
            {
                if (isClosing) throw new ObjectDisposedException(nameof(DuesClient));
                while (await call.Next(blocking).ConfigureAwait(false) != null) { }
                return call.Result;
            }
            finally
            {
                Interlocked.Decrement(ref callsInFlight);
            }
        }

        /// <summary>The connection for an attempt: a new one where there is none any more.</summary>
        internal Connection Connect(bool isStream)
        {
            lock (hello)
            {
                if (isClosed || (isClosing && isStream)) throw new ObjectDisposedException(nameof(DuesClient));
                if (connection == null || !connection.IsAlive()) connection = new Connection(transport.Dial, hello);
                return connection;
            }
        }

        /// <summary>
        /// Takes no further calls, waits for those in flight, 10 seconds at most, has the server end the streams, and
        /// ends the connection and what was spawned.
        /// </summary>
        public void Dispose()
        {
            if (isClosing) return;
            isClosing = true;
            SpinWait.SpinUntil(() => Volatile.Read(ref callsInFlight) == 0, ClosingMilliseconds);
            lock (hello) isClosed = true;
            connection?.Close();
            transport.End();
        }
    }
}
