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

    /** Whether the server is told the deadline. */
    private readonly bool $hasDeadline;

    private readonly bool $isSafe;

    /** @var array<string, mixed> the members of _meta that are the same in every attempt */
    private readonly array $meta;

    /** Failures in a row. */
    private int $failures = 0;

    public function __construct(
        string $method,
        ?float $timeout,
        private readonly int $retries,
        ?CallOptions $options,
        bool $isStream = false,
    ) {
        $now = hrtime(true);
        $this->hasDeadline = $timeout !== null;
        if ($timeout !== null) {
            $this->deadline = $now + (int) ($timeout * self::SECOND);
            $this->giveUp = $this->deadline + self::SECOND;
        } else {
            // A stream may be silent for as long as nothing happens.
            $this->deadline = $this->giveUp = $isStream ? PHP_INT_MAX : $now + self::PATIENCE;
        }
        $meta = $options?->meta() ?? [];
        $known = Method::tryFrom($method);
        $isRepeatable = $known?->isSafeToRepeat() ?? false;
        if ($known !== null && !$isRepeatable) {
            $meta['idempotencyKey'] ??= bin2hex(random_bytes(16));
        }
        $this->isSafe = $isRepeatable || isset($meta['idempotencyKey']);
        $this->meta = $meta;
    }

    /**
     * The params of the next attempt.
     *
     * @param array<string, mixed> $params
     * @return array<string, mixed>
     */
    public function params(#[\SensitiveParameter] array $params): array
    {
        $meta = $this->meta;
        if ($this->hasDeadline) {
            $meta['timeoutMs'] = max(1, intdiv($this->deadline - hrtime(true) + 999_999, 1_000_000));
        }
        if ($meta === []) {
            return $params;
        }
        $given = $params['_meta'] ?? [];
        if (is_array($given) || $given instanceof \stdClass) {
            $params['_meta'] = (array) $given + $meta;
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
        $isOver = $this->failures >= $this->retries || $error->reason === 'NO_ANSWER';
        if ($isOver || !$error->retryable || !$this->isSafe) {
            throw $error;
        }
        $longest = min(self::LONGEST_PAUSE, self::SECOND / 10 * 2 ** min($this->failures, 10));
        $pause = $error->retryAfter === null ? random_int(0, $longest) : (int) ($error->retryAfter * self::SECOND);
        $this->failures++;
        $next = hrtime(true) + $pause;
        return $next < $this->deadline ? $next : throw $error;
    }
}
