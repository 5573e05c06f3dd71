using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;

namespace Dues
{
    /// <summary>
    /// JSON, read strictly and kept exactly. Its values are null, bool, long, decimal (or double where that is too
    /// narrow), string, IReadOnlyList&lt;object&gt; and IReadOnlyDictionary&lt;string, object&gt;.
    /// </summary>
    public static class Json
    {
        private const int MaximumDepth = 64;
        private static readonly UTF8Encoding Utf8 = new UTF8Encoding(false, throwOnInvalidBytes: true);

        /// <summary>Reads a JSON text.</summary>
        /// <exception cref="FormatException">It is none, or one that two readers might read differently.</exception>
        public static object Read(string text)
        {
            var bytes = Encode(text);
            return Read(bytes, 0, bytes.Length);
        }

        /// <summary>Writes a value, also of times and of this library's types, as a JSON text.</summary>
        /// <exception cref="ArgumentException">It holds what JSON cannot say.</exception>
        public static string Write(object value)
        {
            var text = new StringBuilder();
            Write(value, text, null);
            return text.ToString();
        }

        /// <summary>A text for people: members whose names are in <paramref name="hidden"/> are not shown.</summary>
        internal static string Show(object value, IReadOnlyCollection<string> hidden)
        {
            var text = new StringBuilder();
            Write(value, text, hidden);
            return text.ToString();
        }

        internal static byte[] Encode(string text) => Utf8.GetBytes(text);

        internal static object Read(byte[] bytes, int start, int count)
        {
            try
            {
                return new Reader(bytes, start, start + count).Document();
            }
            catch (ArgumentException error)  // of the encoding: invalid UTF-8, or half a surrogate pair
            {
                throw new FormatException("not JSON: " + error.Message, error);
            }
        }

        private static void Write(object value, StringBuilder text, IReadOnlyCollection<string> hidden)
        {
            if (value == null) text.Append("null");
            else if (value is string word) Quote(word, text);
            else if (value is bool flag) text.Append(flag ? "true" : "false");
            else if (value is DuesObject known) Write(known.ToJson(), text, hidden);
            else if (value is DateTimeOffset time) Quote(Wire.Timestamp(time), text);
            else if (value is IEnumerable<KeyValuePair<string, object>> members) WriteMembers(members, text, hidden);
            else if (value is IEnumerable<KeyValuePair<string, string>> words) WriteMembers(words, text, hidden);
            else if (value is IEnumerable elements) WriteElements(elements, text, hidden);
            else if (value is double wide && !double.IsNaN(wide) && !double.IsInfinity(wide))
                text.Append(wide.ToString("R", CultureInfo.InvariantCulture));
            else if (value is long || value is int || value is decimal)
                text.Append(((IFormattable)value).ToString(null, CultureInfo.InvariantCulture));
            else throw new ArgumentException($"JSON cannot say {value}, a {value.GetType()}");
        }

        private static void WriteElements(IEnumerable elements, StringBuilder text, IReadOnlyCollection<string> hidden)
        {
            text.Append('[');
            var isFirst = true;
            foreach (var element in elements)
            {
                if (!isFirst) text.Append(',');
                isFirst = false;
                Write(element, text, hidden);
            }
            text.Append(']');
        }

        private static void WriteMembers<T>(
            IEnumerable<KeyValuePair<string, T>> members, StringBuilder text, IReadOnlyCollection<string> hidden)
        {
            text.Append('{');
            var isFirst = true;
            foreach (var member in members)
            {
                if (!isFirst) text.Append(',');
                isFirst = false;
                Quote(member.Key, text);
                text.Append(':');
                var isHidden = hidden != null && member.Value != null && hidden.Contains(member.Key);
                Write(isHidden ? "(hidden)" : (object)member.Value, text, hidden);
            }
            text.Append('}');
        }

        private static void Quote(string word, StringBuilder text)
        {
            text.Append('"');
            var start = 0;
            for (var at = 0; at < word.Length; at++)
            {
                var character = word[at];
                if (character >= ' ' && character != '"' && character != '\\') continue;
                text.Append(word, start, at - start);
                start = at + 1;
                if (character >= ' ') text.Append('\\').Append(character);
                else text.Append("\\u").Append(((int)character).ToString("x4"));
            }
            text.Append(word, start, word.Length - start).Append('"');
        }

        /// <summary>A walk over the bytes of one text.</summary>
        private struct Reader
        {
            private readonly byte[] bytes;
            private readonly int end;
            private int at;

            public Reader(byte[] bytes, int start, int end)
            {
                this.bytes = bytes;
                this.end = end;
                at = start;
            }

            public object Document()
            {
                var value = Value(0);
                return Next() == -1 ? value : throw Wrong();
            }

