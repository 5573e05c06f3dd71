# frozen_string_literal: true

module Dues
  # Cancels calls from another thread: given to any number of them as +cancellation:+, it ends them at once with
  # CALLER_CANCELLED, and those that come after it. Whatever else ends a call early (Timeout, Thread#raise, an interrupt)
  # cancels it as well.
  class Cancellation
    def initialize
      @lock = Mutex.new # guards both: a hook is either called or never added
      @hooks = {}.compare_by_identity
      @cancelled = false
    end

    # Cancels the calls; a second time does nothing.
    def cancel
      hooks = @lock.synchronize do
        @cancelled = true
        @hooks.keys.tap { @hooks.clear }
      end
      hooks.each(&:call)
    end

    def cancelled? = @cancelled

    # @api private
    # Runs the block, and calls +hook+ if there is a cancellation meanwhile or was one before.
    def during(hook)
      hook.call if @lock.synchronize { @hooks[hook] = true unless @cancelled; @cancelled }
      yield
    ensure
      Thread.handle_interrupt(Object => :never) { @lock.synchronize { @hooks.delete(hook) } }
    end
  end
end
