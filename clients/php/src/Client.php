<?php

declare(strict_types=1);

namespace Dues;

use Dues\Internal\Attempts;
use Dues\Internal\Connection;
use Dues\Internal\Exchange;
use Dues\Internal\Loop;

/**
 * A client of a Dues server, with a method for each of the server's.
 *
 * It connects when the first call needs it, and again after the connection was lost. Calls that were started by async()
 * go on at once, over the one connection.
 */
final class Client
{
    use Methods;

    public const VERSION = '1.0.0';

    private const SECOND = 1_000_000_000;

    /** Seconds for what is in flight when the client is closed. */
    private const GRACE = 10;

    /** Seconds for a connection to be made, if the call has as many. */
    private const CONNECT = 10;

    /** Bytes that may wait to be written before further calls wait. */
    private const MOST_OUTPUT = 1 << 20;

    /** Null once the client is closed. */
    private ?Transport $transport;

    private readonly Loop $loop;

    private bool $takesCalls = true;

    /**
     * @param string|Transport $server tcp://HOST:PORT, tls://HOST:PORT, unix:///PATH, or one that is made otherwise
     * @param string|null $token for the server, given once a connection
     * @param float|null $timeout seconds, for calls that have none of their own
     * @param int $retries how often a call is made again, where that is safe and may help
     */
    public function __construct(
        string|Transport $server = 'tcp://127.0.0.1:7171',
        #[\SensitiveParameter]
        private readonly ?string $token = null,
        private readonly ?float $timeout = null,
        private readonly int $retries = 2,
    ) {
        $this->transport = is_string($server) ? new Socket($server) : $server;
        $this->loop = new Loop();
    }

    /**
     * Calls any method by its name on the wire.
     *
     * @param array<string, mixed> $params
     * @return mixed the result, its objects as \stdClass
     * @throws DuesException
     */
    public function call(
        string $method,
        #[\SensitiveParameter]
        array $params = [],
        ?CallOptions $options = null,
    ): mixed {
        $attempts = new Attempts($method, $options?->timeout ?? $this->timeout, $this->retries, $options);
        $this->takeCall();
        $exchange = null;
        while (true) {
            try {
                $exchange = $this->exchange($method, $params, $attempts);
                $this->await(static fn () => $exchange->isDone, $attempts);
                return $exchange->result();
            } catch (DuesException $error) {
                $this->pause($error, $attempts);
            } finally {
                $exchange?->abandon();
            }
        }
    }

    /**
     * Calls any streaming method by its name on the wire. Behind the last value, getReturn() gives the result. Whoever
     * lets the generator go before cancels the call.
     *
     * @param array<string, mixed> $params
     * @return \Generator<int, \stdClass, mixed, mixed>
     * @throws DuesException
     */
    public function stream(
        string $method,
        #[\SensitiveParameter]
        array $params = [],
        ?CallOptions $options = null,
    ): \Generator {
        $attempts = new Attempts($method, $options?->timeout ?? $this->timeout, $this->retries, $options, isStream: true);
        $this->takeCall();
        $exchange = null;
        while (true) {
            try {
                $exchange = $this->exchange($method, $params, $attempts, isStream: true);
                while ($this->hasValue($exchange, $attempts)) {
                    $value = $exchange->values->dequeue();
                    if (isset($value->seq)) {
                        $params['after'] = $value->seq;
                    }
                    $attempts->succeed();
                    yield $value;
                }
                if (!$exchange->isCutShort) {
                    return $exchange->result();
                }
            } catch (DuesException $error) {
                if (!isset($params['after'])) {
                    throw $error;  // asked again, it would leave out what came meanwhile
                }
                $this->pause($error, $attempts);
            } finally {
                $exchange?->abandon();
            }
        }
    }

