package dues;

import java.io.*;
import java.net.*;
import java.nio.ByteBuffer;
import java.nio.channels.*;
import java.nio.charset.StandardCharsets;
import java.util.*;
import java.util.concurrent.*;
import javax.net.ssl.*;

/** Opens links as the options say, one at a time, and keeps the server that it spawned. */
final class Transport {
    /** The milliseconds for dialling, and for the other side to end. */
    static final int PATIENCE = 10_000;

    private final SocketAddress address;
    private final SSLContext tls;
    private final List<String> command;
    private final boolean isDialled;
    private volatile Process server;
    private InetSocketAddress served;

    /** An open connection's bytes: {@code finish} ends what this side writes, {@code end} all. */
    static final class Link {
        final Source in;
        final OutputStream out;
        final Closeable finish;
        final Closeable end;

        Link(Source in, OutputStream out, Closeable finish, Closeable end) {
            this.in = in;
            this.out = out;
            this.finish = finish;
            this.end = end;
        }
    }

    interface Source {
        int read(byte[] bytes, int from, int count) throws IOException;
    }

    Transport(DuesOptions options) {
        address = options.address;
        tls = options.tls;
        command = options.command;
        isDialled = options.isDialled;
    }

    Link open() throws IOException {
        if (command != null) return isDialled ? tcp(served()) : stdio();
        return address instanceof InetSocketAddress ? tcp((InetSocketAddress) address) : unix();
    }

    /** Kills a server that does not end by itself. */
    void close() {
        if (server == null) return;
        if (isDialled) server.destroy();
        reap(server).join();
    }

    private static CompletableFuture<Void> reap(Process server) {
        return server.onExit().completeOnTimeout(server, PATIENCE, TimeUnit.MILLISECONDS)
            .thenAccept(Process::destroyForcibly);
    }

    private Link tcp(InetSocketAddress address) throws IOException {
        Socket plain = new Socket();
        try {
            plain.connect(new InetSocketAddress(address.getHostString(), address.getPort()), PATIENCE);
            plain.setTcpNoDelay(true);
            Socket socket = tls == null ? plain : secured(plain, address);
            return new Link(socket.getInputStream()::read, socket.getOutputStream(), socket::shutdownOutput, plain);
        } catch (IOException | RuntimeException error) {
            plain.close();
            throw error;
        }
    }

    private Socket secured(Socket plain, InetSocketAddress address) throws IOException {
        SSLSocket socket = (SSLSocket) tls.getSocketFactory()
            .createSocket(plain, address.getHostString(), address.getPort(), true);
        SSLParameters parameters = socket.getSSLParameters();
        parameters.setEndpointIdentificationAlgorithm("HTTPS");
        socket.setSSLParameters(parameters);
        plain.setSoTimeout(PATIENCE);
        socket.startHandshake();
        plain.setSoTimeout(0);
        return socket;
    }

    private Link unix() throws IOException {
        SocketChannel channel = SocketChannel.open(address);
        return new Link(
            // Not by a stream: up to Java 18 a channel's streams exclude each other.
            (bytes, from, count) -> channel.read(ByteBuffer.wrap(bytes, from, count)),
            Channels.newOutputStream(channel), channel::shutdownOutput, channel);
    }

    private Link stdio() throws IOException {
        Process spawned = spawn();
        OutputStream out = spawned.getOutputStream();
        return new Link(spawned.getInputStream()::read, out, out, () -> {
            reap(spawned);
            out.close();
        });
    }

    /** The address of the server, which is spawned unless it still runs. */
    private InetSocketAddress served() throws IOException {
        if (server != null && server.isAlive()) return served;
        InputStream out = spawn().getInputStream();
        String line = new BufferedReader(new InputStreamReader(out, StandardCharsets.UTF_8)).readLine();
        if (line == null) throw new IOException("the server printed no handshake line");
        String tcp = (String) ((Map<?, ?>) Json.parse(line)).get("tcp");
        int colon = tcp.lastIndexOf(':');
        int port = Integer.parseInt(tcp.substring(colon + 1));
        served = InetSocketAddress.createUnresolved(tcp.substring(0, colon), port);
        return served;
    }

    private Process spawn() throws IOException {
        server = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        return server;
    }
}
