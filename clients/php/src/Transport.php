<?php

declare(strict_types=1);

namespace Dues;

/** How a client comes to its server. */
interface Transport
{
    /**
     * Makes a connection, within $seconds.
     *
     * @return array{resource, resource} what to read from and what to write to: twice the same, for a socket
     * @throws DuesException with the reason CONNECTION_LOST
     */
    public function open(float $seconds): array;

    /** Ends what stands behind the connection, which is closed already. */
    public function close(): void;
}
