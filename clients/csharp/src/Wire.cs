using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;

namespace Dues
{
    using JsonObject = IReadOnlyDictionary<string, object>;

    /// <summary>
    /// Between members of a JSON object and values of C#. A member that is missing, or not what it should be, is null.
    /// </summary>
    internal static class Wire
    {
        internal static readonly JsonObject Nothing = new Dictionary<string, object>();

        internal static object Get(JsonObject from, string name) =>
            from.TryGetValue(name, out var value) ? value : null;

        internal static string Text(JsonObject from, string name) => Get(from, name) as string;

        internal static bool? Boolean(JsonObject from, string name) => Get(from, name) as bool?;

        internal static long? Integer(JsonObject from, string name) => Get(from, name) as long?;

        internal static DateTimeOffset? Time(JsonObject from, string name) =>
            DateTimeOffset.TryParse(
                Text(from, name), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time)
                ? time : default(DateTimeOffset?);

        internal static JsonObject Raw(JsonObject from, string name) => Get(from, name) as JsonObject;

        internal static IReadOnlyDictionary<string, string> Map(JsonObject from, string name) =>
            Raw(from, name)?.ToDictionary(member => member.Key, member => member.Value as string);

        internal static T Object<T>(JsonObject from, string name, Func<JsonObject, T> make) where T : class =>
            Get(from, name) is JsonObject value ? make(value) : null;

        internal static IReadOnlyList<T> List<T>(JsonObject from, string name, Func<JsonObject, T> make) =>
            (Get(from, name) as IReadOnlyList<object>)?.OfType<JsonObject>().Select(make).ToList();

        internal static IReadOnlyList<string> Texts(JsonObject from, string name) =>
            (Get(from, name) as IReadOnlyList<object>)?.OfType<string>().ToList();

        /// <summary>A copy with another value of one member.</summary>
        internal static JsonObject With(JsonObject members, string name, object value)
        {
            var copy = members.ToDictionary(member => member.Key, member => member.Value);
            copy[name] = value;
            return copy;
        }

        /// <summary>RFC 3339 in UTC, as the server writes it.</summary>
        internal static string Timestamp(DateTimeOffset time) =>
            time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'", CultureInfo.InvariantCulture);
    }
}
