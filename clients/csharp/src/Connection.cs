using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;

namespace Dues
{
    using JsonObject = IReadOnlyDictionary<string, object>;

    /// <summary>
    /// One connection from its dialling to its loss. A thread of its own dials, says hello, and reads; who calls writes.
    /// </summary>
    internal sealed class Connection
    {
        private const int LongestAnswer = 1 << 26;  // bytes; a power of two, as the buffer grows

        private readonly object gate = new object();  // guards what follows: an attempt is either in flight or failed
        private readonly Dictionary<long, Attempt> attempts = new Dictionary<long, Attempt>();
        private long lastId;
        private bool isReady;  // the answer to hello is there, and calls go out at once
        private Func<Exception> loss;
        private Channel channel;

        private readonly object writing = new object();  // keeps lines whole
        private readonly Thread thread;

        internal Connection(Func<Channel> dial, JsonObject hello)
        {
            thread = new Thread(() => Run(dial, hello)) { IsBackground = true, Name = "dues" };
            thread.Start();
        }

        internal bool IsLost { get { lock (gate) return loss != null; } }

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
                if (!isReady) return;
            }
            Send(attempt);
        }

        /// <summary>Takes back an attempt that nobody waits for any more; the server is told if it does not know.</summary>
        internal void Abandon(Attempt attempt)
        {
            lock (gate) if (!attempts.Remove(attempt.Id) || !isReady) return;
            Write(Call.Line("rpc.cancel", new Dictionary<string, object> { ["id"] = attempt.Id }));
        }

        /// <summary>Ends the connection from this side.</summary>
        internal void Close() => Lose(new ObjectDisposedException(nameof(DuesClient)));

        /// <summary>Waits until what a closed connection stood on has ended too.</summary>
        internal void Join()
        {
            if (thread.Join(Channel.ExitMilliseconds)) return;
            channel?.Dispose();
            thread.Join(Channel.ExitMilliseconds);
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
                    Read(dialled.Input);
                    Lose(new EndOfStreamException("the server ended it"));
                }
            }
            catch (Exception error)  // whatever it was: those who wait must know
            {
                Lose(error);
            }
        }

        private void Read(Stream input)
        {
            var buffer = new byte[1 << 14];
            var count = 0;  // bytes of a line that is not whole yet
            for (int read; (read = input.Read(buffer, count, buffer.Length - count)) > 0;)
            {
                var start = 0;
                var filled = count + read;
                for (int end; (end = Array.IndexOf(buffer, (byte)'\n', count, filled - count)) >= 0; start = count = end + 1)
                    if (end > start) Take(Json.Read(buffer, start, end - start) as JsonObject);
                count = filled - start;
                Buffer.BlockCopy(buffer, start, buffer, 0, count);
                if (count == LongestAnswer) throw new FormatException("a line of the server's is too long");
                if (count == buffer.Length) Array.Resize(ref buffer, count * 2);
            }
        }

        private void Take(JsonObject message)
        {
            if (message == null) throw new FormatException("a line of the server's is no object");
            if (message.ContainsKey("method")) TakeValue(Wire.Raw(message, "params") ?? Wire.Nothing);
            else if (!isReady) TakeHello(message);  // only this thread makes it true
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

        private void Write(byte[] line)
        {
            try
            {
                lock (writing)
                {
                    channel.Output.Write(line, 0, line.Length);
                    channel.Output.Flush();
                }
            }
            catch (Exception error) when (error is IOException || error is ObjectDisposedException)
            {
                Lose(error);
            }
        }

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
            }
            channel?.Close();
            lost.ForEach(attempt => attempt.Fail(problem));
        }
    }
}