            private object Value(int depth)
            {
                switch (Next())
                {
                    case '{': return Members(depth + 1);
                    case '[': return Elements(depth + 1);
                    case '"': return Text();
                    case 't': return Word("true", true);
                    case 'f': return Word("false", false);
                    case 'n': return Word("null", null);
                    default: return Number();
                }
            }

            /// <summary>Skips white space; the byte behind it, or -1 at the end.</summary>
            private int Next()
            {
                while (Peek() == ' ' || Peek() == '\t' || Peek() == '\r' || Peek() == '\n') at++;
                return Peek();
            }

            private int Peek() => at < end ? bytes[at] : -1;

            private bool Skip(char wanted)
            {
                if (Next() != wanted) return false;
                at++;
                return true;
            }

            private object Members(int depth)
            {
                Enter(depth);
                var members = new Dictionary<string, object>(StringComparer.Ordinal);
                if (Skip('}')) return members;
                for (var count = 1; ; count++)
                {
                    if (Next() != '"') throw Wrong();
                    var name = Text();
                    if (!Skip(':')) throw Wrong();
                    members[name] = Value(depth);
                    if (members.Count != count) throw Wrong();  // a name that was there before
                    if (Skip('}')) return members;
                    if (!Skip(',')) throw Wrong();
                }
            }

            private void Enter(int depth)
            {
                if (depth > MaximumDepth) throw Wrong();
                at++;
            }

            private object Elements(int depth)
            {
                Enter(depth);
                var elements = new List<object>();
                if (Skip(']')) return elements;
                while (true)
                {
                    elements.Add(Value(depth));
                    if (Skip(']')) return elements;
                    if (!Skip(',')) throw Wrong();
                }
            }

            private object Word(string word, object value)
            {
                foreach (var character in word)
                    if (Peek() == character) at++; else throw Wrong();
                return value;
            }

            private string Text()
            {
                at++;
                var start = at;
                StringBuilder unescaped = null;
                while (true)
                {
                    var next = Peek();
                    if (next < ' ') throw Wrong();
                    if (next != '"' && next != '\\')
                    {
                        at++;
                        continue;
                    }
                    var plain = Utf8.GetString(bytes, start, at++ - start);
                    if (next == '"')
                    {
                        if (unescaped == null) return plain;
                        var text = unescaped.Append(plain).ToString();
                        Utf8.GetByteCount(text);  // refuses half a surrogate pair
                        return text;
                    }
                    unescaped = (unescaped ?? new StringBuilder()).Append(plain).Append(Escaped());
                    start = at;
                }
            }

            private char Escaped()
            {
                var kind = Peek();
                at++;
                switch (kind)
                {
                    case '"': case '\\': case '/': return (char)kind;
                    case 'b': return '\b';
                    case 'f': return '\f';
                    case 'n': return '\n';
                    case 'r': return '\r';
                    case 't': return '\t';
                    case 'u':
                        var code = 0;
                        for (var digits = 0; digits < 4; digits++, at++)
                        {
                            var digit = Peek();
                            var letter = digit | 0x20;
                            if (IsDigit(digit)) code = code * 16 + digit - '0';
                            else if (letter >= 'a' && letter <= 'f') code = code * 16 + letter - 'a' + 10;
                            else throw Wrong();
                        }
                        return (char)code;
                    default: throw Wrong();
                }
            }

            private object Number()
            {
                var start = at;
                var isInteger = true;
                if (Peek() == '-') at++;
                if (Peek() == '0') at++; else Digits();
                if (Peek() == '.')
                {
                    isInteger = false;
                    at++;
                    Digits();
                }
                if (Peek() == 'e' || Peek() == 'E')
                {
                    isInteger = false;
                    at++;
                    if (Peek() == '+' || Peek() == '-') at++;
                    Digits();
                }
                var text = Encoding.ASCII.GetString(bytes, start, at - start);
                var culture = CultureInfo.InvariantCulture;
                var whole = NumberStyles.AllowLeadingSign;
                if (isInteger && long.TryParse(text, whole, culture, out var integer)) return integer;
                if (decimal.TryParse(text, NumberStyles.Float, culture, out var fraction)) return fraction;
                var isNumber = double.TryParse(text, NumberStyles.Float, culture, out var wide);
                return isNumber && !double.IsInfinity(wide) ? wide : throw Wrong();
            }

            private void Digits()
            {
                if (!IsDigit(Peek())) throw Wrong();
                while (IsDigit(Peek())) at++;
            }

            private static bool IsDigit(int character) => character >= '0' && character <= '9';

            private FormatException Wrong() => new FormatException("not JSON, at byte " + at);
        }
    }
}
