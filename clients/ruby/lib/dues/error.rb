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

    # @param error [Hash{String => Object}] that of a JSON-RPC response.
    def initialize(error)
      super(error["message"])
      @code = error["code"]
      data = error["data"] || {}
      @status, @reason, @subject_id = data.values_at("status", "reason", "subjectId")
      @retryable = data["retryable"] == true
      @retry_after = data["retryAfterMs"]&.fdiv(1000)
      @violations = Members.read([Violation], data["violations"]) || []
      @stripe = Members.read(StripeRefusal, data["stripe"])
    end

    def inspect = "#<#{self.class} #{status} #{reason}: #{message}>"

    # @api private
    def self.own(code, status, reason, message, retryable: true)
      new("code" => code, "message" => message,
          "data" => { "status" => status, "reason" => reason, "retryable" => retryable })
    end

    # @api private
    def self.lost(problem) = own(-32_014, "UNAVAILABLE", "CONNECTION_LOST", problem)

    # @api private
    def self.no_answer = own(-32_004, "DEADLINE_EXCEEDED", "NO_ANSWER", "There was no answer in time.")

    # @api private
    def self.cancelled
      own(-32_001, "CANCELLED", "CALLER_CANCELLED", "The caller cancelled the call.", retryable: false)
    end
  end
end
