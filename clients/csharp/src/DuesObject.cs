using System.Collections.Generic;

namespace Dues
{
    /// <summary>An object of the contract: params and their parts, results and theirs.</summary>
    public abstract class DuesObject
    {
        /// <summary>The members by their names on the wire; params that are absent are left out.</summary>
        public abstract IReadOnlyDictionary<string, object> ToJson();

        /// <summary>The object as JSON, for people: secrets are not shown.</summary>
        public override string ToString() => GetType().Name + " " + Json.Show(ToJson(), Contract.Secrets);
    }

    /// <summary>An object that the server gave.</summary>
    public abstract class DuesOutput : DuesObject
    {
        private protected DuesOutput(IReadOnlyDictionary<string, object> raw) => Raw = raw;

        /// <summary>The whole object as it came, also what this client does not know.</summary>
        public IReadOnlyDictionary<string, object> Raw { get; }
    }

    /// <summary>The result of a call.</summary>
    public abstract class DuesResult : DuesOutput
    {
        private protected DuesResult(IReadOnlyDictionary<string, object> raw) : base(raw) =>
            Meta = Wire.Object(raw, "_meta", value => new ResultMetadata(value));

        /// <summary>What the server did for the call, where <see cref="CallOptions.Verbose"/> asked for it.</summary>
        public ResultMetadata Meta { get; }
    }
}
