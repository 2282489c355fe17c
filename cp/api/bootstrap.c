/* What a fresh cluster holds. Purpose: the objects that everything else takes for granted: the four namespaces, their
 * default service accounts and CA bundles, the default roles, the kubernetes Service with its endpoints and range, priority
 * classes, flow control, the API services of this server (bootstrap.jsonl). Happy path: the
 * namespaces first, then all others at once: each is looked for and created through the request path where it is
 * missing; the endpoints are brought up to date. Fails with the first answer that is neither success nor "exists". */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/address.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "cp/api/api_internal.h"
#include "cp/api/flow_internal.h"
#include "cp/auth/rbac_defaults.h"

#define USER "system:kube-apiserver"

extern const char bootstrap_text[];
__asm__(".section .rodata; .global bootstrap_text; bootstrap_text: .incbin \"cp/api/bootstrap.jsonl\"; .byte 0; .previous");

struct step {
	char *path; /* collection */
	char *name;
	json_t *body;
	json_t *status; /* what its status is made when it was created; NULL: left alone */
	bool update; /* bring an existing one up to date */
	struct bootstrap *of;
};

struct bootstrap {
	struct api *a;
	struct step *steps;
	size_t n, n_first; /* of them those of the namespaces, which come first */
	size_t started, over;
	struct err error;
	void (*done)(void *arg, int r, const struct err *e);
	void *arg;
};

static void add_step(struct bootstrap *b, const char *path, const char *name, json_t *body, bool update)
{
	b->steps = xreallocarray(b->steps, b->n + 1, sizeof(*b->steps));
	b->steps[b->n] = (struct step){xstrdup(path), xstrdup(name), body, NULL, update, NULL};
	json_set_str(body, "metadata.name", b->steps[b->n++].name);
}

/* The status of the object that was added last, its conditions as of now. Takes status. */
static void add_status(struct bootstrap *b, json_t *status)
{
	char now[RFC3339_MAX];
	json_t *condition;
	size_t i;
	rfc3339(clock_wall_ms(), now);
	json_array_foreach(json_object_get(status, "conditions"), i, condition)
	    json_object_set_new(condition, "lastTransitionTime", json_string(now));
	b->steps[b->n - 1].status = status;
}

static void bootstrap_end(struct bootstrap *b)
{
	int r = b->error.code;
	b->a->ready = r == 0;
	b->done(b->arg, r, r < 0 ? &b->error : NULL);
	for (size_t i = 0; i < b->n; i++) {
		free(b->steps[i].path);
		free(b->steps[i].name);
		json_decref(b->steps[i].body);
		json_decref(b->steps[i].status);
	}
	free(b->steps);
	free(b);
}

static void start_steps(struct bootstrap *b, size_t to);

/* With several servers another one may have been faster. */
static void step_over(struct bootstrap *b, const struct err *e)
{
	if (e && e->code != -EEXIST && !b->error.code)
		b->error = *e;
	b->over++;
	if (b->over == b->n || (b->over == b->started && b->error.code))
		bootstrap_end(b);
	else if (b->over == b->n_first)
		start_steps(b, b->n);
}

static void on_written(void *arg, int status, json_t *answer, const struct err *e)
{
	struct step *s = arg;
	(void)status;
	(void)answer;
	step_over(s->of, e);
}

/* An object was made: its status is a write of its own. */
static void on_created(void *arg, int code, json_t *answer, const struct err *e)
{
	struct step *s = arg;
	if (e || !s->status) {
		on_written(arg, code, answer, e);
		return;
	}
	AUTO_FREE char *path = xasprintf("%s/%s/status", s->path, s->name);
	AUTO_JSON *patch = json_pack("{s:O}", "status", s->status);
	api_local(s->of->a, USER, "PATCH", path, "application/merge-patch+json", patch, on_written, s);
}

static void on_looked(void *arg, int status, json_t *answer, const struct err *e)
{
	struct step *s = arg;
	AUTO_FREE char *one = xasprintf("%s/%s", s->path, s->name);
	(void)status;
	(void)answer;
	if (e && e->code == -ENOENT)
		api_local(s->of->a, USER, "POST", s->path, NULL, s->body, on_created, s);
	else if (!e && s->update)
		api_local(s->of->a, USER, "PATCH", one, "application/merge-patch+json", s->body, on_written, s);
	else
		step_over(s->of, e);
}

static void start_steps(struct bootstrap *b, size_t to)
{
	for (; b->started < to; b->started++) {
		struct step *s = &b->steps[b->started];
		AUTO_FREE char *one = xasprintf("%s/%s", s->path, s->name);
		s->of = b;
		api_local(b->a, USER, "GET", one, NULL, NULL, on_looked, s);
	}
}

