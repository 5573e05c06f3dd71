#ifndef CSQLITE_H
#define CSQLITE_H
#include <sqlite3.h>
/// SQLITE_TRANSIENT is a cast macro that Swift cannot import: SQLite copies the bytes before returning.
int dues_sqlite_bind_text(sqlite3_stmt *statement, int index, const char *bytes, int count);
int dues_sqlite_bind_blob(sqlite3_stmt *statement, int index, const void *bytes, int count);
#endif
