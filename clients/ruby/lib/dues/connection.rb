# frozen_string_literal: true

require "json"
require "openssl"
require "timeout"

module Dues
  # One connection: lines out, lines in, and the calls that wait for theirs. A thread dials and says hello; after that,
  # one of those who wait reads for all, and passes that on when it has its answer. Its methods, but for +close+, are for
  # those who hold the lock.
  # @api private
  class Connection
    DIAL_SECONDS = 10
    IDLE_SECONDS = 1
    LONGEST_LINE_OUT = 1 << 20
    LONGEST_LINE_IN = 64 << 20
    MOST_UNSENT = 64 << 20

    # @param lock [Mutex] that of all of a client's calls; nobody waits for the peer while holding it.
    def initialize(lock, transport, hello)
      @lock = lock
      @calls = {} # by id
      @last_id = 0
      @unsent, @unread, @chunk = "", String.new, String.new # of bytes, for a chunk may end within a character
      @waker, @wake = IO.pipe # ends the wait of the one who reads
      @greeted = @reading = @lost = nil
      @heard = Call.now
      @dial = Thread.new { Call.interruptible { dial(transport, hello) } }
    end

    # Whether a call can be made: the server may have ended a connection that was idle.
    def usable?
      take_in if @greeted && @calls.empty? && Call.now - @heard > IDLE_SECONDS
      !@lost
    end

    # Sends a call, now or after the hello, and settles it when there is an answer.
    def start(call)
      @calls[call.id = @last_id += 1] = call
      send_call(call) if @greeted
    end

    # Ends a call, and tells the server where it has no answer yet.
    def leave(call)
      return unless @calls.delete(call.id) && @greeted

      send_line(line("jsonrpc" => "2.0", "method" => "rpc.cancel", "params" => { "id" => call.id }))
    end

    # Waits for the peer and takes in what it says, for all; nil where somebody else does, or it cannot be done.
    def read(seconds)
      return if @reading || @lost || !@greeted

      readable, = wait_for_peer(seconds)
      return true if @lost

      @waker.read_nonblock(64, exception: false) if readable&.include?(@waker)
      flush unless @unsent.empty?
      take_in
      true
    end

    # Lets another read.
    def pass_on = @reading || @calls.each_value.find(&:asleep?)&.wake

    # Ends the wait of the one who reads.
    def wake = @lost || @wake.write_nonblock(".", exception: false)

    # Says that nothing more will come, at which the server ends the streams.
    def finish
      @io.to_io.close_write if @greeted && !@lost
    rescue SystemCallError
      nil # the server was faster
    end

    # Ends it, and every call with +error+.
    def lose(error)
      return if @lost

      wake
      @lost = error
      @calls.each_value { |call| call.settle(nil, error.dup) }.clear # each caller has a backtrace of its own
      [@io, @waker, @wake].each { |io| io&.close }
    end

    def close
      @dial.kill.join
      @lock.synchronize { lose(Error.lost("The client is closed.")) }
    end

    alias inspect to_s # what is unsent may bear secrets

    private

    def dial(transport, hello)
      Timeout.timeout(DIAL_SECONDS) do
        @io = transport.dial
        @io.write(line("jsonrpc" => "2.0", "id" => 0, "method" => "rpc.hello", "params" => hello))
        refusal = parse(@io.readline)["error"] and raise Error.new(refusal)
      end
      @lock.synchronize do
        @greeted = true
        @calls.each_value { |call| send_call(call) }
        pass_on
      end
    rescue StandardError => error
      error = Error.lost("No connection to #{transport}: #{error.message}") unless error.is_a?(Error)
      @lock.synchronize { lose(error) }
    end

    def wait_for_peer(seconds)
      @reading = true
      @lock.unlock
      Call.interruptible { IO.select([@io, @waker], (@unsent.empty? ? nil : [@io]), nil, seconds) }
    rescue IOError, Errno::EBADF
      nil # it was closed
    ensure
      @lock.lock
      @reading = false
    end

    def take_in
      return if @lost

      case @io.read_nonblock(1 << 16, @chunk, exception: false)
      when nil then raise EOFError, "the server closed it"
      when @chunk
        @heard = Call.now
        @unread << @chunk
        *lines, @unread = @unread.split("\n", -1) if @chunk.include?("\n")
        lines&.each { |line| take(parse(line)) }
        raise IOError, "the server's line is too long" if @unread.bytesize > LONGEST_LINE_IN
      end
    rescue StandardError => error # also of a message that is none
      lose(Error.lost("The connection is lost: #{error.message}"))
    end

    def parse(line)
      raise JSON::ParserError unless line.force_encoding(Encoding::UTF_8).valid_encoding?

      JSON.parse(line)
    rescue JSON::ParserError
      raise IOError, "the server sent a line that is not JSON" # which may bear secrets
    end

    def take(message)
      case message["method"]
      when nil
        # It is null where the server could not read the line.
        id = message["id"] || (@calls.each_key.first if @calls.size == 1)
        @calls.delete(id)&.settle(message["result"], message["error"]&.then { |error| Error.new(error) })
      when "rpc.stream"
        id, value = message["params"].values_at("id", "value")
        call = @calls[id]
        leave(call) if call && !call.push(value)
      end
    end

    def send_call(call)
      send_line(line(call.request))
    rescue ArgumentError => error
      @calls.delete(call.id)
      call.settle(nil, error)
    end

    def line(message)
      line = JSON.generate(message) << "\n"
      raise ArgumentError, "a call of #{line.bytesize} bytes is too long" if line.bytesize > LONGEST_LINE_OUT

      line.force_encoding(Encoding::BINARY)
    rescue JSON::GeneratorError, EncodingError
      raise ArgumentError, "the params cannot be said in JSON", cause: nil # which may quote them
    end

    # What does not go out at once is left to the one who reads.
    def send_line(line)
      @unsent = @unsent.empty? ? line : @unsent + line
      flush
      return if @unsent.empty?

      wake
      lose(Error.lost("The server does not read.")) if @unsent.bytesize > MOST_UNSENT
    end

    def flush
      written = @io.write_nonblock(@unsent, exception: false) unless @lost
      @unsent = @unsent.byteslice(written..) if written.is_a?(Integer)
    rescue SystemCallError, IOError, OpenSSL::SSL::SSLError => error
      lose(Error.lost("The connection is lost: #{error.message}"))
    end
  end
end
