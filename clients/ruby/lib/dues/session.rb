# frozen_string_literal: true

require "timeout"

module Dues
  # What a client has with its server: one connection after the other, made when a call needs it.
  # @api private
  class Session
    DIAL_SECONDS = 10
    CLOSE_SECONDS = 10

    # A connection in the making, of which every call that needs it waits for the outcome.
    class Dial
      attr_accessor :connection, :greeted, :error, :thread
      attr_reader :outcome

      def initialize = @outcome = ConditionVariable.new

      def over? = greeted || error

      def usable? = !error && (!greeted || connection.usable?)
    end

    attr_reader :retries

    def initialize(transport, token, retries)
      @transport, @token, @retries = transport, token, retries
      @lock = Mutex.new # guards all of what follows
      @changed = ConditionVariable.new
      @state = :open
      @engaged = {}.compare_by_identity # what closing waits for; each call sets and deletes its own entry, unguarded
      @dial = nil
    end

    # Makes a call, and again if it is +repeatable+ and that may help, and gives its result.
    def perform(request, repeatable)
      engage(request) do
        attempt = 0
        begin
          exchange(request)
        rescue Error => error
          seconds = request.pause(error, attempt += 1, @retries) if repeatable
          raise unless seconds

          sleep_for(request, seconds)
          retry
        end
      end
    end

    # Runs the block, which closing waits for.
    def engage(request)
      @engaged[request] = true
      raise Error.lost("The client is closed.") unless @state == :open

      yield
    ensure
      @engaged.delete(request)
      @lock.synchronize { @changed.broadcast } unless @state == :open
    end

    # Waits before another attempt.
    def sleep_for(request, seconds)
      wait(request, Request.now + seconds, @changed) { false }
      request.check_cancellation
    end

    # A connection whose server has said hello.
    def connection(request)
      request.check_cancellation
      dial = @dial&.usable? ? @dial : redial
      wait(request, request.give_up, dial.outcome) { dial.over? } unless dial.over?
      request.check_cancellation
      raise dial.error.dup if dial.error # each caller has a backtrace of its own

      dial.greeted ? dial.connection : raise(Error.no_answer(request.method))
    end

    # Waits until +call+ has its answer or a value, or until its time is over.
    def await(request, connection, call)
      request.cancellable(-> { connection.abandon(call) { Error.cancelled } }) do
        connection.await(call, request.give_up)
      end
    end

    # Takes no further calls, waits for those in flight, and ends the connection and what was started for it.
    def close
      @lock.synchronize do
        @state = :closing if @state == :open
        limit = Request.now + CLOSE_SECONDS
        until @engaged.empty? || (left = limit - Request.now) <= 0
          @changed.wait(@lock, left)
        end
        @state = :closed
      end
      @dial&.connection&.close
      @dial&.thread&.join
      @transport.close
    end

    def to_s = @transport.to_s

    alias inspect to_s # there is a token

    private

    def exchange(request)
      connection = connection(request)
      call = Connection::Call.new
      begin
        connection.start(call, request.method, request.wire)
        await(request, connection, call)
      ensure # its time is over, or an exception ends the wait
        connection.abandon(call) { Error.no_answer(request.method) }
      end
      call.result!
    end

    # Waits until the block says so, the time is over, or the caller cancels. Those who wait for one thing go on one after
    # the other, in the order in which they came.
    def wait(request, limit, change)
      request.cancellable(-> { @lock.synchronize { change.broadcast } }) do
        @lock.synchronize do
          until yield || request.cancelled? || (left = limit - Request.now) <= 0
            change.wait(@lock, left)
          end
        ensure
          change.signal
        end
      end
    end

    # The one connection in the making, or that was made meanwhile.
    def redial
      @lock.synchronize do
        raise Error.lost("The client is closed.") if @state == :closed

        @dial&.usable? ? @dial : (@dial = start_dial)
      end
    end

    # In a thread of its own, so that no call's time or cancellation is another's.
    def start_dial
      dial = Dial.new
      dial.thread = Thread.new do
        dial.connection = Connection.new(Timeout.timeout(DIAL_SECONDS) { @transport.dial })
        greet(dial.connection)
        dial.greeted = true
      rescue StandardError => error
        dial.connection&.close
        dial.error = error.is_a?(Error) ? error : Error.lost("No connection to #{@transport}: #{error.message}")
      ensure
        @lock.synchronize { dial.outcome.signal }
      end
      dial
    end

    def greet(connection)
      raise Error.lost("The client is closed.") if @state == :closed

      hello = { "client" => "dues-ruby/#{VERSION}", "protocol" => PROTOCOL_VERSION }
      hello["authorization"] = "Bearer #{@token}" if @token
      call = Connection::Call.new
      connection.start(call, "rpc.hello", hello)
      connection.await(call, Request.now + DIAL_SECONDS)
      connection.abandon(call) { Error.lost("The server does not answer to hello.") }
      call.result!
    end
  end
end
