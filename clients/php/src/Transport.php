<?php

declare(strict_types=1);

namespace Dues;

/** How a client comes to its server. */
final class Transport
{
    /** Seconds that a server that was started may take to end. */
    private const GRACE = 10;

    /** @var resource|null the server that was started; it keeps its pipes open */
    private mixed $process = null;

    /** @var resource */
    private readonly mixed $context;

    /**
     * @param string|null $address empty until the server has said it; null for one that is not dialled
     * @param list<string> $command none for a server that runs already
     * @param array<string, mixed> $tls
     */
    private function __construct(
        private ?string $address,
        private readonly array $command = [],
        #[\SensitiveParameter] array $tls = [],
    ) {
        $this->context = stream_context_create(['socket' => ['tcp_nodelay' => true], 'ssl' => $tls]);
    }

    /**
     * Dials a server by TCP, TLS or a Unix socket.
     *
     * @param string $address as PHP writes them: tcp://HOST:PORT, tls://HOST:PORT or unix:///PATH
     * @param array<string, mixed> $tls PHP's SSL context options, such as cafile or local_cert
     */
    public static function dial(string $address, #[\SensitiveParameter] array $tls = []): self
    {
        return new self($address, tls: $tls);
    }

    /**
     * Starts a server, and speaks to its standard streams: ['dues', 'stdio', '--sandbox'].
     *
     * @param list<string> $command
     */
    public static function stdio(array $command): self
    {
        return new self(null, $command);
    }

    /**
     * Starts a server, and dials it at the address that it prints: ['dues', 'serve', '--tcp', '127.0.0.1:0'].
     *
     * @param list<string> $command
     */
    public static function serve(array $command): self
    {
        return new self('', $command);
    }

    /**
     * Makes a connection, within $seconds.
     *
     * @internal
     * @return array{resource, resource} what to read from and what to write to: twice the same, for a socket
     * @throws DuesException with the reason CONNECTION_LOST
     */
    public function open(float $seconds): array
    {
        // The first warning says most: why TLS failed, it alone tells.
        set_error_handler(static fn (int $level, string $text) => throw DuesException::own('CONNECTION_LOST', $text));
        try {
            $isRunning = $this->process !== null && proc_get_status($this->process)['running'];
            if ($this->command !== [] && ($this->address === null || !$isRunning)) {
                $this->close();
                $this->process = proc_open($this->command, [['socket'], ['socket']], $pipes);
                if ($this->address === null) {
                    return [$pipes[1], $pipes[0]];
                }
                stream_set_timeout($pipes[1], (int) ceil($seconds));
                $handshake = json_decode((string) fgets($pipes[1], 1 << 16));
                if (!isset($handshake->tcp)) {
                    $this->close();
                    throw DuesException::own('CONNECTION_LOST', 'The server does not say where it listens.');
                }
                $this->address = "tcp://$handshake->tcp";
            }
            $socket = stream_socket_client($this->address, timeout: $seconds, context: $this->context);
            return [$socket, $socket];
        } finally {
            restore_error_handler();
        }
    }

    /** @internal ends what stands behind the connection, which is closed already */
    public function close(): void
    {
        if ($this->process === null) {
            return;
        }
        if ($this->address !== null) {  // without one, it ends with its input
            proc_terminate($this->process);
        }
        for ($left = self::GRACE; proc_get_status($this->process)['running']; $left -= 0.002) {
            if ($left <= 0) {
                proc_terminate($this->process, 9);
            }
            usleep(2000);
        }
        proc_close($this->process);
        $this->process = null;
    }
}
