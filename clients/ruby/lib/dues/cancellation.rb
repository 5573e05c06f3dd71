# frozen_string_literal: true

module Dues
  # Cancels calls from another thread: given to any number of them as +cancellation:+, it ends them at once with
  # CALLER_CANCELLED, and those that come after it. Whatever else ends a call early (Timeout, Thread#raise, an interrupt)
  # cancels it as well.
  class Cancellation
    def initialize
      @lock = Mutex.new # guards both: a call is either cancelled or never added
      @calls = {}.compare_by_identity
      @cancelled = false
    end

    # Cancels the calls; a second time does nothing.
    def cancel
      @lock.synchronize do
        @cancelled = true
        @calls.each_key(&:cancel)
      end
    end

    def cancelled? = @cancelled

    # @api private
    def add(call) = @lock.synchronize { @cancelled ? call.cancel : @calls[call] = true }

    # @api private
    def remove(call) = @lock.synchronize { @calls.delete(call) }
  end
end
