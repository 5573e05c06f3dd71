using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Dues
{
    internal sealed class TlsTransport : TcpTransport
    {
        private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1", SubjectAlternativeName = "2.5.29.17";
        private const byte DnsName = 0x82, IPAddressName = 0x87;  // RFC 5280, 4.2.1.6: context-specific tags 2 and 7

        private readonly X509Certificate2Collection authorities, own = new X509Certificate2Collection();

        internal TlsTransport(string host, int port, X509Certificate2Collection authorities, X509Certificate2 certificate)
            : base(host, port)
        {
            this.authorities = authorities;
            if (certificate != null) own.Add(certificate);
        }

        internal override Stream Over(NetworkStream stream)
        {
            stream.ReadTimeout = DialMilliseconds;
            var secure = new SslStream(stream, leaveInnerStreamOpen: false, IsTrusted);
            secure.AuthenticateAsClient(Host, own, SslProtocols.None, checkCertificateRevocation: false);
            stream.ReadTimeout = System.Threading.Timeout.Infinite;
            return secure;
        }

        private bool IsTrusted(object sender, X509Certificate certificate, X509Chain chain, SslPolicyErrors errors)
        {
            if (authorities == null || certificate == null) return errors == SslPolicyErrors.None;
            // Mono looks at neither the name nor the usage where it does not know the authority: so they are looked at here.
            var server = new X509Certificate2(certificate);
            if ((errors & SslPolicyErrors.RemoteCertificateNameMismatch) != 0 || !IsFor(Host, server)) return false;
            var usages = server.Extensions.OfType<X509EnhancedKeyUsageExtension>().Select(one => one.EnhancedKeyUsages);
            if (!usages.All(one => one.Cast<Oid>().Any(usage => usage.Value == ServerAuthentication))) return false;
            // The system's own authorities do not count: the chain is built anew, and must end with one of ours.
            using (var ours = new X509Chain())
            {
                ours.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
                ours.ChainPolicy.VerificationFlags = X509VerificationFlags.AllowUnknownCertificateAuthority;
                ours.ChainPolicy.ExtraStore.AddRange(authorities);
                ours.ChainPolicy.ExtraStore.AddRange(chain.ChainPolicy.ExtraStore);
                foreach (var element in chain.ChainElements) ours.ChainPolicy.ExtraStore.Add(element.Certificate);
                if (!ours.Build(server)) return false;
                var last = ours.ChainElements[ours.ChainElements.Count - 1].Certificate.RawData;
                return authorities.Cast<X509Certificate2>().Any(authority => authority.RawData.SequenceEqual(last));
            }
        }

        /// <summary>Whether one of a certificate's names, or what its wildcard stands for, is that of the host.</summary>
        internal static bool IsFor(string host, X509Certificate2 certificate)
        {
            var names = Names(certificate.Extensions[SubjectAlternativeName]?.RawData ?? new byte[0]).ToList();
            if (IPAddress.TryParse(host, out var address))
                return names.Any(name => name.Tag == IPAddressName && name.Value.SequenceEqual(address.GetAddressBytes()));
            var parent = host.Substring(Math.Max(0, host.IndexOf('.')));
            var accepted = parent.IndexOf('.', 1) > 0 ? new[] { host, "*" + parent } : new[] { host };
            return names.Where(name => name.Tag == DnsName).Any(
                name => accepted.Contains(Encoding.ASCII.GetString(name.Value), StringComparer.OrdinalIgnoreCase));
        }

        /// <summary>The parts of a sequence in DER. What is cut short has none further.</summary>
        private static IEnumerable<(byte Tag, byte[] Value)> Names(byte[] sequence)
        {
            for (var at = Head(sequence, 0).Start; at < sequence.Length;)
            {
                var (start, length) = Head(sequence, at);
                if (length > sequence.Length - start) yield break;
                yield return (sequence[at], sequence.Skip(start).Take(length).ToArray());
                at = start + length;
            }
        }

        /// <summary>Where the value begins whose tag is there, and its length: in one byte, or as many as that says.</summary>
        private static (int Start, int Length) Head(byte[] bytes, int at)
        {
            const int isLong = 0x80;
            if (at + 1 >= bytes.Length) return (bytes.Length, 0);
            var first = bytes[at + 1];
            if (first < isLong) return (at + 2, first);
            var lengthBytes = bytes.Skip(at + 2).Take(Math.Min(first - isLong, 3));
            return (at + 2 + first - isLong, lengthBytes.Aggregate(0, (length, one) => (length << 8) | one));
        }
    }
}
