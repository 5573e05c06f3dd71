package dues;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.StringJoiner;
import java.util.function.Function;

/**
 * What the server gave: a typed view of the JSON object. What has no value is empty; where the schema promises a value
 * and the server left it out, a getter answers null, 0, false or an empty collection.
 */
public abstract class Output {
    private final Map<String, Object> raw;

    Output(Map<String, Object> raw) {
        this.raw = raw;
    }

    /** The whole object as the server gave it, also what this client does not know. It cannot be changed. */
    public final Map<String, Object> raw() {
        return raw;
    }

    /** Names and values in turn: what may be shown of the members that this client knows. */
    abstract Object[] shown();

    /** The members that this client knows and that have values; secrets are not shown. */
    @Override public final String toString() {
        StringJoiner members = new StringJoiner(", ", getClass().getSimpleName() + "{", "}");
        Object[] shown = shown();
        for (int index = 0; index < shown.length; index += 2) {
            Object value = shown[index + 1];
            if (value instanceof Optional) value = ((Optional<?>) value).orElse(null);
            if (value != null) members.add(shown[index] + "=" + value);
        }
        return members.toString();
    }

    @Override public final boolean equals(Object other) {
        return other != null && other.getClass() == getClass() && ((Output) other).raw.equals(raw);
    }

    @Override public final int hashCode() {
        return raw.hashCode();
    }

    // What the getters are made of

    final <T> T value(String name, Class<T> type) {
        return type.cast(raw.get(name));
    }

    @SuppressWarnings("unchecked") // a value of another type than the schema's makes `of` throw a ClassCastException
    final <J, T> T value(String name, Function<J, T> of) {
        Object value = raw.get(name);
        return value == null ? null : of.apply((J) value);
    }

    final <T> Optional<T> optional(String name, Class<T> type) {
        return Optional.ofNullable(value(name, type));
    }

    final <J, T> Optional<T> optional(String name, Function<J, T> of) {
        return Optional.ofNullable(value(name, of));
    }

    final long integer(String name) {
        Long value = value(name, Long.class);
        return value == null ? 0 : value;
    }

    final boolean flag(String name) {
        return Boolean.TRUE.equals(raw.get(name));
    }

    @SuppressWarnings("unchecked") // as above
    final <T> Map<String, T> map(String name) {
        Map<String, T> value = (Map<String, T>) raw.get(name);
        return value == null ? Collections.emptyMap() : value;
    }

    @SuppressWarnings("unchecked") // as above
    final <J, T> List<T> list(String name, Function<J, T> of) {
        List<J> values = (List<J>) raw.get(name);
        if (values == null) return Collections.emptyList();
        List<T> list = new ArrayList<>(values.size());
        for (J value : values) list.add(of.apply(value));
        return Collections.unmodifiableList(list);
    }
}
