# frozen_string_literal: true

module Dues
  # The values of a streaming call, as they come. It is asked for when it is read, and again behind the last value after a
  # lost connection; who leaves the loop cancels the call. Read again, it goes on behind the last value that was taken.
  # One thread reads it at a time.
  #
  #     events = dues.watch_events(after: 0)
  #     events.each { |event| … }
  #     events.result.after
  class Stream
    include Enumerable

    # A stream may be silent for as long as nothing happens.
    PATIENCE_SECONDS = 1_000_000_000

    # @return [Result, nil] the call's result, once the stream has ended.
    attr_reader :result

    # @api private
    def initialize(session, name, params, timeout: nil, idempotency_key: nil, traceparent: nil, authorization: nil,
                   verbose: nil, cancellation: nil)
      @session, @name, @params, @timeout, @cancellation = session, name, params, timeout, cancellation
      @meta = Request.meta(idempotency_key, traceparent, authorization, verbose)
      @operation = OPERATIONS.fetch(name)
      @after = params["after"]
    end

    # Gives each value to the block, and then the call's result.
    # @return [Result, Enumerator]
    def each
      return to_enum unless block_given?

      @request = Request.new(@name, @params, @meta, @timeout, @cancellation, PATIENCE_SECONDS)
      @failures = 0
      while (value = next_value)
        yield value
      end
      @result
    ensure
      leave
    end

    def inspect = "#<#{self.class} #{@name}>"

    private

    # The next value; nil at the end.
    def next_value
      @session.engage(@request) do
        advance.tap { @failures = 0 }
      rescue Error => error
        leave
        seconds = @request.pause(error, @failures += 1, @session.retries) if @after
        raise unless seconds

        @session.sleep_for(@request, seconds)
        retry
      end
    end

    def advance
      loop do
        ask unless @call
        @session.await(@request, @connection, @call)
        if (raw = @connection.shift(@call))
          @after = raw["seq"]
          return @operation.value.read(raw)
        end
        @connection.abandon(@call) { Error.no_answer(@name) } # its time is over
        result = @call.result!
        @call = nil
        next unless result # cut off, and all that had come is taken

        @result = Members.read(@operation.result, result)
        return nil
      end
    end

    def ask
      @connection = @session.connection(@request)
      @call = Connection::Call.new([])
      @connection.start(@call, @name, @request.wire(@after ? { "after" => @after } : {}))
    end

    def leave
      @connection.abandon(@call) { Error.cancelled } if @call
      @call = nil
    end
  end
end
