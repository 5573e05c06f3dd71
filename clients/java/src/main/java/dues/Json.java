package dues;

import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * JSON, strict and exact: objects are {@code Map<String, Object>} in their order, arrays {@code List<Object>}, integers
 * of 64 bits {@code Long}, other numbers {@link BigDecimal}; what is read cannot be changed. Duplicate keys, lone
 * surrogates, invalid UTF-8 and nesting deeper than 64 are errors, as the protocol has it: no two programs may read one
 * text differently.
 */
public final class Json {
    private static final int DEEPEST = 64;

    private final byte[] text;
    private final int end;
    private int at;
    private int depth;

    private Json(byte[] text, int from, int end) {
        this.text = text;
        this.at = from;
        this.end = end;
    }

    /** What can be written as JSON. */
    public interface Value {
        /** The JSON value that it is. */
        Object json();
    }

    /** Reads one JSON text; throws {@link IllegalArgumentException} where it is none. */
    public static Object parse(String text) {
        if (hasLoneSurrogate(text)) throw new IllegalArgumentException("not JSON: a lone surrogate");
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        return parse(bytes, 0, bytes.length);
    }

    static Object parse(byte[] text, int from, int end) {
        Json json = new Json(text, from, end);
        Object value = json.value();
        if (json.peek() != -1) throw json.wrong("more than one value");
        return value;
    }

    /** Writes maps, lists, strings, integers, {@link BigDecimal}, booleans, null and {@link Value}s. */
    public static String write(Object value) {
        StringBuilder out = new StringBuilder(256);
        write(value, out);
        return out.toString();
    }

    // Reading

    private IllegalArgumentException wrong(String what) {
        return new IllegalArgumentException("not JSON: " + what + " at byte " + at);
    }

    /** The next byte that is not white space, without taking it; -1 at the end. */
    private int peek() {
        for (; at < end; at++) {
            byte next = text[at];
            if (next != ' ' && next != '\n' && next != '\r' && next != '\t') return next & 0xFF;
        }
        return -1;
    }

    private boolean take(char wanted) {
        boolean isThere = peek() == wanted;
        if (isThere) at++;
        return isThere;
    }

    private void expect(char wanted) {
        if (!take(wanted)) throw wrong("no " + wanted);
    }

    private Object value() {
        switch (peek()) {
            case '{': return object();
            case '[': return array();
            case '"': return string();
            case 't': return word("true", true);
            case 'f': return word("false", false);
            case 'n': return word("null", null);
            default: return number();
        }
    }

    private Object word(String word, Object value) {
        for (int index = 0; index < word.length(); index++, at++) {
            if (at == end || text[at] != word.charAt(index)) throw wrong("no " + word);
        }
        return value;
    }

    private Map<String, Object> object() {
        Map<String, Object> members = new LinkedHashMap<>();
        enter('{');
        if (!take('}')) {
            do {
                if (peek() != '"') throw wrong("no name");
                String name = string();
                if (members.containsKey(name)) throw wrong("a duplicate key");
                expect(':');
                members.put(name, value());
            } while (take(','));
            expect('}');
        }
        depth--;
        return Collections.unmodifiableMap(members);
    }

    private List<Object> array() {
        List<Object> elements = new ArrayList<>();
        enter('[');
        if (!take(']')) {
            do elements.add(value()); while (take(','));
            expect(']');
        }
        depth--;
        return Collections.unmodifiableList(elements);
    }

    private void enter(char opening) {
        expect(opening);
        if (++depth > DEEPEST) throw wrong("nesting deeper than " + DEEPEST);
    }

    private Object number() {
        int start = at;
        if (at < end && text[at] == '-') at++;
        boolean isZero = at < end && text[at] == '0';
        int whole = digits();
        if (isZero && whole > 1) throw wrong("a leading zero");
        boolean isInteger = true;
        if (at < end && text[at] == '.') {
            isInteger = false;
            at++;
            digits();
        }
        if (at < end && (text[at] | 0x20) == 'e') {
            isInteger = false;
            at++;
            if (at < end && (text[at] == '+' || text[at] == '-')) at++;
            digits();
        }
        String number = new String(text, start, at - start, StandardCharsets.ISO_8859_1);
        try {
            return isInteger && whole < 19 ? (Object) Long.parseLong(number) : exact(new BigDecimal(number));
        } catch (NumberFormatException error) {
            throw wrong("a number out of all bounds");
        }
    }

