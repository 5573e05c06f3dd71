using System;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Reflection;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Threading;

namespace Dues
{
    internal sealed class TlsTransport : TcpTransport
    {
        private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";

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
            stream.ReadTimeout = Timeout.Infinite;
            return secure;
        }

        /// <summary>Where authorities are given, the system's own do not count.</summary>
        private bool IsTrusted(object sender, X509Certificate certificate, X509Chain chain, SslPolicyErrors errors)
        {
            if (authorities == null || certificate == null) return errors == SslPolicyErrors.None;
            var server = new X509Certificate2(certificate);
            var others = new X509Certificate2Collection(chain.ChainPolicy.ExtraStore);
            foreach (var element in chain.ChainElements) others.Add(element.Certificate);
            var mono = Type.GetType("Mono.Security.Interface.CertificateValidationHelper, Mono.Security");
            return mono != null
                ? IsTrustedByMono(mono, server, others)
                : (errors & ~SslPolicyErrors.RemoteCertificateChainErrors) == 0 && LeadsToUs(server, others);
        }

        /// <summary>Whether the chain, built anew, ends with one of our authorities.</summary>
        private bool LeadsToUs(X509Certificate2 server, X509Certificate2Collection others)
        {
            using (var chain = new X509Chain())
            {
                chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
                chain.ChainPolicy.VerificationFlags = X509VerificationFlags.AllowUnknownCertificateAuthority;
                chain.ChainPolicy.ApplicationPolicy.Add(new Oid(ServerAuthentication));
                chain.ChainPolicy.ExtraStore.AddRange(authorities);
                chain.ChainPolicy.ExtraStore.AddRange(others);
                if (!chain.Build(server)) return false;
                var last = chain.ChainElements[chain.ChainElements.Count - 1].Certificate.RawData;
                return authorities.Cast<X509Certificate2>().Any(authority => authority.RawData.SequenceEqual(last));
            }
        }

        /// <summary>
        /// Mono's X509Chain knows no elliptic curves, and where the authority is unknown its errors say nothing of the name. But
        /// its TLS has a validator that can be given authorities; only addresses are no names to it.
        /// </summary>
        private bool IsTrustedByMono(Type mono, X509Certificate2 server, X509Certificate2Collection others)
        {
            const BindingFlags any = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;
            var type = mono.Assembly.GetType("Mono.Security.Interface.MonoTlsSettings");
            var settings = type.GetMethod("CopyDefaultSettings").Invoke(null, null);
            type.GetProperty("TrustAnchors").SetValue(settings, authorities);
            type.GetProperty("CertificateSearchPaths", any).SetValue(settings, new[] { "@trusted" });
            var validator = mono.GetMethod("GetValidator").Invoke(null, new[] { settings });
            var isAddress = IPAddress.TryParse(Host, out var address);
            if (isAddress && !IsFor(address, server)) return false;
            var certificates = new X509CertificateCollection { server };
            certificates.AddRange(others);
            var validate = mono.GetMethod("GetValidator").ReturnType.GetMethod("ValidateCertificate");
            var result = validate.Invoke(validator, new object[] { isAddress ? null : Host, false, certificates });
            return (bool)result.GetType().GetProperty("Trusted").GetValue(result);
        }

        /// <summary>Whether an address is among a certificate's alternative names: RFC 5280, 4.2.1.6.</summary>
        private static bool IsFor(IPAddress address, X509Certificate2 certificate)
        {
            const byte addressTag = 0x87;
            var names = certificate.Extensions["2.5.29.17"]?.RawData ?? new byte[0];
            for (var at = Head(names, 0).Start; at < names.Length;)
            {
                var (start, length) = Head(names, at);
                var value = names.Skip(start).Take(length);
                if (names[at] == addressTag && value.SequenceEqual(address.GetAddressBytes())) return true;
                at = start + length;
            }
            return false;
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
