using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Threading;
using System.Threading.Tasks;

namespace Dues
{
    using JsonObject = IReadOnlyDictionary<string, object>;

    /// <summary>
    /// A client of Dues, the subscription billing service, with methods for each of the service's. Any number of threads may
    /// use one; their calls run at once on one connection, which is made when it is needed and again after it was lost.
    /// </summary>
    /// <example><code>
    /// using (var dues = new DuesClient())
    /// {
    ///     var customer = await dues.CreateCustomerAsync(new CreateCustomerParams { Email = "jenny.rosen@example.com" });
    /// }
    /// </code></example>
    public sealed partial class DuesClient : IDisposable
    {
        /// <summary>The version of this client.</summary>
        public const string Version = "1.0.0";

        private const int ClosingMilliseconds = 10000;

        private readonly Transport transport;
        private readonly JsonObject hello;
        private readonly object gate = new object();  // guards what follows
        private Connection connection;
        private int callsInFlight;
        private bool isClosing, isClosed;

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
            Complete(new Call(method, parameters, options), true, cancellation).GetAwaiter().GetResult();

        /// <summary>Any method by its name on the wire.</summary>
        /// <exception cref="DuesException">The server refused or failed the call, or cannot be reached.</exception>
        public Task<JsonObject> CallAsync(
            string method, JsonObject parameters = null, CallOptions options = null,
            CancellationToken cancellation = default) =>
            Complete(new Call(method, parameters, options), false, cancellation);

        /// <summary>Any method that streams, by its name on the wire.</summary>
        public DuesStream<JsonObject, JsonObject> Stream(
            string method, JsonObject parameters = null, CallOptions options = null,
            CancellationToken cancellation = default) =>
            Stream(method, parameters, options, cancellation, value => value, result => result);

        private DuesStream<TValue, TResult> Stream<TValue, TResult>(
            string method, JsonObject parameters, CallOptions options, CancellationToken cancellation,
            Func<JsonObject, TValue> toValue, Func<JsonObject, TResult> toResult) =>
            new DuesStream<TValue, TResult>(this, new Call(method, parameters, options), toValue, toResult, cancellation);

        private static async Task<T> Typed<T>(Task<JsonObject> result, Func<JsonObject, T> toResult) =>
            toResult(await result.ConfigureAwait(false));

        /// <summary>All the attempts of a call. `blocking` lets this thread wait; the task is complete then.</summary>
        private async Task<JsonObject> Complete(Call call, bool blocking, CancellationToken cancellation)
        {
            cancellation.ThrowIfCancellationRequested();
            Enter();
            try
            {
                for (var number = 1; ; number++)
                {
                    TimeSpan pause;
                    try
                    {
                        var attempt = Begin(call, canLead: blocking && !cancellation.CanBeCanceled);
                        await attempt.Next(blocking, cancellation).ConfigureAwait(false);
                        return attempt.Result;
                    }
                    catch (DuesException error) when (call.PauseAfter(error, number, Retries) is TimeSpan due)
                    {
                        pause = due;
                    }
                    if (blocking) cancellation.WaitHandle.WaitOne(pause);
                    else await Task.Delay(pause, cancellation).ConfigureAwait(false);
                    cancellation.ThrowIfCancellationRequested();
                }
            }
            finally
            {
                Leave();
            }
        }

        /// <summary>Takes up a call, unless the client is closing; <see cref="Leave"/> must follow.</summary>
        private void Enter()
        {
            lock (gate)
            {
                if (isClosing) throw new ObjectDisposedException(nameof(DuesClient));
                callsInFlight++;
            }
        }

        private void Leave()
        {
            lock (gate)
            {
                callsInFlight--;
                if (isClosing) Monitor.PulseAll(gate);
            }
        }

        internal Attempt Begin(Call call, bool isStream = false, bool canLead = false)
        {
            Connection current;
            lock (gate)
            {
                if (isClosed || (isClosing && isStream)) throw new ObjectDisposedException(nameof(DuesClient));
                if (connection == null || connection.IsLost) connection = new Connection(transport.Dial, hello);
                current = connection;
            }
            return new Attempt(current, call, isStream, canLead);
        }

        /// <summary>
        /// Takes no further calls, waits for those in flight, 10 seconds at most, has the server end the streams, and ends the
        /// connection and what was spawned.
        /// </summary>
        public void Dispose()
        {
            var clock = Stopwatch.StartNew();
            Func<TimeSpan> left =
                () => TimeSpan.FromMilliseconds(Math.Max(0, ClosingMilliseconds - clock.ElapsedMilliseconds));
            lock (gate)
            {
                if (isClosing) return;
                isClosing = true;
                while (callsInFlight > 0 && left() > TimeSpan.Zero) Monitor.Wait(gate, left());
                isClosed = true;
            }
            connection?.EndStreams(left());
            connection?.Close();
            transport.Dispose();
            connection?.Join();
        }
    }
}
