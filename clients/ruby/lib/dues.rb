# frozen_string_literal: true

# A client for Dues, the subscription billing service: JSON-RPC 2.0 lines over TCP, TLS, a Unix socket, or the standard
# streams of a server that it starts.
#
#     Dues::Client.open(port: 7171) do |dues|
#       customer = dues.create_customer(email: "jenny.rosen@example.com")
#       dues.check_access(customer_id: customer.customer_id, product_id: "prod_…").allowed
#     end
module Dues
  VERSION = "1.0.0"

  # The version of the wire protocol that this client speaks.
  PROTOCOL_VERSION = 1
end

require_relative "dues/value"
require_relative "dues/types"
require_relative "dues/error"
require_relative "dues/methods"
require_relative "dues/cancellation"
require_relative "dues/transport"
require_relative "dues/connection"
require_relative "dues/call"
require_relative "dues/session"
require_relative "dues/stream"
require_relative "dues/client"
