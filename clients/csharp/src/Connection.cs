using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;

namespace Dues
{
    using JsonObject = IReadOnlyDictionary<string, object>;

    /// <summary>One connection, from its dialling to its loss: a thread of its own dials, says hello, and reads.</summary>
    internal sealed class Connection
    {
        private const int LongestLine = 1 << 20, LongestAnswer = 1 << 26;  // bytes
        private const int ClosingMilliseconds = 10000;

        private readonly Dictionary<long, Call> calls = new Dictionary<long, Call>();  // its lock guards it and what follows
        private long lastId;
        private JsonObject state;  // the answer to hello, once it is there; an error, once the connection is lost

        private readonly object writing = new object();  // keeps lines whole
        private readonly Thread thread;
        private Channel channel;

        internal Connection(Func<Channel> dial, JsonObject hello)
        {
            thread = new Thread(() => Run(dial, hello)) { IsBackground = true, Name = "dues" };
            thread.Start();
        }

        internal bool IsLost => Volatile.Read(ref state)?.ContainsKey("error") ?? false;

        /// <summary>Takes up a call. Its first message is the answer to hello, after which it may send its request.</summary>
        internal long Begin(Call call)
        {
            lock (calls)
            {
                calls.Add(++lastId, call);
                if (state != null) call.Take(state);
                return lastId;
            }
        }

        /// <summary>Nobody waits for the call any more; the server is told if it does not know.</summary>
        internal void Abandon(long id, bool isSent)
        {
            lock (calls) if (!calls.Remove(id) || !isSent) return;
            var about = new Dictionary<string, object> { ["id"] = id };
            Task.Run(() => Write(Line("rpc.cancel", about)));  // who leaves does not wait for the server to take it
        }

        /// <summary>A request, or without an id a notification.</summary>
        internal static byte[] Line(string method, JsonObject parameters, long? id = null)
        {
            var message = new Dictionary<string, object> { ["jsonrpc"] = "2.0", ["method"] = method, ["params"] = parameters };
            if (id != null) message["id"] = id;
            var line = Json.Encode(Json.Write(message) + "\n");
            if (line.Length <= LongestLine) return line;
            throw new ArgumentException($"{method}: the call is {line.Length} bytes long; a line may have {LongestLine}");
        }

        internal void Write(byte[] line)
        {
            try
            {
                lock (writing)
                {
                    channel.Output.Write(line, 0, line.Length);
                    channel.Output.Flush();
                }
            }
            catch (Exception error)
            {
                Lose(error);
            }
        }

        /// <summary>Has the server end its streams, which are all that is in flight, and ends the connection.</summary>
        internal void Close()
        {
            Func<bool> isIdle = () => { lock (calls) return calls.Count == 0; };
            if (!isIdle()) channel?.EndOutput();
            SpinWait.SpinUntil(isIdle, ClosingMilliseconds);
            Lose(new IOException("the client was closed"));
            thread.Join();
        }

        private void Run(Func<Channel> dial, JsonObject hello)
        {
            try
            {
                channel = dial();
                Write(Line("rpc.hello", hello, 0));
                Read(channel.Input);
            }
            catch (Exception error)  // whatever it was: those who wait must know
            {
                Lose(error);
            }
            channel?.End();
        }

        private void Read(Stream input)
        {
            var buffer = new byte[1 << 14];
            for (var count = 0; !IsLost;)  // bytes of a line that is not whole yet
            {
                var read = input.Read(buffer, count, buffer.Length - count);
                if (read <= 0) throw new EndOfStreamException("the server ended it");
                var start = 0;
                var filled = count + read;
                for (int end; (end = Array.IndexOf(buffer, (byte)'\n', count, filled - count)) >= 0; start = count = end + 1)
                    Take(Json.Read(buffer, start, end - start) as JsonObject ?? throw new FormatException("no object"));
                count = filled - start;
                Buffer.BlockCopy(buffer, start, buffer, 0, count);
                if (count == LongestAnswer) throw new FormatException("a line of the server's is too long");
                if (count == buffer.Length) Array.Resize(ref buffer, count * 2);
            }
        }

        private void Take(JsonObject message)
        {
            var value = Wire.Raw(message, "params");
            if (value == null && state == null)
            {
                Settle(message);
                return;
            }
            lock (calls)
            {
                // An error without an id is about a line that the server could not read: whose, is plain if there is one.
                var isAnyone = calls.Count == 1 && message.ContainsKey("error");
                var id = Wire.Integer(value ?? message, "id") ?? (isAnyone ? calls.Keys.Single() : -1);
                if (!calls.TryGetValue(id, out var call)) return;  // nobody waits for it any more
                if (value == null) calls.Remove(id);
                if (!call.Take(message)) Abandon(id, isSent: true);
            }
        }

        private void Lose(Exception cause) => Settle(
            new Dictionary<string, object> { ["error"] = DuesException.ConnectionLost(cause) });

        /// <summary>All calls get the answer to hello, or that the connection is lost.</summary>
        private void Settle(JsonObject outcome)
        {
            lock (calls)
            {
                if (IsLost) return;
                state = outcome;
                foreach (var call in calls.Values) call.Take(outcome);
                if (!IsLost) return;
                calls.Clear();
            }
            channel?.End();
        }
    }
}
