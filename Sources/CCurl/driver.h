// What the driver has libcurl call.
#ifndef DUES_CURL_DRIVER_H
#define DUES_CURL_DRIVER_H
#include "CCurl.h"
int dues_curl_driver_watch(CURL *handle, curl_socket_t socket, int what, void *driver, void *unused);
int dues_curl_driver_set_timer(CURLM *multi, long milliseconds, void *driver);
int dues_curl_driver_open(void *driver, curl_socket_t socket, curlsocktype purpose);
int dues_curl_driver_close(void *driver, curl_socket_t socket);
CURLMcode dues_curl_multi_set_callbacks(CURLM *multi, struct dues_curl_driver *driver);
#endif
