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
      @in_flight = {}.compare_by_identity # what closing waits for
      @closed = false
    end

    # Makes a call and gives its result.
    def perform(call)
      @lock.synchronize do
        refuse if @closed
        @in_flight[call] = true
      end
      call.run { call.advance }
      call.result
    ensure
      @lock.synchronize do
        @in_flight.delete(call)
        @idle.signal
      end
    end

    # The connection, a new one where there is none.
    def connection
      @lock.synchronize do
        refuse if @closed && @in_flight.empty?
        @connection&.usable? ? @connection : @connection = Connection.new(@lock, @transport, @hello)
      end
    end

    # Takes no further calls, waits for those in flight, and ends the connection and what was started for it.
    def close
      limit = now + CLOSE_SECONDS
      @lock.synchronize do
        @closed = true
        @idle.wait(@lock, limit - now) until @in_flight.empty? || limit <= now
        @in_flight.clear # whatever they want to try again is refused
      end
      @connection&.close([limit - now, 0].max)
      @transport.close
    end

    def to_s = @transport.to_s

    alias inspect to_s # there is a token

    private

    def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)

    def refuse = raise Error.lost("The client is closed.")
  end
end
