/* libcurl, loaded by the first call that needs it: with the libraries behind it, it takes several MB of a daemon that may
 * never call anybody. */
#ifndef KNARR_IO_CURL_LOAD_H
#define KNARR_IO_CURL_LOAD_H

#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>
#undef curl_easy_getinfo /* macros that only check */
#undef curl_easy_setopt
#undef curl_multi_setopt

#include "base/err.h"

/* X(name) for each function that is used. */
#define CURL_FUNCTIONS(X) \
	X(easy_cleanup) \
	X(easy_getinfo) \
	X(easy_init) \
	X(easy_pause) \
	X(easy_setopt) \
	X(easy_strerror) \
	X(global_init) \
	X(multi_add_handle) \
	X(multi_assign) \
	X(multi_cleanup) \
	X(multi_info_read) \
	X(multi_init) \
	X(multi_remove_handle) \
	X(multi_setopt) \
	X(multi_socket_action) \
	X(slist_append) \
	X(slist_free_all)

struct curl_functions {
#define X(name) __typeof__(curl_##name) *name;
	CURL_FUNCTIONS(X)
#undef X
};

/* Every function after a curl_load() that succeeded; NULL before. */
extern struct curl_functions curl;

/* Loads and initialises it, once. -ELIBACC: it is not installed, or lacks a function. */
int curl_load(struct err *e);

#endif
