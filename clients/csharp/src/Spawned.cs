using System;
using System.ComponentModel;
using System.Diagnostics;
using System.IO;
using System.Runtime.InteropServices;
using System.Threading;

namespace Dues
{
    using JsonObject = System.Collections.Generic.IReadOnlyDictionary<string, object>;

    /// <summary>A server of this process's own.</summary>
    internal sealed class Child
    {
        private const int ExitMilliseconds = 10000;
        private const int Terminate = 15;

        private readonly Process process;
        private readonly Stopwatch sinceAsked = new Stopwatch();
        private readonly object reaping = new object();  // the connection's thread and who closes it may meet here
        private bool isReaped;
        private int inputEnds;

        /// <summary>A server with its standard input and output at our hands.</summary>
        internal Child(ProcessStartInfo command)
        {
            command.UseShellExecute = false;
            command.RedirectStandardInput = command.RedirectStandardOutput = true;
            process = Start(command);
            Input = process.StandardInput.BaseStream;
            Output = process.StandardOutput.BaseStream;
        }

        internal Stream Input { get; }
        internal Stream Output { get; }
        internal bool HasExited => process.HasExited;

        /// <summary>A server that is spoken to over its standard streams ends with its input.</summary>
        internal void EndInput()
        {
            if (Interlocked.Increment(ref inputEnds) > 1) return;
            sinceAsked.Start();
            try
            {
                Input.Dispose();
            }
            catch (IOException)
            {
                // What it has not taken it will not take any more.
            }
        }

        /// <summary>One that was dialled is told by SIGTERM.</summary>
        internal void Signal()
        {
            sinceAsked.Start();
            if (HasExited) return;
            try
            {
                Kill(process.Id, Terminate);
            }
            catch (DllNotFoundException)
            {
                Force();  // Windows has no such signal
            }
        }

        /// <summary>Waits until it has exited, as it was asked; in the end it must.</summary>
        internal void Reap()
        {
            lock (reaping)
            {
                if (isReaped) return;
                isReaped = true;
                var left = Math.Max(0, ExitMilliseconds - sinceAsked.ElapsedMilliseconds);
                if (!process.WaitForExit((int)left)) Force();
                process.WaitForExit();
                process.Dispose();
            }
        }

        private void Force()
        {
            try
            {
                process.Kill();
            }
            catch (InvalidOperationException)
            {
                // It has exited just now.
            }
        }

        /// <summary>The system's own error shows the whole command line, in which there may be secrets.</summary>
        private static Process Start(ProcessStartInfo command)
        {
            try
            {
                return Process.Start(command);
            }
            catch (Win32Exception error)
            {
                throw new IOException($"{command.FileName} cannot be started (error {error.NativeErrorCode})");
            }
        }

        [DllImport("libc", EntryPoint = "kill")]
        private static extern int Kill(int process, int signal);
    }

    internal sealed class StdioTransport : Transport
    {
        private readonly ProcessStartInfo command;

        internal StdioTransport(ProcessStartInfo command) => this.command = command;

        internal override Channel Dial() => new ChildChannel(new Child(command));

        private sealed class ChildChannel : Channel
        {
            private readonly Child child;

            internal ChildChannel(Child child)
            {
                this.child = child;
                Input = child.Output;
                Output = child.Input;
            }

            internal override void EndOutput() => child.EndInput();

            internal override void Close() => child.EndInput();

            public override void Dispose()
            {
                Close();
                child.Reap();
            }
        }
    }

    internal sealed class ServeTransport : Transport
    {
        private const int LongestHandshake = 1 << 14;

        private readonly object gate = new object();  // guards what follows: no child is spawned once the client has ended
        private readonly ProcessStartInfo command;
        private Child child;
        private string place;
        private bool isDisposed;

        internal ServeTransport(ProcessStartInfo command) => this.command = command;

        /// <summary>Dials the server that was spawned; another one where it has exited.</summary>
        internal override Channel Dial()
        {
            lock (gate)
            {
                if (isDisposed) throw new ObjectDisposedException(nameof(DuesClient));
                if (child == null || child.HasExited)
                {
                    child?.Reap();
                    child = new Child(command);
                    place = null;
                }
            }
            place = place ?? Handshake(child.Output);
            var colon = place.LastIndexOf(':');
            return new TcpTransport(place.Substring(0, colon).Trim('[', ']'), int.Parse(place.Substring(colon + 1))).Dial();
        }

        public override void Dispose()
        {
            lock (gate)
            {
                isDisposed = true;
                if (child == null) return;
                child.Signal();
                child.Reap();
                child = null;
            }
        }

        private static string Handshake(Stream output)
        {
            var line = new byte[LongestHandshake];
            var length = 0;
            for (int next; (next = output.ReadByte()) != '\n'; line[length++] = (byte)next)
                if (next < 0 || length == line.Length) throw new IOException("the server did not say where it listens");
            output.CopyToAsync(Stream.Null);  // so that it never waits for a reader
            var place = Wire.Text(Json.Read(line, 0, length) as JsonObject ?? Wire.Nothing, "tcp");
            return place ?? throw new IOException("the server does not listen on TCP");
        }
    }
}
