package dues;

import java.util.*;

/** What a caller gives to the server, made by setters that can be chained. A member set to null is left out. */
public abstract class Input implements Json.Value {
    private final Map<String, Object> members = new LinkedHashMap<>();

    Input() {}

    final void set(String name, Object value) {
        members.compute(name, (key, old) -> value);
    }

    /** The members that are set, by their names on the wire. */
    @Override public final Map<String, Object> json() {
        return Collections.unmodifiableMap(members);
    }

    /** The names of the members that are set: their values may be secrets. */
    @Override public final String toString() {
        return getClass().getSimpleName() + members.keySet();
    }
}
