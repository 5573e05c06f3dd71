import dues.CallOptions;
import dues.Dues;
import dues.DuesException;
import dues.DuesOptions;
import dues.DuesStream;
import dues.Input;
import dues.Json;
import dues.Output;
import dues.Word;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Parameter;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Phaser;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/** A JSON-RPC server on standard streams that makes each call by the client's own typed method, found by reflection. */
public final class Driver {
    private static final PrintStream OUT = new PrintStream(System.out, false, StandardCharsets.UTF_8);

    private final Dues dues;
    /** How each call in flight is cancelled, by its id. */
    private final Map<Object, Runnable> cancels = new ConcurrentHashMap<>();
    private final Phaser inFlight = new Phaser(1);

    private Driver(Dues dues) {
        this.dues = dues;
    }

    public static void main(String[] arguments) throws IOException, GeneralSecurityException {
        try (Dues dues = Dues.connect(options(arguments))) {
            Driver driver = new Driver(dues);
            BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
            for (String line = in.readLine(); line != null; line = in.readLine()) driver.take(line);
            driver.inFlight.arriveAndAwaitAdvance();
        }
    }

    private static DuesOptions options(String[] arguments) throws IOException, GeneralSecurityException {
        DuesOptions options = new DuesOptions().retries(0);
        for (int index = 0; index < arguments.length; index += 2) {
            String value = arguments[index + 1];
            int colon = value.lastIndexOf(':');
            switch (arguments[index]) {
                case "--tcp":
                    options.tcp(value.substring(0, colon), Integer.parseInt(value.substring(colon + 1)));
                    break;
                case "--tls-ca": options.tls(trusting(Path.of(value))); break;
                case "--unix": options.unix(Path.of(value)); break;
                case "--stdio": options.stdio("/bin/sh", "-c", "exec " + value); break;
                case "--serve": options.serve("/bin/sh", "-c", "exec " + value); break;
                case "--token": options.token(value); break;
                case "--retries": options.retries(Integer.parseInt(value)); break;
                default: throw new IllegalArgumentException(arguments[index]);
            }
        }
        return options;
    }

