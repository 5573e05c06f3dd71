<?php

declare(strict_types=1);

// Tests of what is PHP's own in this client: php test.php

use Dues\CallOptions;
use Dues\Client;
use Dues\DuesException;
use Dues\Types\CreateSubscriptionResult;

require __DIR__ . '/autoload.php';

/** A server in this very process: what the client writes is read here, and answered by hand. */
final class Peer
{
    public readonly string $address;

    /** @var resource what listens */
    private readonly mixed $listener;

    /** @var resource|null */
    private mixed $stream = null;

    public function __construct()
    {
        $this->listener = stream_socket_server('tcp://127.0.0.1:0');
        $this->address = 'tcp://' . stream_socket_get_name($this->listener, false);
    }

    public function next(): stdClass
    {
        $this->stream ??= stream_socket_accept($this->listener, 5);
        stream_set_timeout($this->stream, 5);
        return json_decode(fgets($this->stream), flags: JSON_THROW_ON_ERROR);
    }

    /** The next call; rpc.hello before it is answered. */
    public function nextCall(Client $client): stdClass
    {
        $call = $this->next();
        if ($call->method === 'rpc.hello') {
            $this->send(['id' => $call->id, 'result' => new stdClass()]);
            $client->poll(1);
            $call = $this->next();
        }
        return $call;
    }

    public function send(array $message): void
    {
        fwrite($this->stream, json_encode(['jsonrpc' => '2.0'] + $message) . "\n");
    }

    public function sendValue(int $id, int $seq): void
    {
        $value = ['seq' => $seq, 'id' => "evt_$seq", 'type' => 'invoice.paid', 'created' => '2026-04-16T00:00:02Z'];
        $this->send(['method' => 'rpc.stream', 'params' => ['id' => $id, 'seq' => $seq, 'value' => $value]]);
    }
}

function check(bool $isTrue, string $what): void
{
    $isTrue || throw new RuntimeException("It is not so that $what.");
}

/** @param callable(): mixed $body */
function thrown(callable $body): ?Throwable
{
    try {
        $body();
        return null;
    } catch (Throwable $error) {
        return $error;
    }
}

$tests = [
    'a slow reader is kept 256 values, and asks for the rest' => function (Peer $peer, Client $client): void {
        $reader = $client->async(function () use ($client): int {
            foreach ($client->watchEvents(after: 0) as $event) {
                if ($event->seq === 1) {
                    $client->rpcHealth();
                }
            }
            return $event->seq;
        });
        $call = $peer->nextCall($client);
        $peer->sendValue($call->id, 1);
        $client->poll(1);
        $health = $peer->next();
        for ($seq = 2; $seq <= 300; $seq++) {
            $peer->sendValue($call->id, $seq);
            $client->poll(1);
        }
        $cancel = $peer->next();
        check($cancel->method === 'rpc.cancel' && $cancel->params->id === $call->id, 'the call is cancelled');
        $peer->send(['id' => $health->id, 'result' => new stdClass()]);
        $client->poll(1);
        $again = $peer->next();
        check($again->method === 'WatchEvents' && $again->params->after === 257, 'it goes on behind the last value');
        $peer->send(['id' => $again->id, 'result' => ['after' => 300]]);
        check($reader->await() === 257, 'all that was kept is read');
    },
    'a call that keeps failing is made thrice' => function (Peer $peer, Client $client): void {
        $call = $client->async(fn () => $client->rpcHealth());
        for ($attempt = 0; $attempt < 3; $attempt++) {
            $data = ['status' => 'UNAVAILABLE', 'reason' => 'SO', 'retryable' => true, 'retryAfterMs' => 1];
            $peer->send(['id' => $peer->nextCall($client)->id, 'error' => ['code' => -32014, 'data' => $data]]);
            $client->poll(1);
            $client->poll(0.01);
        }
        check(thrown($call->await(...))->reason === 'SO', 'the last error stands');
    },
    'leaving a stream cancels it' => function (Peer $peer, Client $client): void {
        $reader = $client->async(function () use ($client): void {
            foreach ($client->watchEvents() as $event) {
                break;
            }
        });
        $call = $peer->nextCall($client);
        $peer->sendValue($call->id, 1);
        $reader->await();
        check($peer->next()->params->id === $call->id, 'the server is told');
    },
    'an error without an id is that of the only call' => function (Peer $peer, Client $client): void {
        $call = $client->async(fn () => $client->rpcHealth());
        $peer->nextCall($client);
        $peer->send(['id' => null, 'error' => ['code' => -32700, 'message' => 'What?']]);
        $error = thrown($call->await(...));
        check($error instanceof DuesException && $error->getCode() === -32700, 'the error is thrown');
    },
    'a call that is too long is not sent' => function (Peer $peer, Client $client): void {
        $call = $client->async(fn () => $client->call('rpc.health', ['x' => str_repeat('x', 1 << 20)]));
        $next = $client->async(fn () => $client->rpcHealth());
        check($peer->nextCall($client)->params == new stdClass(), 'only the next one comes');
        check(thrown($call->await(...))->reason === 'LINE_TOO_LONG', 'it fails as it would at the server');
        $next->cancel();
    },
    'a program waits for its own streams beside' => function (Peer $peer, Client $client): void {
        [$ours, $theirs] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
        check($client->poll(0, ['it' => $ours]) === [], 'there is nothing yet');
        fwrite($theirs, 'x');
        check($client->poll(5, ['it' => $ours]) === ['it' => $ours], 'what can be read is told');
    },
    'a call may wait for another, and be cancelled' => function (Peer $peer, Client $client): void {
        $first = $client->async(fn () => $client->rpcHealth());
        $second = $client->async(fn () => $first->await());
        $call = $peer->nextCall($client);
        $first->cancel();
        check(thrown($second->await(...))->reason === 'CALLER_CANCELLED', 'both are cancelled');
        check($peer->next()->params->id === $call->id, 'the server is told');
    },
    'secrets are not shown' => function (Peer $peer, Client $client): void {
        $options = new CallOptions(authorization: 'Bearer hunter2');
        $call = $client->async(fn () => $client->rpcHello(authorization: 'Bearer hunter2', options: $options));
        $id = $peer->nextCall($client)->id;
        $peer->send(['id' => $id, 'error' => ['code' => -32016, 'message' => 'No.']]);
        $result = CreateSubscriptionResult::of((object) ['clientSecret' => 'hunter2']);
        check($result->clientSecret === 'hunter2', 'the program has it');
        $error = thrown($call->await(...));
        ob_start();
        var_dump($client, $options, $call, $result);
        echo print_r($result, true), $error;
        $shown = ob_get_clean();
        check(!str_contains($shown, 'hunter2'), 'they are hidden');
    },
    'a client that is closed makes no calls, and leaves nothing' => function (Peer $peer, Client $client): void {
        $call = $client->async(fn () => $client->rpcHealth());
        $peer->send(['id' => $peer->nextCall($client)->id, 'result' => ['status' => 'SERVING']]);
        $client->close();
        check($call->await()->status === 'SERVING', 'what was in flight is answered');
        check(thrown(fn () => $client->rpcHealth()) instanceof LogicException, 'there are no further calls');
    },
];

foreach ($tests as $name => $test) {
    $peer = new Peer();
    $client = new Client($peer->address, token: 'hunter2');
    $test($peer, $client);
    $client = WeakReference::create($client);
    gc_collect_cycles();  // traces hold arguments, if PHP is told so
    check($client->get() === null, 'nothing holds the client');
    echo "ok: $name\n";
}
