# frozen_string_literal: true

module Dues
  # What a client has with its server: one connection after the other, made when a call needs it.
  # @api private
  class Session
    CLOSE_SECONDS = 10

    attr_reader :lock, :retries

    def initialize(transport, token, retries)
      @transport, @retries = transport, retries
      @hello = { "client" => "dues-ruby/#{VERSION}", "protocol" => PROTOCOL_VERSION }
      @hello["authorization"] = "Bearer #{token}" if token
      @lock = Mutex.new # guards all of what follows, the connection and the calls
      @idle = ConditionVariable.new
      @engaged = {}.compare_by_identity # the calls that closing waits for
      @closed = false
    end

    def closed? = @closed

    # Runs the block, which closing waits for.
    def engage(call)
      @lock.synchronize { @engaged[call] = true }
      yield
    ensure
      @lock.synchronize do
        @engaged.delete(call)
        @idle.signal if @closed
      end
    end

    # The connection, a new one where there is none; for those who hold the lock.
    def connection
      raise Error.lost("The client is closed.") if @closed

      @connection = Connection.new(@lock, @transport, @hello) unless @connection&.usable?
      @connection
    end

    # Takes no further calls, waits for those in flight, and ends the connection and what was started for it.
    def close
      limit = Call.now + CLOSE_SECONDS
      @lock.synchronize do
        @closed = true
        @idle.wait(@lock, limit - Call.now) until @engaged.each_key.all?(&:stream?) || limit <= Call.now
        @connection&.finish
        @idle.wait(@lock, limit - Call.now) until @engaged.empty? || limit <= Call.now
      end
      @connection&.close
      @transport.close
    end

    def to_s = @transport.to_s

    alias inspect to_s # there is a token
  end
end
