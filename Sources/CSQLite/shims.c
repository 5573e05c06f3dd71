#include "CSQLite.h"

int dues_sqlite_bind_text(sqlite3_stmt *statement, int index, const char *bytes, int count) {
    return sqlite3_bind_text(statement, index, bytes, count, SQLITE_TRANSIENT);
}

int dues_sqlite_bind_blob(sqlite3_stmt *statement, int index, const void *bytes, int count) {
    return count == 0 ? sqlite3_bind_zeroblob(statement, index, 0)
                      : sqlite3_bind_blob(statement, index, bytes, count, SQLITE_TRANSIENT);
}

void dues_sqlite_configure(void) { sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); }

const volatile uint64_t *dues_sqlite_log_header(sqlite3 *database) {
    // The file's own methods are SQLite's interface to those who write file systems for it; this one answers a page that the
    // connection has mapped already, of the size that the format gives it.
    sqlite3_file *file = 0;
    volatile void *page = 0;
    if (sqlite3_file_control(database, "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK || !file) return 0;
    if (!file->pMethods || file->pMethods->iVersion < 2 || !file->pMethods->xShmMap) return 0;
    if (file->pMethods->xShmMap(file, 0, 32768, 0, &page) != SQLITE_OK) return 0;
    return page;
}

int dues_sqlite_log_is_unchanged(const volatile uint64_t *header, const uint64_t *seen) {
    for (int word = 0; word < DUES_SQLITE_LOG_HEADER_WORDS; word++)
        if (header[word] != seen[word]) return 0;
    // What was read before the last commit that is seen is not read again after it.
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return 1;
}

void dues_sqlite_log_copy(const volatile uint64_t *header, uint64_t *seen) {
    for (int word = 0; word < DUES_SQLITE_LOG_HEADER_WORDS; word++) seen[word] = header[word];
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
}
