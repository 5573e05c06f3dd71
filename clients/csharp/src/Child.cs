using System;
using System.ComponentModel;
using System.Diagnostics;
using System.IO;
using System.Runtime.InteropServices;
using System.Threading.Tasks;

namespace Dues
{
    /// <summary>A server of this process's own.</summary>
    internal sealed class Child
    {
        private const int ExitMilliseconds = 10000;
        private const int Terminated = 15;

        private readonly Process process;

        /// <summary>A server with its standard input and output at our hands.</summary>
        internal Child(ProcessStartInfo command)
        {
            command.UseShellExecute = false;
            command.RedirectStandardInput = command.RedirectStandardOutput = true;
            try
            {
                process = Process.Start(command);
            }
            catch (Win32Exception error)  // which shows the whole command line, in which there may be secrets
            {
                throw new IOException($"{command.FileName} cannot be started (error {error.NativeErrorCode})");
            }
        }

        internal Stream Input => process.StandardInput.BaseStream;
        internal Stream Output => process.StandardOutput.BaseStream;
        internal bool HasExited => process.HasExited;

        /// <summary>The first line that it writes; the others are read too, or it would wait for a reader.</summary>
        internal Task<string> FirstLine()
        {
            var first = new TaskCompletionSource<string>();
            process.OutputDataReceived += (_, line) => first.TrySetResult(line.Data ?? "");
            process.BeginOutputReadLine();
            return first.Task;
        }

        /// <summary>Tells a server that is spoken to over its standard streams to end.</summary>
        internal void EndInput() => Input.Dispose();

        /// <summary>Tells a server that was dialled to end.</summary>
        internal void Terminate()
        {
            if (HasExited) return;
            try
            {
                Kill(process.Id, Terminated);
            }
            catch (DllNotFoundException)  // Windows has no such signal
            {
                process.Kill();
            }
        }

        /// <summary>Waits until it has ended, as it is told; in the end it must. Whoever comes second waits too.</summary>
        internal void End(Action tell)
        {
            try
            {
                tell();
            }
            finally  // for what it has not taken it will not take any more
            {
                lock (process)
                {
                    if (!process.WaitForExit(ExitMilliseconds)) process.Kill();
                    process.WaitForExit();
                    process.Dispose();
                }
            }
        }

        [DllImport("libc", EntryPoint = "kill")]
        private static extern int Kill(int process, int signal);
    }
}
