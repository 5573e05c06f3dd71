package dues;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;

/**
 * One connection, with any number of calls at once. Of the threads that wait for answers one reads, for all of them, and
 * when it leaves wakes another to read: so nobody who is alone waits for a second thread. Where reads cannot be timed, a
 * thread of the connection's own reads for good.
 */
final class Connection {
    private static final int LONGEST_LINE_OUT = 1 << 20;
    /** The server's lines end with what it may buffer; this is far beyond. */
    private static final int LONGEST_LINE_IN = 1 << 26;
    private static final int CHUNK = 1 << 14;
    private static final long MILLISECOND = TimeUnit.MILLISECONDS.toNanos(1);

    private final Wire wire;
    private final AtomicLong ids = new AtomicLong();
    private final Map<Long, Exchange> pending = new ConcurrentHashMap<>();
    /** Those that have more values than their readers take: the server is still to be told. */
    private final Queue<Exchange> overrun = new ConcurrentLinkedQueue<>();
    private final ReentrantLock writing = new ReentrantLock();
    private volatile DuesException lost;

    /** The thread that reads. What follows is its. */
    private final AtomicReference<Thread> reader = new AtomicReference<>();
    private byte[] in = new byte[CHUNK];
    private int end;

    Connection(Wire wire) {
        this.wire = wire;
        if (wire.isTimed()) return;
        reader.set(Thread.currentThread()); // and never null: nobody reads before the thread that does for good
        Client.DAEMONS.execute(this::readForGood);
    }

    /** Whether a call may be made on it, as far as can be seen without waiting. */
    boolean isUsable() {
        if (wire.isTimed() && pending.isEmpty() && lost == null && takeIn(0)) passOn();
        return lost == null;
    }

    /** Sends a call. What goes wrong with the connection is told to the one who waits for the answer. */
    Exchange send(String method, Map<String, ?> params, Deadline deadline) {
        Exchange exchange = new Exchange(this, ids.incrementAndGet());
        byte[] line = line(exchange.id, method, params);
        pending.put(exchange.id, exchange);
        write(line, deadline.patience());
        if (lost != null) lose(lost);
        return exchange;
    }

    /** Waits until something has come for the call. */
    void await(Exchange exchange, Deadline deadline) {
        exchange.waiter = Thread.currentThread();
        try {
            while (!exchange.isReady()) {
                long patience = deadline.patience();
                if (Thread.interrupted()) {
                    cancel(exchange);
                    throw DuesException.interrupted();
                }
                if (patience <= 0) {
                    cancel(exchange);
                    throw DuesException.noAnswer();
                }
                if (!takeIn(patience)) LockSupport.parkNanos(this, patience);
                cancelOverrun();
            }
        } finally {
            exchange.waiter = null;
            passOn();
        }
    }

    /** Gives the call up, if it has not been answered; the server is told, and whoever waits for it. */
    void cancel(Exchange exchange) {
        if (pending.remove(exchange.id) == null) return;
        settle(exchange, DuesException.cancelled());
        write(line(null, "rpc.cancel", Map.of("id", exchange.id)), TimeUnit.SECONDS.toNanos(1));
    }

    /** Ends what this side writes, lets those who wait take in what the server says until it ends too, and closes. */
    void close(long nanos) {
        long end = System.nanoTime() + nanos;
        try {
            wire.finish();
        } catch (IOException error) {
            lose(DuesException.lost("The connection is lost.", error));
        }
        while (lost == null && end - System.nanoTime() > 0 && !Thread.currentThread().isInterrupted()) {
            if (pending.values().stream().allMatch(exchange -> exchange.waiter == null)) break;
            LockSupport.parkNanos(this, MILLISECOND);
        }
        lose(DuesException.lost("The client is closed.", null));
    }

    // Writing

    private static byte[] line(Long id, String method, Map<String, ?> params) {
        Map<String, Object> message = new LinkedHashMap<>();
        message.put("jsonrpc", "2.0");
        if (id != null) message.put("id", id);
        message.put("method", method);
        message.put("params", params);
        byte[] line = (Json.write(message) + "\n").getBytes(StandardCharsets.UTF_8);
        if (line.length > LONGEST_LINE_OUT) {
            throw new IllegalArgumentException("the call has " + line.length + " bytes; it may have " + LONGEST_LINE_OUT);
        }
        return line;
    }

