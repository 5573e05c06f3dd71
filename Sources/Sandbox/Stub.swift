package import EventLoop
package struct SandboxConfiguration: Sendable { package init() {}; package var webhookURL: String?; package var stateFile: String?; package var strictKeys = false; package var webhookSecret: String? }
package final class SandboxServer { package init(loop: EventLoop, configuration: SandboxConfiguration) throws(SystemError) {}
 package let secretKey = "sk_test_x", publishableKey = "pk_test_x", webhookSecret = "whsec_x"
 package func listen(_ a: SocketAddress) throws(SystemError) -> SocketAddress { a } }
