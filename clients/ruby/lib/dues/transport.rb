# frozen_string_literal: true

require "json"
require "openssl"
require "socket"

module Dues
  # The ways to a server. Each can +dial+, which gives a connected IO, and +close+, which ends what was started for it.
  # @api private
  module Transport
    # A Unix socket, or an address; by TLS if +tls+ is true or options for OpenSSL::SSL::SSLContext#set_params.
    class Network
      def initialize(host, port, tls, unix = nil)
        @host, @port, @tls, @unix = host, port, tls, unix
      end

      def dial
        return UNIXSocket.new(@unix) if @unix

        socket = ::Socket.tcp(@host, @port)
        socket.setsockopt(:TCP, :NODELAY, true)
        socket.setsockopt(:SOCKET, :KEEPALIVE, true) # a stream may be silent for long
        dialled = @tls ? secure(socket) : socket
      ensure
        socket&.close unless dialled
      end

      def close = nil

      def to_s = @unix || "#{@host}:#{@port}"

      private

      def secure(socket)
        context = OpenSSL::SSL::SSLContext.new
        context.set_params({ verify_hostname: false, **(@tls == true ? {} : @tls) }) # it is checked below
        secure = OpenSSL::SSL::SSLSocket.new(socket, context)
        secure.sync_close = true
        secure.hostname = @host unless @host.match?(/\A[\d.]+\z|:/) # RFC 6066: no addresses
        secure.connect
        secure.post_connection_check(@host) unless context.verify_mode == OpenSSL::SSL::VERIFY_NONE
        secure
      end
    end

    # A server that is started, and whose standard streams are the other end of the connection. It ends with its input.
    class Stdio
      EXIT_SECONDS = 10

      # @param command [Array] as Process.spawn takes it.
      def initialize(command) = @command = command

      def dial
        close # the one before, whose connection was lost
        ours, theirs = UNIXSocket.pair
        start(in: theirs, out: theirs)
        dialled = ours
      ensure
        theirs&.close
        ours&.close unless dialled
      end

      def close
        @process&.join(EXIT_SECONDS) || signal(:KILL)
        @process&.join
      end

      def to_s = self.class.name

      alias inspect to_s # the command may bear secrets

      private

      def start(**streams)
        Thread.handle_interrupt(Object => :never) do # it is ours to end from its first moment
          @process = Process.detach(Process.spawn(*@command, **streams))
        end
      end

      def signal(name)
        Process.kill(name, @process.pid) if @process&.alive?
      rescue Errno::ESRCH
        nil # it was faster
      end
    end

    # A server that is started, says in its first line of output where it listens, and is dialled there.
    class Served < Stdio
      def initialize(command, tls)
        super(command)
        @tls = tls
      end

      def dial
        @address = listen unless @address && @process.alive?
        @address.dial
      end

      def close
        signal(:TERM)
        super
        @output&.close
      end

      private

      def listen
        close
        @output, theirs = IO.pipe # it stays open, for a server may say more
        start(in: File::NULL, out: theirs)
        theirs.close
        line = @output.gets("\n", 65_536) or raise IOError, "the server ended before it listened"
        host, _, port = JSON.parse(line).fetch("tcp").rpartition(":")
        Network.new(host.delete("[]"), Integer(port), @tls)
      ensure
        theirs&.close
      end
    end
  end
end
