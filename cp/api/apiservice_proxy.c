/* Requests for extension servers. Purpose: pass a request on as the user who sent it. Happy path: X-Remote-* headers say
 * who asks, the front proxy's certificate that they may be believed; the forwarder does the rest. A server that is not
 * there gives 503. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cp/api/apiservice.h"
#include "cp/api/forward.h"

/* Who asks. */
static char **user_headers(const struct req *q)
{
	char **out = NULL;
	forward_add_header(&out, "X-Remote-User", q->user.name);
	if (!str_empty(q->user.uid))
		forward_add_header(&out, "X-Remote-Uid", q->user.uid);
	for (size_t i = 0; q->user.groups && q->user.groups[i]; i++)
		forward_add_header(&out, "X-Remote-Group", q->user.groups[i]);
	for (size_t i = 0; i < q->user.n_extra; i++) {
		AUTO_STR name = STR_INIT;
		str_add(&name, "X-Remote-Extra-");
		str_add_url(&name, q->user.extra[i].key);
		for (size_t v = 0; q->user.extra[i].values && q->user.extra[i].values[v]; v++)
			forward_add_header(&out, str_text(&name), q->user.extra[i].values[v]);
	}
	return out;
}

static char *target(const struct req *q)
{
	AUTO_STRV char **segments = str_split(q->route.path, '/');
	struct str out = STR_INIT;
	for (size_t i = 1; segments && segments[i]; i++) {
		str_addc(&out, '/');
		str_add_url(&out, segments[i]);
	}
	if (*http_query(q->x))
		str_addf(&out, "?%s", http_query(q->x));
	return str_take(&out);
}

static void on_unreachable(struct req *q, const struct err *e, bool upgrade)
{
	AUTO_FREE char *text = xasprintf("error trying to reach service: %s\n", err_text(e));
	(void)upgrade;
	reply_text(q, 503, text);
}

void apiservice_proxy(struct req *q, struct apiservice *v)
{
	struct err e = ERR_INIT;
	struct forward_opts o = {.own_host = true, .on_unreachable = on_unreachable, .ca_pem = v->ca};
	AUTO_FREE char *host = NULL, *name = NULL;
	if (!q->x) {
		reply_status(q, status_new(503, "ServiceUnavailable", "calls from within do not go to extension servers"));
		return;
	}
	if (!v->available || apiservice_place(v, &o, &host, &name, &e) < 0) {
		reply_text(q, 503, "service unavailable\n");
		return;
	}
	AUTO_STRV char **headers = user_headers(q);
	AUTO_FREE char *path = target(q);
	o.headers = headers;
	o.target = path;
	forward_request(q, &o);
}
