package dues;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.InetSocketAddress;
import java.net.ProtocolFamily;
import java.net.Socket;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;

/** Makes connections as the options say, and keeps the server that it spawned. One thread at a time opens. */
final class Transport {
    private static final long LONGEST_OPENING = TimeUnit.SECONDS.toNanos(10);
    private static final int EXIT_SECONDS = 10;

    private final DuesOptions options;
    private Process server;
    private InetSocketAddress served;

    Transport(DuesOptions options) {
        this.options = options;
    }

    Wire open(long patience) throws IOException, InterruptedException {
        long nanos = Math.max(1, Math.min(patience, LONGEST_OPENING));
        switch (options.kind) {
            case UNIX: return unix(options.path, nanos);
            case STDIO: return stdio();
            case SERVE:
                serve(nanos);
                return dial(served, nanos);
            default: return dial(new InetSocketAddress(options.host, options.port), nanos);
        }
    }

    private Wire dial(InetSocketAddress address, long nanos) throws IOException {
        if (address.isUnresolved()) throw new IOException("no address of " + address.getHostString());
        if (options.tls != null) return tls(address, (int) TimeUnit.NANOSECONDS.toMillis(nanos) + 1);
        return new Wire.Channel(SocketChannel.open(), address, nanos);
    }

    private Wire tls(InetSocketAddress address, int milliseconds) throws IOException {
        Socket plain = new Socket();
        try {
            plain.connect(address, milliseconds);
            plain.setTcpNoDelay(true);
            plain.setSoTimeout(milliseconds);
            SSLSocket socket = (SSLSocket) options.tls.getSocketFactory()
                .createSocket(plain, address.getHostString(), address.getPort(), true);
            SSLParameters parameters = socket.getSSLParameters();
            parameters.setEndpointIdentificationAlgorithm("HTTPS");
            socket.setSSLParameters(parameters);
            socket.startHandshake();
            plain.setSoTimeout(0);
            return new Wire.Streams(socket.getInputStream(), socket.getOutputStream()) {
                @Override public void finish() throws IOException {
                    socket.shutdownOutput();
                }

                @Override public void close() throws IOException {
                    plain.close();
                }
            };
        } catch (IOException | RuntimeException error) {
            plain.close();
            throw error;
        }
    }

    /** By reflection: the class is Java 16's. */
    private static Wire unix(Path path, long nanos) throws IOException {
        try {
            SocketAddress address = (SocketAddress) Class.forName("java.net.UnixDomainSocketAddress")
                .getMethod("of", Path.class).invoke(null, path);
            SocketChannel channel = (SocketChannel) SocketChannel.class.getMethod("open", ProtocolFamily.class)
                .invoke(null, StandardProtocolFamily.valueOf("UNIX"));
            return new Wire.Channel(channel, address, nanos);
        } catch (ReflectiveOperationException | IllegalArgumentException error) {
            throw new UnsupportedOperationException("Unix sockets need Java 16", error);
        }
    }

    private Wire stdio() throws IOException {
        if (server != null) endLater(server);
        server = spawn();
        return new Wire.Streams(server.getInputStream(), server.getOutputStream());
    }

    /** Where it still runs it is dialled again. */
    private void serve(long nanos) throws IOException, InterruptedException {
        if (server != null && server.isAlive()) return;
        Process spawned = spawn();
        spawned.getOutputStream().close();
        try {
            served = CompletableFuture.supplyAsync(() -> handshake(spawned.getInputStream()), Client.DAEMONS)
                .get(nanos, TimeUnit.NANOSECONDS);
            server = spawned;
        } catch (ExecutionException | TimeoutException error) {
            throw new IOException("the server printed no handshake line", error);
        } finally {
            if (server != spawned) spawned.destroyForcibly();
        }
    }

    private static InetSocketAddress handshake(InputStream out) {
        try {
            String line = new BufferedReader(new InputStreamReader(out, StandardCharsets.UTF_8)).readLine();
            String address = (String) ((Map<?, ?>) Json.parse(line)).get("tcp");
            int colon = address.lastIndexOf(':');
            return new InetSocketAddress(address.substring(0, colon), Integer.parseInt(address.substring(colon + 1)));
        } catch (IOException | RuntimeException error) {
            throw new IllegalStateException("no handshake", error);
        }
    }

    private Process spawn() throws IOException {
        return new ProcessBuilder(options.command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    }

    /** A server that has lost its connection ends with its input, or is killed. */
    private static void endLater(Process server) {
        server.onExit().orTimeout(EXIT_SECONDS, TimeUnit.SECONDS)
            .whenComplete((exited, late) -> server.destroyForcibly());
    }

    /** Reaps the server; a connection to it is closed already. */
    void close() {
        if (server == null) return;
        if (options.kind == DuesOptions.Kind.SERVE) server.destroy();
        boolean isInterrupted = Thread.interrupted();
        try {
            if (!server.waitFor(EXIT_SECONDS, TimeUnit.SECONDS)) server.destroyForcibly().waitFor();
        } catch (InterruptedException error) {
            server.destroyForcibly();
            isInterrupted = true;
        }
        if (isInterrupted) Thread.currentThread().interrupt();
    }
}
