# frozen_string_literal: true

module Dues
  # A call, from its first attempt to its last. It is made by the caller's thread, and waits for what other threads give
  # it, holding the client's lock: who reads the connection its answer and values, a cancellation the end.
  # @api private
  class Call
    # How much longer than the server the client waits where there is a timeout, and how long where there is none.
    GRACE_SECONDS = 1
    PATIENCE_SECONDS = 90
    FOREVER_SECONDS = 1_000_000_000
    MOST_VALUES = 256

    NEVER = { Object => :never }.freeze
    AT_ONCE = { Object => :immediate }.freeze

    attr_accessor :id
    attr_reader :result

    def self.now = Process.clock_gettime(Process::CLOCK_MONOTONIC)

    # Timeout, Thread#raise and Thread#kill come through where a call waits, never in the middle of a line.
    def self.uninterrupted(&block) = Thread.handle_interrupt(NEVER, &block)

    def self.interruptible(&block) = Thread.handle_interrupt(AT_ONCE, &block)

    def initialize(session, method, params, repeatable: false, stream: false, timeout: nil, idempotency_key: nil,
                   traceparent: nil, authorization: nil, verbose: nil, cancellation: nil)
      @session, @method, @params, @repeatable, @stream = session, method, params, repeatable, stream
      @timeout, @cancellation = timeout, cancellation
      @meta = { "idempotencyKey" => idempotency_key, "traceparent" => traceparent, "authorization" => authorization,
                "verbose" => verbose }.compact
      @changed = ConditionVariable.new
      @values = []
      @failures = 0
    end

    def stream? = @stream

    # Whether its thread waits for another to wake it.
    def asleep? = @asleep

    # Runs the block, which advances the call as far as it wants to; to leave it is to cancel the call.
    def run
      @deadline = Call.now + @timeout if @timeout
      @give_up = @deadline ? @deadline + GRACE_SECONDS : Call.now + (@stream ? FOREVER_SECONDS : PATIENCE_SECONDS)
      @cancellation&.add(self)
      yield
    ensure
      Call.uninterrupted { leave } if @connection
      @cancellation&.remove(self)
    end

    # Makes the call, and again where that is safe and may help: gives the next value of a stream, or nil once there is
    # the result.
    def advance = Call.uninterrupted { @session.engage(self) { attempt } }

    # What is sent of it.
    def request
      meta = @deadline ? { **@meta, "timeoutMs" => [((@deadline - Call.now) * 1000).ceil, 1].max } : @meta
      params = meta.empty? ? @params : { **@params, "_meta" => meta }
      { "jsonrpc" => "2.0", "id" => @id, "method" => @method, "params" => params }
    end

    def settle(result, error)
      @result, @error, @settled = result, error, true
      wake
    end

    # Takes a value that has come; false where the reader is so slow that the call has to be made again for it, later.
    def push(value)
      return true unless @stream

      @values.size < MOST_VALUES ? @values << value : @connection = nil
      wake
      !@connection.nil?
    end

    def wake = @changed.signal

    def cancel
      @session.lock.synchronize do
        @cancelled = true
        wake
        @connection&.wake
      end
    end

    alias inspect to_s # params and metadata may bear secrets

    private

    def attempt
      start unless @connection || @values.any?
      wait_until(@give_up) { @settled || @values.any? }
      return take_value if @values.any?
      raise Error.no_answer unless @settled
      raise @error if @error
    rescue Error => error
      leave
      seconds = pause_after(error) or raise
      wait_until(Call.now + seconds) { false }
      retry
    end

    def start
      @settled = @error = nil
      @session.lock.synchronize do
        @connection = @session.connection
        @connection.start(self)
      end
    end

    def leave
      @session.lock.synchronize { @connection&.leave(self) } unless @settled
      @connection = nil
    end

    def take_value
      value = @values.shift
      @params = { **@params, "after" => value["seq"] }
      @failures = 0
      value
    end

    # The seconds to wait after +error+; nil if there is to be no other attempt.
    def pause_after(error)
      return if !error.retryable || error.reason == "NO_ANSWER" || @session.closed?
      return unless (@stream ? @params["after"] : @repeatable) && (@failures += 1) <= @session.retries

      seconds = error.retry_after || (rand * [0.1 * (2**(@failures - 1)), 5].min)
      seconds if Call.now + seconds < (@deadline || @give_up)
    end

    # Waits until the block says so or the time is over, and reads meanwhile if nobody else does.
    def wait_until(limit)
      connection = @connection
      @session.lock.synchronize do
        until @cancelled || yield || (left = limit - Call.now) <= 0
          connection&.read(left) || sleep(left)
        end
      ensure
        connection&.pass_on
      end
      raise Error.cancelled if @cancelled
    end

    def sleep(seconds)
      @asleep = true
      Call.interruptible { @changed.wait(@session.lock, seconds) }
    ensure
      @asleep = false
    end
  end
end
