using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Net.Sockets;
using System.Threading;

namespace Dues
{
    using JsonObject = IReadOnlyDictionary<string, object>;

    /// <summary>
    /// One connection from its dialling to its loss. Who calls writes; a thread of the connection's own dials, says hello and
    /// reads. But handing an answer over to another thread may take longer than getting it: so where nobody reads, a caller
    /// whose thread waits anyway reads the socket itself, for all, until it has its own answer.
    /// </summary>
    internal sealed class Connection
    {
        private const int ExitMilliseconds = 10000;
        private const int LongestAnswer = 1 << 26;  // bytes; a power of two, as the buffer grows
        private const int LongestBacklog = 1 << 26;  // bytes that wait for a server that takes none

        private readonly object gate = new object();  // guards what follows: an attempt is either in flight or failed
        private readonly Dictionary<long, Attempt> attempts = new Dictionary<long, Attempt>();
        private long lastId;
        private bool isReady;  // the answer to hello is there, and calls go out at once
        private bool isRead = true;  // somebody reads: at first the thread
        private bool canCallersRead;  // the last of them could, so that the thread should leave it to the next
        private Func<Exception> loss;
        private Channel channel;

        private byte[] buffer = new byte[1 << 14];  // this and `count` belong to who reads
        private int count;  // bytes of a line that is not whole yet

        private readonly Queue<byte[]> unsent = new Queue<byte[]>();  // its own lock guards it and what follows
        private bool isWriting;
        private int unsentBytes;

        private readonly Thread thread;

        internal Connection(Func<Channel> dial, JsonObject hello)
        {
            thread = new Thread(() => Run(dial, hello)) { IsBackground = true, Name = "dues" };
            thread.Start();
        }

        /// <summary>Whether it is lost. Where nobody reads, what came meanwhile is read first: it may be the end.</summary>
        internal bool IsLost
        {
            get
            {
                lock (gate)
                {
                    if (loss != null || isRead) return loss != null;
                    isRead = true;
                }
                while (channel.Socket.Poll(0, SelectMode.SelectRead) && Read()) { }
                lock (gate)
                {
                    PassOn();
                    return loss != null;
                }
            }
        }

        internal void Begin(Attempt attempt)
        {
            lock (gate)
            {
                if (loss != null)
                {
                    attempt.Fail(loss);
                    return;
                }
                attempt.Id = ++lastId;
                attempts.Add(attempt.Id, attempt);
                canCallersRead = attempt.CanLead;
                if (!isRead) PassOn();
                if (!isReady) return;
            }
            Send(attempt);
        }

        /// <summary>Reads for all until there is something for `attempt`, or its time is over.</summary>
        internal void Lead(Attempt attempt, int milliseconds)
        {
            const int longest = int.MaxValue / 1000;
            var clock = Stopwatch.StartNew();
            for (long left; !attempt.HasArrived && (left = milliseconds - clock.ElapsedMilliseconds) > 0;)
                if (channel.Socket.Poll((int)Math.Min(left, longest) * 1000, SelectMode.SelectRead)) Read();
            lock (gate)
            {
                attempt.IsLeader = attempt.CanLead = false;
                PassOn();
            }
        }

        /// <summary>Nobody reads: now the caller does who alone is in flight, if he can, else the thread if it must.</summary>
        private void PassOn()
        {
            var next = attempts.Count == 1 ? attempts.Values.First() : null;
            isRead = next != null && next.CanLead;
            if (isRead) next.Appoint();
            else if (attempts.Count > 0 || loss != null) Monitor.Pulse(gate);
        }

        /// <summary>Takes back an attempt that nobody waits for any more; the server is told if it does not know.</summary>
        internal void Abandon(Attempt attempt)
        {
            lock (gate)
            {
                var isKnown = attempts.Remove(attempt.Id) && isReady;
                if (attempt.IsLeader) PassOn();  // it was appointed too late
                attempt.IsLeader = false;
                if (!isKnown) return;
            }
            Write(Call.Line("rpc.cancel", new Dictionary<string, object> { ["id"] = attempt.Id }));
        }

        /// <summary>Tells the server that no more calls will come, and waits while it ends the streams.</summary>
        internal void EndStreams(TimeSpan patience)
        {
            if (!HasStreams) return;
            channel.EndOutput();
            SpinWait.SpinUntil(() => !HasStreams, patience);
        }

        /// <summary>Once there are no other calls any more.</summary>
        private bool HasStreams
        {
            get
            {
                lock (gate) return attempts.Count > 0 && isReady;
            }
        }

        /// <summary>Ends the connection from this side.</summary>
        internal void Close() => Lose(new IOException("the client was closed"));

        /// <summary>Waits until what a closed connection stood on has ended too.</summary>
        internal void Join()
        {
            if (thread.Join(ExitMilliseconds)) return;
            channel?.Dispose();
            thread.Join(ExitMilliseconds);
        }

