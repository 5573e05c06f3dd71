# frozen_string_literal: true

require "securerandom"

module Dues
  # A client of one server, with a method for each of the server's. Any number of threads may use it at once. It connects
  # when a call needs it, and again after the connection was lost. A process that forks makes a client for each side.
  class Client
    include Methods

    # Makes a client, gives it to the block, and closes it afterwards.
    # @param options those of {#initialize}
    def self.open(**options)
      client = new(**options)
      yield client
    ensure
      client&.close
    end

    # @param host [String] the server's host
    # @param port [Integer] and its port.
    # @param unix [String, nil] the path of a Unix socket, instead of host and port.
    # @param spawn [Array, nil] a server to start and speak to by its standard streams, as Process.spawn takes it:
    #   %w[dues stdio --sandbox].
    # @param serve [Array, nil] a server to start and dial, at the address that it says in its first line of output:
    #   %w[dues serve --tcp 127.0.0.1:0].
    # @param tls [true, Hash, nil] to speak TLS: by the system's authorities, or by options for
    #   OpenSSL::SSL::SSLContext#set_params such as { ca_file: "ca.pem" }.
    # @param token [String, nil] what the server asks for.
    # @param timeout [Numeric, nil] the seconds that a call may take, unless it is told otherwise. Streams take theirs only.
    # @param retries [Integer] how often a call is made again when that is safe and its error is retryable.
    def initialize(host: "127.0.0.1", port: 7171, unix: nil, spawn: nil, serve: nil, tls: nil, token: nil, timeout: nil,
                   retries: 2)
      transport =
        if spawn then Transport::Stdio.new(spawn)
        elsif serve then Transport::Served.new(serve, tls)
        else Transport::Network.new(host, port, tls, unix)
        end
      @session = Session.new(transport, token, retries)
      @timeout = timeout
    end

    # Calls any method by its name on the wire, and gives its result as it came. The methods of {Methods} take the same
    # options.
    #
    # @param method [String] such as "CheckAccess".
    # @param params [Hash] by the names on the wire.
    # @param timeout [Numeric, nil] the seconds that the call may take: the server's deadline. The client gives up a second
    #   later, or after 90 seconds where there is none.
    # @param idempotency_key [String, nil] under which the call has its effect once, however often it is made. One is made
    #   up for a method that changes something; keep your own to make a call again yourself.
    # @param traceparent [String, nil] W3C trace context.
    # @param authorization [String, nil] "Bearer TOKEN", for this call.
    # @param verbose [Boolean, nil] whether the result shall say what the server did, in {Result#meta}.
    # @param cancellation [Cancellation, nil] what can cancel the call.
    # @return [Hash{String => Object}]
    # @raise [Error]
    def call(method, params = {}, timeout: @timeout, idempotency_key: nil, **options)
      operation = OPERATIONS[method]
      idempotency_key ||= SecureRandom.hex(16) if operation && !operation.repeatable
      call = Call.new(@session, method, params, repeatable: operation&.repeatable || !idempotency_key.nil?,
                      timeout: timeout, idempotency_key: idempotency_key, **options)
      call.run { call.advance }
      call.result
    end

    # Takes no further calls, waits for those in flight (10 seconds at most), and ends the connection and the server that
    # was started.
    def close = @session.close

    def inspect = "#<#{self.class} #{@session}>"

    private

    def invoke(name, params, options)
      operation = OPERATIONS[name]
      Members.read(operation.result, call(name, operation.params.write(params), **options))
    end

    def stream(name, params, options)
      operation = OPERATIONS[name]
      Stream.new(Call.new(@session, name, operation.params.write(params), stream: true, **options), operation)
    end
  end
end