    /** Writes a line whole, or not at all where others write too long; where it cannot end, the connection is lost. */
    private void write(byte[] line, long nanos) {
        long end = System.nanoTime() + nanos;
        try {
            if (!writing.tryLock() && !writing.tryLock(nanos, TimeUnit.NANOSECONDS)) return;
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
            return;
        }
        try {
            ByteBuffer rest = ByteBuffer.wrap(line);
            while (lost == null) {
                wire.write(rest);
                if (!rest.hasRemaining()) return;
                if (end - System.nanoTime() < 0 || Thread.currentThread().isInterrupted()) {
                    throw new IOException("the server takes nothing in");
                }
                // It may take nothing in before it gets rid of what it has for us.
                if (!takeIn(MILLISECOND)) LockSupport.parkNanos(this, MILLISECOND);
            }
        } catch (IOException error) {
            lose(DuesException.lost("The connection is lost.", error));
        } finally {
            writing.unlock();
            passOn();
        }
    }

    // Reading

    /** Takes in what comes within {@code nanos}; false where another thread reads. */
    private boolean takeIn(long nanos) {
        if (!reader.compareAndSet(null, Thread.currentThread())) return false;
        try {
            read(nanos);
        } finally {
            reader.set(null);
        }
        return true;
    }

    /** Wakes one of those who wait, so that it reads. */
    private void passOn() {
        if (pending.isEmpty() || reader.get() != null) return;
        for (Exchange exchange : pending.values()) {
            Thread waiter = exchange.waiter;
            if (waiter == null) continue;
            LockSupport.unpark(waiter);
            return;
        }
    }

    private void readForGood() {
        reader.set(Thread.currentThread());
        while (lost == null) {
            read(Long.MAX_VALUE);
            // By another thread: a reader who writes may wait for a server that waits for its reader.
            if (!overrun.isEmpty()) Client.DAEMONS.execute(this::cancelOverrun);
        }
    }

    private void cancelOverrun() {
        for (Exchange exchange = overrun.poll(); exchange != null; exchange = overrun.poll()) cancel(exchange);
    }

    private void read(long nanos) {
        try {
            int from = end;
            int count = wire.read(ByteBuffer.wrap(in, end, Math.min(in.length - end, CHUNK)), nanos);
            if (count < 0) throw new IOException("the server closed the connection");
            end += count;
            int begin = 0;
            for (int at = from; at < end; at++) {
                if (in[at] != '\n') continue;
                take(begin, at);
                begin = at + 1;
            }
            System.arraycopy(in, begin, in, 0, end - begin);
            end -= begin;
            if (end == 0 && in.length > CHUNK) in = new byte[CHUNK];
            if (end == LONGEST_LINE_IN) throw new IOException("a line without an end");
            if (end == in.length) in = Arrays.copyOf(in, 2 * end);
        } catch (IOException | RuntimeException error) {
            lose(DuesException.lost("The connection is lost.", error));
        }
    }

    /** A line that is not as the protocol has it ends the connection: what comes behind it cannot be believed. */
    @SuppressWarnings("unchecked")
    private void take(int begin, int end) {
        if (end == begin) return;
        Map<String, Object> message = (Map<String, Object>) Json.parse(in, begin, end);
        if ("rpc.stream".equals(message.get("method"))) {
            Map<String, Object> params = (Map<String, Object>) message.get("params");
            Exchange exchange = pending.get(params.get("id"));
            if (exchange == null) return;
            if (!exchange.offer((Map<String, Object>) params.get("value"))) overrun.add(exchange);
            rouse(exchange);
        } else if (!message.containsKey("method")) {
            Object id = message.get("id");
            // An error without an id is about a line that the server could not read: ours, where there is but one.
            if (id == null && pending.size() == 1) id = pending.keySet().iterator().next();
            Exchange exchange = id == null ? null : pending.remove(id);
            if (exchange == null) return;
            exchange.answer(message);
            rouse(exchange);
        }
    }

    private void rouse(Exchange exchange) {
        Thread waiter = exchange.waiter;
        if (waiter == null || waiter == Thread.currentThread()) return;
        LockSupport.unpark(waiter);
        if (waiter == reader.get()) wire.wake();
    }

    private void settle(Exchange exchange, DuesException error) {
        exchange.fail(error);
        rouse(exchange);
    }

    private void lose(DuesException error) {
        if (lost == null) lost = error;
        try {
            wire.close();
        } catch (IOException already) {
            // It is of no use any more.
        }
        for (Exchange exchange : pending.values()) {
            if (pending.remove(exchange.id) != null) settle(exchange, lost);
        }
    }
}
