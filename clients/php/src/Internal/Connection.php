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

    /** The server bounds what it sends by the output that it keeps, 4 MiB unless told otherwise. */
    private const LONGEST_LINE_IN = 1 << 24;

    /** Twice what TLS puts into a record, so that none is left where stream_select cannot see it. */
    private const CHUNK = 1 << 15;

    private const JSON = JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_PRESERVE_ZERO_FRACTION
        | JSON_THROW_ON_ERROR;

    /** The first exchange of the connection; calls wait for it. */
    public readonly Exchange $hello;

    public bool $isLost = false;

    /** What is still to be written. */
    public string $output = '';

    /** The line that is not yet whole. */
    private string $input = '';

    /** @var array<int, Exchange> by id */
    private array $inFlight = [];

    private int $lastId = 0;

    /**
     * @param resource $reader
     * @param resource $writer the same as $reader for a socket
     * @param array<string, mixed> $hello the params of rpc.hello
     */
    public function __construct(
        public readonly mixed $reader,
        public readonly mixed $writer,
        #[\SensitiveParameter]
        array $hello,
    ) {
        stream_set_blocking($reader, false);
        stream_set_blocking($writer, false);
        stream_set_read_buffer($reader, 0);
        $this->hello = $this->send('rpc.hello', $hello);
    }

    /**
     * @param array<string, mixed> $params
     * @throws DuesException if the connection is lost, or they make a line longer than servers take
     */
    public function send(string $method, #[\SensitiveParameter] array $params, bool $isStream = false): Exchange
    {
        if ($this->isLost) {
            throw DuesException::connectionLost('The connection to the server was lost.');
        }
        $id = ++$this->lastId;
        $request = ['jsonrpc' => '2.0', 'id' => $id, 'method' => $method, 'params' => (object) $params];
        $line = json_encode($request, self::JSON) . "\n";
        if (strlen($line) > self::LONGEST_LINE_OUT) {
            throw DuesException::lineTooLong();
        }
        $this->inFlight[$id] = $exchange = new Exchange($id, $this, $isStream);
        $this->write($line);
        return $exchange;
    }

    /** Takes an exchange out, and tells the server. */
    public function abandon(Exchange $exchange): void
    {
        unset($this->inFlight[$exchange->id]);
        $this->write('{"jsonrpc":"2.0","method":"rpc.cancel","params":{"id":' . $exchange->id . "}}\n");
    }

    private function write(string $line): void
    {
        if (!$this->isLost) {
            $this->output .= $line;
            $this->flush();
        }
    }

    /** Writes as much as goes. */
    public function flush(): void
    {
        $written = @fwrite($this->writer, $this->output);
        if ($written === false) {
            $this->lose('The connection to the server was lost.');
        } else {
            $this->output = substr($this->output, $written);
        }
    }

    /** Takes in what has come. */
    public function receive(): void
    {
        if ($this->isLost) {
            return;
        }
        $chunk = @fread($this->reader, self::CHUNK);
        if ($chunk === false || $chunk === '') {
            if (stream_get_meta_data($this->reader)['eof']) {  // feof() would wait for a socket that is silent
                $this->lose('The server ended the connection.');
            }
            return;
        }
        if (!str_contains($chunk, "\n")) {
            $this->input .= $chunk;
            if (strlen($this->input) > self::LONGEST_LINE_IN) {
                $this->lose('The server sent a line that does not end.');
            }
            return;
        }
        $lines = explode("\n", $this->input . $chunk);
        $this->input = array_pop($lines);
        foreach ($lines as $line) {
            if (!$this->isLost && $line !== '') {
                $this->take($line);
            }
        }
    }

    private function take(string $line): void
    {
        $message = json_decode($line);
        if (!$message instanceof \stdClass) {
            if ($line !== "\r") {
                $this->lose('The server sent a line that is no message.');
            }
            return;
        }
        if (isset($message->method)) {
            $value = $message->params->value ?? null;
            if ($message->method === 'rpc.stream' && $value instanceof \stdClass) {
                $this->exchange($message->params->id ?? null)?->push($value);
            }
            return;
        }
        $error = $message->error ?? null;
        $id = $message->id ?? null;
        if ($id === null && $error !== null && count($this->inFlight) === 1) {
            $id = array_key_first($this->inFlight);
        }
        $exchange = $this->exchange($id);
        if ($exchange !== null) {
            $exchange->result = $message->result ?? null;
            $exchange->error = $error === null ? null : (object) $error;
            $exchange->isDone = true;
            unset($this->inFlight[$id]);
        }
    }

    private function exchange(mixed $id): ?Exchange
    {
        return is_int($id) ? $this->inFlight[$id] ?? null : null;
    }

    /** Ends the connection; what waits for answers fails. */
    public function lose(string $why): void
    {
        if ($this->isLost) {
            return;
        }
        $this->isLost = true;
        fclose($this->writer);
        if ($this->reader !== $this->writer) {
            fclose($this->reader);
        }
        foreach ($this->inFlight as $exchange) {
            $exchange->error = DuesException::connectionLost($why)->raw;
            $exchange->isDone = true;
        }
        $this->inFlight = [];
        $this->output = $this->input = '';
    }
}
