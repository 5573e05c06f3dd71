<?php

declare(strict_types=1);

namespace Dues;

/** What the server gives: it is encoded as it is on the wire, and printed without its secrets. */
abstract class Value implements \JsonSerializable
{
    /** Members that are not shown. */
    protected const SECRETS = [];

    /** @return array<string, mixed> */
    public function __debugInfo(): array
    {
        $shown = get_object_vars($this);
        unset($shown['raw']);
        foreach (static::SECRETS as $name) {
            $shown[$name] = $shown[$name] === null ? null : '(secret)';
        }
        return $shown;
    }
}
