package dues;

import java.net.*;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import javax.net.ssl.SSLContext;

/**
 * Where a server is and how it is spoken to, by setters that can be chained. One of {@link #tcp}, {@link #unix},
 * {@link #stdio} and {@link #serve} says where; without any it is TCP at 127.0.0.1:7171.
 */
public final class DuesOptions {
    SocketAddress address = InetSocketAddress.createUnresolved("127.0.0.1", 7171);
    List<String> command;
    boolean isDialled;
    SSLContext tls;
    String token;
    Duration timeout;
    int retries = 2;

    /** Dials a server. */
    public DuesOptions tcp(String host, int port) {
        address = InetSocketAddress.createUnresolved(host, port);
        return this;
    }

    /** Dials a Unix socket, which needs Java 16 or later. */
    public DuesOptions unix(Path path) {
        try { // by reflection: the class is Java 16's
            Class<?> type = Class.forName("java.net.UnixDomainSocketAddress");
            address = (SocketAddress) type.getMethod("of", Path.class).invoke(null, path);
            return this;
        } catch (ReflectiveOperationException error) {
            throw new UnsupportedOperationException("Unix sockets need Java 16", error);
        }
    }

    /** Spawns a server, such as {@code dues stdio --sandbox}, and speaks to it over its standard streams. */
    public DuesOptions stdio(String... command) {
        this.command = List.of(command);
        return this;
    }

    /** Spawns a server, such as {@code dues serve --tcp 127.0.0.1:0}, and dials the address that it prints. */
    public DuesOptions serve(String... command) {
        isDialled = true;
        return stdio(command);
    }

    /** Dials by TLS, such as with {@code SSLContext.getDefault()}; the server's certificate must be for the host. */
    public DuesOptions tls(SSLContext context) {
        tls = context;
        return this;
    }

    /** The token that the server asks for. */
    public DuesOptions token(String token) {
        this.token = token;
        return this;
    }

    /** How long a call may take that has no timeout of its own. */
    public DuesOptions timeout(Duration timeout) {
        this.timeout = timeout;
        return this;
    }

    /** How many times a call may be made again, where that is safe; 2 unless told otherwise. */
    public DuesOptions retries(int retries) {
        this.retries = retries;
        return this;
    }
}
