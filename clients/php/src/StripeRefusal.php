<?php

declare(strict_types=1);

namespace Dues;

/** What Stripe's error object said. */
final class StripeRefusal implements \JsonSerializable
{
    public function __construct(
        /** card_error, invalid_request_error, idempotency_error or api_error. */
        public readonly ?string $type,
        /** Stripe's code, such as card_declined. */
        public readonly ?string $code,
        /** The bank's reason, where a card was declined, such as insufficient_funds. */
        public readonly ?string $declineCode,
        /** Stripe's name of the parameter that it refused. */
        public readonly ?string $param,
        /** Stripe's id of the request (req_…), which their support asks for. */
        public readonly ?string $requestId,
        /** Stripe's page about the code. */
        public readonly ?string $docUrl,
        /** The HTTP status of Stripe's answer. */
        public readonly ?int $httpStatus,
    ) {
    }

    /** @internal */
    public static function of(\stdClass $raw): self
    {
        return new self(
            $raw->type ?? null,
            $raw->code ?? null,
            $raw->declineCode ?? null,
            $raw->param ?? null,
            $raw->requestId ?? null,
            $raw->docUrl ?? null,
            $raw->httpStatus ?? null,
        );
    }

    public function jsonSerialize(): array
    {
        return Internal\Wire::present(get_object_vars($this));
    }
}
