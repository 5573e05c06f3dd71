#ifndef CPOSTGRESQL_H
#define CPOSTGRESQL_H
#if __has_include(<libpq-fe.h>)
#include <libpq-fe.h>
#else
#include <postgresql/libpq-fe.h>
#endif
/// Loads libpq, once in a process; NULL, or why that cannot be. Every other function here is to be called only after it has
/// answered NULL.
const char *dues_postgresql_load(void);
/// Has libpq keep its notices to itself: it would write them to standard error.
void dues_postgresql_silence(PGconn *connection);
#endif
