<?php

declare(strict_types=1);

namespace Dues\Internal;

use Dues\DuesException;

/**
 * A request on a connection, and what came for it.
 *
 * @internal
 */
final class Exchange
{
    /** Values that a stream keeps for a reader who is slow. */
    private const MOST_VALUES = 256;

    public mixed $result = null;

    /** The error of a JSON-RPC response; also the client's own, where the connection was lost. */
    public ?\stdClass $error = null;

    /** Whether nothing more comes. */
    public bool $isDone = false;

    /** Whether values were left out, because too many were waiting. */
    public bool $isCutShort = false;

    /** @var \SplQueue<\stdClass>|null values that are not yet taken; null where no stream was asked for */
    public readonly ?\SplQueue $values;

    public function __construct(public readonly int $id, private readonly Connection $connection, bool $isStream)
    {
        $this->values = $isStream ? new \SplQueue() : null;
    }

    /** Takes in a value of a stream. */
    public function push(\stdClass $value): void
    {
        if ($this->values === null) {
            return;
        }
        if (count($this->values) < self::MOST_VALUES) {
            $this->values->enqueue($value);
        } else {
            $this->isCutShort = true;
            $this->abandon();
        }
    }

    /** Ends it, if it has not ended: the server is told that nobody waits. */
    public function abandon(): void
    {
        if (!$this->isDone) {
            $this->isDone = true;
            $this->connection->abandon($this);
        }
    }

    /** @throws DuesException if the call failed */
    public function result(): mixed
    {
        return $this->error === null ? $this->result : throw new DuesException($this->error);
    }
}
