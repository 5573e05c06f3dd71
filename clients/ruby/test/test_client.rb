# frozen_string_literal: true

# What the conformance tests do not reach: values, streams with slow readers, and threads that are interrupted.
#
#     ruby test/test_client.rb

require "minitest/autorun"
require "timeout"
require_relative "../lib/dues"

class ClientTest < Minitest::Test
  ACCESS = { "allowed" => true, "reason" => "ACTIVE", "since" => "2026-04-01T00:00:00.250Z", "novelty" => 1 }.freeze

  # A server that gives each call's message, and a way to say something, to the block.
  class Server
    attr_reader :port, :messages

    def initialize(&script)
      @listener = TCPServer.new("127.0.0.1", 0)
      @port = @listener.addr[1]
      @messages = Queue.new
      @thread = Thread.new { loop { visit(@listener.accept, script) } }
    end

    def stop
      @thread.kill.join
      @listener.close
    end

    private

    def visit(socket, script)
      say = lambda do |message| # or a part of one
        socket.write(message.is_a?(String) ? message : "#{JSON.generate({ jsonrpc: "2.0", **message })}\n")
      end
      while (line = socket.gets)
        message = JSON.parse(line)
        @messages << message
        case message["method"]
        when "rpc.hello" then say.call({ id: message["id"], result: {} })
        when "rpc.cancel" then next
        else break if script.call(message, say) == :leave
        end
      end
    rescue SystemCallError
      nil # the client has gone
    ensure
      socket.close
    end
  end

  def serve(script, **options)
    server = Server.new(&script)
    Dues::Client.open(port: server.port, **options) { |client| yield client, server }
  ensure
    server&.stop
  end

  def answering(result = ACCESS) = ->(call, say) { say.call({ id: call["id"], result: result }) }

  def event(seq) = { "seq" => seq, "id" => "evt_#{seq}", "object" => {} }

  def stream(call, say, seqs)
    seqs.each { |seq| say.call({ method: "rpc.stream", params: { id: call["id"], seq: 1, value: event(seq) } }) }
  end

  def methods_seen(server) = Array.new(server.messages.size) { server.messages.pop["method"] }

  # Values

  def test_values_are_frozen_compared_and_matched
    access = Dues::CheckAccessResult.read(ACCESS)
    assert access.frozen?
    assert_equal Time.utc(2026, 4, 1, 0, 0, Rational(1, 4)), access.since
    assert_equal 1, access.raw["novelty"]
    assert_equal access, Dues::CheckAccessResult.new(allowed: true, reason: "ACTIVE", since: access.since)
    access => { allowed: true, reason: }
    assert_equal "ACTIVE", reason
    assert_raises(ArgumentError) { Dues::AddressInput.new(zip: "1") }
    assert_equal '{"line1":"a","postalCode":"b"}', JSON.generate(Dues::AddressInput.new(line1: "a", postal_code: "b"))
  end

  def test_secrets_are_not_shown
    result = Dues::CreateSubscriptionResult.read("clientSecret" => "pi_1_secret_2", "status" => "incomplete")
    refute_includes result.inspect, "secret_2"
    refute_includes result.to_s, "secret_2"
    assert_equal "pi_1_secret_2", result.client_secret
    client = Dues::Client.new(token: "tok_1", spawn: ["true", "tok_2"])
    refute_match(/tok_/, client.inspect)
    refute_match(/tok_/, client.instance_variable_get(:@session).inspect)
  end

  def test_params_may_be_hashes_and_bytes
    serve(answering({})) do |client, server|
      client.create_customer(address: { line1: "a", postal_code: "b" }, metadata: { "postal_code" => "c" })
      client.ingest_webhook(payload: "{\"name\":\"Größe\"}".b, signature: "t=1")
      client.cancel(subscription_id: "sub_1", when: "periodEnd")
      calls = Array.new(server.messages.size) { server.messages.pop["params"] }.drop(1)
      assert_equal({ "line1" => "a", "postalCode" => "b" }, calls[0]["address"])
      assert_equal({ "postal_code" => "c" }, calls[0]["metadata"])
      assert_equal "{\"name\":\"Größe\"}", calls[1]["payload"]
      assert_equal "periodEnd", calls[2]["when"]
      assert_raises(ArgumentError) { client.check_access(customer_id: "a" * (1 << 20)) }
      assert_raises(ArgumentError) { client.check_access(customer_id: "\xFF") }
      assert_raises(ArgumentError) { client.check_access(customer_id: "a", cancelation: 1) }
    end
  end

  def test_lines_come_in_pieces
    halves = lambda do |call, say|
      line = "{\"method\":\"novelty\"}\n#{JSON.generate({ id: call["id"], result: { text: "Größe" } })}\n".b
      cut = line.index("\xC3".b) + 1
      say.call(line[...cut])
      sleep 0.02
      say.call(line[cut..])
    end
    serve(halves) { |client, _| assert_equal "Größe", client.call("Echo")["text"] }
    serve(->(_, say) { say.call("\"\xFF\"\n") }, retries: 0) do |client, _|
      assert_equal "CONNECTION_LOST", assert_raises(Dues::Error) { client.call("Echo") }.reason
    end
  end

  # Streams

  def test_a_stream_goes_on_behind_its_last_value
    visits = 0
    script = lambda do |call, say|
      case visits += 1
      when 1
        stream(call, say, [7, 9_007_199_254_740_993])
        next :leave
      when 2
        say.call({ id: call["id"], error: { code: -32_014, message: "So.", data: { retryable: true } } })
      else
        stream(call, say, [call["params"]["after"] + 2])
        say.call({ id: call["id"], result: { after: call["params"]["after"] + 5 } })
      end
    end
    serve(script) do |client, _|
      events = client.watch_events(after: 3)
      assert_equal [7, 9_007_199_254_740_993, 9_007_199_254_740_995], events.map(&:seq)
      assert_equal 9_007_199_254_740_998, events.result.after
    end
  end

  def test_a_slow_reader_gets_every_value_and_little_is_kept
    script = lambda do |call, say|
      next answering.call(call, say) if call["method"] == "CheckAccess"

      after = call["params"]["after"]
      stream(call, say, after + 1..1000)
      say.call({ id: call["id"], result: { after: 1000 } }) if after > 700
    end
    serve(script) do |client, server|
      seqs = client.watch_events(after: 0).map do |event|
        client.check_access(customer_id: "c", product_id: "p") if (event.seq % 100) == 1 # reads what comes meanwhile
        event.seq
      end
      assert_equal (1..1000).to_a, seqs
      assert_operator methods_seen(server).count("rpc.cancel"), :>=, 2
    end
  end

  def test_who_leaves_a_stream_cancels_it
    serve(->(call, say) { stream(call, say, 1..3) }) do |client, server|
      assert_equal [1, 2], client.watch_events(after: 0).take(2).map(&:seq)
      enumerator = client.watch_events.each
      assert_equal 1, enumerator.next.seq
      sleep 0.05
      assert_equal 1, methods_seen(server).count("rpc.cancel")
    end
  end

  # Threads

  def test_timeouts_and_kills_leave_the_connection_whole
    quiet = ->(call, say) { answering.call(call, say) unless call["params"]["feature"] == "never" }
    serve(quiet, retries: 0) do |client, server|
      workers = Array.new(8) do |number|
        Thread.new do
          60.times do |turn|
            if (turn + number).even?
              assert client.check_access(customer_id: "c", product_id: "p").allowed
            else
              assert_raises(Timeout::Error) do
                Timeout.timeout(rand * 0.004) { loop { client.check_access(customer_id: "c", feature: "never") } }
              end
            end
          end
        end
      end
      killed = Array.new(8) { Thread.new { client.check_access(customer_id: "c", feature: "never") } }
      sleep 0.02
      killed.each(&:kill).each(&:join)
      workers.each(&:join)
      assert client.check_access(customer_id: "c", product_id: "p").allowed
      assert_empty client.instance_variable_get(:@session).instance_variable_get(:@connection)
                         .instance_variable_get(:@calls)
      seen = methods_seen(server)
      assert_equal 1, seen.count("rpc.hello"), "one connection serves them all"
      assert_operator seen.count("rpc.cancel"), :>=, 8
    end
  end

  def test_a_cancellation_ends_every_call_that_has_it
    serve(->(*) {}) do |client, _|
      cancellation = Dues::Cancellation.new
      threads = Array.new(3) do
        Thread.new do
          client.check_access(customer_id: "c", product_id: "p", cancellation: cancellation)
        rescue Dues::Error => error
          error.reason
        end
      end
      sleep 0.05
      cancellation.cancel
      assert_equal ["CALLER_CANCELLED"] * 3, threads.map(&:value)
    end
  end

  def test_closing_does_not_wait_for_a_server_that_is_mute
    listener = TCPServer.new("127.0.0.1", 0)
    client = Dues::Client.new(port: listener.addr[1], timeout: 0.05, retries: 0)
    assert_equal "NO_ANSWER", assert_raises(Dues::Error) { client.rpc_health }.reason
    Timeout.timeout(1) { client.close }
  ensure
    listener.close
  end

  def test_a_server_that_does_not_read_blocks_nobody
    listener = TCPServer.new("127.0.0.1", 0)
    reader = Thread.new do
      socket = listener.accept
      id = JSON.parse(socket.gets)["id"]
      socket.write("#{JSON.generate({ jsonrpc: "2.0", id: id, result: {} })}\n")
      sleep
    end
    client = Dues::Client.new(port: listener.addr[1], timeout: 0.1, retries: 0)
    reasons = Array.new(12) do
      Thread.new do
        client.call("Echo", { "text" => "a" * 1_000_000 })
      rescue Dues::Error => error
        error.reason
      end
    end.map(&:value)
    assert_empty reasons - %w[NO_ANSWER CONNECTION_LOST]
  ensure
    reader&.kill
    client&.close
    listener&.close
  end

  def test_nothing_is_left_behind
    open_files = -> { Dir.children("/proc/self/fd").size }
    GC.start # what other tests' threads left when they were killed
    before = open_files.call
    serve(answering) { |client, _| client.check_access(customer_id: "c", product_id: "p") }
    Dues::Client.open(spawn: %w[cat], retries: 0, timeout: 0.1) do |client|
      assert_raises(Dues::Error) { client.rpc_health }
    end
    assert_equal before, open_files.call
    assert_raises(Errno::ECHILD) { Process.wait }
  end

  def test_a_closed_client_says_so
    client = Dues::Client.new
    client.close
    assert_equal "CONNECTION_LOST", assert_raises(Dues::Error) { client.rpc_health }.reason
    client.close
  end
end
