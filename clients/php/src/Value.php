<?php

declare(strict_types=1);

namespace Dues;

/** What is given to the server, and what it gives: encoded as it is on the wire, and printed without its secrets. */
abstract class Value implements \JsonSerializable
{
    /** Members that are not shown. */
    protected const SECRETS = [];

    /**
     * $members without those that are absent.
     *
     * @internal
     * @param array<string, mixed> $members
     * @return array<string, mixed>
     */
    public static function present(array $members): array
    {
        return array_filter($members, static fn (mixed $value) => $value !== null);
    }

    /** A time in RFC 3339, UTC, with no more digits than it needs. */
    protected static function text(\DateTimeImmutable $time): string
    {
        $fraction = rtrim($time->format('.u'), '.0');
        return $time->setTimezone(new \DateTimeZone('UTC'))->format('Y-m-d\TH:i:s') . $fraction . 'Z';
    }

    /** @return array<string, mixed> */
    public function __debugInfo(): array
    {
        $shown = array_diff_key(get_object_vars($this), ['raw' => null]);
        return array_replace($shown, array_fill_keys(static::SECRETS, '(secret)'));
    }
}
