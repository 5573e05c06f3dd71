using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;

namespace Dues
{
    using JsonObject = IReadOnlyDictionary<string, object>;

    /// <summary>
    /// The values of a call that streams, for one reader: by <c>await foreach</c>, or by <see cref="MoveNextAsync"/> and
    /// <see cref="Current"/>. After an error that may pass it goes on behind the last value. Who leaves it must dispose of it.
    /// </summary>
    public sealed class DuesStream<TValue, TResult> : IDisposable
    {
        private readonly DuesClient client;
        private readonly Call call;
        private readonly Func<JsonObject, TValue> toValue;
        private readonly Func<JsonObject, TResult> toResult;
        private readonly CancellationToken cancellation;
        private Attempt attempt;  // null where the server must be asked, first or again
        private int number = 1;  // of the attempt, since the last value
        private bool isOver;

        internal DuesStream(
            DuesClient client, Call call, Func<JsonObject, TValue> toValue, Func<JsonObject, TResult> toResult,
            CancellationToken cancellation)
        {
            this.client = client;
            this.call = call;
            this.toValue = toValue;
            this.toResult = toResult;
            this.cancellation = cancellation;
        }

        /// <summary>The value that <see cref="MoveNextAsync"/> moved to.</summary>
        public TValue Current { get; private set; }

        /// <summary>The result of the call, once there are no more values.</summary>
        public TResult Result { get; private set; }

        /// <summary>Waits for the next value; false where the call has ended with its result.</summary>
        /// <exception cref="DuesException">The server refused or failed the call, or cannot be reached.</exception>
        public async Task<bool> MoveNextAsync()
        {
            try
            {
                while (!isOver)
                {
                    TimeSpan pause;
                    try
                    {
                        return await Next().ConfigureAwait(false);
                    }
                    catch (DuesException error) when (PauseAfter(error) is TimeSpan due)
                    {
                        pause = due;
                    }
                    attempt = null;
                    number++;
                    await Task.Delay(pause, cancellation).ConfigureAwait(false);
                }
                return false;
            }
            catch
            {
                Dispose();
                throw;
            }
        }

        private async Task<bool> Next()
        {
            while (true)
            {
                attempt = attempt ?? client.Begin(call, isStream: true);
                var value = await attempt.Next(blocking: false, cancellation).ConfigureAwait(false);
                if (value != null)
                {
                    number = 1;
                    call.Params = Wire.With(call.Params, "after", Wire.Get(value, "seq"));
                    Current = toValue(value);
                    return true;
                }
                if (!attempt.IsCut) break;
                attempt = null;
            }
            Result = toResult(attempt.Result);
            Dispose();
            return false;
        }

        /// <summary>Null where the error stands: also where there is nothing behind which the stream could go on.</summary>
        private TimeSpan? PauseAfter(DuesException error) =>
            Wire.Get(call.Params, "after") != null ? call.PauseAfter(error, number, client.Retries, isStream: true) : null;

        /// <summary>Makes <c>await foreach</c> work, which asks for a shape and not for an interface.</summary>
        public DuesStream<TValue, TResult> GetAsyncEnumerator() => this;

        /// <summary>As <see cref="Dispose"/>.</summary>
        public Task DisposeAsync()
        {
            Dispose();
            return Task.CompletedTask;
        }

        /// <summary>Cancels the call, where it has not ended.</summary>
        public void Dispose()
        {
            if (isOver) return;
            isOver = true;
            attempt?.Abandon();
            attempt?.Fail(() => new OperationCanceledException("the stream was left"));  // to who still waits for a value
        }
    }
}
