/* What a fresh cluster holds. Purpose: the objects that everything else takes for granted: the four namespaces, their
 * default service accounts and CA bundles, the kubernetes Service with its endpoints. Happy path: each is looked
 * for and created where it is missing, one after the other, through the request path; the endpoints are brought up to
 * date. Fails with the first answer that is neither success nor "exists". */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "cp/api/api_internal.h"

#define USER "system:apiserver"

struct step {
	char *path; /* collection */
	char *name;
	json_t *body;
	bool update; /* bring an existing one up to date */
};

struct bootstrap {
	struct api *a;
	struct step *steps;
	size_t n, at;
	void (*done)(void *arg, int r, const struct err *e);
	void *arg;
};

static void add_step(struct bootstrap *b, const char *path, const char *name, json_t *body, bool update)
{
	b->steps = xreallocarray(b->steps, b->n + 1, sizeof(*b->steps));
	json_set_str(body, "metadata.name", name);
	b->steps[b->n++] = (struct step){xstrdup(path), xstrdup(name), body, update};
}

static void bootstrap_end(struct bootstrap *b, int r, const struct err *e)
{
	b->a->ready = r == 0;
	b->done(b->arg, r, e);
	for (size_t i = 0; i < b->n; i++) {
		free(b->steps[i].path);
		free(b->steps[i].name);
		json_decref(b->steps[i].body);
	}
	free(b->steps);
	free(b);
}

static void next(struct bootstrap *b);

static void on_written(void *arg, int status, json_t *answer, const struct err *e)
{
	struct bootstrap *b = arg;
	(void)status;
	(void)answer;
	/* With several servers another one may have been faster. */
	if (e && e->code != -EEXIST) {
		bootstrap_end(b, e->code, e);
		return;
	}
	b->at++;
	next(b);
}

static void on_looked(void *arg, int status, json_t *answer, const struct err *e)
{
	struct bootstrap *b = arg;
	const struct step *s = &b->steps[b->at];
	AUTO_FREE char *one = xasprintf("%s/%s", s->path, s->name);
	(void)status;
	(void)answer;
	if (e && e->code != -ENOENT)
		bootstrap_end(b, e->code, e);
	else if (e)
		api_local(b->a, USER, "POST", s->path, NULL, s->body, on_written, b);
	else if (s->update)
		api_local(b->a, USER, "PATCH", one, "application/merge-patch+json", s->body, on_written, b);
	else
		on_written(b, 200, NULL, NULL);
}

static void next(struct bootstrap *b)
{
	if (b->at == b->n) {
		bootstrap_end(b, 0, NULL);
		return;
	}
	const struct step *s = &b->steps[b->at];
	AUTO_FREE char *one = xasprintf("%s/%s", s->path, s->name);
	api_local(b->a, USER, "GET", one, NULL, NULL, on_looked, b);
}

static void add_namespaces(struct bootstrap *b)
{
	static const char *const names[] = {"default", "kube-node-lease", "kube-public", "kube-system"};
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		add_step(b, "/api/v1/namespaces", names[i],
			 json_pack("{s:s,s:s}", "kind", "Namespace", "apiVersion", "v1"), false);
	AUTO_STR ca = STR_INIT;
	bool has_ca = b->a->ca_file && fs_read_file(b->a->ca_file, 1 << 20, &ca, NULL) == 0;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		AUTO_FREE char *accounts = xasprintf("/api/v1/namespaces/%s/serviceaccounts", names[i]);
		AUTO_FREE char *maps = xasprintf("/api/v1/namespaces/%s/configmaps", names[i]);
		add_step(b, accounts, "default", json_pack("{s:s,s:s}", "kind", "ServiceAccount", "apiVersion", "v1"),
			 false);
		if (has_ca)
			add_step(b, maps, "kube-root-ca.crt",
				 json_pack("{s:s,s:s,s:{s:s}}", "kind", "ConfigMap", "apiVersion", "v1", "data",
					   "ca.crt", str_text(&ca)),
				 true);
	}
}

/* The first address of the service range: 10.96.0.1 of 10.96.0.0/16. */
static char *first_address(const char *cidr)
{
	AUTO_FREE char *net = xstrndup(cidr, strcspn(cidr, "/"));
	char *dot = strrchr(net, '.');
	if (!dot)
		return xasprintf("%s1", net); /* IPv6: "fd00::" */
	return xasprintf("%.*s.%d", (int)(dot - net), net, atoi(dot + 1) + 1);
}

static void add_kubernetes_service(struct bootstrap *b)
{
	const struct api *a = b->a;
	AUTO_FREE char *ip = first_address(a->service_cidr);
	const char *family = strchr(ip, ':') ? "IPv6" : "IPv4";
	int port = a->secure_port;
	add_step(b, "/api/v1/namespaces/default/services", "kubernetes",
		 json_pack("{s:s,s:s,s:{s:{s:s,s:s}},s:{s:s,s:[s],s:[s],s:s,s:s,s:s,s:s,s:[{s:s,s:s,s:i,s:i}]}}",
			   "kind", "Service", "apiVersion", "v1", "metadata", "labels", "component", "kube-apiserver",
			   "provider", "kubernetes", "spec", "clusterIP", ip, "clusterIPs", ip, "ipFamilies", family,
			   "ipFamilyPolicy", "SingleStack", "internalTrafficPolicy", "Cluster", "sessionAffinity",
			   "None", "type", "ClusterIP", "ports", "name", "https", "protocol", "TCP", "port", 443,
			   "targetPort", port),
		 false);
	/* Nobody but this host could use a loopback address: such a server has a Service without endpoints. */
	if (strncmp(a->advertise_address, "127.", 4) == 0 || strcmp(a->advertise_address, "::1") == 0)
		return;
	add_step(b, "/api/v1/namespaces/default/endpoints", "kubernetes",
		 json_pack("{s:s,s:s,s:{s:{s:s}},s:[{s:[{s:s}],s:[{s:s,s:i,s:s}]}]}", "kind", "Endpoints", "apiVersion",
			   "v1", "metadata", "labels", "endpointslice.kubernetes.io/skip-mirror", "true", "subsets",
			   "addresses", "ip", a->advertise_address, "ports", "name", "https", "port", port, "protocol",
			   "TCP"),
		 true);
	add_step(b, "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", "kubernetes",
		 json_pack("{s:s,s:s,s:{s:{s:s}},s:s,s:[{s:[s],s:{s:b}}],s:[{s:s,s:i,s:s}]}", "kind", "EndpointSlice",
			   "apiVersion", "discovery.k8s.io/v1", "metadata", "labels", "kubernetes.io/service-name",
			   "kubernetes", "addressType", strchr(a->advertise_address, ':') ? "IPv6" : "IPv4",
			   "endpoints", "addresses", a->advertise_address, "conditions", "ready", 1, "ports", "name",
			   "https", "port", port, "protocol", "TCP"),
		 true);
}

void api_bootstrap(struct api *a, void (*done)(void *arg, int r, const struct err *e), void *arg)
{
	struct bootstrap *b = xcalloc(1, sizeof(*b));
	b->a = a;
	b->done = done;
	b->arg = arg;
	add_namespaces(b);
	add_kubernetes_service(b);
	next(b);
}
