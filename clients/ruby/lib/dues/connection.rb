# frozen_string_literal: true

require "json"
require "openssl"

module Dues
  # One connection: lines out, lines in, and the calls that wait for theirs. No thread of its own reads: of those who wait
  # one reads for all, and passes that on when it has its answer.
  # @api private
  class Connection
    LONGEST_LINE_OUT = 1 << 20
    LONGEST_LINE_IN = 16 << 20
    MOST_UNSENT = 8 << 20
    MOST_VALUES = 256
    IDLE_SECONDS = 1
    UNINTERRUPTED = { Object => :never }.freeze # Timeout and Thread#raise come through where a call waits, else never

    # A call, from before it is sent until its caller has what it wants; +values+ is where a stream's go.
    class Call
      attr_accessor :id
      attr_reader :values
      # Whether a thread sleeps until it is woken, by its answer or because it is its turn to read.
      attr_reader :sleeps

      def initialize(values = nil)
        @values = values
      end

      def sleep(lock, seconds)
        @turn ||= ConditionVariable.new
        @sleeps = true
        @turn.wait(lock, seconds)
      end

      def awake = @sleeps = false

      def wake = @turn&.signal

      def settle(result, error = nil)
        @result, @error, @settled = result, error, true
        wake
      end

      def settled? = @settled

      def ready? = @settled || (@values && !@values.empty?)

      # The result; nil of a stream that was cut off because its reader is slow.
      def result!
        raise @error if @error

        @result
      end
    end

    def initialize(io)
      @io = io
      @lock = Mutex.new # guards all of what follows; nobody waits for the peer while holding it
      @calls = {}
      @last_id = 0
      @unsent, @unread, @chunk = "", +"", +""
      @waker, @wake = IO.pipe # ends the reader's wait
      @watched = [@io, @waker].freeze
      @reader = nil # the call whose thread reads
      @heard = Request.now # when something was read
      @lost = nil # why nothing goes any more
    end

    # Whether a call can be made. A connection that was idle is looked at: the server may have ended it since.
    def usable?
      exclusively { take_in } if @calls.empty? && Request.now - @heard > IDLE_SECONDS
      !@lost
    end

    # Sends a call. It is made before, so that whoever is interrupted here has something to abandon.
    def start(call, method, params)
      exclusively do
        raise Error.lost(@lost) if @lost

        id = @last_id += 1
        line = line({ "jsonrpc" => "2.0", "id" => id, "method" => method, "params" => params })
        @calls[call.id = id] = call
        send_line(line)
      end
    end

    # Waits until +call+ has its answer or a value, +give_up+ at the latest.
    def await(call, give_up)
      until call.ready? || (left = give_up - Request.now) <= 0
        read(call, left) if @reader == call || reads?(call, left)
      end
    ensure
      exclusively { release(call) } if call.sleeps || @reader == call
    end

    # The next value of a stream that has come; nil for none.
    def shift(call) = @lock.synchronize { call.values.shift }

    # Ends a call that has no answer yet with the error that the block gives, and tells the server.
    def abandon(call)
      return if call.settled?

      exclusively do
        next if call.settled?

        call.settle(nil, yield)
        cancel(call) if @calls.delete(call.id)
        wake if @reader == call
      end
    end

    def close = exclusively { lose("The client is closed.") }

    alias inspect to_s # what is unsent may bear secrets

    private

    def exclusively(&block) = Thread.handle_interrupt(UNINTERRUPTED) { @lock.synchronize(&block) }

    # Makes the thread of +call+ the one that reads; if there is one, sleeps until woken.
    def reads?(call, seconds)
      @lock.synchronize do
        next if call.ready?

        @reader ? call.sleep(@lock, seconds) : @reader = call
      end
      @reader == call
    end

    # Waits for the peer, and takes in what it says.
    def read(call, seconds)
      readable, = IO.select(@watched, (@unsent.empty? ? nil : @watched.first(1)), nil, seconds)
      exclusively do
        next if @lost

        @waker.read_nonblock(64, exception: false) if readable&.include?(@waker)
        flush unless @unsent.empty?
        take_in
        release(call) if call.ready?
      end
    rescue IOError, Errno::EBADF
      nil # another thread has closed the connection, and settled every call
    end

    # Gives back what the thread of +call+ has for its waiting, and hands the right to read on.
    def release(call)
      call.awake
      @reader = nil if @reader == call
      @calls.each_value { |other| break other.wake if other.sleeps } unless @reader || @calls.empty?
    end

    def wake = @lost || @wake.write_nonblock(".", exception: false)

    def line(message)
      line = JSON.generate(message) << "\n"
      raise ArgumentError, "a call of #{line.bytesize} bytes is too long" if line.bytesize > LONGEST_LINE_OUT

      line.force_encoding(Encoding::BINARY)
    rescue JSON::GeneratorError, EncodingError
      raise ArgumentError, "the params cannot be said in JSON", cause: nil # which may quote them
    end

    def cancel(call) = send_line(line({ "jsonrpc" => "2.0", "method" => "rpc.cancel", "params" => { "id" => call.id } }))

    # What does not go out at once is left to the thread that reads.
    def send_line(line)
      @unsent = @unsent.empty? ? line : @unsent + line
      flush
      return if @lost || @unsent.empty?

      @unsent.bytesize > MOST_UNSENT ? lose("The server does not read.") : wake
    end

    def flush
      until @unsent.empty?
        written = @io.write_nonblock(@unsent, exception: false)
        return unless written.is_a?(Integer)

        @unsent = written == @unsent.bytesize ? "" : @unsent.byteslice(written..)
      end
    rescue SystemCallError, IOError, OpenSSL::SSL::SSLError => error
      lose("The connection is lost: #{error.message}")
    end

    def take_in
      return if @lost

      case @io.read_nonblock(1 << 16, @chunk, exception: false)
      when nil then lose("The server closed the connection.")
      when String
        @heard = Request.now
        @unread << @chunk.force_encoding(Encoding::UTF_8)
        take_lines if @chunk.include?("\n")
        lose("The server's line is too long.") if @unread.bytesize > LONGEST_LINE_IN
      end
    rescue JSON::ParserError
      lose("The server sent a line that is not JSON.")
    rescue SystemCallError, IOError, OpenSSL::SSL::SSLError => error
      lose("The connection is lost: #{error.message}")
    end

    def take_lines
      lines, @unread = @unread, +""
      lines.each_line do |line|
        next @unread = line unless line.end_with?("\n")
        next if line.bytesize < 3 # an empty one

        raise JSON::ParserError unless line.valid_encoding?

        message = JSON.parse(line)
        take(message) if message.is_a?(Hash)
      end
    end

    def take(message)
      return take_value(message["params"]) if message["method"] == "rpc.stream"
      return if message.key?("method")

      id = message["id"]
      id = @calls.each_key.first if id.nil? && @calls.size == 1 # an error about a line that the server could not read
      return unless (call = @calls.delete(id))

      error = message["error"]
      call.settle(message["result"], error.is_a?(Hash) ? Error.read(error) : nil)
    end

    def take_value(params)
      return unless params.is_a?(Hash) && params["value"].is_a?(Hash) && (call = @calls[params["id"]])&.values

      if call.values.size < MOST_VALUES
        call.values << params["value"]
        call.wake
      else
        @calls.delete(call.id)
        call.settle(nil)
        cancel(call)
      end
    end

    def lose(problem)
      return if @lost

      wake
      @lost = problem
      @calls.each_value { |call| call.settle(nil, Error.lost(problem)) }
      @calls.clear
      [@io, @waker, @wake].each(&:close)
    end
  end
end
