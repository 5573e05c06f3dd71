<?php

declare(strict_types=1);

namespace Dues\Internal;

use Dues\CallOptions;
use Dues\DuesException;
use Dues\Method;

/**
 * What holds for all attempts at one call: its time, its key, and whether it is made again. Times are hrtime's.
 *
 * @internal
 */
final class Attempts
{
    private const SECOND = 1_000_000_000;

    /** How long a call without a timeout is waited for. */
    private const PATIENCE = 90 * self::SECOND;

    private const LONGEST_PAUSE = 5 * self::SECOND;

    /** When the client no longer waits for an answer. */
    public readonly int $giveUp;

    /** When the server is to give up, and the last moment at which the call may be made again. */
    private readonly int $deadline;

    private readonly bool $isSafe;

    /** @var array<string, mixed> the members of _meta that are the same in every attempt */
    private readonly array $meta;

    /** Failures in a row. */
    private int $failures = 0;

    public function __construct(
        string $method,
        private readonly ?float $timeout,
        private readonly int $retries,
        ?CallOptions $options,
        bool $isStream = false,
    ) {
        $now = hrtime(true);
        if ($timeout !== null) {
            $this->deadline = $now + (int) ($timeout * self::SECOND);
            $this->giveUp = $this->deadline + self::SECOND;
        } else {
            // A stream may be silent for as long as nothing happens.
            $this->deadline = $this->giveUp = $isStream ? PHP_INT_MAX : $now + self::PATIENCE;
        }
        $known = Method::tryFrom($method);
        $repeats = $known?->isSafeToRepeat() ?? false;
        $key = $options?->idempotencyKey ?? ($known === null || $repeats ? null : bin2hex(random_bytes(16)));
        $this->isSafe = $repeats || $key !== null;
        $this->meta = Wire::present([
            'idempotencyKey' => $key,
            'authorization' => $options?->authorization,
            'traceparent' => $options?->traceparent,
            'verbose' => $options?->verbose ?: null,
        ]);
    }

    /**
     * The params of the next attempt.
     *
     * @param array<string, mixed> $params
     * @return array<string, mixed>
     */
    public function params(array $params): array
    {
        $meta = $this->meta;
        if ($this->timeout !== null) {
            $meta['timeoutMs'] = max(1, intdiv($this->deadline - hrtime(true) + 999_999, 1_000_000));
        }
        $given = $params['_meta'] ?? null;
        if ($meta !== [] && ($given === null || is_array($given) || $given instanceof \stdClass)) {
            $params['_meta'] = (object) ((array) $given + $meta);
        }
        return $params;
    }

    /** An attempt gets on: those before it no longer count. */
    public function succeed(): void
    {
        $this->failures = 0;
    }

    /**
     * Until when to pause before the next attempt.
     *
     * @throws DuesException $error, if the call is not made again
     */
    public function pauseAfter(DuesException $error): int
    {
        if (!$error->retryable || !$this->isSafe || $this->failures >= $this->retries || $error->reason === 'NO_ANSWER') {
            throw $error;
        }
        $longest = min(self::LONGEST_PAUSE, self::SECOND / 10 * 2 ** min($this->failures, 10));
        $pause = $error->retryAfter === null ? random_int(0, $longest) : (int) ($error->retryAfter * self::SECOND);
        $this->failures++;
        $next = hrtime(true) + $pause;
        return $next < $this->deadline ? $next : throw $error;
    }
}
