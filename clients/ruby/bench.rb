# frozen_string_literal: true

# What the client costs: a call on a bare socket, the same by the client, and a GET by Net::HTTP as its documentation
# first shows it, a connection each.

require "net/http"
require "optparse"
require_relative "lib/dues"

WARM_UP = 500
ROUNDS = 10
CALLS = 200
PARAMS = { "customerId" => "cus_NffrFeUfNV2Hib", "productId" => "prod_UKbasic0000001" }.freeze

tcp, url = nil
OptionParser.new do |flags|
  flags.on("--tcp HOST:PORT") { |address| tcp = address }
  flags.on("--http URL") { |address| url = URI(address) }
end.parse!
host, _, port = tcp.rpartition(":")

socket = TCPSocket.new(host, port)
socket.setsockopt(:TCP, :NODELAY, true)
line = JSON.generate({ jsonrpc: "2.0", id: 1, method: "CheckAccess", params: PARAMS }) << "\n"
dues = Dues::Client.new(host: host, port: Integer(port))

ways = {
  bareMicroseconds: lambda { |*|
    socket.write(line)
    socket.gets
  },
  clientMicroseconds: ->(*) { dues.check_access(customer_id: PARAMS["customerId"], product_id: PARAMS["productId"]) },
  httpMicroseconds: ->(*) { JSON.parse(Net::HTTP.get_response(url).body) }
}

def now = Process.clock_gettime(Process::CLOCK_MONOTONIC, :float_microsecond)

times = ways.transform_values { [] }
ways.each_value { |way| WARM_UP.times(&way) }
ROUNDS.times do
  ways.each do |name, way|
    CALLS.times do
      begun = now
      way.call
      times[name] << (now - begun)
    end
  end
end
puts JSON.generate(times.transform_values { |all| all.sort[all.size / 2].round(1) })

dues.close
socket.close