    private static SSLContext trusting(Path authorities) throws IOException, GeneralSecurityException {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        try (InputStream in = Files.newInputStream(authorities)) {
            for (Certificate authority : CertificateFactory.getInstance("X.509").generateCertificates(in)) {
                store.setCertificateEntry(Integer.toString(store.size()), authority);
            }
        }
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(store);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, trust.getTrustManagers(), null);
        return context;
    }

    // Messages

    private void take(String line) {
        Object id = null;
        try {
            Map<String, Object> message = object(Json.parse(line));
            id = message.get("id");
            Map<String, Object> params = message.containsKey("params") ? object(message.get("params")) : Map.of();
            if ("rpc.cancel".equals(message.get("method"))) {
                Runnable cancel = cancels.get(params.get("id"));
                if (cancel != null) cancel.run();
            } else {
                begin(id, (String) message.get("method"), params);
            }
        } catch (RuntimeException error) {
            say("id", id, "error", error(error));
        }
    }

    private void begin(Object id, String method, Map<String, Object> params) {
        Call call = call(method, params);
        inFlight.register();
        if (call.isStream) {
            Thread thread = new Thread(() -> end(id, () -> stream(id, call)));
            cancels.put(id, thread::interrupt);
            thread.start();
        } else {
            CompletableFuture<?> future = (CompletableFuture<?>) call.make();
            cancels.put(id, () -> future.cancel(true));
            future.whenComplete((result, error) -> end(id, () -> answer(id, result, error)));
        }
    }

    private void end(Object id, Runnable answering) {
        try {
            answering.run();
        } finally {
            cancels.remove(id);
            inFlight.arriveAndDeregister();
        }
    }

    private static void stream(Object id, Call call) {
        Object result = null;
        Throwable failure = null;
        try (DuesStream<?, ?> stream = (DuesStream<?, ?>) call.make()) {
            long seq = 1;
            for (Object value : stream) {
                say("method", "rpc.stream", "params", Map.of("id", id, "seq", seq++, "value", wire(value)));
            }
            result = stream.result().orElse(null);
        } catch (RuntimeException error) {
            failure = error;
        }
        answer(id, result, failure);
    }

    private static void answer(Object id, Object result, Throwable error) {
        if (error == null) {
            say("id", id, "result", wire(result));
        } else {
            say("id", id, "error", error(error));
        }
    }

    private static void say(Object... members) {
        Map<String, Object> message = new LinkedHashMap<>();
        message.put("jsonrpc", "2.0");
        for (int index = 0; index < members.length; index += 2) message.put((String) members[index], members[index + 1]);
        synchronized (OUT) {
            OUT.print(Json.write(message) + "\n");
            OUT.flush();
        }
    }

    private static Map<String, Object> error(Throwable error) {
        if (error instanceof CancellationException) {
            return error(-32001, "Cancelled.", data("CANCELLED", "CALLER_CANCELLED", false));
        }
        if (error instanceof CompletionException) return error(error.getCause());
        if (!(error instanceof DuesException)) {
            return error(-32603, error.toString(), data("INTERNAL", "NOT_UNDERSTOOD", false));
        }
        DuesException dues = (DuesException) error;
        Map<String, Object> data = data(dues.status(), dues.reason(), dues.isRetryable());
        dues.retryAfter().ifPresent(pause -> data.put("retryAfterMs", pause.toMillis()));
        dues.subjectId().ifPresent(subject -> data.put("subjectId", subject));
        if (!dues.violations().isEmpty()) data.put("violations", wire(dues.violations()));
        dues.stripe().ifPresent(stripe -> data.put("stripe", wire(stripe)));
        return error(dues.code(), dues.getMessage(), data);
    }

    private static Map<String, Object> error(long code, String message, Map<String, Object> data) {
        return Map.of("code", code, "message", message, "data", data);
    }

    private static Map<String, Object> data(String status, String reason, boolean isRetryable) {
        return new LinkedHashMap<>(Map.of("status", status, "reason", reason, "retryable", isRetryable));
    }

    // From the wire's form to a typed call

    private static final class Call {
        final boolean isStream;
        private final Dues dues;
        private final Method method;
        private final Object[] arguments;

        Call(Dues dues, Method method, Object... arguments) {
            isStream = method.getReturnType() == DuesStream.class;
            this.dues = dues;
            this.method = method;
            this.arguments = arguments;
        }

        Object make() {
            return invoke(method, dues, arguments);
        }
    }

    /** What the client's types cannot say. */
    private static final class Untyped extends RuntimeException {
        private static final long serialVersionUID = 1;
    }

    private Call call(String name, Map<String, Object> params) {
        Optional<Method> typed = typed(name);
        Map<String, Object> rest = new LinkedHashMap<>(params);
        CallOptions options = new CallOptions();
        try {
            options = options(rest.containsKey("_meta") ? object(rest.get("_meta")) : Map.of());
            rest.remove("_meta");
            Method method = typed.orElseThrow(Untyped::new);
            if (method.getParameterCount() == 2) {
                return new Call(dues, method, input(method.getParameterTypes()[0], rest), options);
            }
            if (rest.isEmpty()) return new Call(dues, method, options);
        } catch (Untyped | ClassCastException untyped) {
            // The server is to judge.
        }
        boolean isStream = typed.map(method -> method.getReturnType() == DuesStream.class).orElse(false);
        UnaryOperator<Map<String, Object>> raw = object -> object;
        return isStream
            ? new Call(dues, method(Dues.class, "stream", 5).get(), name, rest, options, raw, raw)
            : new Call(dues, method(Dues.class, "callAsync", 4).get(), name, rest, options, raw);
    }

    private static Optional<Method> typed(String name) {
        if (name.isEmpty()) return Optional.empty();
        String[] words = name.split("\\.");
        String spelled = words.length == 2
            ? words[0] + words[1].substring(0, 1).toUpperCase() + words[1].substring(1)
            : name.substring(0, 1).toLowerCase() + name.substring(1);
        return Stream.of(Dues.class.getDeclaredMethods())
            .filter(method -> method.getName().equals(spelled + "Async")
                || method.getName().equals(spelled) && method.getReturnType() == DuesStream.class)
            .filter(method -> Stream.of(method.getParameterTypes()).anyMatch(CallOptions.class::equals))
            .findFirst();
    }

    private static CallOptions options(Map<String, Object> meta) {
        CallOptions options = new CallOptions();
        meta.forEach((name, value) -> {
            if (value == null) throw new Untyped();
            switch (name) {
                case "timeoutMs":
                    if ((Long) value < 1 || (Long) value > 600_000) throw new Untyped();
                    options.timeout(Duration.ofMillis((Long) value));
                    break;
                case "idempotencyKey": options.idempotencyKey((String) value); break;
                case "authorization": options.authorization((String) value); break;
                case "traceparent": options.traceparent((String) value); break;
                case "verbose": options.verbose((Boolean) value); break;
                default: throw new Untyped();
            }
        });
        return options;
    }

    private static Object input(Class<?> type, Map<String, Object> members) {
        Map<String, Object> rest = new LinkedHashMap<>(members);
        try {
            Constructor<?> constructor = type.getConstructors()[0];
            List<Object> arguments = new ArrayList<>();
            for (Parameter parameter : constructor.getParameters()) {
                arguments.add(typed(parameter.getParameterizedType(), rest.remove(parameter.getName())));
            }
            Object input = constructor.newInstance(arguments.toArray());
            rest.forEach((name, value) -> {
                Method setter = method(type, name, 1).orElseThrow(Untyped::new);
                invoke(setter, input, typed(setter.getGenericParameterTypes()[0], value));
            });
            return input;
        } catch (ReflectiveOperationException error) {
            throw new IllegalStateException(error);
        }
    }

    private static Object typed(Type type, Object value) {
        if (value == null) throw new Untyped();
        if (type instanceof ParameterizedType) {
            Type[] of = ((ParameterizedType) type).getActualTypeArguments();
            if (of.length == 2) {
                object(value).values().forEach(member -> typed(of[1], member));
                return value;
            }
            List<Object> list = new ArrayList<>();
            for (Object element : (List<?>) value) list.add(typed(of[0], element));
            return list;
        }
        Class<?> plain = (Class<?>) type;
        if (Input.class.isAssignableFrom(plain)) return input(plain, object(value));
        if (Word.class.isAssignableFrom(plain)) return invoke(method(plain, "of", 1).get(), null, (String) value);
        if (plain == long.class) return (Long) value;
        if (plain == boolean.class) return (Boolean) value;
        return plain.cast(value);
    }

    // From typed results to the wire's form

    private static Object wire(Object value) {
        if (value instanceof Optional) return wire(((Optional<?>) value).orElse(null));
        if (value instanceof Instant || value instanceof Word) return value.toString();
        if (value instanceof List) {
            List<Object> list = new ArrayList<>();
            for (Object element : (List<?>) value) list.add(wire(element));
            return list;
        }
        if (!(value instanceof Output)) return value;
        Map<String, Object> object = new LinkedHashMap<>();
        for (Method getter : value.getClass().getDeclaredMethods()) {
            if (!Modifier.isPublic(getter.getModifiers())) continue;
            String name = getter.getName().equals("meta") ? "_meta" : getter.getName();
            if (((Output) value).raw().containsKey(name)) object.put(name, wire(invoke(getter, value)));
        }
        return object;
    }

    // Reflection

    private static Optional<Method> method(Class<?> type, String name, int parameters) {
        return Stream.of(type.getMethods())
            .filter(method -> method.getName().equals(name) && method.getParameterCount() == parameters
                && method.getDeclaringClass() != Object.class)
            .findFirst();
    }

    private static Object invoke(Method method, Object target, Object... arguments) {
        try {
            return method.invoke(target, arguments);
        } catch (InvocationTargetException error) {
            if (error.getCause() instanceof RuntimeException) throw (RuntimeException) error.getCause();
            throw new IllegalStateException(error);
        } catch (IllegalAccessException error) {
            throw new IllegalStateException(error);
        }
    }

    @SuppressWarnings("unchecked")
    private static Map<String, Object> object(Object value) {
        return (Map<String, Object>) value;
    }
}
