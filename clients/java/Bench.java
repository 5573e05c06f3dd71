import dues.CheckAccessParams;
import dues.Dues;
import dues.DuesOptions;
import dues.Json;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Locale;

/** What a call costs: on a bare socket, by the client, and for comparison a GET. */
public final class Bench {
    private static final int WARM_UP = 500;
    private static final int ROUNDS = 10;
    private static final int TURN = 200;

    private interface Trip {
        void make() throws IOException, InterruptedException;
    }

    public static void main(String[] arguments) throws IOException, InterruptedException {
        String[] tcp = {"127.0.0.1", "7171"};
        String url = "http://127.0.0.1:7172/health";
        for (int index = 0; index + 1 < arguments.length; index += 2) {
            if (arguments[index].equals("--tcp")) tcp = arguments[index + 1].split(":");
            if (arguments[index].equals("--http")) url = arguments[index + 1];
        }
        int port = Integer.parseInt(tcp[1]);
        HttpClient http = HttpClient.newHttpClient();
        HttpRequest get = HttpRequest.newBuilder(URI.create(url)).build();
        CheckAccessParams params = new CheckAccessParams("cus_1").productId("prod_1");
        String call = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"CheckAccess\",\"params\":%s}\n";
        byte[] line = String.format(call, Json.write(params)).getBytes(StandardCharsets.UTF_8);
        DuesOptions options = new DuesOptions().tcp(tcp[0], port);
        try (Socket socket = new Socket(tcp[0], port); Dues dues = Dues.connect(options)) {
            socket.setTcpNoDelay(true);
            InputStream in = socket.getInputStream();
            OutputStream out = socket.getOutputStream();
            byte[] buffer = new byte[1 << 16];
            double[] medians = medians(
                () -> {
                    out.write(line);
                    int count = 0;
                    while (count == 0 || buffer[count - 1] != '\n') {
                        int more = in.read(buffer, count, buffer.length - count);
                        if (more < 0) throw new IOException("the server closed the connection");
                        count += more;
                    }
                },
                () -> dues.checkAccess(params),
                () -> Json.parse(http.send(get, HttpResponse.BodyHandlers.ofString()).body()));
            System.out.printf(Locale.ROOT,
                "{\"bareMicroseconds\":%.1f,\"clientMicroseconds\":%.1f,\"httpMicroseconds\":%.1f}%n",
                medians[0], medians[1], medians[2]);
        }
    }

    /** The microseconds that each of the trips takes, which take turns. */
    private static double[] medians(Trip... trips) throws IOException, InterruptedException {
        long[][] times = new long[trips.length][ROUNDS * TURN];
        for (int kind = 0; kind < trips.length; kind++) {
            for (int count = 0; count < WARM_UP; count++) trips[kind].make();
        }
        for (int round = 0; round < ROUNDS; round++) {
            for (int kind = 0; kind < trips.length; kind++) {
                for (int count = 0; count < TURN; count++) {
                    long begun = System.nanoTime();
                    trips[kind].make();
                    times[kind][round * TURN + count] = System.nanoTime() - begun;
                }
            }
        }
        return Arrays.stream(times).mapToDouble(all -> {
            Arrays.sort(all);
            return all[all.length / 2] / 1000.0;
        }).toArray();
    }
}
