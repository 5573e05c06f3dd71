#ifndef CSQLITE_H
#define CSQLITE_H
#include <sqlite3.h>
#include <stdint.h>
/// SQLITE_TRANSIENT is a cast macro that Swift cannot import: SQLite copies the bytes before returning.
int dues_sqlite_bind_text(sqlite3_stmt *statement, int index, const char *bytes, int count);
int dues_sqlite_bind_blob(sqlite3_stmt *statement, int index, const void *bytes, int count);
/// sqlite3_config is variadic. Turns off SQLite's account of the memory that it holds, which costs a lock at every allocation
/// and which nobody reads here. To be called before anything else of SQLite is.
void dues_sqlite_configure(void);
/// Where the header of the write-ahead log's index lies in memory, which every process with this database shares; null where
/// the database has none. Valid as long as the connection, which has read something before.
const volatile uint64_t *dues_sqlite_log_header(sqlite3 *database);
/// The words of that header which every commit changes (https://www.sqlite.org/walformat.html, 2.1).
enum { DUES_SQLITE_LOG_HEADER_WORDS = 6 };
/// Whether the header is still what was `seen`.
int dues_sqlite_log_is_unchanged(const volatile uint64_t *header, const uint64_t *seen);
/// Copies the header to `seen`.
void dues_sqlite_log_copy(const volatile uint64_t *header, uint64_t *seen);
#endif
