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

        /// <summary>With the same key and params a change is made once. The client makes one where none is given.</summary>
        public string IdempotencyKey { get; set; }

        /// <summary>W3C trace context; it appears in the server's log lines of the call.</summary>
        public string Traceparent { get; set; }

        /// <summary>Bearer TOKEN, for this call instead of the connection's.</summary>
        public string Authorization { get; set; }

        /// <summary>Whether the result's Meta shall say what the server did.</summary>
        public bool Verbose { get; set; }
    }

    /// <summary>A call through all of its attempts: what it says, its time, and whether it may be made again.</summary>
    internal sealed class Call
    {
        private const int LongestLine = 1 << 20;
        private const double GraceMilliseconds = 1000, PatienceMilliseconds = 90000, LongestPauseMilliseconds = 5000;
        private static readonly RandomNumberGenerator Entropy = RandomNumberGenerator.Create();

        private readonly CallOptions options;
        private readonly string key;
        private readonly bool isSafeToRepeat;
        private readonly Stopwatch clock = Stopwatch.StartNew();

        internal Call(string method, JsonObject parameters, CallOptions options)
        {
            Method = method;
            Params = parameters ?? Wire.Nothing;
            this.options = options = options ?? new CallOptions();
            key = options.IdempotencyKey;
            var isKnown = Contract.IsSafeToRepeat.TryGetValue(method, out isSafeToRepeat);
            if (key == null && isKnown && !isSafeToRepeat)
                key = string.Concat(RandomBytes(16).Select(one => one.ToString("x2")));
            isSafeToRepeat |= key != null;
        }

        internal string Method { get; }

        /// <summary>What a stream is asked for changes as it goes on.</summary>
        internal JsonObject Params { get; set; }

        /// <summary>Until the server's deadline, or that of the client's patience.</summary>
        private double MillisecondsLeft =>
            (options.Timeout?.TotalMilliseconds ?? PatienceMilliseconds) - clock.Elapsed.TotalMilliseconds;

        /// <summary>Until the client gives up; -1 for a stream that may be silent for ever.</summary>
        internal int Patience(bool isStream)
        {
            if (options.Timeout == null && isStream) return Timeout.Infinite;
            var grace = options.Timeout == null ? 0 : GraceMilliseconds;
            return (int)Math.Min(int.MaxValue, Math.Max(0, Math.Ceiling(MillisecondsLeft + grace)));
        }

        /// <summary>The request, with what is left of its time.</summary>
        internal byte[] Line(long id)
        {
            var meta = (Wire.Raw(Params, "_meta") ?? Wire.Nothing).ToDictionary(member => member.Key, member => member.Value);
            if (options.Timeout != null) meta["timeoutMs"] = (long)Math.Max(1, MillisecondsLeft);
            if (key != null) meta["idempotencyKey"] = key;
            if (options.Authorization != null) meta["authorization"] = options.Authorization;
            if (options.Traceparent != null) meta["traceparent"] = options.Traceparent;
            if (options.Verbose) meta["verbose"] = true;
            return Line(Method, meta.Count == 0 ? Params : Wire.With(Params, "_meta", meta), id);
        }

        /// <summary>A request, or without an id a notification.</summary>
        internal static byte[] Line(string method, JsonObject parameters, long? id = null)
        {
            var message = new Dictionary<string, object> { ["jsonrpc"] = "2.0" };
            if (id != null) message["id"] = id;
            message["method"] = method;
            message["params"] = parameters;
            var line = Json.Encode(Json.Write(message) + "\n");
            if (line.Length <= LongestLine) return line;
            throw new ArgumentException($"{method}: the call is {line.Length} bytes long; a line may have {LongestLine}");
        }

        /// <summary>How long to wait after the attempt of that number; null where the error stands.</summary>
        internal TimeSpan? PauseAfter(DuesException error, int attempt, int retries, bool isStream = false)
        {
            if (!error.Retryable || error.Reason == "NO_ANSWER" || !isSafeToRepeat || attempt > retries) return null;
            var longest = Math.Min(LongestPauseMilliseconds, 100 * Math.Pow(2, attempt - 1));
            var pause = error.RetryAfter ?? TimeSpan.FromMilliseconds(longest * RandomBytes(1)[0] / 255);
            var isInTime = pause.TotalMilliseconds < MillisecondsLeft || (isStream && options.Timeout == null);
            return isInTime ? pause : default(TimeSpan?);
        }

        private static byte[] RandomBytes(int count)
        {
            var bytes = new byte[count];
            Entropy.GetBytes(bytes);
            return bytes;
        }
    }

    /// <summary>An attempt in flight: it waits for its answer, and before it for the values of its stream.</summary>
    internal sealed class Attempt
    {
        /// <summary>Values that are kept for a reader who is slow.</summary>
        private const int MaximumValues = 256;

        private readonly Queue<JsonObject> values = new Queue<JsonObject>();
        private readonly SemaphoreSlim arrived = new SemaphoreSlim(0);  // counts the values, the end, and an appointment
        private readonly Connection connection;
        private readonly bool isStream;
        private JsonObject result;
        private Func<Exception> problem;

        internal Attempt(Connection connection, Call call, bool isStream, bool canLead)
        {
            this.connection = connection;
            Call = call;
            this.isStream = isStream;
            CanLead = canLead;
            connection.Begin(this);
        }

        internal Call Call { get; }
        internal long Id { get; set; }

        /// <summary>Whether its caller waits, and not for a cancellation too, so that it might as well read; once.</summary>
        internal bool CanLead { get; set; }

        /// <summary>Whether its caller is to read.</summary>
        internal bool IsLeader { get; set; }

        internal bool HasArrived => arrived.CurrentCount > 0;

        /// <summary>Whether values were dropped for a reader who is slow, so that there is no result.</summary>
        internal bool IsCut { get; private set; }

        internal void Finish(JsonObject result)
        {
            this.result = result;
            arrived.Release();
        }

        /// <summary>Each attempt throws an exception of its own, which takes up the stack.</summary>
        internal void Fail(Func<Exception> problem)
        {
            this.problem = problem;
            arrived.Release();
        }

        /// <summary>Wakes its caller, to read.</summary>
        internal void Appoint()
        {
            IsLeader = true;
            arrived.Release();
        }

        /// <summary>False where it finds no room: then it is over.</summary>
        internal bool Add(JsonObject value)
        {
            if (!isStream) return true;
            lock (values)
            {
                IsCut = values.Count == MaximumValues;
                if (!IsCut) values.Enqueue(value);
            }
            arrived.Release();
            return !IsCut;
        }

        /// <summary>Waits for a value or the end. `blocking` lets this thread wait, and then the task is complete.</summary>
        internal async Task<JsonObject> Next(bool blocking, CancellationToken cancellation)
        {
            try
            {
                var isThere = await Arrives(blocking, cancellation).ConfigureAwait(false);
                if (isThere && IsLeader)
                {
                    connection.Lead(this, Call.Patience(isStream));
                    isThere = arrived.Wait(0);
                }
                if (!isThere) throw DuesException.NoAnswer(Call.Method);
            }
            catch
            {
                Abandon();
                throw;
            }
            lock (values) if (values.Count > 0) return values.Dequeue();
            return null;
        }

        private Task<bool> Arrives(bool blocking, CancellationToken cancellation)
        {
            var patience = Call.Patience(isStream);
            return blocking
                ? Task.FromResult(arrived.Wait(patience, cancellation)) : arrived.WaitAsync(patience, cancellation);
        }

        /// <summary>Nobody waits any more; the server is told.</summary>
        internal void Abandon() => connection.Abandon(this);

        /// <summary>The result, once <see cref="Next"/> had no more values.</summary>
        internal JsonObject Result => problem == null ? result : throw problem();
    }
}
