<?php

declare(strict_types=1);

namespace Dues\Internal;

use Dues\DuesException;

/**
 * One connection: lines out, lines in, and the requests that wait for their answers. It never waits itself.
 *
 * @internal
 */
final class Connection
{
    private const LONGEST_LINE_OUT = 1 << 20;

    private const LONGEST_INPUT = 1 << 26;

    /** Values that a stream keeps for a reader who is slow. */
    private const MOST_VALUES = 256;

    /** Twice what TLS puts into a record, so that none is left where stream_select cannot see it. */
    private const CHUNK = 1 << 15;

    private const JSON = JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_PRESERVE_ZERO_FRACTION
        | JSON_THROW_ON_ERROR;

    /** The first exchange; calls wait for it. */
    public readonly Exchange $hello;

    public bool $isLost = false;

    /** What is still to be written. */
    public string $output = '';

    /** What came, up to a line that is not yet whole. */
    private string $input = '';

    /** @var array<int, Exchange> by id */
    public array $inFlight = [];

    private int $lastId = 0;

    /**
     * @param resource $reader
     * @param resource $writer the same as $reader for a socket
     * @param array<string, mixed> $hello the params of rpc.hello
     */
    public function __construct(
        public readonly mixed $reader,
        public readonly mixed $writer,
        #[\SensitiveParameter] array $hello,
    ) {
        stream_set_blocking($reader, false);
        stream_set_blocking($writer, false);
        stream_set_read_buffer($reader, 0);
        $this->hello = $this->send('rpc.hello', $hello);
    }

    /**
     * @param array<string, mixed> $params
     * @throws DuesException if they make a line longer than servers take
     */
    public function send(string $method, #[\SensitiveParameter] array $params): Exchange
    {
        $id = ++$this->lastId;
        $request = ['jsonrpc' => '2.0', 'id' => $id, 'method' => $method, 'params' => (object) $params];
        $line = json_encode($request, self::JSON) . "\n";
        if (strlen($line) > self::LONGEST_LINE_OUT) {
            throw DuesException::own('LINE_TOO_LONG', 'The call is longer than the server takes.');
        }
        $this->inFlight[$id] = $exchange = new Exchange($id);
        $this->write($line);
        return $exchange;
    }

    /** Ends an exchange that has not ended: the server is told that nobody waits. */
    public function cancel(Exchange $exchange): void
    {
        $this->end($exchange, null);
        $this->write('{"jsonrpc":"2.0","method":"rpc.cancel","params":{"id":' . $exchange->id . "}}\n");
    }

    /** Writes as much as goes of what is to be written, and of $line behind it. */
    public function write(string $line = ''): void
    {
        $this->output .= $line;
        $written = $this->isLost ? false : @fwrite($this->writer, $this->output);
        if ($written === false) {
            $this->lose('The connection to the server was lost.');
        } else {
            $this->output = substr($this->output, $written);
        }
    }

    /** Takes in what has come. */
    public function read(): void
    {
        $chunk = (string) @fread($this->reader, self::CHUNK);
        $this->input .= $chunk;
        if ($chunk === '' && stream_get_meta_data($this->reader)['eof']) {  // feof() would wait where nothing has come
            $this->lose('The server ended the connection.');
        } elseif (strlen($this->input) > self::LONGEST_INPUT) {
            $this->lose('The server sent a line that does not end.');
        } elseif (str_contains($chunk, "\n")) {
            $lines = explode("\n", $this->input);
            $this->input = array_pop($lines);
            foreach ($lines as $line) {
                $this->take(json_decode($line));
            }
        }
    }

    private function take(mixed $message): void
    {
        $isValue = isset($message->method);
        $id = $isValue ? $message->params->id ?? null : $message->id ?? null;
        if ($id === null && isset($message->error) && count($this->inFlight) === 1) {
            $id = array_key_first($this->inFlight);
        }
        $exchange = is_int($id) ? $this->inFlight[$id] ?? null : null;
        if (!$message instanceof \stdClass) {
            $this->lose('The server sent a line that is no message.');
        } elseif ($exchange !== null && !$isValue) {
            $this->end($exchange, $message);
        } elseif ($exchange !== null && count($exchange->values) < self::MOST_VALUES) {
            $exchange->values[] = $message->params->value;
        } elseif ($exchange !== null) {
            $this->cancel($exchange);
        }
    }

    private function end(Exchange $exchange, ?\stdClass $response): void
    {
        $exchange->response = $response;
        $exchange->isDone = true;
        unset($this->inFlight[$exchange->id]);
    }

    /** Ends the connection; what waits for answers fails. */
    public function lose(string $why): void
    {
        $this->isLost = true;
        foreach ([$this->reader, $this->writer] as $stream) {
            if (is_resource($stream)) {
                fclose($stream);
            }
        }
        foreach ($this->inFlight as $exchange) {
            $this->end($exchange, (object) ['error' => DuesException::own('CONNECTION_LOST', $why)->raw]);
        }
        $this->output = '';
    }
}
