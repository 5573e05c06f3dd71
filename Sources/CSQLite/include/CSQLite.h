#ifndef CSQLITE_H
#define CSQLITE_H
#include <sqlite3.h>
/// SQLITE_TRANSIENT is a cast macro that Swift cannot import: SQLite copies the bytes before returning.
int dues_sqlite_bind_text(sqlite3_stmt *statement, int index, const char *bytes, int count);
int dues_sqlite_bind_blob(sqlite3_stmt *statement, int index, const void *bytes, int count);
/// sqlite3_config is variadic. Turns off SQLite's account of the memory that it holds, which costs a lock at every allocation
/// and which nobody reads here. To be called before anything else of SQLite is.
void dues_sqlite_configure(void);
#endif
