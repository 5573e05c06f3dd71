// commit: how many rows of 4 KiB one process writes to SQLite when nothing else is to be done: no server, no signature, no JSON.
//
//   commit DATABASE ROWS SECONDS
//
// Commits ROWS rows at a time (WAL, synchronous=FULL, the table of Dues's journal without its other indexes), as a server that
// is asked for so many at once could at the most. Prints one JSON object.
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

static void check(int status, int wanted, sqlite3 *database) {
  if (status != wanted) fprintf(stderr, "commit: %s\n", sqlite3_errmsg(database)), exit(1);
}

int main(int count, char **arguments) {
  if (count != 4) return fputs("usage: see the head of commit.c\n", stderr), 2;
  int batch = atoi(arguments[2]);
  double seconds = atof(arguments[3]), begin, end;
  sqlite3 *database;
  sqlite3_stmt *insert;
  char id[40], payload[4096];
  uint64_t rows = 0;
  memset(payload, 'x', sizeof payload);
  check(sqlite3_open(arguments[1], &database), SQLITE_OK, database);
  check(sqlite3_exec(database, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                     "CREATE TABLE events (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, type TEXT NOT NULL,"
                     "created INTEGER NOT NULL, received INTEGER NOT NULL, payload BLOB NOT NULL) STRICT", 0, 0, 0),
        SQLITE_OK, database);
  check(sqlite3_prepare_v2(database, "INSERT INTO events (id, type, created, received, payload) VALUES"
                           "(?, 'customer.subscription.updated', 1, 1, ?) ON CONFLICT (id) DO NOTHING", -1, &insert, 0),
        SQLITE_OK, database);
  begin = now();
  do {
    check(sqlite3_exec(database, "BEGIN IMMEDIATE", 0, 0, 0), SQLITE_OK, database);
    for (int row = 0; row < batch; row++) {
      // As spread as Stripe's ids are.
      int length = snprintf(id, sizeof id, "evt_%016llx%08x", (unsigned long long)(++rows * 0x9E3779B97F4A7C15ull), batch);
      sqlite3_bind_text(insert, 1, id, length, SQLITE_STATIC);
      sqlite3_bind_blob(insert, 2, payload, sizeof payload, SQLITE_STATIC);
      check(sqlite3_step(insert), SQLITE_DONE, database);
      sqlite3_reset(insert);
    }
    check(sqlite3_exec(database, "COMMIT", 0, 0, 0), SQLITE_OK, database);
  } while ((end = now()) < begin + seconds);
  printf("{\"rows_per_second\":%.0f}\n", rows / (end - begin));
  return 0;
}
