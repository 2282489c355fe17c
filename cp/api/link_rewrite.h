/* Links of pages that are shown below another path: what points to the server behind a proxy is led through it. */
#ifndef KNARR_CP_API_LINK_REWRITE_H
#define KNARR_CP_API_LINK_REWRITE_H

#include "base/str.h"

struct link_base {
	const char *prefix; /* where the server's "/" is shown: "/api/v1/namespaces/x/services/y/proxy" */
	const char *host;   /* the server as it was dialled, "10.0.0.1:80" */
	const char *asked;  /* the Host that the client asked for; may be NULL */
};

/* Adds a URL of the server's: one that names another host, or is relative, stays as it is. */
void link_rewrite(const struct link_base *b, const char *url, size_t n, struct str *out);

/* A page that comes piece by piece (HTML, https://html.spec.whatwg.org/#tokenization): attributes that hold URLs are
 * rewritten, everything else is passed on byte for byte. */
struct html_rewrite;
struct html_rewrite *html_rewrite_new(const struct link_base *b); /* copies */
void html_rewrite_free(struct html_rewrite *h);			  /* NULL is fine */
void html_rewrite_feed(struct html_rewrite *h, const char *bytes, size_t n, struct str *out);
/* What is held back of a tag that never ended. */
void html_rewrite_end(struct html_rewrite *h, struct str *out);

#endif