    /**
     * Starts $body, and lets it go on whenever this client waits: the calls that it makes do not keep others waiting.
     *
     *     $access = $dues->async(fn () => $dues->checkAccess(customerId: $id, feature: 'export'));
     *     $method = $dues->async(fn () => $dues->getPaymentMethod(customerId: $id));
     *     [$access->await(), $method->await()];
     *
     * @template T
     * @param \Closure(): T $body
     * @return Call<T>
     */
    public function async(\Closure $body): Call
    {
        $this->takeCall();
        return new Call($body, $this->loop);
    }

    /**
     * Lets what was started go on: for programs with a loop of their own.
     *
     * @param float $seconds how long to wait for something to happen; at once unless told
     * @param array<resource> $streams others whose input ends the waiting
     * @return array<resource> those of them that can be read
     */
    public function poll(float $seconds = 0, array $streams = []): array
    {
        return $this->loop->step(hrtime(true) + (int) ($seconds * self::SECOND), $streams);
    }

    /** Takes no further calls, lets those that were started end (10 seconds at most), and ends the connection. */
    public function close(): void
    {
        $this->takesCalls = false;
        $isIdle = fn () => $this->loop->others() === [] && ($this->loop->connection?->output ?? '') === '';
        $this->loop->until($isIdle, hrtime(true) + self::GRACE * self::SECOND);
        foreach ($this->loop->others() as $call) {
            $call->cancel();
        }
        $this->end();
    }

    public function __destruct()
    {
        $this->end();
    }

    private function end(): void
    {
        $this->loop->connection?->lose('The client was closed.');
        $this->transport?->close();
        $this->transport = null;
    }

    /** @return array<string, mixed> */
    public function __debugInfo(): array
    {
        return ['transport' => $this->transport, 'token' => $this->token === null ? null : '(secret)'];
    }

    private function takeCall(): void
    {
        if (!$this->takesCalls) {
            throw self::isClosed();
        }
    }

    /** @param array<string, mixed> $params */
    private function exchange(
        string $method,
        #[\SensitiveParameter]
        array $params,
        Attempts $attempts,
        bool $isStream = false,
    ): Exchange {
        $connection = $this->connection($attempts);
        if ($connection->output !== '') {
            $this->await(static fn () => strlen($connection->output) < self::MOST_OUTPUT, $attempts);
        }
        return $connection->send($method, $attempts->params($params), $isStream);
    }

    /** The connection, once the server has said hello. */
    private function connection(Attempts $attempts): Connection
    {
        $connection = $this->loop->connection;
        if ($connection === null || $connection->isLost) {
            $connection = $this->loop->connection = $this->connect($attempts->giveUp);
        }
        $hello = $connection->hello;
        if (!$hello->isDone) {
            $this->await(static fn () => $hello->isDone, $attempts);
        }
        if ($hello->error !== null) {
            $connection->lose('The server refused the connection.');
            throw new DuesException($hello->error);
        }
        return $connection;
    }

    /** Other calls do not go on meanwhile, and could not: there is no connection. */
    private function connect(int $giveUp): Connection
    {
        $seconds = min(self::CONNECT, max(0, $giveUp - hrtime(true)) / self::SECOND);
        [$reader, $writer] = $this->transport?->open($seconds) ?? throw self::isClosed();
        return new Connection($reader, $writer, Internal\Wire::present([
            'client' => 'dues-php/' . self::VERSION,
            'protocol' => Method::PROTOCOL,
            'authorization' => $this->token === null ? null : "Bearer $this->token",
        ]));
    }

    private static function isClosed(): \LogicException
    {
        return new \LogicException('The client is closed.');
    }

    private function hasValue(Exchange $exchange, Attempts $attempts): bool
    {
        $this->await(static fn () => $exchange->isDone || !$exchange->values->isEmpty(), $attempts);
        return !$exchange->values->isEmpty();
    }

    /** @param \Closure(): bool $isDone */
    private function await(\Closure $isDone, Attempts $attempts): void
    {
        if (!$this->loop->until($isDone, $attempts->giveUp)) {
            throw DuesException::noAnswer();
        }
    }

    private function pause(DuesException $error, Attempts $attempts): void
    {
        $this->loop->until(static fn () => false, $attempts->pauseAfter($error));
    }
}