static void add_namespaces(struct bootstrap *b)
{
	static const char *const names[] = {"default", "kube-node-lease", "kube-public", "kube-system"};
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		add_step(b, "/api/v1/namespaces", names[i],
			 json_pack("{s:s,s:s}", "kind", "Namespace", "apiVersion", "v1"), false);
	b->n_first = b->n;
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

static void add_kubernetes_service(struct bootstrap *b)
{
	const struct api *a = b->a;
	AUTO_FREE char *ip = address_first(a->service_cidr);
	const char *family = strchr(ip, ':') ? "IPv6" : "IPv4";
	int port = a->secure_port;
	add_step(b, "/api/v1/namespaces/default/services", "kubernetes",
		 json_pack("{s:s,s:s,s:{s:{s:s,s:s}},s:{s:s,s:[s],s:[s],s:s,s:s,s:s,s:s,s:[{s:s,s:s,s:i,s:i}]}}",
			   "kind", "Service", "apiVersion", "v1", "metadata", "labels", "component", "apiserver",
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

/* Where nodes, or pods with its label, answer for the cluster's names. */
static void add_dns_service(struct bootstrap *b)
{
	const char *ip = b->a->cluster_dns;
	if (str_empty(ip))
		return;
	json_t *o = json_pack("{s:s,s:s,s:{s:{s:s,s:s,s:s},s:{s:s,s:s}}}", "kind", "Service", "apiVersion", "v1", "metadata",
			      "labels", "k8s-app", "kube-dns", "kubernetes.io/cluster-service", "true", "kubernetes.io/name",
			      "CoreDNS", "annotations", "prometheus.io/port", "9153", "prometheus.io/scrape", "true");
	json_t *ports = json_pack("[{s:s,s:s,s:i},{s:s,s:s,s:i},{s:s,s:s,s:i}]", "name", "dns", "protocol", "UDP", "port", 53,
				  "name", "dns-tcp", "protocol", "TCP", "port", 53, "name", "metrics", "protocol", "TCP",
				  "port", 9153);
	json_object_set_new(o, "spec", json_pack("{s:s,s:[s],s:{s:s},s:o}", "clusterIP", ip, "clusterIPs", ip, "selector",
						 "k8s-app", "kube-dns", "ports", ports));
	add_step(b, "/api/v1/namespaces/kube-system/services", "kube-dns", o, false);
}

static int add_roles(struct bootstrap *b, struct err *e)
{
	AUTO_JSON *roles = NULL;
	json_t *o;
	size_t i;
	int r = rbac_defaults(&roles, e);
	json_array_foreach(roles, i, o)
	{
		if (!b->a->node_network && str_has_prefix(json_str_or(o, "metadata.name", ""), "knarr:"))
			continue;
		AUTO_FREE char *kind = xstrdup(json_str_or(o, "kind", "")), *ns = xstrdup(json_str_or(o, "metadata.namespace", ""));
		for (char *p = kind; *p; p++)
			*p = (char)tolower((unsigned char)*p);
		AUTO_FREE char *path = xasprintf("/apis/rbac.authorization.k8s.io/v1%s%s/%ss", *ns ? "/namespaces/" : "", ns, kind);
		add_step(b, path, json_str_or(o, "metadata.name", ""), json_incref(o), false);
	}
	return r;
}

static void add_service_range(struct bootstrap *b)
{
	AUTO_STRV char **cidrs = str_split(b->a->service_cidr, ',');
	add_step(b, "/apis/networking.k8s.io/v1/servicecidrs", "kubernetes",
		 json_pack("{s:s,s:s,s:{s:[s]},s:{s:o}}", "kind", "ServiceCIDR", "apiVersion", "networking.k8s.io/v1",
			   "metadata", "finalizers", "networking.k8s.io/service-cidr-finalizer", "spec", "cidrs",
			   json_texts(cidrs)),
		 false);
	add_status(b, json_pack("{s:[{s:s,s:s,s:s,s:s}]}", "conditions", "type", "Ready", "status", "True", "reason", "",
				"message", "Kubernetes Service CIDR is ready"));
}

/* One line of bootstrap.jsonl. */
static void add_line(struct bootstrap *b, const char *line, size_t len)
{
	json_t *object = json_loadb(line, len, 0, NULL);
	const char *version = json_str_or(object, "apiVersion", ""), *slash = strchr(version, '/');
	AUTO_FREE char *group = xstrndup(version, slash ? (size_t)(slash - version) : 0);
	const struct resource *res = api_resource_of_kind(b->a, group, json_str_or(object, "kind", ""));
	if (!res) {
		json_decref(object);
		return;
	}
	AUTO_FREE char *path = xasprintf("/apis/%s/%s", version, res->kind->plural);
	AUTO_FREE char *name = xstrdup(json_str_or(object, "metadata.name", ""));
	json_t *status = json_incref(json_object_get(object, "status"));
	json_object_del(object, "status");
	add_step(b, path, name, object, false);
	if (status)
		add_status(b, status);
}

static void add_objects(struct bootstrap *b)
{
	for (const char *line = bootstrap_text; *line;) {
		size_t n = strcspn(line, "\n");
		add_line(b, line, n);
		line += n + (line[n] == '\n');
	}
}

void flow_each_wanted(const char *kind, void (*fn)(void *arg, const json_t *object), void *arg)
{
	for (const char *line = bootstrap_text; *line;) {
		size_t n = strcspn(line, "\n");
		AUTO_JSON *object = json_loadb(line, n, 0, NULL);
		if (str_eq(json_str_at(object, "kind"), kind))
			fn(arg, object);
		line += n + (line[n] == '\n');
	}
}

void api_bootstrap(struct api *a, void (*done)(void *arg, int r, const struct err *e), void *arg)
{
	struct bootstrap *b = xcalloc(1, sizeof(*b));
	b->a = a;
	b->done = done;
	b->arg = arg;
	add_namespaces(b);
	add_kubernetes_service(b);
	add_dns_service(b);
	add_service_range(b);
	add_objects(b);
	if (add_roles(b, &b->error) < 0)
		bootstrap_end(b);
	else
		start_steps(b, b->n_first);
}
