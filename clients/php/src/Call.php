<?php

declare(strict_types=1);

namespace Dues;

use Dues\Internal\Loop;

/**
 * A call that was started by Client::async(), and goes on whenever its client waits for anything.
 *
 * @template-covariant T what it comes to
 */
final class Call
{
    private readonly \Fiber $fiber;

    private mixed $result = null;

    private ?\Throwable $error = null;

    private bool $isCancelled = false;

    /**
     * What it waits for; null where it does not.
     *
     * @var null|\Closure(): bool
     */
    private ?\Closure $isReady = null;

    /** @internal until when it waits, of hrtime */
    public int $deadline = PHP_INT_MAX;

    /**
     * @internal
     * @param \Closure(): T $body
     */
    public function __construct(\Closure $body, private readonly Loop $loop)
    {
        $this->fiber = new \Fiber(function () use ($body): void {
            try {
                $this->result = $body();
            } catch (\Throwable $error) {
                $this->error = $error;
            } finally {
                $this->loop->remove($this->fiber);
            }
        });
        $loop->add($this, $this->fiber);
        $this->fiber->start();
    }

    public function isDone(): bool
    {
        return $this->fiber->isTerminated();
    }

    /**
     * Waits for its end, and gives what it came to, or throws what it threw.
     *
     * @return T
     * @throws DuesException
     */
    public function await(): mixed
    {
        $this->loop->until($this->isDone(...), PHP_INT_MAX);
        return $this->error === null ? $this->result : throw $this->error;
    }

    /** Ends it at once, with the reason CALLER_CANCELLED; the server is told. A call that is done stays as it is. */
    public function cancel(): void
    {
        $this->isCancelled = !$this->isDone();
        if ($this->isReady !== null) {
            $this->fiber->resume();
        }
    }

    /**
     * Lets others go on until $isReady says so, or until $deadline.
     *
     * @internal
     * @param \Closure(): bool $isReady
     */
    public function suspend(\Closure $isReady, int $deadline): void
    {
        if (!$this->isCancelled) {
            $this->isReady = $isReady;
            $this->deadline = $deadline;
            try {
                \Fiber::suspend();
            } finally {
                $this->isReady = null;
                $this->deadline = PHP_INT_MAX;
            }
        }
        if ($this->isCancelled) {
            $this->isCancelled = false;  // who catches this may go on
            throw DuesException::callerCancelled();
        }
    }

    /** @internal goes on if it can; answers whether it did */
    public function resume(): bool
    {
        if ($this->isReady === null || (hrtime(true) < $this->deadline && !($this->isReady)())) {
            return false;
        }
        $this->fiber->resume();
        return true;
    }

    /** @return array<string, mixed> */
    public function __debugInfo(): array
    {
        return ['isDone' => $this->isDone()];
    }
}
