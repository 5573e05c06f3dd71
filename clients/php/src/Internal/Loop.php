<?php

declare(strict_types=1);

namespace Dues\Internal;

use Dues\Call;

/**
 * Lets calls go on at once: each call that was started is a fiber, and whoever waits outside of them reads the connection
 * and resumes those whose time has come.
 *
 * @internal
 */
final class Loop
{
    public ?Connection $connection = null;

    /** @var array<int, Call<mixed>> those that are not done, by their fibers */
    private array $calls = [];

    /** @param Call<mixed> $call */
    public function add(Call $call, \Fiber $fiber): void
    {
        $this->calls[spl_object_id($fiber)] = $call;
    }

    public function remove(\Fiber $fiber): void
    {
        unset($this->calls[spl_object_id($fiber)]);
    }

    /** @return array<int, Call<mixed>> those that are not done, without the one that asks */
    public function others(): array
    {
        return array_filter($this->calls, fn (Call $call) => $call !== $this->current());
    }

    /**
     * Waits until $isDone says so, or until $deadline (of hrtime).
     *
     * @param \Closure(): bool $isDone
     * @return bool what $isDone says at the end
     */
    public function until(\Closure $isDone, int $deadline): bool
    {
        $call = $this->current();
        while (!$isDone()) {
            if (hrtime(true) >= $deadline) {
                return false;
            }
            if ($call !== null) {
                $call->suspend($isDone, $deadline);
            } else {
                $this->step($deadline);
            }
        }
        return true;
    }

    /**
     * Waits for something to happen, until $deadline at most, and lets the calls go on.
     *
     * @param array<resource> $streams others whose input is waited for
     * @return array<resource> those of $streams that can be read, under their keys
     */
    public function step(int $deadline, array $streams = []): array
    {
        if ($this->calls !== [] && $this->resume()) {
            $deadline = 0;
        }
        foreach ($this->calls as $call) {
            $deadline = min($deadline, $call->deadline);
        }
        $microseconds = max(0, intdiv($deadline - hrtime(true) + 999, 1000));
        $connection = $this->connection?->isLost === false ? $this->connection : null;
        $readable = $streams;
        $writable = $exceptional = [];
        if ($connection !== null) {
            $readable['connection'] = $connection->reader;
            if ($connection->output !== '') {
                $writable[] = $connection->writer;
            }
        }
        if ($readable === []) {
            usleep($microseconds);
        } elseif (!@stream_select(
            $readable, $writable, $exceptional, intdiv($microseconds, 1_000_000), $microseconds % 1_000_000
        )) {
            $readable = $writable = [];  // nothing came in time, or a signal came
        }
        if ($writable !== []) {
            $connection->flush();
        }
        if (isset($readable['connection'])) {
            $connection->receive();
        }
        if ($this->calls !== []) {
            $this->resume();
        }
        unset($readable['connection']);
        return $readable;
    }

    /** Lets those calls go on that can, until none can; answers whether there were any. */
    private function resume(): bool
    {
        $wasAny = false;
        do {
            $isAny = false;
            foreach ($this->calls as $call) {
                $isAny = $call->resume() || $isAny;
            }
            $wasAny = $wasAny || $isAny;
        } while ($isAny);
        return $wasAny;
    }

    /** The call whose fiber asks; null outside of them. */
    private function current(): ?Call
    {
        $fiber = \Fiber::getCurrent();
        return $fiber === null ? null : $this->calls[spl_object_id($fiber)] ?? null;
    }
}
