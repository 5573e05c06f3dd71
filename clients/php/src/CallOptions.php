<?php

declare(strict_types=1);

namespace Dues;

/** What may be said about any call. */
final class CallOptions
{
    public function __construct(
        /** The call's deadline in seconds. The client itself waits a second longer; without one it waits for 90. */
        public readonly ?float $timeout = null,
        /** A changing call with the same key and the same params is done once, and answered alike every time. */
        public readonly ?string $idempotencyKey = null,
        /** W3C trace context; it appears in the server's log lines of this call. */
        public readonly ?string $traceparent = null,
        /** "Bearer TOKEN", for this call alone. */
        #[\SensitiveParameter]
        public readonly ?string $authorization = null,
        /** Whether the result's $meta shall say what the server did. */
        public readonly bool $verbose = false,
    ) {
    }

    /**
     * What of it is the same in every attempt, for params._meta.
     *
     * @internal
     * @return array<string, mixed>
     */
    public function meta(): array
    {
        return Internal\Wire::present([
            'idempotencyKey' => $this->idempotencyKey,
            'authorization' => $this->authorization,
            'traceparent' => $this->traceparent,
            'verbose' => $this->verbose ?: null,
        ]);
    }

    /** @return array<string, mixed> */
    public function __debugInfo(): array
    {
        return ['authorization' => $this->authorization === null ? null : '(secret)'] + get_object_vars($this);
    }
}
