using System;
using System.Linq;
using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
#if __MonoCS__
using System.Reflection;
using Mono.Security.Interface;
#endif

namespace Dues
{
    /// <summary>Which servers are trusted. Where authorities are given, the system's own do not count.</summary>
    internal sealed class Trust
    {
        private readonly string host;
        private readonly X509Certificate2Collection authorities;

        internal Trust(string host, X509Certificate2Collection authorities)
        {
            this.host = host;
            this.authorities = authorities;
        }

        internal bool Covers(object sender, X509Certificate certificate, X509Chain given, SslPolicyErrors errors)
        {
            if (authorities == null || certificate == null) return errors == SslPolicyErrors.None;
            using (var server = new X509Certificate2(certificate))
                return LeadsToUs(server, given.ChainPolicy.ExtraStore, errors);
        }

#if __MonoCS__
        /// <summary>Mono's X509Chain knows no elliptic curves; its TLS does, but only names of hosts.</summary>
        private bool LeadsToUs(X509Certificate2 server, X509Certificate2Collection others, SslPolicyErrors errors)
        {
            var settings = MonoTlsSettings.CopyDefaultSettings();
            settings.TrustAnchors = authorities;
            const BindingFlags hidden = BindingFlags.Instance | BindingFlags.NonPublic;
            typeof(MonoTlsSettings).GetProperty("CertificateSearchPaths", hidden)
                .SetValue(settings, new[] { "@trusted" });
            var isAddress = IPAddress.TryParse(host, out var address);
            if (isAddress && !Names(server, address)) return false;
            var certificates = new X509CertificateCollection { server };
            certificates.AddRange(others);
            var validator = CertificateValidationHelper.GetValidator(settings);
            return validator.ValidateCertificate(isAddress ? null : host, false, certificates).Trusted;
        }

        /// <summary>Whether an address is among the alternative names, whose tag is 7: RFC 5280, 4.2.1.6.</summary>
        private static bool Names(X509Certificate2 server, IPAddress address)
        {
            var bytes = address.GetAddressBytes();
            var name = BitConverter.ToString(new byte[] { 0x87, (byte)bytes.Length }.Concat(bytes).ToArray());
            var names = server.Extensions["2.5.29.17"];
            return names != null && BitConverter.ToString(names.RawData).Contains(name);
        }
#else
        private bool LeadsToUs(X509Certificate2 server, X509Certificate2Collection others, SslPolicyErrors errors)
        {
            using (var chain = new X509Chain())
            {
                chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
                chain.ChainPolicy.VerificationFlags = X509VerificationFlags.AllowUnknownCertificateAuthority;
                chain.ChainPolicy.ApplicationPolicy.Add(new Oid("1.3.6.1.5.5.7.3.1"));  // server authentication
                chain.ChainPolicy.ExtraStore.AddRange(authorities);
                chain.ChainPolicy.ExtraStore.AddRange(others);
                if (!chain.Build(server) || (errors & ~SslPolicyErrors.RemoteCertificateChainErrors) != 0) return false;
                var root = chain.ChainElements[chain.ChainElements.Count - 1].Certificate.RawData;
                return authorities.Cast<X509Certificate2>().Any(authority => authority.RawData.SequenceEqual(root));
            }
        }
#endif
    }
}
