<?php

declare(strict_types=1);

// A JSON-RPC server on standard streams that makes each call by the client's own typed methods.

use Dues\Call;
use Dues\CallOptions;
use Dues\Client;
use Dues\DuesException;
use Dues\Method;
use Dues\Transport;
use Dues\Value;

require __DIR__ . '/../autoload.php';

final class Driver
{
    /** @var array<string, array{string, array<string, Closure>}> */
    private readonly array $methods;

    /** @var array<string, Call<void>> those that may be in flight, by their ids */
    private array $calls = [];

    public function __construct(private readonly Client $client)
    {
        $this->methods = require __DIR__ . '/methods.php';
    }

    /** Serves until the input ends, and what is in flight is answered. */
    public function run(): void
    {
        stream_set_blocking(STDIN, false);
        $input = '';
        while (!feof(STDIN)) {
            if ($this->client->poll(60, [STDIN]) !== []) {
                $lines = explode("\n", $input . fread(STDIN, 65536));
                $input = array_pop($lines);
                array_map($this->take(...), $lines);
            }
            $this->calls = array_filter($this->calls, fn (Call $call) => !$call->isDone());
        }
        $this->client->close();
    }

    private function take(string $line): void
    {
        $message = json_decode($line);
        $params = $message->params ?? new stdClass();
        if (!isset($message->method)) {
            $this->answer(null, ['error' => ['code' => -32603, 'message' => 'This is not understood.']]);
        } elseif ($message->method === 'rpc.cancel') {
            ($this->calls[json_encode($params->id ?? null)] ?? null)?->cancel();
        } else {
            $id = $message->id ?? null;
            $this->calls[json_encode($id)] = $this->client->async(fn () => $this->serve($id, $message->method, $params));
        }
    }

    private function serve(mixed $id, string $method, stdClass $params): void
    {
        try {
            $this->answer($id, ['result' => $this->call($id, $method, $params)]);
        } catch (DuesException $error) {
            $this->answer($id, ['error' => self::error($error)]);
        } catch (Throwable $error) {
            $this->answer($id, ['error' => ['code' => -32603, 'message' => $error->getMessage()]]);
        }
    }

    /** The call by the typed method, if there is one that can say it, else by its name. */
    private function call(mixed $id, string $method, stdClass $params): mixed
    {
        $result = $this->typedCall($method, (array) $params) ?? (
            Method::tryFrom($method)?->isStreaming()
                ? $this->client->stream($method, (array) $params)
                : $this->client->call($method, (array) $params)
        );
        if (!$result instanceof Generator) {
            return $result;
        }
        foreach ($result as $index => $value) {
            $params = ['id' => $id, 'seq' => $index + 1, 'value' => $value];
            $this->write(['jsonrpc' => '2.0', 'method' => 'rpc.stream', 'params' => $params]);
        }
        return $result->getReturn();
    }

    /** @param array<string, mixed> $params */
    private function typedCall(string $name, array $params): mixed
    {
        if (!isset($this->methods[$name]) || self::holdsNull($params)) {
            return null;
        }
        [$function, $readings] = $this->methods[$name];
        try {
            if (isset($params['_meta'])) {
                $params['options'] = self::options((array) $params['_meta']);
                unset($params['_meta']);
            }
            foreach (array_intersect_key($readings, $params) as $param => $reading) {
                $params[$param] = $reading($params[$param]);
            }
        } catch (Error) {
            return null;
        }
        $method = new ReflectionMethod($this->client, $function);
        return self::takes($method, $params) ? $method->invokeArgs($this->client, $params) : null;
    }

    /** @param array<string, mixed> $meta */
    private static function options(array $meta): CallOptions
    {
        if (isset($meta['timeoutMs'])) {
            $meta['timeout'] = is_int($meta['timeoutMs']) ? $meta['timeoutMs'] / 1000 : throw new TypeError();
            unset($meta['timeoutMs']);
        }
        return new CallOptions(...$meta);
    }

    /**
     * Whether these arguments, by name, are of the method's types.
     *
     * @param array<string, mixed> $arguments
     */
    private static function takes(ReflectionMethod $method, array $arguments): bool
    {
        foreach ($method->getParameters() as $parameter) {
            if (array_key_exists($parameter->name, $arguments)) {
                if (get_debug_type($arguments[$parameter->name]) !== $parameter->getType()->getName()) {
                    return false;
                }
                unset($arguments[$parameter->name]);
            } elseif (!$parameter->isOptional()) {
                return false;
            }
        }
        return $arguments === [];
    }

    /** Whether there is a null somewhere: for typed methods that means absence. */
    private static function holdsNull(mixed $value): bool
    {
        if (!is_array($value) && !$value instanceof stdClass) {
            return $value === null;
        }
        foreach ((array) $value as $part) {
            if (self::holdsNull($part)) {
                return true;
            }
        }
        return false;
    }

    /** @return array<string, mixed> the error object of a response */
    private static function error(DuesException $error): array
    {
        return ['code' => $error->getCode(), 'message' => $error->getMessage(), 'data' => Value::present([
            'status' => $error->status,
            'reason' => $error->reason,
            'retryable' => $error->retryable,
            'retryAfterMs' => $error->retryAfter === null ? null : (int) round($error->retryAfter * 1000),
            'subjectId' => $error->subjectId,
            'violations' => $error->violations ?: null,
            'stripe' => $error->stripe,
        ])];
    }

    /** @param array<string, mixed> $answer */
    private function answer(mixed $id, array $answer): void
    {
        $this->write(['jsonrpc' => '2.0', 'id' => $id] + $answer);
    }

    /** @param array<string, mixed> $message */
    private function write(array $message): void
    {
        fwrite(STDOUT, json_encode($message, JSON_PRESERVE_ZERO_FRACTION | JSON_THROW_ON_ERROR) . "\n");
    }
}

$flags = getopt('', ['tcp:', 'tls-ca:', 'unix:', 'stdio:', 'serve:', 'token:', 'retries:']);
$shell = fn (string $command) => ['/bin/sh', '-c', "exec $command"];
$server = match (true) {
    isset($flags['tcp'], $flags['tls-ca']) => Transport::dial("tls://{$flags['tcp']}", ['cafile' => $flags['tls-ca']]),
    isset($flags['tcp']) => "tcp://{$flags['tcp']}",
    isset($flags['unix']) => "unix://{$flags['unix']}",
    isset($flags['stdio']) => Transport::stdio($shell($flags['stdio'])),
    isset($flags['serve']) => Transport::serve($shell($flags['serve'])),
};
(new Driver(new Client($server, token: $flags['token'] ?? null, retries: (int) ($flags['retries'] ?? 0))))->run();
