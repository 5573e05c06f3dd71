package dues;

/** A word of an enumeration. Servers may say words that this client does not know: they are kept as they are. */
public abstract class Word implements Json.Value {
    private final String word;

    Word(String word) {
        this.word = word;
    }

    /** The word as it is on the wire. */
    @Override public final String toString() {
        return word;
    }

    @Override public final boolean equals(Object other) {
        return other != null && other.getClass() == getClass() && ((Word) other).word.equals(word);
    }

    @Override public final int hashCode() {
        return word.hashCode();
    }

    @Override public final Object json() {
        return word;
    }
}
