using System;
using System.Collections.Generic;
using System.Threading.Tasks;

namespace Dues
{
    using JsonObject = IReadOnlyDictionary<string, object>;

    /// <summary>
    /// The values of a call that streams, for one reader: by <c>await foreach</c>, or by <see cref="MoveNextAsync"/>
    /// and <see cref="Current"/>. After an error that may pass it goes on behind the last value. Who leaves it must
    /// dispose of it.
    /// </summary>
    public sealed class DuesStream<TValue, TResult> : IDisposable
    {
        private readonly Call call;
        private readonly Func<JsonObject, TValue> toValue;
        private readonly Func<JsonObject, TResult> toResult;

        internal DuesStream(Call call, Func<JsonObject, TValue> toValue, Func<JsonObject, TResult> toResult)
        {
            this.call = call;
            this.toValue = toValue;
            this.toResult = toResult;
        }

        /// <summary>The value that <see cref="MoveNextAsync"/> moved to.</summary>
        public TValue Current { get; private set; }

        /// <summary>The result of the call, once there are no more values.</summary>
        public TResult Result { get; private set; }

        /// <summary>Waits for the next value; false where the call has ended with its result.</summary>
        /// <exception cref="DuesException">The server refused or failed the call, or cannot be reached.</exception>
        public async Task<bool> MoveNextAsync()
        {
            var value = await call.Next(blocking: false).ConfigureAwait(false);
            if (value == null) Result = toResult(call.Result);
            else Current = toValue(value);
            return value != null;
        }

        /// <summary>Makes <c>await foreach</c> work, which asks for a shape and not for an interface.</summary>
        public DuesStream<TValue, TResult> GetAsyncEnumerator() => this;

        /// <summary>As <see cref="Dispose"/>.</summary>
        public Task DisposeAsync()
        {
            Dispose();
            return Task.CompletedTask;
        }

        /// <summary>Cancels the call, where it has not ended.</summary>
        public void Dispose() => call.Leave();
    }
}
