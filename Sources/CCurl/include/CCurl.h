#ifndef CCURL_H
#define CCURL_H
#include <curl/curl.h>
#include <stdint.h>
/// Loads libcurl and makes it ready, once in a process; NULL, or why that cannot be. Every other function here is to be called
/// only after it has answered NULL.
const char *dues_curl_load(void);
/// What drives the transfers of one multi handle: epoll over libcurl's sockets, its one timer, and an alarm for other threads.
struct dues_curl_driver;
/// NULL where descriptors or memory are lacking.
struct dues_curl_driver *dues_curl_driver_make(CURLM *multi);
/// To be called after the multi handle was cleaned up, when nobody rings any more.
void dues_curl_driver_free(struct dues_curl_driver *driver);
/// Waits at most so many milliseconds for something to do, and does it.
void dues_curl_driver_turn(struct dues_curl_driver *driver, int milliseconds);
/// Ends a wait, from any thread.
void dues_curl_driver_ring(struct dues_curl_driver *driver);
// curl_easy_setopt, curl_easy_getinfo and curl_multi_setopt are variadic, which Swift cannot call: one typed shim a kind.
CURLcode dues_curl_set_text(CURL *handle, CURLoption option, const char *value);
CURLcode dues_curl_set_number(CURL *handle, CURLoption option, long value);
CURLcode dues_curl_set_large(CURL *handle, CURLoption option, int64_t value);
CURLcode dues_curl_set_pointer(CURL *handle, CURLoption option, void *value);
CURLcode dues_curl_set_list(CURL *handle, CURLoption option, struct curl_slist *value);
/// For CURLOPT_WRITEFUNCTION and CURLOPT_HEADERFUNCTION, which share a signature.
CURLcode dues_curl_set_sink(CURL *handle, CURLoption option, size_t (*sink)(char *, size_t, size_t, void *));
CURLcode dues_curl_get_number(CURL *handle, CURLINFO info, long *value);
CURLcode dues_curl_get_pointer(CURL *handle, CURLINFO info, char **value);
/// Makes the sockets of `handle` known to `driver` until libcurl closes them.
CURLcode dues_curl_drive(CURL *handle, struct dues_curl_driver *driver);
CURLMcode dues_curl_multi_set_number(CURLM *multi, CURLMoption option, long value);
/// The next finished transfer of `multi`, or NULL; its result goes to `result`.
CURL *dues_curl_next_finished(CURLM *multi, CURLcode *result);
#endif
