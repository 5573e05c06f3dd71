# frozen_string_literal: true

module Dues
  # A call as its caller wants it: what is asked, and how long and how often.
  # @api private
  class Request
    # How much longer than the server the client waits where there is a timeout, and how long where there is none.
    GRACE_SECONDS = 1
    PATIENCE_SECONDS = 90

    attr_reader :method, :give_up

    def self.now = Process.clock_gettime(Process::CLOCK_MONOTONIC)

    # What is said about a call, its timeout aside.
    def self.meta(idempotency_key, traceparent, authorization, verbose)
      meta = {}
      meta["idempotencyKey"] = idempotency_key if idempotency_key
      meta["traceparent"] = traceparent if traceparent
      meta["authorization"] = authorization if authorization
      meta["verbose"] = verbose unless verbose.nil?
      meta
    end

    def initialize(method, params, meta, timeout, cancellation, patience = PATIENCE_SECONDS)
      @method, @params, @meta, @cancellation = method, params, meta, cancellation
      @deadline = Request.now + timeout if timeout
      @give_up = @deadline ? @deadline + GRACE_SECONDS : Request.now + patience
    end

    # The params as they are sent now.
    def wire(more = {})
      meta = @deadline ? { **@meta, "timeoutMs" => [(left * 1000).ceil, 1].max } : @meta
      params = more.empty? ? @params : { **@params, **more }
      meta.empty? ? params : { **params, "_meta" => meta }
    end

    # The seconds to wait after +error+ of attempt number +attempt+; nil if there is to be no other.
    def pause(error, attempt, retries)
      return if !error.retryable || error.reason == "NO_ANSWER" || attempt > retries

      seconds = error.retry_after || (rand * [0.1 * (2**(attempt - 1)), 5].min)
      seconds if seconds < left
    end

    # Runs the block, and calls +hook+ when the caller cancels.
    def cancellable(hook, &block) = @cancellation ? @cancellation.during(hook, &block) : yield

    def cancelled? = @cancellation&.cancelled?

    def check_cancellation
      raise Error.cancelled if cancelled?
    end

    alias inspect to_s # params and metadata may bear secrets

    private

    def left = (@deadline || @give_up) - Request.now
  end
end
