using System;
using System.Diagnostics;
using System.IO;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Dues
{
    /// <summary>How a server is reached. It belongs to the client that it is given to.</summary>
    public abstract class Transport : IDisposable
    {
        private protected Transport() { }

        internal abstract Channel Dial();

        /// <summary>Ends what was spawned.</summary>
        public virtual void Dispose() { }

        /// <summary>A TCP connection; for loopback, or behind something that encrypts.</summary>
        public static Transport Tcp(string host = "127.0.0.1", int port = 7171) => new TcpTransport(host, port);

        /// <summary>TLS. Without authorities of its own it trusts those of the system.</summary>
        /// <param name="host">Where the server is, and what its certificate must say.</param>
        /// <param name="port">Its port.</param>
        /// <param name="authorities">The certificates of the authorities to trust, and no others.</param>
        /// <param name="certificate">The client's own, with its key, where the server wants one.</param>
        public static Transport Tls(
            string host, int port, X509Certificate2Collection authorities = null, X509Certificate2 certificate = null) =>
            new TlsTransport(host, port, authorities, certificate);

        /// <summary>A Unix socket.</summary>
        public static Transport Unix(string path) => new UnixTransport(path);

        /// <summary>A server that is spawned for the connection, and spoken to over its standard streams.</summary>
        public static Transport Stdio(string program = "dues", string arguments = "stdio") =>
            Stdio(new ProcessStartInfo(program, arguments));

        /// <summary>The same, with an environment or a folder of its own.</summary>
        public static Transport Stdio(ProcessStartInfo command) => new StdioTransport(command);

        /// <summary>A server that is spawned, and dialled where the first line of its output says that it listens.</summary>
        public static Transport Serve(string program = "dues", string arguments = "serve --tcp 127.0.0.1:0") =>
            Serve(new ProcessStartInfo(program, arguments));

        /// <summary>The same, with an environment or a folder of its own.</summary>
        public static Transport Serve(ProcessStartInfo command) => new ServeTransport(command);
    }

    /// <summary>Two streams to a server, and what they stand on.</summary>
    internal abstract class Channel : IDisposable
    {
        internal Stream Input { get; private protected set; }
        internal Stream Output { get; private protected set; }

        /// <summary>Whose bytes are those of the input, so that it can be asked whether there are any; else null.</summary>
        internal Socket Socket { get; private protected set; }

        /// <summary>Tells the server that nothing more will come, so that it ends what it streams.</summary>
        internal abstract void EndOutput();

        /// <summary>Ends it, so that who reads sees the end. May be called more than once.</summary>
        internal abstract void Close();

        public abstract void Dispose();
    }

    internal sealed class SocketChannel : Channel
    {
        private readonly Socket socket;

        /// <summary>Takes over the socket.</summary>
        internal SocketChannel(Socket socket, Stream stream)
        {
            this.socket = socket;
            Input = Output = stream;
            Socket = stream is NetworkStream ? socket : null;
        }

        internal override void EndOutput() => Try(() =>
        {
#if !NETSTANDARD2_0  // which cannot say so under TLS; Mono can, but then reads no more
            (Input as SslStream)?.ShutdownAsync().GetAwaiter().GetResult();
#endif
            socket.Shutdown(SocketShutdown.Send);
        });

        internal override void Close() => Try(() => socket.Shutdown(SocketShutdown.Both));

        private static void Try(Action ending)
        {
            try
            {
                ending();
            }
            catch (Exception error) when (
                error is IOException || error is SocketException || error is InvalidOperationException)
            {
                // The server was first.
            }
        }

        public override void Dispose() => Input.Dispose();
    }

    internal class TcpTransport : Transport
    {
        private protected const int DialMilliseconds = 10000;

        /// <summary>A server that takes nothing for so long will not answer either.</summary>
        private const int WriteMilliseconds = 10000;

        private readonly int port;

        internal TcpTransport(string host, int port)
        {
            Host = host;
            this.port = port;
        }

        private protected string Host { get; }

        internal override Channel Dial()
        {
            Exception problem = null;
            foreach (var address in Dns.GetHostAddresses(Host))
            {
                var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
                try
                {
                    Connect(socket, new IPEndPoint(address, port));
                    return new SocketChannel(socket, Over(new NetworkStream(socket, ownsSocket: true)));
                }
                catch (Exception error)
                {
                    socket.Dispose();
                    problem = error;
                }
            }
            throw problem ?? new IOException(Host + " has no address");
        }

        private static void Connect(Socket socket, EndPoint place)
        {
            var connecting = socket.BeginConnect(place, null, null);
            if (!connecting.AsyncWaitHandle.WaitOne(DialMilliseconds)) throw new IOException("nobody answered at " + place);
            socket.EndConnect(connecting);
            socket.NoDelay = true;
            socket.SendTimeout = WriteMilliseconds;
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
        }

        internal virtual Stream Over(NetworkStream stream) => stream;
    }

    internal sealed class UnixTransport : Transport
    {
        private readonly string path;

        internal UnixTransport(string path) => this.path = path;

        internal override Channel Dial()
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            try
            {
                socket.Connect(new Place(path));
                return new SocketChannel(socket, new NetworkStream(socket, ownsSocket: true));
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        }

        /// <summary>UnixDomainSocketEndPoint, which neither .NET Standard 2.0 nor Mono has.</summary>
        private sealed class Place : EndPoint
        {
            private readonly byte[] path;

            internal Place(string path) => this.path = Encoding.UTF8.GetBytes(path + "\0");

            public override AddressFamily AddressFamily => AddressFamily.Unix;

            public override EndPoint Create(SocketAddress socketAddress) => this;

            public override SocketAddress Serialize()
            {
                var address = new SocketAddress(AddressFamily.Unix, 2 + path.Length);
                for (var at = 0; at < path.Length; at++) address[2 + at] = path[at];
                return address;
            }
        }
    }
}
