# frozen_string_literal: true

require "json"
require "time"

module Dues
  # The members of an object: their names in Ruby, their names on the wire, and what their values are made into: Time, a
  # class of values, either in an array, or nothing else.
  class Members
    # @param members [Hash{Symbol => String, Array}] by name, the name on the wire, or that and a type.
    def initialize(**members) = @members = members.transform_values { |wire, type| [wire, type].freeze }.freeze

    def names = @members.keys

    # Makes Ruby's values of a JSON object.
    def read(raw) = @members.to_h { |name, (wire, type)| [name, Members.read(type, raw[wire])] }

    # Makes a JSON object of Ruby's values; those that are nil are left out, unless they are in +nulls+.
    def write(values, nulls = {})
      values.each_with_object({}) do |(name, value), raw|
        wire, type = @members.fetch(name) { raise ArgumentError, "there is no #{name}" }
        raw[wire] = Members.write(type, value) unless value.nil? && !nulls.key?(wire)
      end
    end

    def self.read(type, value)
      return value if type.nil? || value.nil?
      return value.map { |element| read(type.first, element) }.freeze if type.is_a?(Array)

      type == Time ? Time.iso8601(value) : type.read(value)
    end

    def self.write(type, value)
      case value
      when Value then value.as_json
      when Time then value.getutc.iso8601(value.subsec.zero? ? 0 : 6)
      when Array then value.map { |element| write(Array(type).first, element) }
      when Hash then type ? type.new(**value.transform_keys(&:to_sym)).as_json : value
      # The body of an HTTP request comes as bytes that are not said to be UTF-8.
      when String then value.encoding == Encoding::BINARY ? value.dup.force_encoding(Encoding::UTF_8) : value
      else value
      end
    end
  end

  # What the contract says of a method: the name of that of {Client}, its params, what its result and a stream's values
  # are made into, and whether a call may be made again though the first may have had its effect.
  Operation = Struct.new(:name, :params, :result, :value, :repeatable, keyword_init: true)

  # An object that does not change, equal to others with the same values; it can be matched by pattern.
  class Value
    class << self
      # @api private
      attr_reader :layout, :secrets

      # Makes one of a JSON object.
      def read(raw) = allocate.tap { |value| value.__send__(:wrap, raw) }

      private

      # Says what the members are. They are made when they are asked for: an answer has many that nobody looks at.
      def members(**members)
        @layout = Members.new(**members)
        @secrets = []
        members.each do |name, (wire, type)|
          define_method(name) { type ? @made[name] ||= Members.read(type, @raw[wire]) : @raw[wire] }
        end
      end

      # Says which members are not shown.
      def secret(*names) = @secrets = names
    end

    # Members that are not given are nil.
    def initialize(**values) = wrap(self.class.layout.write(values))

    # @return [Hash{Symbol => Object}] the values by name, secrets included; what they consist of stays as it is.
    def to_h = self.class.layout.names.to_h { |name| [name, public_send(name)] }

    def deconstruct_keys(_names) = to_h

    # @return [Hash{String => Object}] the object as it is on the wire, secrets included.
    def as_json(*) = self.class.layout.write(to_h, @raw)

    def to_json(*arguments) = as_json.to_json(*arguments)

    def ==(other) = other.instance_of?(self.class) && other.to_h == to_h
    alias eql? ==

    def hash = [self.class, to_h].hash

    def inspect
      shown = to_h.map { |name, value| "#{name}=#{secret?(name) && value ? "[FILTERED]" : value.inspect}" }
      "#<#{self.class} #{shown.join(", ")}>"
    end
    alias to_s inspect

    private

    def secret?(name) = self.class.secrets.include?(name)

    def wrap(raw)
      @raw = raw
      @made = {}
      freeze
    end
  end

  # A value that the server gives.
  class Result < Value
    # @return [Hash{String => Object}] the whole object as the server gave it, also what this client does not know.
    attr_reader :raw

    # @return [ResultMetadata, nil] what the server says about the call, where +verbose+ asked for it.
    def meta = Members.read(ResultMetadata, raw["_meta"])

    def as_json(*) = raw.key?("_meta") ? super.merge("_meta" => meta.as_json) : super
  end
end
