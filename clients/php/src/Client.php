<?php

declare(strict_types=1);

namespace Dues;

use Dues\Internal\Connection;
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

    /** Seconds for a call that has no timeout. */
    private const PATIENCE = 90;

    /** Seconds for what is in flight when the client is closed. */
    private const GRACE = 10;

    /** Seconds for a connection to be made. */
    private const CONNECT = 10;

    private readonly Transport $transport;

    private readonly Loop $loop;

    /** Calls that are not answered yet, streams not counted. */
    private int $inFlight = 0;

    private bool $isClosed = false;

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
        $this->loop = new Loop();
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
            $attempts = $this->attempts($method, $params, $options, self::PATIENCE);
            while ($attempts->valid()) {
                $attempts->next();
            }
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
        return $this->attempts($method, $params, $options, INF, isStream: true);
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
        return $this->loop->step(Loop::now() + $seconds, $streams);
    }

    /** Takes no further calls, lets those in flight end (10 seconds at most), and ends the connection. */
    public function close(): void
    {
        $this->isClosed = true;
        $deadline = Loop::now() + self::GRACE;
        $this->loop->wait(fn () => $this->inFlight === 0, $deadline);
        $connection = $this->loop->connection;
        if ($connection?->isLost === false) {
            $connection->finish();
            $this->loop->wait(static fn () => $connection->inFlight === [], $deadline);
        }
        foreach ($this->loop->calls as $call) {
            $call->cancel();
        }
        $this->__destruct();
    }

    public function __destruct()
    {
        $this->loop->connection?->lose('The client was closed.');
        $this->transport->close();
    }

    /** @return array<string, mixed> */
    public function __debugInfo(): array
    {
        return ['transport' => $this->transport, 'token' => $this->token === null ? null : '(secret)'];
    }

    /**
     * Makes a call until an attempt at it succeeds or none may follow: yields the values of a stream, and returns the result.
     *
     * @param array<string, mixed> $params
     * @param float $patience seconds, where there is no timeout
     */
    private function attempts(
        string $method,
        #[\SensitiveParameter] array $params,
        ?CallOptions $options,
        float $patience,
        bool $isStream = false,
    ): \Generator {
        if ($this->isClosed) {
            throw new \LogicException('The client is closed.');
        }
        $timeout = $options?->timeout ?? $this->timeout;
        $deadline = Loop::now() + ($timeout ?? $patience);
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
                    $meta['timeoutMs'] = max(1, (int) ceil(1000 * ($deadline - Loop::now())));
                }
                $exchange = $connection->send($method, $meta === [] ? $params : ['_meta' => $meta] + $params);
                $isReady = static fn () => $exchange->isDone || $exchange->values !== [];
                while ($this->wait($isReady, $giveUp) && $exchange->values !== []) {
                    $value = array_shift($exchange->values);
                    $params['after'] = $value->seq ?? null;
                    $failures = 0;
                    yield $value;
                }
                if ($exchange->response !== null) {  // else it was cut short, because too many values waited
                    return $exchange->result();
                }
            } catch (DuesException $error) {
                $pause = $error->retryAfter ?? min(5, 0.1 * 2 ** $failures) * mt_rand() / mt_getrandmax();
                $isHopeless = !$error->retryable || $error->reason === 'NO_ANSWER' || $failures >= $this->retries
                    || Loop::now() + $pause >= $deadline;
                // Without a place to go on from, a stream would leave out what came meanwhile.
                if ($isHopeless || !$isSafe || $this->isClosed || ($isStream && !isset($params['after']))) {
                    throw $error;
                }
                $failures++;
                $this->loop->wait(static fn () => false, Loop::now() + $pause);
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
        $connection = $this->loop->connection;
        if ($connection === null || $connection->isLost) {
            [$reader, $writer] = $this->transport->open(min(self::CONNECT, max(0, $giveUp - Loop::now())));
            $connection = $this->loop->connection = new Connection($reader, $writer, Value::present([
                'client' => 'dues-php/' . self::VERSION,
                'protocol' => Method::PROTOCOL,
                'authorization' => $this->token === null ? null : "Bearer $this->token",
            ]));
        }
        $hello = $connection->hello;
        $this->wait(static fn () => $hello->isDone && $connection->output === '', $giveUp);
        if (isset($hello->response->error)) {
            $connection->lose('The server refused the connection.');
        }
        $hello->result();
        return $connection;
    }

    /**
     * @param \Closure(): bool $isReady
     * @throws DuesException if it is not so before $giveUp
     */
    private function wait(\Closure $isReady, float $giveUp): bool
    {
        return $this->loop->wait($isReady, $giveUp)
            ?: throw DuesException::own('NO_ANSWER', 'The server did not answer in time.');
    }
}
