using System;
using System.Diagnostics;
using System.IO;
using System.Runtime.InteropServices;
using System.Text;

namespace Dues
{
    using JsonObject = System.Collections.Generic.IReadOnlyDictionary<string, object>;

    /// <summary>A server of this process's own.</summary>
    internal sealed class Child
    {
        private const int Terminate = 15;
        private readonly Process process;

        internal Child(ProcessStartInfo command)
        {
            command.UseShellExecute = false;
            command.RedirectStandardInput = command.RedirectStandardOutput = true;
            process = Process.Start(command);
            Input = process.StandardInput.BaseStream;
            Output = process.StandardOutput.BaseStream;
        }

        internal Stream Input { get; }
        internal Stream Output { get; }
        internal bool HasExited => process.HasExited;

        internal void AskToExit()
        {
            if (HasExited) return;
            try
            {
                Signal(process.Id, Terminate);
            }
            catch (DllNotFoundException)
            {
                process.Kill();  // Windows has no such signal
            }
        }

        /// <summary>Waits for its exit, which is forced in the end.</summary>
        internal void Reap()
        {
            if (!process.WaitForExit(Channel.ExitMilliseconds)) process.Kill();
            process.WaitForExit();
            process.Dispose();
        }

        [DllImport("libc", EntryPoint = "kill")]
        private static extern int Signal(int process, int signal);
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

            internal override void Close() => Output.Dispose();

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
                child.AskToExit();
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
