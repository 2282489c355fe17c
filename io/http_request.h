/* A request as both codecs build it: method, target, headers, body, and the target taken apart. */
#ifndef KNARR_IO_HTTP_REQUEST_H
#define KNARR_IO_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"
#include "io/http_server.h"

/* A head may have 64 KiB and 256 headers: beyond, 431. */
enum { HTTP_MAX_HEAD = 65536, HTTP_MAX_HEADERS = 256 };

struct http_param {
	char *name, *value;
};

struct http_request {
	/* Set by http_request_finish_head(); valid until http_request_done(). */
	const char *method, *target, *path, *query;
	struct http_header *headers;
	size_t n_headers;
	struct str body;
	/* While it is built: NUL-terminated pieces in text, their offsets in at (name, value, name, value ...). */
	struct str text;
	size_t *at;
	size_t n_at, cap_at;
	size_t method_at, target_at;
	char *decoded; /* path NUL query */
	struct http_param *params;
	size_t n_params;
	bool params_parsed;
};

void http_request_done(struct http_request *r);
/* Building. Each adds a whole NUL-terminated piece; *_more extends the piece that was added last. */
void http_request_method(struct http_request *r, const char *p, size_t n);
void http_request_target(struct http_request *r, const char *p, size_t n);
void http_request_header_name(struct http_request *r, const char *p, size_t n);
void http_request_header_value(struct http_request *r, const char *p, size_t n);
void http_request_more(struct http_request *r, const char *p, size_t n);
/* Whether the head has grown beyond its limits. */
bool http_request_is_too_large(const struct http_request *r);
/* Takes the target apart: 0 or -EINVAL (bad escapes, NUL, neither a path nor "*"). */
int http_request_finish_head(struct http_request *r);

const char *http_request_header(const struct http_request *r, const char *name);
/* Whether the comma-separated header holds token, without case. All headers of that name are looked at. */
bool http_request_has_token(const struct http_request *r, const char *name, const char *token);
const char *http_request_param(struct http_request *r, const char *name, size_t nth);

/* The reason phrase, "" for unknown codes. */
const char *http_status_text(int status);
/* Now, for the Date header (RFC 9110 5.6.7). Valid until the next call. */
const char *http_date(void);

#endif
