<?php

declare(strict_types=1);

namespace Dues;

/** One place of a call's params that breaks the method's schema. */
final class Violation
{
    public function __construct(
        /** JSON Pointer (RFC 6901) from params; empty for params themselves. */
        public readonly string $pointer,
        /** The keyword of JSON Schema that is broken, or the name of a rule across members. */
        public readonly string $rule,
        /** What must be, and what was found. */
        public readonly string $message,
    ) {
    }

    /** @internal */
    public static function of(\stdClass $raw): self
    {
        return new self($raw->pointer ?? '', $raw->rule ?? '', $raw->message ?? '');
    }
}
