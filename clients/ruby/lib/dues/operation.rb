# frozen_string_literal: true

module Dues
  # What the contract says of a method of the server.
  class Operation
    # @return [Symbol] the name of its method of {Client}.
    attr_reader :name
    # @return [Members] its params.
    attr_reader :params
    # @return [Class, nil] what its result is made into; nil where that is any object, given as it came.
    attr_reader :result
    # @return [Class, nil] what the values of a stream are made into; nil where there is only the result.
    attr_reader :value

    def initialize(name, params, result: nil, value: nil, repeatable: false)
      @name, @params, @result, @value, @repeatable = name, params, result, value, repeatable
      freeze
    end

    # Whether a call may be made again though the first may have had its effect. Other methods need an idempotency key.
    def safe_to_repeat? = @repeatable

    def streaming? = !@value.nil?
  end
end
