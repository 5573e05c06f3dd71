# frozen_string_literal: true

require "json"
require "time"

module Dues
  # The members of an object: their names in Ruby, their names on the wire, and what their values are made into. What is
  # not as the contract says is left as it came.
  class Members
    # @param members [Hash{Symbol => String, Array}] by name, the name on the wire, or that and a type: Time, a Value, or
    #   either in an array.
    def initialize(**members)
      @members = members.map { |name, (wire, type)| [name, wire, type] }.freeze
    end

    # @return [Array<Symbol>]
    def names = @members.map(&:first)

    # Makes Ruby's values of a JSON object.
    def read(raw)
      @members.to_h { |name, wire, type| [name, Members.read(type, raw[wire])] }
    end

    # Makes a JSON object of Ruby's values; those that are nil are left out, unless they are in +nulls+.
    def write(values, nulls = {})
      @members.each_with_object({}) do |(name, wire, type), raw|
        value = values[name]
        raw[wire] = Members.write(type, value) unless value.nil? && !nulls.key?(wire)
      end
    end

    def self.read(type, value)
      case value
      when Array then type.is_a?(Array) ? value.map { |element| read(type.first, element) }.freeze : value
      when Hash then type.respond_to?(:read) ? type.read(value) : value
      when String then type == Time ? time(value) : value
      else value
      end
    end

    def self.write(type, value)
      case value
      when Value then value.as_json
      when Array then type.is_a?(Array) ? value.map { |element| write(type.first, element) } : value
      when Hash then type.respond_to?(:read) ? type.new(**value.transform_keys(&:to_sym)).as_json : value
      when Time then value.getutc.iso8601(value.subsec.zero? ? 0 : 6)
      # The body of an HTTP request comes as bytes that are not said to be UTF-8.
      when String then value.encoding == Encoding::BINARY ? value.dup.force_encoding(Encoding::UTF_8) : value
      else value
      end
    end

    def self.time(text)
      Time.iso8601(text)
    rescue ArgumentError
      text
    end
    private_class_method :time
  end

  # An object that does not change, equal to others with the same values; it can be matched by pattern.
  class Value
    class << self
      # @api private
      attr_reader :layout, :secrets

      # Makes one of a JSON object.
      def read(raw) = new(**layout.read(raw))

      private

      def members(**members)
        @layout = Members.new(**members)
        @secrets = []
      end

      # Says which members are not shown.
      def secret(*names) = @secrets = names
    end

    # Absent members are nil.
    def initialize(**values)
      names = self.class.layout.names
      unknown = values.keys - names
      raise ArgumentError, "#{self.class} has no #{unknown.join(", ")}" unless unknown.empty?

      names.each { |name| instance_variable_set(:"@#{name}", values[name]) }
      freeze
    end

    # @return [Hash{Symbol => Object}] the values by name, secrets included; what they consist of stays as it is.
    def to_h = self.class.layout.names.to_h { |name| [name, public_send(name)] }

    def deconstruct_keys(_names) = to_h

    # @return [Hash{String => Object}] the object as it is on the wire, secrets included.
    def as_json(*) = self.class.layout.write(to_h)

    def to_json(*arguments) = as_json.to_json(*arguments)

    def ==(other) = other.instance_of?(self.class) && other.to_h == to_h
    alias eql? ==

    def hash = [self.class, to_h].hash

    def inspect
      shown = to_h.map do |name, value|
        "#{name}=#{self.class.secrets.include?(name) && value ? "[FILTERED]" : value.inspect}"
      end
      "#<#{self.class} #{shown.join(", ")}>"
    end
    alias to_s inspect
  end

  # A value that the server gives.
  class Result < Value
    # @return [Hash{String => Object}] the whole object as the server gave it, also what this client does not know.
    attr_reader :raw

    def self.read(raw) = new(raw: raw, **layout.read(raw))

    def initialize(raw: {}, **values)
      @raw = raw
      super(**values)
    end

    # @return [ResultMetadata, nil] what the server says about the call, where +verbose+ asked for it.
    def meta = Members.read(ResultMetadata, raw["_meta"])

    def as_json(*)
      wire = self.class.layout.write(to_h, raw)
      raw.key?("_meta") ? wire.merge("_meta" => meta.as_json) : wire
    end
  end
end
