package dues;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Executor;
import javax.net.ssl.SSLContext;

/**
 * Where a server is and how it is spoken to, by setters that can be chained. Of {@link #tcp}, {@link #unix},
 * {@link #stdio} and {@link #serve} the last one counts; without any it is TCP at 127.0.0.1:7171.
 */
public final class DuesOptions implements Cloneable {
    enum Kind { TCP, UNIX, STDIO, SERVE }

    Kind kind = Kind.TCP;
    String host = "127.0.0.1";
    int port = 7171;
    Path path;
    List<String> command;
    SSLContext tls;
    String token;
    Duration timeout;
    int retries = 2;
    Executor executor;

    /** Dials a server. */
    public DuesOptions tcp(String host, int port) {
        kind = Kind.TCP;
        this.host = host;
        this.port = port;
        return this;
    }

    /** Dials a Unix socket, which needs Java 16 or later. */
    public DuesOptions unix(Path path) {
        kind = Kind.UNIX;
        this.path = path;
        return this;
    }

    /** Spawns a server, such as {@code dues stdio --sandbox}, and speaks to it over its standard streams. */
    public DuesOptions stdio(String... command) {
        kind = Kind.STDIO;
        this.command = List.of(command);
        return this;
    }

    /** Spawns a server, such as {@code dues serve --tcp 127.0.0.1:0 --sandbox}, and dials the address that it prints. */
    public DuesOptions serve(String... command) {
        kind = Kind.SERVE;
        this.command = List.of(command);
        return this;
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

    /** What runs the calls of the {@code …Async} methods, a thread for each; threads of the client's own by default. */
    public DuesOptions executor(Executor executor) {
        this.executor = executor;
        return this;
    }

    DuesOptions copy() {
        try {
            return (DuesOptions) clone();
        } catch (CloneNotSupportedException error) {
            throw new AssertionError(error);
        }
    }
}
