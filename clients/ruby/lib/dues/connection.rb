# frozen_string_literal: true

require "json"
require "openssl"
require "timeout"

module Dues
  # One connection: lines out, lines in, and the calls that wait for theirs. A thread of its own dials, says hello, sends
  # the calls that have come meanwhile, and reads for all; whatever ends it is the error of those that wait.
  # @api private
  class Connection
    DIAL_SECONDS = 10
    LONGEST_LINE_OUT = 1 << 20
    LONGEST_LINE_IN = 64 << 20
    MOST_UNSENT = 256
    UNINTERRUPTED = { Object => :never }.freeze

    # @param lock [Mutex] that of all of a client's calls; nobody waits for the peer while holding it.
    def initialize(lock, transport, hello)
      @lock = lock
      @calls = {} # by id
      @last_id = 0
      @lines, @unread, @chunk = [], +"", +""
      @unsent = Queue.new # what did not go out at once
      @greeted = @lost = nil # whether calls are sent, and why not any more
      @thread = Thread.new { run(transport, hello) }
    end

    def usable? = !@lost

    # Sends a call, now or after the hello, and settles it when there is an answer.
    def start(call)
      exclusively do
        next call.settle(nil, @lost.dup) if @lost

        @calls[call.id = @last_id += 1] = call
        send_call(call) if @greeted
      end
    end

    # Ends a call, and tells the server where it has no answer yet.
    def leave(call) = exclusively { drop(call) }

    # Says that nothing more will come, gives the server time to end what it still does, and closes.
    def close(seconds)
      exclusively { @io.to_io.close_write if @greeted && !@lost }
      @thread.join(seconds) unless @calls.empty?
    rescue SystemCallError
      nil # the server was faster
    ensure
      @thread.kill.join
    end

    alias inspect to_s # what is unsent may bear secrets

    private

    # Timeout, Thread#raise and Thread#kill come through where a call waits, never in the middle of a line.
    def exclusively = Thread.handle_interrupt(UNINTERRUPTED) { @lock.synchronize { yield } }

    def run(transport, hello)
      Timeout.timeout(DIAL_SECONDS) do
        @io = transport.dial
        @io.write(line("jsonrpc" => "2.0", "id" => 0, "method" => "rpc.hello", "params" => hello))
        refusal = receive["error"] and raise Error.new(refusal)
      end
      writer = Thread.new { send_unsent }
      exclusively do
        @greeted = true
        @calls.each_value { |call| send_call(call) }
      end
      while (message = receive)
        @lock.synchronize { take(message) }
      end
    rescue StandardError => error
      lost = error.is_a?(Error) ? error : Error.lost("No connection to #{transport}: #{error.message}")
    ensure
      exclusively do
        @lost = lost || Error.lost("The connection is closed.")
        @calls.each_value { |call| call.settle(nil, @lost.dup) }.clear # each caller has a backtrace of its own
      end
      writer&.kill
      @io&.close
    end

    # The next message.
    def receive
      until (line = @lines.shift)
        @unread << @io.readpartial(1 << 16, @chunk)
        raise IOError, "the server's line is too long" if @unread.bytesize > LONGEST_LINE_IN

        *@lines, @unread = @unread.split("\n", -1) if @chunk.include?("\n")
      end
      raise JSON::ParserError unless line.force_encoding(Encoding::UTF_8).valid_encoding?

      JSON.parse(line)
    rescue JSON::ParserError
      raise IOError, "the server sent a line that is not JSON" # which may bear secrets
    end

    def take(message)
      case message["method"]
      when nil
        id = message["id"] || (@calls.each_key.first if @calls.size == 1) # null where the server could not read the line
        @calls.delete(id)&.settle(message["result"], message["error"]&.then { |error| Error.new(error) })
      when "rpc.stream"
        id, value = message["params"].values_at("id", "value")
        call = @calls[id]
        drop(call) if call && !call.push(value)
      end
    end

    def drop(call)
      return unless @calls.delete(call.id) && @greeted

      send_line(line("jsonrpc" => "2.0", "method" => "rpc.cancel", "params" => { "id" => call.id }))
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

    # Nobody waits for a server that does not read: what does not go out at once is left to a thread.
    def send_line(line)
      written = @unsent.empty? && @unsent.num_waiting == 1 ? @io.write_nonblock(line, exception: false) : 0
      return if written == line.bytesize

      @unsent << (written.is_a?(Integer) ? line.byteslice(written..) : line)
      @thread.kill if @unsent.size > MOST_UNSENT
    rescue SystemCallError, IOError, OpenSSL::SSL::SSLError
      nil # the thread that reads hears of it
    end

    def send_unsent
      loop { @io.write(@unsent.pop) }
    rescue SystemCallError, IOError, OpenSSL::SSL::SSLError
      nil # as above
    end
  end
end
