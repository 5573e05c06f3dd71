<?php

declare(strict_types=1);

namespace Dues;

use Dues\Internal\Connection;

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

    /** Seconds for a call that has no timeout. */
    private const PATIENCE = 90;

    /** Seconds for a connection to be made, and for what is in flight when the client is closed. */
    private const GRACE = 10;

    private readonly Transport $transport;

    private ?Connection $connection = null;

    /** Calls that are not answered yet, streams not counted. */
    private int $inFlight = 0;

    private bool $isClosed = false;

    /** @var \WeakMap<\Fiber, true> those that async() started */
    private readonly \WeakMap $fibers;

    /** @var array<int, array{\Fiber, \Closure(): bool, float}> fibers that wait, what for, and until when */
    private array $waiting = [];

    /**
     * @param string|Transport $server tcp://HOST:PORT, tls://HOST:PORT, unix:///PATH, or one that is reached otherwise
     * @param string|null $token for the server, given once a connection
     * @param float|null $timeout seconds, for calls that have none of their own
     * @param int $retries how often a call is made again, where that is safe and may help
     */
    public function __construct(
        string|Transport $server = 'tcp://127.0.0.1:7171',
        #[\SensitiveParameter] private readonly ?string $token = null,
        private readonly ?float $timeout = null,
        private readonly int $retries = 2,
    ) {
        $this->transport = is_string($server) ? Transport::dial($server) : $server;
        $this->fibers = new \WeakMap();
    }

    /**
     * Calls any method by its name on the wire.
     *
     * @param array<string, mixed> $params
     * @return mixed the result, its objects as \stdClass
     * @throws DuesException
     */
    public function call(string $method, #[\SensitiveParameter] array $params = [], ?CallOptions $options = null): mixed
    {
        $this->inFlight++;
        try {
            $attempts = $this->attempts($method, $params, $options);
            iterator_count($attempts);  // lets it run to its end
            return $attempts->getReturn();
        } finally {
            $this->inFlight--;
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
        #[\SensitiveParameter] array $params = [],
        ?CallOptions $options = null,
    ): \Generator {
        return $this->attempts($method, $params, $options, isStream: true);
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
        $fiber = new \Fiber(static function () use ($body): array {
            try {
                return [$body(), null];
            } catch (\Throwable $error) {
                return [null, $error];
            }
        });
        $this->fibers[$fiber] = true;
        $fiber->start();
        return new Call($fiber, $this->wait(...));
    }

    /**
     * Lets what was started go on: for programs with a loop of their own.
     *
     * @param float $seconds how long to wait for something to happen; at once unless told
     * @param array<resource> $streams others whose input ends the waiting
     * @return array<resource> those of them that can be read, under their keys
     */
    public function poll(float $seconds = 0, array $streams = []): array
    {
        $deadline = self::now() + min($seconds, 3600);  // endless waits go on after a look round
        foreach ($this->waiting as [, $isReady, $until]) {
            $deadline = $isReady() ? 0 : min($deadline, $until);
        }
        $microseconds = (int) ceil(1e6 * max(0, $deadline - self::now()));
        $connection = $this->connection?->isLost === false ? $this->connection : null;
        $readable = $streams;
        $writable = $none = [];
        if ($connection !== null) {
            $readable[] = $connection->reader;
            $writable = $connection->output === '' ? [] : [$connection->writer];
        }
        if ($readable === []) {
            usleep($microseconds);
        } elseif (!@stream_select($readable, $writable, $none, 0, $microseconds)) {
            $readable = [];  // nothing came in time, or a signal came
        }
        $connection?->read();
        $connection?->write();
        foreach ($this->waiting as [$fiber, $isReady, $until]) {
            if ($fiber->isSuspended() && ($isReady() || $until <= self::now())) {
                $fiber->resume();
            }
        }
        return array_intersect_key($readable, $streams);
    }

    /** Takes no further calls, lets those in flight end (10 seconds at most), and ends the connection. */
    public function close(): void
    {
        $this->isClosed = true;
        $deadline = self::now() + self::GRACE;
        $this->wait(fn () => $this->inFlight === 0, $deadline);
        $connection = $this->connection;
        if ($connection?->isLost === false) {
            stream_socket_shutdown($connection->writer, STREAM_SHUT_WR);  // at which the server ends its streams
            $this->wait(static fn () => $connection->inFlight === [], $deadline);
        }
        foreach ($this->waiting as [$fiber]) {
            (new Call($fiber, $this->wait(...)))->cancel();
        }
        $this->__destruct();
    }

    public function __destruct()
    {
        $this->connection?->lose('The client was closed.');
        $this->transport->close();
    }

    /** @return array<string, mixed> */
    public function __debugInfo(): array
    {
        return ['transport' => $this->transport];
    }

    /**
     * Attempts a call until it succeeds or must not be made again: yields the values of a stream, returns the result.
     *
     * @param array<string, mixed> $params
     */
    private function attempts(
        string $method,
        #[\SensitiveParameter] array $params,
        ?CallOptions $options,
        bool $isStream = false,
    ): \Generator {
        if ($this->isClosed) {
            throw new \LogicException('The client is closed.');
        }
        $timeout = $options?->timeout ?? $this->timeout;
        $deadline = self::now() + ($timeout ?? ($isStream ? INF : self::PATIENCE));
        $giveUp = $timeout === null ? $deadline : $deadline + 1;
        $meta = (array) ($params['_meta'] ?? []) + ($options?->jsonSerialize() ?? []);
        $isSafe = Method::tryFrom($method)?->isSafeToRepeat();
        if ($isSafe === false) {
            $meta['idempotencyKey'] ??= bin2hex(random_bytes(16));
        }
        $isSafe = $isSafe || isset($meta['idempotencyKey']);
        $failures = 0;
        while (true) {
            $exchange = null;
            try {
                $connection = $this->connection($giveUp);
                if ($timeout !== null) {
                    $meta['timeoutMs'] = max(1, (int) ceil(1000 * ($deadline - self::now())));
                }
                $exchange = $connection->send($method, $meta === [] ? $params : ['_meta' => $meta] + $params);
                $isReady = static fn () => $exchange->isDone || $exchange->values !== [];
                while ($this->waitFor($isReady, $giveUp) && $exchange->values !== []) {
                    $value = array_shift($exchange->values);
                    if (isset($value->seq)) {
                        $params['after'] = $value->seq;
                    }
                    $failures = 0;
                    yield $value;
                }
                if ($exchange->response !== null) {  // else it was cut short, because too many values waited
                    return $exchange->result();
                }
            } catch (DuesException $error) {
                // Without a place to go on from, a stream would leave out what came meanwhile.
                $mayFollow = $isSafe && !$this->isClosed && (!$isStream || isset($params['after']));
                $mayHelp = $error->retryable && $error->reason !== 'NO_ANSWER' && $failures < $this->retries;
                $pause = $error->retryAfter ?? min(5, 0.1 * 2 ** $failures) * mt_rand() / mt_getrandmax();
                $next = self::now() + $pause;
                if (!$mayFollow || !$mayHelp || $next >= $deadline) {
                    throw $error;
                }
                $failures++;
                $this->wait(static fn () => false, $next);
            } finally {
                if ($exchange?->isDone === false) {
                    $connection->cancel($exchange);
                }
            }
        }
    }

    /** The connection, once the server has said hello. While one is made, other calls do not go on. */
    private function connection(float $giveUp): Connection
    {
        if ($this->connection?->isLost !== false) {
            [$reader, $writer] = $this->transport->open(min(self::GRACE, max(0, $giveUp - self::now())));
            $this->connection = new Connection($reader, $writer, Value::present([
                'client' => 'dues-php/' . self::VERSION,
                'protocol' => Method::PROTOCOL,
                'authorization' => $this->token === null ? null : "Bearer $this->token",
            ]));
        }
        $connection = $this->connection;
        $this->waitFor(static fn () => $connection->hello->isDone && $connection->output === '', $giveUp);
        if (isset($connection->hello->response->error)) {
            $connection->lose('The server refused the connection.');
        }
        $connection->hello->result();
        return $connection;
    }

    /**
     * @param \Closure(): bool $isReady
     * @throws DuesException if it is not so before $giveUp
     */
    private function waitFor(\Closure $isReady, float $giveUp): bool
    {
        return $this->wait($isReady, $giveUp)
            ?: throw DuesException::own('NO_ANSWER', 'The server did not answer in time.');
    }

    /**
     * Waits until $isReady says so, or until $deadline: a fiber lets the others go on, who is in none reads for all.
     *
     * @param \Closure(): bool $isReady
     * @return bool what $isReady says at the end
     */
    private function wait(\Closure $isReady, float $deadline = INF): bool
    {
        $fiber = \Fiber::getCurrent();
        while (!$isReady()) {
            if (self::now() >= $deadline) {
                return false;
            }
            if ($fiber === null || !isset($this->fibers[$fiber])) {
                $this->poll($deadline - self::now());
                continue;
            }
            $this->waiting[spl_object_id($fiber)] = [$fiber, $isReady, $deadline];
            try {
                \Fiber::suspend();
            } finally {
                unset($this->waiting[spl_object_id($fiber)]);
            }
        }
        return true;
    }

    /** Seconds of a clock that is never set. */
    private static function now(): float
    {
        return hrtime(true) / 1e9;
    }
}
