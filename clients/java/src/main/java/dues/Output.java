package dues;

import java.util.*;
import java.util.function.Function;
import java.util.stream.Collectors;

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

    /** A value of another type than the schema's makes {@code of} throw a ClassCastException. */
    @SuppressWarnings("unchecked")
    final <J, T> Optional<T> get(String name, Function<J, T> of) {
        return Optional.ofNullable((J) raw.get(name)).map(of);
    }

    final <J, T> List<T> list(String name, Function<J, T> of) {
        return get(name, (List<J> values) -> values.stream().map(of).collect(Collectors.toUnmodifiableList()))
            .orElse(List.of());
    }

    final <T> Map<String, T> map(String name) {
        return get(name, (Map<String, T> value) -> value).orElse(Map.of());
    }
}
