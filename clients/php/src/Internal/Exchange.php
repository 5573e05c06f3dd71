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
    /** Whether nothing more comes. */
    public bool $isDone = false;

    /** The response; also what stands for it where the connection was lost. */
    public ?\stdClass $response = null;

    /** @var list<\stdClass> values of a stream that are not yet taken */
    public array $values = [];

    public function __construct(public readonly int $id)
    {
    }

    /** @throws DuesException if the call failed */
    public function result(): mixed
    {
        $error = $this->response->error ?? null;
        return $error === null ? $this->response->result : throw new DuesException($error);
    }
}
