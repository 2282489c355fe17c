/* Requests that another server answers: pods, services and nodes behind their proxy subresources, extension servers. */
#ifndef KNARR_CP_API_FORWARD_H
#define KNARR_CP_API_FORWARD_H

#include "cp/api/api_internal.h"

/* Everything is borrowed for the call. */
struct forward_opts {
	struct http_client *http; /* carries requests; its certificate is the one shown */
	struct tls_ctx *tls;	  /* the same for upgrades; NULL: plain HTTP */
	const char *host;	  /* to dial: numeric, without brackets; for what is no upgrade a name will do */
	uint16_t port;
	const char *server_name; /* the host of the URL where it is another than the one dialled; NULL: host */
	const char *ca_pem;	 /* CAs of its certificate; NULL: the client's */
	const char *target;	 /* path and query, encoded */
	char *const *headers;	 /* "Name: value" lines beside the client's own, NULL-terminated; NULL: none */
	const char *prefix;	 /* Location and the links of pages are led below this path; NULL: left alone */
	bool own_host;		 /* Host names the server; else it is the client's */
	/* Answers instead of the server where that refuses (400 and above), with the text of its body (at most 64 KiB).
	 * NULL: refusals are passed on like everything else. */
	void (*on_refused)(struct req *q, int status, const char *text);
	/* Answers when the server cannot be reached. upgrade: the client wanted one. */
	void (*on_unreachable)(struct req *q, const struct err *e, bool upgrade);
};

/* Whether the client wants to go on with another protocol (RFC 9110 7.8). */
bool forward_is_upgrade(const struct req *q);
/* Passes the request on and the answer back, as they come; upgrades (WebSocket, SPDY, any) become tunnels. Nothing by
 * which the client shows who it is goes on: Authorization, X-Remote-*, Impersonate-*. Only for requests that came over
 * HTTP (q->x). */
void forward_request(struct req *q, const struct forward_opts *o);

/* What the proxy subresource answers when nothing answers there: 503 in plain text (upgrades: 500). For on_unreachable. */
void forward_unreachable(struct req *q, const struct err *e, bool upgrade);

/* Adds a path to a target: every byte but those that paths may hold escaped (RFC 3986 3.3), '/' kept. */
void forward_add_path(struct str *out, const char *path);

/* Appends "Name: value" for struct forward_opts; what would break the line is left out. */
void forward_add_header(char ***headers, const char *name, const char *value);

#endif
