package dues;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.SocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ClosedSelectorException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.util.concurrent.TimeUnit;

/** The bytes of one connection. */
interface Wire {
    /** Whether a reader can be told how long to wait; otherwise a thread has to be left to it. */
    boolean isTimed();

    /** Reads what is there, and waits for it at most {@code nanos}: 0 where nothing came, -1 at the end. */
    int read(ByteBuffer buffer, long nanos) throws IOException;

    /** Writes what the other side takes now. */
    void write(ByteBuffer bytes) throws IOException;

    /** Ends what this side writes. */
    void finish() throws IOException;

    void close() throws IOException;

    /** Has the thread that reads look up. */
    void wake();

    /** A TCP or Unix socket. */
    final class Channel implements Wire {
        private final SocketChannel channel;
        private final Selector selector;

        /** Closes {@code channel} where it cannot be connected within {@code nanos}. */
        Channel(SocketChannel channel, SocketAddress address, long nanos) throws IOException {
            this.channel = channel;
            Selector made = null;
            try {
                channel.configureBlocking(false);
                selector = made = Selector.open();
                SelectionKey key = channel.register(selector, SelectionKey.OP_CONNECT);
                boolean isConnected = channel.connect(address);
                if (!isConnected) select(nanos);
                if (!isConnected && !channel.finishConnect()) throw new IOException("no connection in time");
                if (channel.supportedOptions().contains(StandardSocketOptions.TCP_NODELAY)) {
                    channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
                }
                key.interestOps(SelectionKey.OP_READ);
            } catch (IOException | RuntimeException error) {
                channel.close();
                if (made != null) made.close();
                throw error;
            }
        }

        private void select(long nanos) throws IOException {
            try {
                selector.select(key -> {}, Math.max(1, TimeUnit.NANOSECONDS.toMillis(nanos)));
            } catch (ClosedSelectorException error) {
                throw new ClosedChannelException();
            }
        }

        @Override public boolean isTimed() {
            return true;
        }

        @Override public int read(ByteBuffer buffer, long nanos) throws IOException {
            if (nanos > 0) select(nanos);
            return channel.read(buffer);
        }

        @Override public void write(ByteBuffer bytes) throws IOException {
            channel.write(bytes);
        }

        @Override public void finish() throws IOException {
            channel.shutdownOutput();
        }

        @Override public void close() throws IOException {
            channel.close();
            selector.close();
        }

        @Override public void wake() {
            selector.wakeup();
        }
    }

    /** A pair of streams. */
    class Streams implements Wire {
        private final InputStream in;
        private final OutputStream out;

        Streams(InputStream in, OutputStream out) {
            this.in = in;
            this.out = out;
        }

        @Override public boolean isTimed() {
            return false;
        }

        @Override public int read(ByteBuffer buffer, long nanos) throws IOException {
            int count = in.read(buffer.array(), buffer.position(), buffer.remaining());
            if (count > 0) buffer.position(buffer.position() + count);
            return count;
        }

        @Override public void write(ByteBuffer bytes) throws IOException {
            out.write(bytes.array(), bytes.position(), bytes.remaining());
            out.flush();
            bytes.position(bytes.limit());
        }

        @Override public void finish() throws IOException {
            out.close();
        }

        @Override public void close() throws IOException {
            out.close();
        }

        @Override public void wake() {}
    }
}
