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
    /** It returns what the body gave, and what it threw. */
    private readonly \Fiber $fiber;

    /** @var null|\Closure(): bool what it waits for; null where it does not */
    private ?\Closure $isReady = null;

    private float $deadline = INF;

    /**
     * @internal
     * @param \Closure(): T $body
     */
    public function __construct(\Closure $body, private readonly Loop $loop)
    {
        $this->fiber = new \Fiber(static function () use ($body, $loop): array {
            try {
                return [$body(), null];
            } catch (\Throwable $error) {
                return [null, $error];
            } finally {
                unset($loop->calls[spl_object_id(\Fiber::getCurrent())]);
            }
        });
        $loop->calls[spl_object_id($this->fiber)] = $this;
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
        $this->loop->wait($this->isDone(...));
        [$result, $error] = $this->fiber->getReturn();
        return $error === null ? $result : throw $error;
    }

    /** Ends its waiting at once, with the reason CALLER_CANCELLED; the server is told. */
    public function cancel(): void
    {
        if ($this->isReady !== null) {
            $this->fiber->throw(DuesException::own('CALLER_CANCELLED', 'The caller cancelled the call.'));
        }
    }

    /** @internal lets others go on until it is due */
    public function suspend(\Closure $isReady, float $deadline): void
    {
        $this->isReady = $isReady;
        $this->deadline = $deadline;
        try {
            \Fiber::suspend();
        } finally {
            $this->isReady = null;
        }
    }

    /** @internal when it goes on */
    public function due(): float
    {
        return match (true) {
            $this->isReady === null => INF,
            ($this->isReady)() => 0,
            default => $this->deadline,
        };
    }

    /** @internal */
    public function resume(): void
    {
        $this->fiber->resume();
    }

    /** @return array<string, mixed> */
    public function __debugInfo(): array
    {
        return ['isDone' => $this->isDone()];
    }
}
