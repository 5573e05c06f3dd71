package dues;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/** What a caller gives to the server, made by setters that can be chained. A member set to null is left out. */
public abstract class Input implements Json.Value {
    private final Map<String, Object> members = new LinkedHashMap<>();

    Input() {}

    void set(String name, Object value) {
        if (value == null) {
            members.remove(name);
        } else {
            members.put(name, value);
        }
    }

    void setSecret(String name, String value) {
        set(name, value == null ? null : new Secret(value));
    }

    /** The members that are set, by their names on the wire. */
    @Override public final Map<String, Object> json() {
        return Collections.unmodifiableMap(members);
    }

    /** The members that are set; secrets are not shown. */
    @Override public final String toString() {
        return getClass().getSimpleName() + members;
    }

    private static final class Secret implements Json.Value {
        private final String secret;

        Secret(String secret) {
            this.secret = secret;
        }

        @Override public Object json() {
            return secret;
        }

        @Override public String toString() {
            return "…";
        }
    }
}
