#define _GNU_SOURCE 1
#include "CPostgreSQL.h"
#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

// libpq is loaded when the first database of its kind is opened, and not linked: who keeps an SQLite file needs neither it nor
// the twenty libraries that it stands on. Its functions that are used are here under their own names, hidden, so that libpq's
// calls to itself find its own.
#define FUNCTIONS(F) \
    F(PGconn *, PQconnectdbParams, (const char *const *keywords, const char *const *values, int expand), \
      (keywords, values, expand)) \
    F(PQconninfoOption *, PQconninfoParse, (const char *text, char **problem), (text, problem)) \
    F(ConnStatusType, PQstatus, (const PGconn *connection), (connection)) \
    F(char *, PQerrorMessage, (const PGconn *connection), (connection)) \
    F(int, PQsocket, (const PGconn *connection), (connection)) \
    F(int, PQbackendPID, (const PGconn *connection), (connection)) \
    F(int, PQserverVersion, (const PGconn *connection), (connection)) \
    F(int, PQsetnonblocking, (PGconn *connection, int on), (connection, on)) \
    F(int, PQenterPipelineMode, (PGconn *connection), (connection)) \
    F(int, PQexitPipelineMode, (PGconn *connection), (connection)) \
    F(int, PQpipelineSync, (PGconn *connection), (connection)) \
    F(int, PQsendQuery, (PGconn *connection, const char *sql), (connection, sql)) \
    F(int, PQsendPrepare, \
      (PGconn *connection, const char *name, const char *sql, int count, const Oid *types), \
      (connection, name, sql, count, types)) \
    F(int, PQsendQueryPrepared, \
      (PGconn *connection, const char *name, int count, const char *const *values, const int *lengths, const int *formats, \
       int format), \
      (connection, name, count, values, lengths, formats, format)) \
    F(int, PQflush, (PGconn *connection), (connection)) \
    F(int, PQconsumeInput, (PGconn *connection), (connection)) \
    F(int, PQisBusy, (PGconn *connection), (connection)) \
    F(PGresult *, PQgetResult, (PGconn *connection), (connection)) \
    F(PGnotify *, PQnotifies, (PGconn *connection), (connection)) \
    F(ExecStatusType, PQresultStatus, (const PGresult *result), (result)) \
    F(char *, PQresultErrorField, (const PGresult *result, int field), (result, field)) \
    F(int, PQntuples, (const PGresult *result), (result)) \
    F(char *, PQcmdTuples, (PGresult *result), (result)) \
    F(Oid, PQftype, (const PGresult *result, int column), (result, column)) \
    F(int, PQgetisnull, (const PGresult *result, int row, int column), (result, row, column)) \
    F(int, PQgetlength, (const PGresult *result, int row, int column), (result, row, column)) \
    F(char *, PQgetvalue, (const PGresult *result, int row, int column), (result, row, column)) \
    F(PQnoticeReceiver, PQsetNoticeReceiver, (PGconn *connection, PQnoticeReceiver receiver, void *context), \
      (connection, receiver, context))
#define PROCEDURES(F) \
    F(PQfinish, (PGconn *connection), (connection)) \
    F(PQclear, (PGresult *result), (result)) \
    F(PQfreemem, (void *memory), (memory)) \
    F(PQconninfoFree, (PQconninfoOption *options), (options))

#define MEMBER(type, name, parameters, arguments) type (*name) parameters;
#define PROCEDURE_MEMBER(name, parameters, arguments) void (*name) parameters;
static struct { FUNCTIONS(MEMBER) PROCEDURES(PROCEDURE_MEMBER) } library;

static const char *problem;

static void load(void) {
    void *handle = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        problem = strdup(dlerror());
        return;
    }
#define FIND(name) \
    if (!problem && !(library.name = (__typeof__(library.name))dlsym(handle, #name))) problem = "libpq has no " #name;
#define FIND_FUNCTION(type, name, parameters, arguments) FIND(name)
#define FIND_PROCEDURE(name, parameters, arguments) FIND(name)
    FUNCTIONS(FIND_FUNCTION)
    PROCEDURES(FIND_PROCEDURE)
}

const char *dues_postgresql_load(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    return problem;
}

#define HIDDEN __attribute__((visibility("hidden")))
#define CALL(type, name, parameters, arguments) HIDDEN type name parameters { return library.name arguments; }
#define CALL_PROCEDURE(name, parameters, arguments) HIDDEN void name parameters { library.name arguments; }
FUNCTIONS(CALL)
PROCEDURES(CALL_PROCEDURE)

static void ignore(void *context, const PGresult *notice) { (void)context, (void)notice; }

void dues_postgresql_silence(PGconn *connection) { library.PQsetNoticeReceiver(connection, ignore, 0); }
