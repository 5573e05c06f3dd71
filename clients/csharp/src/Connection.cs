using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;

namespace Dues
{
    using JsonObject = IReadOnlyDictionary<string, object>;

    /// <summary>
    /// One connection, from its dialling to its loss. A thread of its own dials, says hello, and reads for who waits.
    /// But handing an answer over to another thread may take longer than getting it: so where nobody reads, a caller
    /// whose thread waits anyway reads the socket itself, until it has its answer.
    /// </summary>
    internal sealed class Connection
    {
        private const int LongestLine = 1 << 20, LongestAnswer = 1 << 26;  // bytes
        private const int ClosingMilliseconds = 10000;
        private static readonly Task Never = new TaskCompletionSource<bool>().Task;

        private readonly Dictionary<long, Call> calls = new Dictionary<long, Call>();  // guards what follows
        private long lastId;
        private JsonObject state;  // the answer to hello, once it is there; an error, once the connection is lost
        private bool isRead = true;  // somebody reads: at first the thread

        private byte[] buffer = new byte[1 << 14];  // this and `count` belong to who reads
        private int count;  // bytes of a line that is not whole yet

        private readonly object writing = new object();  // keeps lines whole
        private readonly Thread thread;
        private Channel channel;

        internal Connection(Func<Channel> dial, JsonObject hello)
        {
            thread = new Thread(() => Run(dial, hello)) { IsBackground = true, Name = "dues" };
            thread.Start();
        }

        private bool IsLost => Volatile.Read(ref state)?.ContainsKey("error") ?? false;

        /// <summary>Whether it can take a call. What came while nobody read is read first: it may be the end.</summary>
        internal bool IsAlive()
        {
            Lead(Never, 0);
            return !IsLost;
        }

        /// <summary>Takes up a call, whose first message is the answer to hello: then it may send its line.</summary>
        internal long Begin(Call call)
        {
            lock (calls)
            {
                calls.Add(++lastId, call);
                if (state != null) call.Take(state);
                return lastId;
            }
        }

        /// <summary>
        /// Reads, where it can and nobody else does, until there is `message` or time is up. It may be there already: who
        /// read before may have taken it in.
        /// </summary>
        internal void Lead(Task message, int milliseconds)
        {
            lock (calls)
            {
                if (isRead || channel.Socket == null) return;
                isRead = true;
            }
            var clock = Stopwatch.StartNew();
            while (!message.IsCompleted && Read((int)Math.Max(0, milliseconds - clock.ElapsedMilliseconds))) { }
            lock (calls)
            {
                isRead = false;
                if (IsAwaited) Monitor.Pulse(calls);
            }
        }

        /// <summary>Has the thread read for a call, unless somebody does.</summary>
        internal void Follow(Call call)
        {
            lock (calls)
            {
                call.IsFollowing = true;
                Monitor.Pulse(calls);
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
            var message = new Dictionary<string, object> { ["jsonrpc"] = "2.0" };
            if (id != null) message["id"] = id;
            message["method"] = method;
            message["params"] = parameters;
            var line = Json.Encode(Json.Write(message) + "\n");
            if (line.Length <= LongestLine) return line;
            throw new ArgumentException($"{method}: a line of {line.Length} bytes; it may have {LongestLine}");
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
            }
            catch (Exception error)  // whatever it was: those who wait must know
            {
                Lose(error);
            }
            while (!IsLost && Read(Timeout.Infinite)) WaitForTurn();
            channel?.End();
        }

        /// <summary>Rests while somebody else reads, or nobody waits for it to.</summary>
        private void WaitForTurn()
        {
            lock (calls)
            {
                isRead = false;
                while (isRead || !IsAwaited) Monitor.Wait(calls);
                isRead = true;
            }
        }

        /// <summary>Whether the thread has something to read for, or has ended.</summary>
        private bool IsAwaited => state == null || IsLost || calls.Values.Any(call => call.IsFollowing);

        /// <summary>Reads what is there, once there is something; false where it is lost, or time is up.</summary>
        private bool Read(int milliseconds)
        {
            try
            {
                const int longest = int.MaxValue / 1000;
                var time = Math.Min(milliseconds, longest) * 1000;
                if (time >= 0 && !channel.Socket.Poll(time, SelectMode.SelectRead)) return false;
                var read = channel.Input.Read(buffer, count, buffer.Length - count);
                if (read <= 0) throw new EndOfStreamException("the server ended it");
                var start = 0;
                var filled = count + read;
                int end;
                while ((end = Array.IndexOf(buffer, (byte)'\n', count, filled - count)) >= 0)
                {
                    Take(Json.Read(buffer, start, end - start) as JsonObject ?? throw new FormatException("no object"));
                    start = count = end + 1;
                }
                count = filled - start;
                Buffer.BlockCopy(buffer, start, buffer, 0, count);
                if (count == LongestAnswer) throw new FormatException("a line of the server's is too long");
                if (count == buffer.Length) Array.Resize(ref buffer, count * 2);
            }
            catch (Exception error)  // whatever it was: those who wait must know
            {
                Lose(error);
            }
            return !IsLost;
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
                // An error without an id is about a line that could not be read: whose, is plain if there is one.
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
                Monitor.Pulse(calls);
            }
            channel?.End();
        }
    }
}
