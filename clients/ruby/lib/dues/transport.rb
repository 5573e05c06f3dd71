# frozen_string_literal: true

require "json"
require "openssl"
require "socket"

module Dues
  # The ways to a server. Each can +dial+, which gives a connected IO, and +close+, which reaps what it started.
  # @api private
  module Transport
    # How long a server that was started may stay once it was told to end.
    EXIT_SECONDS = 10

    # A TCP address, by TLS if +tls+ is true, options for OpenSSL::SSL::SSLContext#set_params, or such a context.
    class TCP
      def initialize(host, port, tls)
        @host, @port, @tls = host, port, tls
      end

      def dial
        socket = ::Socket.tcp(@host, @port)
        socket.setsockopt(:TCP, :NODELAY, true)
        socket.setsockopt(:SOCKET, :KEEPALIVE, true) # a stream may be silent for long
        @tls ? secured(socket) : socket
      rescue Exception # whatever ends it, it is not left open
        socket&.close
        raise
      end

      def close = nil

      def to_s = "#{@host}:#{@port}"

      private

      def secured(socket)
        secure = OpenSSL::SSL::SSLSocket.new(socket, context)
        secure.sync_close = true
        secure.hostname = @host unless @host.match?(/\A[\d.]+\z|:/) # RFC 6066: no addresses
        secure.connect
        secure.post_connection_check(@host) if context.verify_mode.to_i.allbits?(OpenSSL::SSL::VERIFY_PEER)
        secure
      end

      def context
        @context ||= @tls.is_a?(OpenSSL::SSL::SSLContext) ? @tls : OpenSSL::SSL::SSLContext.new.tap do |context|
          context.set_params({ verify_hostname: false, **(@tls == true ? {} : @tls) }) # it is checked above
        end
      end
    end

    # A Unix socket.
    class Unix
      def initialize(path) = @path = path

      def dial = UNIXSocket.new(@path)

      def close = nil

      def to_s = @path
    end

    # A server that is started, and ended by +close+.
    class Child
      # @param command [Array] as Process.spawn takes it.
      def initialize(command, ending)
        @command, @ending = command, ending
      end

      def start(**streams) = @process = Process.detach(Process.spawn(*@command, **streams))

      def alive? = @process&.alive?

      def close
        return unless @process

        signal(@ending) if @ending
        signal(:KILL) unless @process.join(EXIT_SECONDS)
        @process.join
        @process = nil
      end

      alias inspect to_s # the command may bear secrets

      private

      def signal(name)
        Process.kill(name, @process.pid) if alive?
      rescue Errno::ESRCH
        nil # it was faster
      end
    end

    # A server whose standard streams are the other end of the connection. It ends with its input.
    class Stdio
      def initialize(command) = @child = Child.new(command, nil)

      def dial
        close # the one before, whose connection was lost
        ours, theirs = UNIXSocket.pair
        @child.start(in: theirs, out: theirs)
        ours
      rescue Exception # whatever ends it, it is not left open
        ours&.close
        raise
      ensure
        theirs&.close
      end

      def close = @child.close

      def to_s = "stdio"
    end

    # A server that says in its first line of output where it listens, and is dialled there.
    class Served
      def initialize(command, tls)
        @child, @tls = Child.new(command, :TERM), tls
      end

      def dial
        start unless @address && @child.alive?
        @address.dial
      end

      def close
        @child.close
        @output&.close
        @address = nil
      end

      def to_s = "serve"

      private

      def start
        close
        @output, theirs = IO.pipe
        begin
          @child.start(in: File::NULL, out: theirs)
        ensure
          theirs.close
        end
        line = @output.gets("\n", 65_536) or raise IOError, "the server ended before it listened"
        host, _, port = JSON.parse(line).fetch("tcp").rpartition(":")
        @address = TCP.new(host.delete("[]"), Integer(port), @tls)
      rescue JSON::ParserError, KeyError
        raise IOError, "the server's first line does not say where it listens"
      end
    end
  end
end
