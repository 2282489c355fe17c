/* Asking for a certificate. Happy path: a key is made beside the file (or one that an earlier try has left is used), the
 * request is posted, asked for again with growing pauses, and when it holds a certificate, that and the key become the
 * file. What can fail: the API's refusals, a signer that says no, time. What always holds: the file is whole, old or new. */
#include "api/cert_request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/pki_request.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"

#define PATH "/apis/certificates.k8s.io/v1/certificatesigningrequests"

enum { PAUSE_MIN_MS = 20, PAUSE_MAX_MS = 1000, PEM_MAX = 1 << 20 };

struct cert_request {
	struct api_client *client;
	struct api_call *call;
	struct timer *timer;
	char *name, *pem_file, *key_file;
	int64_t end_mono; /* INT64_MAX: none */
	int pause_ms;
	void (*done)(void *arg, const struct err *e);
	void *arg;
};

static void release(struct cert_request *r)
{
	timer_free(r->timer);
	free(r->name);
	free(r->pem_file);
	free(r->key_file);
	free(r);
}

void cert_request_cancel(struct cert_request *r)
{
	if (!r)
		return;
	if (r->call)
		api_cancel(r->call);
	release(r);
}

static void finish(struct cert_request *r, const struct err *e)
{
	void (*done)(void *arg, const struct err *e) = r->done;
	void *arg = r->arg;
	release(r);
	done(arg, e);
}

/* The certificate with its key behind it becomes the file. */
static int keep(const struct cert_request *r, const char *certificate, struct err *e)
{
	AUTO_STR pem = STR_INIT;
	int rc = base64_decode(&pem, certificate, strlen(certificate));
	if (rc < 0)
		return err_set(e, rc, "status.certificate is not base64");
	rc = fs_read_file(r->key_file, PEM_MAX, &pem, e);
	if (rc == 0)
		rc = fs_write_atomic(r->pem_file, pem.p, pem.len, 0600, e);
	if (rc == 0)
		unlink(r->key_file);
	return rc;
}

/* What a signer or approver has said against it; NULL: nothing. */
static const json_t *refusal(const json_t *csr)
{
	const json_t *conditions = json_at(csr, "status.conditions"), *denied = json_find(conditions, "type", "Denied");
	return denied ? denied : json_find(conditions, "type", "Failed");
}

static void on_answer(void *arg, int status, json_t *body, const struct err *failure)
{
	struct cert_request *r = arg;
	struct err e = ERR_INIT;
	r->call = NULL;
	if (failure && status) {
		finish(r, failure);
		return;
	}
	const char *certificate = failure ? NULL : json_str_at(body, "status.certificate");
	const json_t *no = failure ? NULL : refusal(body);
	if (!failure && !r->name)
		r->name = xstrdup(json_str_or(body, "metadata.name", ""));
	if (!str_empty(certificate)) {
		finish(r, keep(r, certificate, &e) < 0 ? &e : NULL);
	} else if (no) {
		err_set(&e, -EACCES, "request %s: %s: %s", r->name, json_str_or(no, "type", ""), json_str_or(no, "message", ""));
		finish(r, &e);
	} else if (clock_mono_ms() >= r->end_mono || !r->name) {
		if (failure)
			e = *failure;
		else
			err_set(&e, -ETIMEDOUT, "request %s is not approved: kubectl certificate approve %s", r->name, r->name);
		finish(r, &e);
	} else {
		timer_start(r->timer, r->pause_ms);
		r->pause_ms = MIN(r->pause_ms * 2, PAUSE_MAX_MS);
	}
}

static void on_pause_over(void *arg)
{
	struct cert_request *r = arg;
	AUTO_FREE char *path = xasprintf(PATH "/%s", r->name);
	r->call = api_get(r->client, path, on_answer, r);
}

static json_t *request_object(const struct cert_request_opts *o, const char *pem)
{
	AUTO_STR encoded = STR_INIT;
	base64_encode(&encoded, pem, strlen(pem));
	return json_pack("{s:s, s:s, s:{s:s}, s:{s:s, s:s, s:[s, s]}}", "apiVersion", "certificates.k8s.io/v1", "kind",
			 "CertificateSigningRequest", "metadata", "generateName", "csr-", "spec", "request", str_text(&encoded),
			 "signerName", o->subject.server ? CERT_SIGNER_NODE_SERVING : CERT_SIGNER_NODE_CLIENT, "usages",
			 "digital signature", o->subject.server ? "server auth" : "client auth");
}

int cert_request_start(struct api_client *c, const struct cert_request_opts *o, void (*done)(void *arg, const struct err *e), void *arg,
		       struct cert_request **ret, struct err *e)
{
	AUTO_FREE char *key_file = xasprintf("%s.key", o->pem_file), *pem = NULL;
	int rc = pki_request_make(&o->subject, key_file, &pem, e);
	if (rc < 0)
		return rc;
	AUTO_JSON *object = request_object(o, pem);
	struct cert_request *r = xcalloc(1, sizeof(*r));
	*r = (struct cert_request){ .client = c,
				    .pem_file = xstrdup(o->pem_file),
				    .key_file = TAKE(key_file),
				    .end_mono = o->timeout_ms ? clock_mono_ms() + o->timeout_ms : INT64_MAX,
				    .pause_ms = PAUSE_MIN_MS,
				    .done = done,
				    .arg = arg };
	r->timer = timer_new(api_client_loop(c), on_pause_over, r);
	r->call = api_create(c, PATH, object, on_answer, r);
	*ret = r;
	return 0;
}
