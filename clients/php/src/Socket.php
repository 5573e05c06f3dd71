<?php

declare(strict_types=1);

namespace Dues;

/** A server that is dialled by TCP, TLS or a Unix socket. */
final class Socket implements Transport
{
    /**
     * @param string $address as PHP writes them: tcp://HOST:PORT, tls://HOST:PORT or unix:///PATH
     * @param array<string, mixed> $tls PHP's SSL context options, such as cafile or local_cert
     */
    public function __construct(
        private readonly string $address,
        #[\SensitiveParameter]
        private readonly array $tls = [],
    ) {
    }

    public function open(float $seconds): array
    {
        $context = stream_context_create(['socket' => ['tcp_nodelay' => true], 'ssl' => $this->tls]);
        $warning = '';
        set_error_handler(static function (int $level, string $text) use (&$warning): bool {
            $warning = $warning ?: $text;  // the first says most: why TLS failed, it alone tells
            return true;
        });
        try {
            $stream = stream_socket_client($this->address, $number, $message, $seconds, STREAM_CLIENT_CONNECT, $context);
        } finally {
            restore_error_handler();
        }
        if ($stream === false) {
            throw DuesException::connectionLost("No connection to $this->address: " . ($message ?: $warning));
        }
        return [$stream, $stream];
    }

    public function close(): void
    {
    }

    /** @return array<string, mixed> */
    public function __debugInfo(): array
    {
        return ['address' => $this->address];
    }
}
