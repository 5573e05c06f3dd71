<?php

declare(strict_types=1);

namespace Dues\Internal;

use Dues\Call;

/**
 * Lets calls go on at once: each call that was started is a fiber, and whoever waits outside of them reads the connection
 * and resumes those whose time has come. Times are seconds of hrtime.
 *
 * @internal
 */
final class Loop
{
    public ?Connection $connection = null;

    /** @var array<int, Call<mixed>> those that are not done, by their fibers */
    public array $calls = [];

    public static function now(): float
    {
        return hrtime(true) / 1e9;
    }

    /**
     * Waits until $isReady says so, or until $deadline.
     *
     * @param \Closure(): bool $isReady
     * @return bool what $isReady says at the end
     */
    public function wait(\Closure $isReady, float $deadline = INF): bool
    {
        $fiber = \Fiber::getCurrent();
        $call = $fiber === null ? null : $this->calls[spl_object_id($fiber)] ?? null;
        while (!$isReady()) {
            if (self::now() >= $deadline) {
                return false;
            }
            $call === null ? $this->step($deadline) : $call->suspend($isReady, $deadline);
        }
        return true;
    }

    /**
     * Waits for something to happen, until $deadline at most, and lets the calls go on.
     *
     * @param array<resource> $streams others whose input is waited for
     * @return array<resource> those of $streams that can be read, under their keys
     */
    public function step(float $deadline, array $streams = []): array
    {
        foreach ($this->calls as $call) {
            $deadline = min($deadline, $call->due());
        }
        $microseconds = (int) ceil(1e6 * max(0, min($deadline - self::now(), 3600)));
        $connection = $this->connection?->isLost === false ? $this->connection : null;
        $readable = $streams;
        $writable = $none = [];
        if ($connection !== null) {
            $readable['dues'] = $connection->reader;
        }
        if ($connection !== null && $connection->output !== '') {
            $writable[] = $connection->writer;
        }
        if ($readable === []) {
            usleep($microseconds);
        } elseif (!@stream_select($readable, $writable, $none, 0, $microseconds)) {
            $readable = $writable = [];  // nothing came in time, or a signal came
        }
        if (isset($readable['dues'])) {
            $connection->read();
        }
        if ($writable !== []) {
            $connection->write();
        }
        foreach ($this->calls as $call) {
            if ($call->due() <= self::now()) {
                $call->resume();
            }
        }
        unset($readable['dues']);
        return $readable;
    }
}
