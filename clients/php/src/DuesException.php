<?php

declare(strict_types=1);

namespace Dues;

/**
 * The server refused or failed a call, or could not be asked. $reason is a constant to act on, getMessage() is for a
 * person, getCode() the number on the wire.
 */
final class DuesException extends \RuntimeException implements \JsonSerializable
{
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
        parent::__construct((string) ($raw->message ?? ''), (int) ($raw->code ?? 0));
        $data = (object) ($raw->data ?? []);
        $this->status = $data->status ?? 'UNKNOWN';
        $this->reason = $data->reason ?? 'UNSPECIFIED';
        $this->retryable = $data->retryable ?? false;
        $this->retryAfter = isset($data->retryAfterMs) ? $data->retryAfterMs / 1000 : null;
        $this->subjectId = $data->subjectId ?? null;
        $this->violations = array_map(Violation::of(...), $data->violations ?? []);
        $this->stripe = isset($data->stripe) ? StripeRefusal::of($data->stripe) : null;
    }

    /** @internal */
    public static function connectionLost(string $message): self
    {
        return self::own('UNAVAILABLE', -32014, 'CONNECTION_LOST', $message, retryable: true);
    }

    /** @internal */
    public static function noAnswer(): self
    {
        return self::own('DEADLINE_EXCEEDED', -32004, 'NO_ANSWER', 'The server did not answer in time.', retryable: true);
    }

    /** @internal */
    public static function callerCancelled(): self
    {
        return self::own('CANCELLED', -32001, 'CALLER_CANCELLED', 'The caller cancelled the call.');
    }

    /** @internal what the server would say */
    public static function lineTooLong(): self
    {
        return self::own('RESOURCE_EXHAUSTED', -32600, 'LINE_TOO_LONG', 'The call is longer than the server takes.');
    }

    private static function own(string $status, int $code, string $reason, string $message, bool $retryable = false): self
    {
        $data = (object) ['status' => $status, 'reason' => $reason, 'retryable' => $retryable];
        return new self((object) ['code' => $code, 'message' => $message, 'data' => $data]);
    }

    /** The error object of a JSON-RPC response. */
    public function jsonSerialize(): array
    {
        return [
            'code' => $this->getCode(),
            'message' => $this->getMessage(),
            'data' => Internal\Wire::present([
                'status' => $this->status,
                'reason' => $this->reason,
                'retryable' => $this->retryable,
                'retryAfterMs' => $this->retryAfter === null ? null : (int) round($this->retryAfter * 1000),
                'subjectId' => $this->subjectId,
                'violations' => $this->violations ?: null,
                'stripe' => $this->stripe,
            ]),
        ];
    }
}
