using System;
using System.Collections.Generic;

namespace Dues
{
    using JsonObject = IReadOnlyDictionary<string, object>;

    /// <summary>
    /// A call was refused, or failed. <see cref="Reason"/> is a constant to act on; the message is for a person. The
    /// client's own reasons are CONNECTION_LOST and NO_ANSWER: whether the call had its effect is unknown then.
    /// </summary>
    public sealed class DuesException : Exception
    {
        private readonly ErrorData data;

        internal DuesException(JsonObject error) : base(Wire.Text(error, "message") ?? "")
        {
            Code = Wire.Integer(error, "code") ?? 0;
            data = new ErrorData(Wire.Raw(error, "data") ?? Wire.Nothing);
        }

        /// <summary>The JSON-RPC error code.</summary>
        public long Code { get; }

        /// <summary>gRPC's name for the outcome, such as NOT_FOUND.</summary>
        public string Status => data.Status ?? "UNKNOWN";

        /// <summary>A constant to act on, such as NO_SUCH_CUSTOMER; each method lists its own.</summary>
        public string Reason => data.Reason ?? "UNSPECIFIED";

        /// <summary>Whether the same call may succeed later.</summary>
        public bool Retryable => data.Retryable;

        /// <summary>How long to wait before, where the server knows.</summary>
        public TimeSpan? RetryAfter =>
            data.RetryAfterMs is long pause ? TimeSpan.FromMilliseconds(pause) : default(TimeSpan?);

        /// <summary>The id of the object that the error is about, where one would go on with it; else null.</summary>
        public string SubjectId => data.SubjectId;

        /// <summary>Every violation of the method's schema, in the order of the message.</summary>
        public IReadOnlyList<Violation> Violations => data.Violations ?? Array.Empty<Violation>();

        /// <summary>What Stripe said, where Stripe refused; else null.</summary>
        public StripeRefusal Stripe => data.Stripe;

        /// <summary>The error as it is on the wire.</summary>
        public JsonObject ToJson() =>
            new Dictionary<string, object> { ["code"] = Code, ["message"] = Message, ["data"] = data };

        public override string ToString() => Status + " " + Reason + ": " + base.ToString();

        internal static JsonObject ConnectionLost(Exception cause) =>
            Own(-32014, "UNAVAILABLE", "CONNECTION_LOST", "Connection lost: " + cause.GetBaseException().Message);

        internal static JsonObject NoAnswer(string method) =>
            Own(-32004, "DEADLINE_EXCEEDED", "NO_ANSWER", method + ": the server was silent past the deadline.");

        private static JsonObject Own(long code, string status, string reason, string message)
        {
            var data = new Dictionary<string, object>
            {
                ["status"] = status, ["reason"] = reason, ["retryable"] = true,
            };
            return new Dictionary<string, object> { ["code"] = code, ["message"] = message, ["data"] = data };
        }
    }
}
