/* Exchange of the node's certificates. Happy path: at the moment that the certificate's life and chance say, a new key and
 * a request are made; what comes back replaces the file in one step. The API client reads it for its next connection, the
 * HTTPS server is told. What can fail: the API, the approver: tried again after a growing while. */
#include "agent/rotate.h"

#include <stdlib.h>
#include <string.h>

#include "agent/server.h"
#include "api/cert_request.h"
#include "api/pki_request.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rand.h"

enum { RETRY_MIN_MS = 10000, RETRY_MAX_MS = 600000, REQUEST_MS = 900000, DAY_MS = 86400000, PARTS = 1000 };

struct rotated {
	struct agent *agent;
	const char *file;
	bool server;
	struct timer *timer;
	struct cert_request *request;
	int64_t retry_ms;
};

struct rotate {
	struct rotated v[2];
	size_t n;
};

int64_t rotate_due_s(int64_t from_s, int64_t until_s, int part)
{
	return from_s + (until_s - from_s) * (7 * PARTS + 2 * part) / (10 * PARTS);
}

static void schedule(struct rotated *c);

static void on_done(void *arg, const struct err *e)
{
	struct rotated *c = arg;
	struct err failure = ERR_INIT;
	c->request = NULL;
	if (!e && c->server && server_reload(c->agent->server, &failure) < 0)
		e = &failure;
	if (e) {
		c->retry_ms = MIN(MAX(c->retry_ms * 2, RETRY_MIN_MS), RETRY_MAX_MS);
		log_warn("certificate not renewed, tried again file=%s error=\"%s\"", c->file, err_text(e));
		timer_start(c->timer, c->retry_ms);
		return;
	}
	c->retry_ms = 0;
	log_info("certificate renewed file=%s", c->file);
	schedule(c);
}

static void renew(struct rotated *c)
{
	static const char *const nodes[] = { "system:nodes", NULL };
	const struct agent_config *config = c->agent->config;
	AUTO_FREE char *user = xasprintf("system:node:%s", config->node_name);
	const char *dns[] = { config->node_name, NULL };
	struct err e = ERR_INIT;
	struct cert_request_opts o = { .subject = { .common_name = user, .organizations = nodes, .server = c->server, .client = !c->server },
				       .pem_file = c->file,
				       .timeout_ms = REQUEST_MS };
	if (c->server) {
		o.subject.dns = dns;
		o.subject.ips = (const char *const *)c->agent->node_ips;
	}
	if (cert_request_start(c->agent->api, &o, on_done, c, &c->request, &e) < 0)
		on_done(c, &e);
}

static int64_t due_ms(const struct rotated *c)
{
	AUTO_STR pem = STR_INIT;
	int64_t from = 0, until = 0;
	struct err e = ERR_INIT;
	if (fs_read_file(c->file, 1 << 20, &pem, &e) < 0 || pki_validity(str_text(&pem), pem.len, &from, &until, &e) < 0) {
		log_warn("certificate cannot be read, asking for another file=%s error=\"%s\"", c->file, err_text(&e));
		return 0;
	}
	return rotate_due_s(from, until, (int)rand_below(PARTS)) * 1000;
}

/* At most a day ahead: clocks are set. */
static void schedule(struct rotated *c)
{
	int64_t in_ms = due_ms(c) - clock_wall_ms();
	timer_start(c->timer, MIN(MAX(in_ms, RETRY_MIN_MS), DAY_MS));
}

static void on_timer(void *arg)
{
	struct rotated *c = arg;
	if (c->retry_ms || due_ms(c) <= clock_wall_ms())
		renew(c);
	else
		schedule(c);
}

static void add(struct rotate *r, struct agent *a, bool wanted, const char *cert_file, const char *key_file, bool server)
{
	if (!wanted || !a->api || !cert_file)
		return;
	if (!str_eq(cert_file, key_file)) {
		log_warn("certificate is not renewed: its key is in a file of its own file=%s", cert_file);
		return;
	}
	struct rotated *c = &r->v[r->n++];
	*c = (struct rotated){ .agent = a, .file = cert_file, .server = server };
	c->timer = timer_new(a->loop, on_timer, c);
	schedule(c);
}

struct rotate *rotate_start(struct agent *a)
{
	struct rotate *r = xcalloc(1, sizeof(*r));
	const struct agent_config *c = a->config;
	add(r, a, c->rotate_certificates, a->kubeconfig.cert_file, a->kubeconfig.key_file, false);
	add(r, a, c->rotate_server_certificates, c->tls_cert_file, c->tls_key_file, true);
	return r;
}

void rotate_stop(struct rotate *r)
{
	for (size_t i = 0; r && i < r->n; i++) {
		cert_request_cancel(r->v[i].request);
		timer_free(r->v[i].timer);
	}
	free(r);
}
