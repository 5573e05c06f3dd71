#define _GNU_SOURCE 1
#define CURL_DISABLE_TYPECHECK 1
#include "CCurl.h"
#include "driver.h"
#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

// libcurl is loaded when the first request needs it, and not linked: with the thirty libraries that it stands on it would take
// a third of the time that a process needs to start and to answer. Its functions that are used are here under their own names,
// hidden, so that libcurl's calls to itself find its own.
#define FUNCTIONS(F) \
    F(curl_global_init) F(curl_easy_init) F(curl_easy_cleanup) F(curl_easy_setopt) F(curl_easy_getinfo) F(curl_easy_strerror) \
    F(curl_slist_append) F(curl_slist_free_all) F(curl_multi_init) F(curl_multi_cleanup) F(curl_multi_setopt) \
    F(curl_multi_add_handle) F(curl_multi_remove_handle) F(curl_multi_socket_action) \
    F(curl_multi_info_read)

#define MEMBER(name) __typeof__(&name) name;
static struct { FUNCTIONS(MEMBER) } library;

static const char *problem;

static void load(void) {
    void *handle = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        problem = strdup(dlerror());
        return;
    }
#define FIND(name) \
    if (!problem && !(library.name = (__typeof__(&name))dlsym(handle, #name))) problem = "libcurl has no " #name;
    FUNCTIONS(FIND)
    if (!problem && library.curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) problem = "curl_global_init fails";
}

const char *dues_curl_load(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    return problem;
}

#define HIDDEN __attribute__((visibility("hidden")))
HIDDEN CURL *curl_easy_init(void) { return library.curl_easy_init(); }
HIDDEN void curl_easy_cleanup(CURL *handle) { library.curl_easy_cleanup(handle); }
HIDDEN const char *curl_easy_strerror(CURLcode code) { return library.curl_easy_strerror(code); }
HIDDEN struct curl_slist *curl_slist_append(struct curl_slist *list, const char *text) {
    return library.curl_slist_append(list, text);
}
HIDDEN void curl_slist_free_all(struct curl_slist *list) { library.curl_slist_free_all(list); }
HIDDEN CURLM *curl_multi_init(void) { return library.curl_multi_init(); }
HIDDEN CURLMcode curl_multi_cleanup(CURLM *multi) { return library.curl_multi_cleanup(multi); }
HIDDEN CURLMcode curl_multi_add_handle(CURLM *multi, CURL *handle) { return library.curl_multi_add_handle(multi, handle); }
HIDDEN CURLMcode curl_multi_remove_handle(CURLM *multi, CURL *handle) {
    return library.curl_multi_remove_handle(multi, handle);
}
HIDDEN CURLMcode curl_multi_socket_action(CURLM *multi, curl_socket_t socket, int events, int *running) {
    return library.curl_multi_socket_action(multi, socket, events, running);
}

CURLcode dues_curl_set_text(CURL *handle, CURLoption option, const char *value) {
    return library.curl_easy_setopt(handle, option, value);
}
CURLcode dues_curl_set_number(CURL *handle, CURLoption option, long value) {
    return library.curl_easy_setopt(handle, option, value);
}
CURLcode dues_curl_set_large(CURL *handle, CURLoption option, int64_t value) {
    return library.curl_easy_setopt(handle, option, (curl_off_t)value);
}
CURLcode dues_curl_set_pointer(CURL *handle, CURLoption option, void *value) {
    return library.curl_easy_setopt(handle, option, value);
}
CURLcode dues_curl_set_list(CURL *handle, CURLoption option, struct curl_slist *value) {
    return library.curl_easy_setopt(handle, option, value);
}
CURLcode dues_curl_set_sink(CURL *handle, CURLoption option, size_t (*sink)(char *, size_t, size_t, void *)) {
    return library.curl_easy_setopt(handle, option, sink);
}
CURLcode dues_curl_get_number(CURL *handle, CURLINFO info, long *value) {
    return library.curl_easy_getinfo(handle, info, value);
}
CURLcode dues_curl_get_pointer(CURL *handle, CURLINFO info, char **value) {
    return library.curl_easy_getinfo(handle, info, value);
}
CURLcode dues_curl_drive(CURL *handle, struct dues_curl_driver *driver) {
    library.curl_easy_setopt(handle, CURLOPT_SOCKOPTFUNCTION, dues_curl_driver_open);
    library.curl_easy_setopt(handle, CURLOPT_SOCKOPTDATA, driver);
    library.curl_easy_setopt(handle, CURLOPT_CLOSESOCKETFUNCTION, dues_curl_driver_close);
    return library.curl_easy_setopt(handle, CURLOPT_CLOSESOCKETDATA, driver);
}
CURLMcode dues_curl_multi_set_callbacks(CURLM *multi, struct dues_curl_driver *driver) {
    library.curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, dues_curl_driver_watch);
    library.curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, driver);
    library.curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, dues_curl_driver_set_timer);
    return library.curl_multi_setopt(multi, CURLMOPT_TIMERDATA, driver);
}
CURLMcode dues_curl_multi_set_number(CURLM *multi, CURLMoption option, long value) {
    return library.curl_multi_setopt(multi, option, value);
}
CURL *dues_curl_next_finished(CURLM *multi, CURLcode *result) {
    int left = 0;
    for (CURLMsg *message; (message = library.curl_multi_info_read(multi, &left)); )
        if (message->msg == CURLMSG_DONE) {
            *result = message->data.result;
            return message->easy_handle;
        }
    return 0;
}
