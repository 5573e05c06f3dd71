package dues;

import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;

/** A call that a thread of its own makes. Who cancels it interrupts that thread, and so the call. */
final class AsyncCall<R> extends CompletableFuture<R> implements Runnable {
    private final Supplier<R> call;
    private final Runnable leave;
    private Thread thread; // guarded by this: only while the thread makes this call may it be interrupted

    /** {@code leave} runs when the call is over. */
    AsyncCall(Supplier<R> call, Runnable leave) {
        this.call = call;
        this.leave = leave;
    }

    @Override public void run() {
        R result = null;
        Throwable failure = null;
        try {
            setThread(Thread.currentThread());
            if (!isDone()) result = call.get();
        } catch (RuntimeException | Error error) {
            failure = error;
        } finally {
            setThread(null);
            leave.run();
        }
        // The call is over before those are told who may close the client.
        if (failure == null) {
            complete(result);
        } else {
            completeExceptionally(failure);
        }
    }

    private synchronized void setThread(Thread thread) {
        this.thread = thread;
        if (thread == null) Thread.interrupted(); // it was meant for this call
    }

    @Override public boolean cancel(boolean mayInterrupt) {
        boolean isCancelled = super.cancel(mayInterrupt);
        synchronized (this) {
            if (isCancelled && thread != null) thread.interrupt();
        }
        return isCancelled;
    }
}
