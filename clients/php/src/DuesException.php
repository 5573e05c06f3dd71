<?php

declare(strict_types=1);

namespace Dues;

use Dues\Types\StripeRefusal;
use Dues\Types\Violation;

/**
 * The server refused or failed a call, or could not be asked. $reason is a constant to act on, getMessage() is for a
 * person, getCode() the number on the wire.
 */
final class DuesException extends \RuntimeException
{
    /** The client's own: status, code, and whether they are retryable. */
    private const OWN = [
        'CONNECTION_LOST' => ['UNAVAILABLE', -32014, true],
        'NO_ANSWER' => ['DEADLINE_EXCEEDED', -32004, true],
        'CALLER_CANCELLED' => ['CANCELLED', -32001, false],
        'LINE_TOO_LONG' => ['RESOURCE_EXHAUSTED', -32600, false],
    ];

    /** gRPC's name for the outcome, such as NOT_FOUND. */
    public readonly string $status;

    /** A constant, such as NO_SUCH_CUSTOMER; of the client itself: CONNECTION_LOST, NO_ANSWER, CALLER_CANCELLED. */
    public readonly string $reason;

    /** Whether the same call may succeed later. */
    public readonly bool $retryable;

    /** How long to wait before, in seconds, where the server knows. */
    public readonly ?float $retryAfter;

    /** The id of the object that the error is about, where a program would go on with it. */
    public readonly ?string $subjectId;

    /** @var list<Violation> every place of the params that breaks the method's schema */
    public readonly array $violations;

    /** What Stripe said, where Stripe refused. */
    public readonly ?StripeRefusal $stripe;

    /**
     * @internal
     * @param \stdClass $raw the error as it came
     */
    public function __construct(public readonly \stdClass $raw)
    {
        parent::__construct($raw->message ?? '', $raw->code ?? 0);
        $data = $raw->data ?? null;
        $this->status = $data->status ?? 'UNKNOWN';
        $this->reason = $data->reason ?? 'UNSPECIFIED';
        $this->retryable = $data->retryable ?? false;
        $this->retryAfter = isset($data->retryAfterMs) ? $data->retryAfterMs / 1000 : null;
        $this->subjectId = $data->subjectId ?? null;
        $this->violations = array_map(Violation::of(...), $data->violations ?? []);
        $this->stripe = isset($data->stripe) ? StripeRefusal::of($data->stripe) : null;
    }

    /** @internal */
    public static function own(string $reason, string $message): self
    {
        [$status, $code, $retryable] = self::OWN[$reason];
        $data = (object) ['status' => $status, 'reason' => $reason, 'retryable' => $retryable];
        return new self((object) ['code' => $code, 'message' => $message, 'data' => $data]);
    }
}
