# frozen_string_literal: true

# A JSON-RPC server on standard streams that makes every call by the client.

require "optparse"
require_relative "../lib/dues"

class Driver
  OPTIONS = { "idempotencyKey" => :idempotency_key, "traceparent" => :traceparent, "authorization" => :authorization,
              "verbose" => :verbose, "timeoutMs" => :timeout }.freeze

  def initialize(client, input, output)
    @client, @input, @output = client, input, output
    @lock = Mutex.new # guards both: the output's lines, and what can be cancelled
    @cancellations = {}
  end

  def run
    threads = @input.each_line.filter_map do |line|
      thread = receive(JSON.parse(line))
      Thread.pass until thread.nil? || thread.stop? # it waits for its answer: what came first is sent first
      thread
    end
    threads.each(&:join)
  end

  private

  def receive(message)
    id, method, params = message.values_at("id", "method", "params")
    if method == "rpc.cancel"
      @lock.synchronize { @cancellations[params["id"]] }&.cancel
      return
    end
    cancellation = Dues::Cancellation.new
    @lock.synchronize { @cancellations[id] = cancellation }
    Thread.new do
      send_message(id: id, **answer(id, method, params || {}, cancellation))
    ensure
      @lock.synchronize { @cancellations.delete(id) }
    end
  end

  def answer(id, method, params, cancellation)
    { result: call(id, method, params, cancellation) }
  rescue Dues::Error => error
    { error: wire(error) }
  rescue StandardError => error
    { error: { code: -32_603, message: "#{error.class}: #{error.message}" } }
  end

  def call(id, method, params, cancellation)
    params = params.dup
    meta = params.delete("_meta") || {}
    options = { cancellation: cancellation, **meta.to_h { |name, value| [OPTIONS.fetch(name), value] } }
    options[:timeout] = options[:timeout].fdiv(1000) if options[:timeout]
    operation = Dues::OPERATIONS[method]
    typed = operation && typed(operation, params)
    return @client.call(method, params, **options) unless typed

    result = @client.public_send(operation.name, **typed, **options)
    return result unless operation.value

    result.each_with_index do |value, index|
      send_message(method: "rpc.stream", params: { id: id, seq: index + 1, value: value })
    end
    result.result
  end

  # The params as keyword arguments; nil where they cannot be said so.
  def typed(operation, params)
    values = operation.params.read(params).compact
    required = @client.method(operation.name).parameters.filter_map { |kind, name| name if kind == :keyreq }
    values if (required - values.keys).empty? && operation.params.write(values) == params
  rescue ArgumentError, NoMethodError, TypeError
    nil
  end

  def wire(error)
    data = { status: error.status, reason: error.reason, retryable: error.retryable, subjectId: error.subject_id,
             retryAfterMs: error.retry_after && (error.retry_after * 1000).round, stripe: error.stripe }.compact
    data[:violations] = error.violations unless error.violations.empty?
    { code: error.code, message: error.message, data: data }
  end

  def send_message(message)
    line = JSON.generate({ jsonrpc: "2.0", **message })
    @lock.synchronize { @output.puts(line) }
  end
end

options = { retries: 0 }
OptionParser.new do |flags|
  flags.on("--tcp HOST:PORT") do |address|
    options[:host], _, port = address.rpartition(":")
    options[:port] = Integer(port)
  end
  flags.on("--tls-ca FILE") { |file| options[:tls] = { ca_file: file } }
  flags.on("--unix PATH") { |path| options[:unix] = path }
  flags.on("--stdio COMMAND") { |command| options[:spawn] = ["/bin/sh", "-c", "exec #{command}"] }
  flags.on("--serve COMMAND") { |command| options[:serve] = ["/bin/sh", "-c", "exec #{command}"] }
  flags.on("--token TOKEN") { |token| options[:token] = token }
  flags.on("--retries N", Integer) { |retries| options[:retries] = retries }
end.parse!

$stdout.sync = true
Dues::Client.open(**options) { |client| Driver.new(client, $stdin, $stdout).run }
