<?php

declare(strict_types=1);

namespace Dues;

/** A server that is started when the client first needs it, and ends with the client. */
final class Spawned implements Transport
{
    /** Seconds that it may take to finish what is in flight. */
    private const GRACE = 10.0;

    /** Bytes that a handshake may have. */
    private const LONGEST_LINE = 1 << 16;

    /** @var resource|null it keeps its pipes open, and closes them */
    private mixed $process = null;

    private ?Socket $socket = null;

    /**
     * @param list<string> $command
     * @param array<string, string>|null $environment
     */
    private function __construct(
        private readonly array $command,
        #[\SensitiveParameter]
        private readonly ?array $environment,
        private readonly bool $isDialled,
    ) {
    }

    /**
     * A server that is spoken to over its standard streams, such as ['dues', 'stdio', '--sandbox'].
     *
     * @param list<string> $command
     * @param array<string, string>|null $environment its whole environment; null for ours
     */
    public static function stdio(array $command, #[\SensitiveParameter] ?array $environment = null): self
    {
        return new self($command, $environment, isDialled: false);
    }

    /**
     * A server that is dialled at the address which it prints, such as ['dues', 'serve', '--tcp', '127.0.0.1:0'].
     *
     * @param list<string> $command
     * @param array<string, string>|null $environment its whole environment; null for ours
     */
    public static function serve(array $command, #[\SensitiveParameter] ?array $environment = null): self
    {
        return new self($command, $environment, isDialled: true);
    }

    public function open(float $seconds): array
    {
        if ($this->socket !== null && proc_get_status($this->process)['running']) {
            return $this->socket->open($seconds);
        }
        $this->close();
        $streams = [1 => ['pipe', 'w']] + ($this->isDialled ? [['file', '/dev/null', 'r']] : [['pipe', 'r']]);
        $process = @proc_open($this->command, $streams, $pipes, null, $this->environment);
        if ($process === false) {
            throw DuesException::connectionLost("{$this->command[0]} cannot be started.");
        }
        $this->process = $process;
        if (!$this->isDialled) {
            return [$pipes[1], $pipes[0]];
        }
        $this->socket = new Socket('tcp://' . $this->handshake($pipes[1], $seconds));
        return $this->socket->open($seconds);
    }

    /**
     * The address in the one line that the server prints once it listens.
     *
     * @param resource $output
     */
    private function handshake(mixed $output, float $seconds): string
    {
        stream_set_blocking($output, false);
        $line = '';
        $deadline = microtime(true) + $seconds;
        while (
            !str_ends_with($line, "\n") && !feof($output) && strlen($line) < self::LONGEST_LINE - 1
            && ($left = $deadline - microtime(true)) > 0
        ) {
            $readable = [$output];
            $none = null;
            if (@stream_select($readable, $none, $none, (int) $left, (int) (fmod($left, 1) * 1_000_000))) {
                $line .= fgets($output, self::LONGEST_LINE - strlen($line));
            }
        }
        $address = json_decode($line)->tcp ?? null;
        if (!is_string($address)) {
            $this->close();
            throw DuesException::connectionLost("{$this->command[0]} did not say where it listens.");
        }
        return $address;
    }

    public function close(): void
    {
        if ($this->process === null) {
            return;
        }
        // A stdio server ends with its input, which is closed.
        if ($this->isDialled) {
            proc_terminate($this->process);
        }
        $deadline = microtime(true) + self::GRACE;
        for ($pause = 500; proc_get_status($this->process)['running']; $pause = min(2 * $pause, 20_000)) {
            if (microtime(true) >= $deadline) {
                proc_terminate($this->process, 9);
            }
            usleep($pause);
        }
        proc_close($this->process);
        $this->process = $this->socket = null;
    }

    /** @return array<string, mixed> */
    public function __debugInfo(): array
    {
        return ['command' => $this->command[0]];
    }
}
