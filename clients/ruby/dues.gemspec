# frozen_string_literal: true

Gem::Specification.new do |gem|
  gem.name = "dues"
  gem.version = "1.0.0"
  gem.summary = "Client for Dues, the subscription billing service"
  gem.description = "Calls Dues over TCP, TLS, a Unix socket or standard streams: typed, thread-safe, standard library only."
  gem.authors = ["The Dues authors"]
  gem.license = "MIT"
  gem.required_ruby_version = ">= 3.0"
  gem.files = Dir.chdir(__dir__) { Dir["lib/**/*.rb", "sig/*.rbs", "README.md", "LICENSE", "example.rb"] }
end