        private void Run(Func<Channel> dial, JsonObject hello)
        {
            try
            {
                using (var dialled = dial())
                {
                    lock (gate)
                    {
                        if (loss != null) return;
                        channel = dialled;
                    }
                    Write(Call.Line("rpc.hello", hello, 0));
                    while (Read()) WaitForTurn();
                }
            }
            catch (Exception error)  // whatever it was: those who wait must know
            {
                Lose(error);
            }
        }

        /// <summary>Leaves the reading to callers who can, until somebody must read and nobody does.</summary>
        private void WaitForTurn()
        {
            lock (gate)
            {
                if (!canCallersRead || !isReady || channel.Socket == null) return;
                PassOn();
                while (isRead || (attempts.Count == 0 && loss == null)) Monitor.Wait(gate);
                isRead = true;
            }
        }

        /// <summary>Reads what is there, once there is something; false where the connection is lost.</summary>
        private bool Read()
        {
            try
            {
                var read = channel.Input.Read(buffer, count, buffer.Length - count);
                if (read <= 0) throw new EndOfStreamException("the server ended it");
                var start = 0;
                var filled = count + read;
                for (int end; (end = Array.IndexOf(buffer, (byte)'\n', count, filled - count)) >= 0; start = count = end + 1)
                    if (end > start) Take(Json.Read(buffer, start, end - start) as JsonObject);
                count = filled - start;
                Buffer.BlockCopy(buffer, start, buffer, 0, count);
                if (count == LongestAnswer) throw new FormatException("a line of the server's is too long");
                if (count == buffer.Length) Array.Resize(ref buffer, count * 2);
                return true;
            }
            catch (Exception error)  // whatever it was: those who wait must know
            {
                Lose(error);
                return false;
            }
        }

        private void Take(JsonObject message)
        {
            if (message == null) throw new FormatException("a line of the server's is no object");
            if (message.ContainsKey("method")) TakeValue(Wire.Raw(message, "params") ?? Wire.Nothing);
            else if (!isReady) TakeHello(message);  // only who reads makes it true
            else TakeAnswer(message);
        }

        private void TakeHello(JsonObject message)
        {
            if (Wire.Raw(message, "error") is JsonObject refusal)
            {
                Lose(() => new DuesException(refusal));
                return;
            }
            List<Attempt> waiting;
            lock (gate)
            {
                isReady = true;
                waiting = attempts.Values.ToList();
            }
            waiting.ForEach(Send);
        }

        private void TakeAnswer(JsonObject message)
        {
            var error = Wire.Raw(message, "error");
            Attempt attempt;
            lock (gate)
            {
                // An error without an id is about a line that the server could not read: whose, is plain if there is one.
                var id = Wire.Integer(message, "id") ?? (error != null && attempts.Count == 1 ? attempts.Keys.First() : -1);
                if (!attempts.TryGetValue(id, out attempt)) return;  // nobody waits for it any more
                attempts.Remove(id);
            }
            if (error != null) attempt.Fail(() => new DuesException(error));
            else attempt.Finish(Wire.Raw(message, "result") ?? Wire.Nothing);
        }

        private void TakeValue(JsonObject parameters)
        {
            Attempt attempt;
            lock (gate) if (!attempts.TryGetValue(Wire.Integer(parameters, "id") ?? -1, out attempt)) return;
            if (!attempt.Add(Wire.Raw(parameters, "value") ?? Wire.Nothing)) Abandon(attempt);
        }

        private void Send(Attempt attempt)
        {
            byte[] line;
            try
            {
                line = attempt.Call.Line(attempt.Id);
            }
            catch (ArgumentException error)  // params that JSON cannot say, or too many of them
            {
                lock (gate) attempts.Remove(attempt.Id);
                attempt.Fail(() => error);
                return;
            }
            Write(line);
        }

        /// <summary>
        /// Who finds somebody writing leaves his line to him. So lines stay whole, and no more than one thread ever waits for
        /// the server to take them: under TLS on Mono a write needs the thread pool, which others would fill by waiting.
        /// </summary>
        private void Write(byte[] line)
        {
            try
            {
                lock (unsent)
                {
                    if (unsentBytes > LongestBacklog) throw new IOException("the server takes nothing");
                    unsentBytes += line.Length;
                    unsent.Enqueue(line);
                    if (isWriting) return;
                    isWriting = true;
                }
                while (true)
                {
                    lock (unsent)
                    {
                        isWriting = unsent.Count > 0;
                        if (!isWriting) return;
                        line = unsent.Dequeue();
                        unsentBytes -= line.Length;
                    }
                    channel.Output.Write(line, 0, line.Length);
                    channel.Output.Flush();
                }
            }
            catch (Exception error)
            {
                Lose(error);  // isWriting stays true: nothing is written any more
            }
        }

        /// <summary>Everybody who waits is told, and whoever reads meets the end.</summary>
        private void Lose(Exception cause) => Lose(() => DuesException.ConnectionLost(cause));

        private void Lose(Func<Exception> problem)
        {
            List<Attempt> lost;
            lock (gate)
            {
                if (loss != null) return;
                loss = problem;
                lost = attempts.Values.ToList();
                attempts.Clear();
                Monitor.Pulse(gate);
            }
            lost.ForEach(attempt => attempt.Fail(problem));
            channel?.Close();
        }
    }
}
