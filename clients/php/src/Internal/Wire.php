<?php

declare(strict_types=1);

namespace Dues\Internal;

/**
 * What generated code makes of the values of the wire, and the other way about.
 *
 * @internal
 */
final class Wire
{
    /**
     * $members without those that are absent.
     *
     * @param array<string, mixed> $members
     * @return array<string, mixed>
     */
    public static function present(array $members): array
    {
        foreach ($members as $name => $value) {
            if ($value === null) {
                unset($members[$name]);
            }
        }
        return $members;
    }

    /** A time in RFC 3339, UTC, with no more digits than it needs. */
    public static function text(\DateTimeImmutable $time): string
    {
        $fraction = rtrim($time->format('.u'), '.0');
        return $time->setTimezone(new \DateTimeZone('UTC'))->format('Y-m-d\TH:i:s') . $fraction . 'Z';
    }
}
