# frozen_string_literal: true

module Dues
  # A call that failed: what the server answered, or what kept its answer away. +reason+ is a constant to act on, +message+
  # a sentence for a person.
  class Error < StandardError
    # @return [String] gRPC's name of the kind of error, such as NOT_FOUND.
    attr_reader :status
    # @return [Integer] JSON-RPC's code.
    attr_reader :code
    # @return [String] such as NO_SUCH_CUSTOMER. This client's own are CONNECTION_LOST, NO_ANSWER and CALLER_CANCELLED.
    attr_reader :reason
    # @return [Boolean] whether the same call may succeed later.
    attr_reader :retryable
    alias retryable? retryable
    # @return [Float, nil] the seconds to wait before that, where the server knows them.
    attr_reader :retry_after
    # @return [String, nil] the id of what the error is about.
    attr_reader :subject_id
    # @return [Array<Violation>] every place where the params break the method's schema.
    attr_reader :violations
    # @return [StripeRefusal, nil] what Stripe said, where it refused.
    attr_reader :stripe

    def initialize(message = nil, code: -32_002, status: "UNKNOWN", reason: "UNSPECIFIED", retryable: false,
                   retry_after: nil, subject_id: nil, violations: [], stripe: nil)
      super(message)
      @code, @status, @reason, @retryable = code, status, reason, retryable
      @retry_after, @subject_id, @violations, @stripe = retry_after, subject_id, violations, stripe
    end

    def inspect = "#<#{self.class} #{status} #{reason}: #{message}>"

    class << self
      # @api private
      # Makes one of the error of a JSON-RPC response.
      def read(error)
        data = error["data"].is_a?(Hash) ? error["data"] : {}
        known = { code: error["code"], status: data["status"], reason: data["reason"], subject_id: data["subjectId"] }
        new(error["message"], **known.compact, retryable: data["retryable"] == true,
            retry_after: (data["retryAfterMs"].fdiv(1000) if data["retryAfterMs"].is_a?(Numeric)),
            violations: Members.read([Violation], data["violations"]) || [],
            stripe: Members.read(StripeRefusal, data["stripe"]))
      end

      # @api private
      def lost(problem)
        new(problem, code: -32_014, status: "UNAVAILABLE", reason: "CONNECTION_LOST", retryable: true)
      end

      # @api private
      def no_answer(method)
        new("#{method}: no answer in time.", code: -32_004, status: "DEADLINE_EXCEEDED", reason: "NO_ANSWER",
                                             retryable: true)
      end

      # @api private
      def cancelled
        new("The caller cancelled the call.", code: -32_001, status: "CANCELLED", reason: "CALLER_CANCELLED")
      end
    end
  end
end