    /** As a {@code Long} where it is one. */
    private static Object exact(BigDecimal number) {
        boolean isLong = number.scale() == 0 && number.unscaledValue().bitLength() < Long.SIZE;
        return isLong ? (Object) number.longValue() : number;
    }

    private int digits() {
        int start = at;
        while (at < end && text[at] >= '0' && text[at] <= '9') at++;
        if (at == start) throw wrong("no value");
        return at - start;
    }

    /** A string without escapes is what most are, and needs no more than a copy. */
    private String string() {
        expect('"');
        int start = at;
        StringBuilder unescaped = null;
        boolean isAscii = true;
        for (; at < end; at++) {
            byte next = text[at];
            if (next == '"') {
                String rest = decoded(start, at++, isAscii);
                return unescaped == null ? rest : whole(unescaped.append(rest));
            } else if (next == '\\') {
                if (unescaped == null) unescaped = new StringBuilder();
                unescaped.append(decoded(start, at++, isAscii)).append(escape());
                start = at + 1;
            } else if (next < 0) {
                isAscii = false;
            } else if (next < ' ') {
                throw wrong("a control character");
            }
        }
        throw wrong("a string without an end");
    }

    private String decoded(int from, int to, boolean isAscii) {
        if (isAscii) return new String(text, from, to - from, StandardCharsets.ISO_8859_1);
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(text, from, to - from)).toString();
        } catch (CharacterCodingException error) {
            throw wrong("invalid UTF-8");
        }
    }

    /** The character of the escape whose last byte is then at {@code at}. */
    private char escape() {
        int kind = at < end ? text[at] : 0;
        int which = "\"\\/bfnrt".indexOf(kind);
        if (which >= 0) return "\"\\/\b\f\n\r\t".charAt(which);
        if (kind != 'u' || at + 4 >= end) throw wrong("an unknown escape");
        int code = 0;
        for (int count = 0; count < 4; count++) {
            int digit = Character.digit(text[++at], 16);
            if (digit < 0) throw wrong("an unknown escape");
            code = code << 4 | digit;
        }
        return (char) code;
    }

    private String whole(StringBuilder characters) {
        String string = characters.toString();
        if (hasLoneSurrogate(string)) throw wrong("a lone surrogate");
        return string;
    }

    private static boolean hasLoneSurrogate(String string) {
        return string.codePoints().anyMatch(code -> code >= Character.MIN_SURROGATE && code <= Character.MAX_SURROGATE);
    }

    // Writing

    private static void write(Object value, StringBuilder out) {
        if (value instanceof String) {
            writeString((String) value, out);
        } else if (value instanceof Map) {
            char mark = '{';
            for (Map.Entry<?, ?> member : ((Map<?, ?>) value).entrySet()) {
                writeString((String) member.getKey(), out.append(mark));
                write(member.getValue(), out.append(':'));
                mark = ',';
            }
            out.append(mark == '{' ? "{}" : "}");
        } else if (value instanceof Iterable) {
            out.append('[');
            for (Iterator<?> elements = ((Iterable<?>) value).iterator(); elements.hasNext();) {
                write(elements.next(), out);
                if (elements.hasNext()) out.append(',');
            }
            out.append(']');
        } else if (value instanceof Value) {
            write(((Value) value).json(), out);
        } else if (value == null || value instanceof Boolean || value instanceof Long || value instanceof Integer
            || value instanceof BigDecimal) {
            out.append(value);
        } else {
            throw new IllegalArgumentException("JSON has no " + value.getClass().getName());
        }
    }

    private static void writeString(String string, StringBuilder out) {
        out.append('"');
        boolean hasSurrogates = false;
        for (int index = 0; index < string.length(); index++) {
            char next = string.charAt(index);
            if (next == '"' || next == '\\') {
                out.append('\\').append(next);
            } else if (next < ' ') {
                out.append(next < 16 ? "\\u000" : "\\u00").append(Integer.toHexString(next));
            } else {
                hasSurrogates |= Character.isSurrogate(next);
                out.append(next);
            }
        }
        if (hasSurrogates && hasLoneSurrogate(string)) throw new IllegalArgumentException("a lone surrogate in a string");
        out.append('"');
    }
}
