using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Security.Cryptography;
using System.Threading;
using System.Threading.Tasks;

namespace Dues
{
    using JsonObject = IReadOnlyDictionary<string, object>;

    /// <summary>What may be said about any call.</summary>
    public sealed class CallOptions
    {
        /// <summary>The server's deadline, counted from the call; the client gives up a second later.</summary>
        public TimeSpan? Timeout { get; set; }

        /// <summary>With the same key and params a change is made once. The client makes one unless given.</summary>
        public string IdempotencyKey { get; set; }

        /// <summary>W3C trace context; it appears in the server's log lines of the call.</summary>
        public string Traceparent { get; set; }

        /// <summary>Bearer TOKEN, for this call instead of the connection's.</summary>
        public string Authorization { get; set; }

        /// <summary>Whether the result's Meta shall say what the server did.</summary>
        public bool Verbose { get; set; }
    }

    /// <summary>A call through all of its attempts: its values, where it streams, and its result.</summary>
    internal sealed class Call
    {
        /// <summary>Values that are kept for a reader who is slow; behind them it says that there were more.</summary>
        private const int MaximumValues = 256;
        private static readonly JsonObject Overflow = new Dictionary<string, object>();

        private const double GraceMilliseconds = 1000, PatienceMilliseconds = 90000, LongestPauseMilliseconds = 5000;
        private static readonly RandomNumberGenerator Entropy = RandomNumberGenerator.Create();

        private readonly DuesClient client;
        private readonly string method;
        private readonly CallOptions options;
        private readonly CancellationToken cancellation;
        private readonly bool isStream, isSafeToRepeat;
        private readonly string key;
        private readonly Stopwatch clock = Stopwatch.StartNew();
        private JsonObject parameters;  // those of a stream change as it goes on
        private Connection connection;  // of this attempt; null where the server must be asked, first or again
        private long id;
        private bool isSent;
        private int failures;  // since the last value

        private readonly Queue<JsonObject> messages = new Queue<JsonObject>();  // guards what follows
        private TaskCompletionSource<JsonObject> waiting;  // for the next one

        internal Call(
            DuesClient client, string method, JsonObject parameters, CallOptions options,
            CancellationToken cancellation, bool isStream = false)
        {
            this.client = client;
            this.method = method;
            this.parameters = parameters ?? Wire.Nothing;
            this.options = options ?? new CallOptions();
            this.cancellation = cancellation;
            this.isStream = isStream;
            var needsKey = Contract.IsSafeToRepeat.TryGetValue(method, out isSafeToRepeat) && !isSafeToRepeat;
            key = this.options.IdempotencyKey ?? (needsKey ? BitConverter.ToString(RandomBytes(16)) : null);
            isSafeToRepeat |= key != null;
        }

        /// <summary>The result, once <see cref="Next"/> had no more values.</summary>
        internal JsonObject Result { get; private set; }

        /// <summary>Whether it waits for others to read.</summary>
        internal bool IsFollowing { get; set; }

        /// <summary>Until the server's deadline, or that of the client's patience.</summary>
        private double MillisecondsLeft =>
            (options.Timeout?.TotalMilliseconds ?? (isStream ? double.PositiveInfinity : PatienceMilliseconds))
            - clock.Elapsed.TotalMilliseconds;

        /// <summary>Waits for the next value; null behind the last one. `blocking` lets this thread wait.</summary>
        internal async Task<JsonObject> Next(bool blocking)
        {
            while (Result == null)
            {
                TimeSpan pause;
                try
                {
                    if (connection == null) await Begin(blocking).ConfigureAwait(false);
                    var message = await Receive(blocking).ConfigureAwait(false);
                    if (message.ContainsKey("method")) return Value(Wire.Raw(message, "params"));
                    connection = null;
                    if (message != Overflow) Result = Wire.Raw(message, "result") ?? Wire.Nothing;
                    continue;
                }
                catch (DuesException error) when (PauseAfter(error) is TimeSpan due)
                {
                    pause = due;
                }
                catch
                {
                    Leave();
                    throw;
                }
                connection = null;
                failures++;
                if (blocking) cancellation.WaitHandle.WaitOne(pause);
                else await Task.Delay(pause, cancellation).ConfigureAwait(false);
            }
            return null;
        }

