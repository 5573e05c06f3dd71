<?php

declare(strict_types=1);

namespace Dues;

/**
 * A call that was started by Client::async(), and goes on whenever its client waits for anything.
 *
 * @template-covariant T what it comes to
 */
final class Call
{
    /**
     * @internal
     * @param \Fiber $fiber returns what it came to, and what it threw
     * @param \Closure(\Closure(): bool): bool $wait
     */
    public function __construct(private readonly \Fiber $fiber, private readonly \Closure $wait)
    {
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
        ($this->wait)($this->isDone(...));
        [$result, $error] = $this->fiber->getReturn();
        return $error === null ? $result : throw $error;
    }

    /** Ends at once what it waits for, with the reason CALLER_CANCELLED; the server is told. */
    public function cancel(): void
    {
        if ($this->fiber->isSuspended()) {
            $this->fiber->throw(DuesException::own('CALLER_CANCELLED', 'The caller cancelled the call.'));
        }
    }
}
