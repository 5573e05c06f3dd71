using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Threading;
using System.Threading.Tasks;

namespace Dues
{
    using JsonObject = IReadOnlyDictionary<string, object>;

    /// <summary>How a server is reached. It belongs to the client that it is given to.</summary>
    public sealed class Transport
    {
        private const int DialMilliseconds = 10000;

        /// <summary>A server that takes nothing for so long will not answer either.</summary>
        private const int WriteMilliseconds = 10000;

        private Transport(Func<Channel> dial, Action end = null)
        {
            Dial = dial;
            End = end ?? (() => { });
        }

        internal Func<Channel> Dial { get; }

        /// <summary>Ends what was spawned for more than one connection.</summary>
        internal Action End { get; }

        /// <summary>A TCP connection; for loopback, or behind something that encrypts.</summary>
        public static Transport Tcp(string host = "127.0.0.1", int port = 7171) =>
            new Transport(() => OpenTcp(host, port));

        /// <summary>TLS. Without authorities of its own it trusts those of the system.</summary>
        /// <param name="host">Where the server is, and what its certificate must say.</param>
        /// <param name="port">Its port.</param>
        /// <param name="authorities">The certificates of the authorities to trust, and no others.</param>
        /// <param name="certificate">The client's own, with its key, for a server that asks for one.</param>
        public static Transport Tls(
            string host, int port, X509Certificate2Collection authorities = null, X509Certificate2 certificate = null) =>
            new Transport(() => OpenTcp(host, port, stream =>
            {
                var own = new X509CertificateCollection();
                if (certificate != null) own.Add(certificate);
                var secure = new SslStream(stream, leaveInnerStreamOpen: false, new Trust(host, authorities).Covers);
                InTime(secure.AuthenticateAsClientAsync(host, own, SslProtocols.None, checkCertificateRevocation: false));
                return secure;
            }));

        /// <summary>A Unix socket.</summary>
        public static Transport Unix(string path) => new Transport(() =>
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            return Open(socket, () => socket.ConnectAsync(new UnixPlace(path)));
        });

        /// <summary>A server that is spawned for the connection, and spoken to over its standard streams.</summary>
        public static Transport Stdio(ProcessStartInfo command) => new Transport(() =>
        {
            var server = new Child(command);
            return new Channel(server.Output, server.Input, server.EndInput, () => server.End(server.EndInput));
        });

        /// <summary>A server that is spawned, and dialled where the first line of its output says.</summary>
        public static Transport Serve(ProcessStartInfo command)
        {
            Child server = null;
            Task<string> place = null;
            return new Transport(
                () =>
                {
                    if (server == null || server.HasExited)
                    {
                        server = new Child(command);
                        place = server.FirstLine();
                    }
                    InTime(place);
                    var tcp = Wire.Text(Json.Read(place.Result) as JsonObject ?? Wire.Nothing, "tcp")
                        ?? throw new IOException("the server does not listen on TCP");
                    var colon = tcp.LastIndexOf(':');
                    return Tcp(tcp.Substring(0, colon).Trim('[', ']'), int.Parse(tcp.Substring(colon + 1))).Dial();
                },
                () => server?.End(server.Terminate));
        }

        private static Channel OpenTcp(string host, int port, Func<NetworkStream, Stream> secure = null)
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
            return Open(socket, () => socket.ConnectAsync(host, port), secure);
        }

        private static Channel Open(Socket socket, Func<Task> connect, Func<NetworkStream, Stream> secure = null)
        {
            try
            {
                InTime(connect());
                var stream = new NetworkStream(socket, ownsSocket: true) { WriteTimeout = WriteMilliseconds };
                var secured = secure?.Invoke(stream) ?? stream;
                Action endOutput = () =>
                {
#if NETCOREAPP  // the others cannot say so under TLS
                    (secured as SslStream)?.ShutdownAsync().Wait(DialMilliseconds);
#endif
                    socket.Shutdown(SocketShutdown.Send);
                };
                Action end = () =>
                {
                    socket.Shutdown(SocketShutdown.Both);
                    socket.Dispose();
                };
                return new Channel(secured, secured, endOutput, end, secure == null ? socket : null);
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        }

        private static void InTime(Task dialling)
        {
            if (!dialling.Wait(DialMilliseconds)) throw new IOException("nobody answered");
        }

        /// <summary>UnixDomainSocketEndPoint, which neither .NET Standard 2.0 nor Mono has.</summary>
        private sealed class UnixPlace : EndPoint
        {
            private readonly byte[] path;

            internal UnixPlace(string path) => this.path = Encoding.UTF8.GetBytes(path + "\0");

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

    /// <summary>Two streams to a server, and how they are ended.</summary>
    internal sealed class Channel
    {
        private readonly Action endOutput, end;

        internal Channel(Stream input, Stream output, Action endOutput, Action end, Socket socket = null)
        {
            Input = input;
            Output = output;
            Socket = socket;
            this.endOutput = endOutput;
            this.end = end;
        }

        internal Stream Input { get; }
        internal Stream Output { get; }

        /// <summary>Whose bytes are those of the input, so that it can be asked for them; else null.</summary>
        internal Socket Socket { get; }

        /// <summary>Tells the server that nothing more will come, so that it ends what it streams.</summary>
        internal void EndOutput() => Try(endOutput);

        /// <summary>Ends it, so that who reads sees the end, and what it stands on; also more than once.</summary>
        internal void End() => Try(end);

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
    }
}