        private JsonObject Value(JsonObject about)
        {
            var value = Wire.Raw(about, "value") ?? Wire.Nothing;
            failures = 0;
            parameters = Wire.With(parameters, "after", Wire.Get(value, "seq"));
            return value;
        }

        /// <summary>Sends the request, with what is left of its time, once the server has answered hello.</summary>
        private async Task Begin(bool blocking)
        {
            cancellation.ThrowIfCancellationRequested();
            connection = client.Connect(isStream);
            isSent = false;
            id = connection.Begin(this);
            await Receive(blocking).ConfigureAwait(false);
            var meta = (Wire.Raw(parameters, "_meta") ?? Wire.Nothing).ToDictionary(one => one.Key, one => one.Value);
            if (options.Timeout != null) meta["timeoutMs"] = (long)Math.Max(1, MillisecondsLeft);
            if (key != null) meta["idempotencyKey"] = key;
            if (options.Authorization != null) meta["authorization"] = options.Authorization;
            if (options.Traceparent != null) meta["traceparent"] = options.Traceparent;
            if (options.Verbose) meta["verbose"] = true;
            var line = Connection.Line(method, meta.Count == 0 ? parameters : Wire.With(parameters, "_meta", meta), id);
            isSent = true;
            connection.Write(line);
        }

        /// <summary>Waits for the next message.</summary>
        private async Task<JsonObject> Receive(bool blocking)
        {
            var grace = options.Timeout == null ? 0 : GraceMilliseconds;
            var isEndless = options.Timeout == null && isStream;
            var left = isEndless ? Timeout.Infinite : (int)Math.Max(0, MillisecondsLeft + grace);
            var next = Message();
            if (!next.IsCompleted && blocking && !cancellation.CanBeCanceled) connection.Lead(next, left);
            if (!next.IsCompleted) connection.Follow(this);
            if (blocking) next.Wait(left, cancellation);
            else if (!next.IsCompleted)
            {
                using (var end = CancellationTokenSource.CreateLinkedTokenSource(cancellation))
                {
                    await Task.WhenAny(next, Task.Delay(left, end.Token)).ConfigureAwait(false);
                    end.Cancel();
                }
            }
            cancellation.ThrowIfCancellationRequested();
            var problem = next.IsCompleted ? Wire.Raw(next.Result, "error") : DuesException.NoAnswer(method);
            return problem == null ? next.Result : throw new DuesException(problem);
        }

        private Task<JsonObject> Message()
        {
            lock (messages)
            {
                if (messages.Count > 0) return Task.FromResult(messages.Dequeue());
                waiting = new TaskCompletionSource<JsonObject>(TaskCreationOptions.RunContinuationsAsynchronously);
                return waiting.Task;
            }
        }

        /// <summary>Takes a message from the connection; false for a value that finds no room: it is over.</summary>
        internal bool Take(JsonObject message)
        {
            lock (messages)
            {
                var hasRoom = messages.Count < MaximumValues || !message.ContainsKey("method");
                if (waiting == null || !waiting.TrySetResult(message)) messages.Enqueue(hasRoom ? message : Overflow);
                return hasRoom;
            }
        }

        /// <summary>Nobody waits any more; the server is told.</summary>
        internal void Leave()
        {
            connection?.Abandon(id, isSent);
            connection = null;
        }

        /// <summary>How long to wait before the next attempt; null where the error stands.</summary>
        private TimeSpan? PauseAfter(DuesException error)
        {
            var mayHelp = error.Retryable && error.Reason != "NO_ANSWER";
            if (!mayHelp || !isSafeToRepeat || failures >= client.Retries) return null;
            if (isStream && Wire.Get(parameters, "after") == null) return null;  // nothing behind which it could go on
            var longest = Math.Min(LongestPauseMilliseconds, 100 * Math.Pow(2, failures));
            var pause = error.RetryAfter ?? TimeSpan.FromMilliseconds(longest * RandomBytes(1)[0] / 255);
            return pause.TotalMilliseconds < MillisecondsLeft ? pause : default(TimeSpan?);
        }

        private static byte[] RandomBytes(int count)
        {
            var bytes = new byte[count];
            Entropy.GetBytes(bytes);
            return bytes;
        }
    }
}
