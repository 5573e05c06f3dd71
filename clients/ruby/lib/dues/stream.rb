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

    # @return [Result, nil] the call's result, once the stream has ended.
    attr_reader :result

    # @api private
    def initialize(call, operation)
      @call, @operation = call, operation
    end

    # Gives each value to the block, and then the call's result.
    # @return [Result, Enumerator]
    def each
      return to_enum unless block_given?

      @call.run do
        while (value = @call.advance)
          yield @operation.value.read(value)
        end
      end
      @result = @operation.result.read(@call.result)
    end

    def inspect = "#<#{self.class} of #{@operation.value}>"
  end
end
