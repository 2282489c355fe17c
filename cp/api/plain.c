/* Paths that are no resources: the index, version, health and metrics. Purpose: what probes and dashboards ask. Happy
 * path: a table from path to handler. Health names its checks; one that fails answers 500 and says which. */
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/api/api_internal.h"
#include "cp/api/catalog.h"
#include "cp/api/flow.h"
#include "cp/api/metrics.h"

static bool check_ping(const struct api *a)
{
	(void)a;
	return true;
}

static bool check_ready(const struct api *a)
{
	return a->ready;
}

static bool check_running(const struct api *a)
{
	return !a->stopping && !a->terminating;
}

/* The names that the reference's checks have, for whoever asks for one of them: what is one step here says so under each. */
enum { HEALTHZ = 1, LIVEZ = 2, READYZ = 4, ALL_HEALTH = 7 };
static const struct {
	const char *name;
	int in;
	bool (*ok)(const struct api *a);
} checks[] = {
    {"ping", ALL_HEALTH, check_ping},
    {"log", ALL_HEALTH, check_ping},
    {"loopback-serving-certificate", HEALTHZ | LIVEZ, check_ping},
    {"etcd", HEALTHZ | LIVEZ, check_ping},
    {"informer-sync", READYZ, check_ping},
    {"poststarthook/start-apiserver-admission-initializer", ALL_HEALTH, check_ping},
    {"poststarthook/generic-apiserver-start-informers", ALL_HEALTH, check_ping},
    {"poststarthook/priority-and-fairness-config-consumer", ALL_HEALTH, check_ping},
    {"poststarthook/priority-and-fairness-filter", ALL_HEALTH, check_ping},
    {"poststarthook/storage-object-count-tracker-hook", ALL_HEALTH, check_ping},
    {"poststarthook/start-apiextensions-informers", ALL_HEALTH, check_ping},
    {"poststarthook/start-apiextensions-controllers", ALL_HEALTH, check_ping},
    {"poststarthook/crd-informer-synced", ALL_HEALTH, check_ping},
    {"poststarthook/start-system-namespaces-controller", ALL_HEALTH, check_ready},
    {"poststarthook/peer-endpoint-reconciler-controller", ALL_HEALTH, check_ping},
    {"poststarthook/start-cluster-authentication-info-controller", ALL_HEALTH, check_ping},
    {"poststarthook/start-kube-apiserver-identity-lease-controller", ALL_HEALTH, check_ping},
    {"poststarthook/start-kube-apiserver-identity-lease-garbage-collector", ALL_HEALTH, check_ping},
    {"poststarthook/storage-readiness", ALL_HEALTH, check_ping},
    {"poststarthook/start-legacy-token-tracking-controller", ALL_HEALTH, check_ping},
    {"poststarthook/start-service-ip-repair-controllers", ALL_HEALTH, check_ping},
    {"poststarthook/rbac/bootstrap-roles", ALL_HEALTH, check_ready},
    {"poststarthook/scheduling/bootstrap-system-priority-classes", ALL_HEALTH, check_ready},
    {"poststarthook/priority-and-fairness-config-producer", ALL_HEALTH, check_ready},
    {"poststarthook/bootstrap-controller", ALL_HEALTH, check_ready},
    {"poststarthook/start-kubernetes-service-cidr-controller", ALL_HEALTH, check_ready},
    {"poststarthook/aggregator-reload-proxy-client-cert", ALL_HEALTH, check_ping},
    {"poststarthook/start-kube-aggregator-informers", ALL_HEALTH, check_ping},
    {"poststarthook/apiservice-status-local-available-controller", ALL_HEALTH, check_ping},
    {"poststarthook/apiservice-status-remote-available-controller", ALL_HEALTH, check_ping},
    {"poststarthook/apiservice-registration-controller", ALL_HEALTH, check_ping},
    {"poststarthook/apiservice-wait-for-first-sync", ALL_HEALTH, check_ping},
    {"poststarthook/apiservice-discovery-controller", ALL_HEALTH, check_ping},
    {"poststarthook/kube-apiserver-autoregistration", ALL_HEALTH, check_ready},
    {"autoregister-completion", ALL_HEALTH, check_ready},
    {"poststarthook/apiservice-openapi-controller", ALL_HEALTH, check_ping},
    {"poststarthook/apiservice-openapiv3-controller", ALL_HEALTH, check_ping},
    {"shutdown", READYZ, check_running},
};

/* The checks that are not to be looked at; owned vector. */
static char **excluded_checks(const struct req *q)
{
	char **names = NULL;
	const char *v;
	for (size_t i = 0; (v = query_nth(&q->query, "exclude", i)); i++)
		if (!strv_has(names, v))
			strv_add(&names, v);
	return names;
}

static int compare_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Tells of what was to be excluded and is no check. */
static void warn_excluded(struct str *text, char **excluded, int which)
{
	const char *before = "warn: some health checks cannot be excluded: no matches for ";
	if (excluded)
		qsort(excluded, strv_len(excluded), sizeof(*excluded), compare_text);
	for (size_t i = 0; excluded && excluded[i]; i++) {
		bool known = false;
		for (size_t k = 0; k < ARRAY_LEN(checks); k++)
			known = known || ((checks[k].in & which) && strcmp(checks[k].name, excluded[i]) == 0);
		if (known)
			continue;
		str_add(text, before);
		str_add_json(text, excluded[i]);
		before = ",";
	}
	if (*before == ',')
		str_addc(text, '\n');
}

static const char *health_word(int which)
{
	return which == HEALTHZ ? "healthz" : which == LIVEZ ? "livez" : "readyz";
}

static void run_one(struct req *q, int which, const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
		if (!(checks[i].in & which) || strcmp(checks[i].name, name) != 0)
			continue;
		bool ok = checks[i].ok(q->api);
		health_count(q->api, name, health_word(which), ok);
		reply_text(q, ok ? 200 : 500, ok ? "ok" : "internal server error\n");
		return;
	}
	reply_text(q, 404, "404 page not found\n");
}

static void run_health(struct req *q, int which, const char *word)
{
	AUTO_STR text = STR_INIT;
	AUTO_STRV char **names = excluded_checks(q);
	bool ok = true;
	for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
		if (!(checks[i].in & which))
			continue;
		bool excluded = strv_has(names, checks[i].name), good = excluded || checks[i].ok(q->api);
		if (!excluded)
			health_count(q->api, checks[i].name, word, good);
		ok = ok && good;
		str_addf(&text, good ? "[+]%s%s ok\n" : "[-]%s%s failed: reason withheld\n", checks[i].name,
			 excluded ? " excluded:" : "");
	}
	warn_excluded(&text, names, which);
	if (!ok) {
		str_addf(&text, "%s check failed\n", word);
		reply_text(q, 500, str_text(&text));
	} else if (query_get(&q->query, "verbose")) {
		str_addf(&text, "%s check passed\n", word);
		reply_text(q, 200, str_text(&text));
	} else {
		reply_text(q, 200, "ok");
	}
}

static void run_version(struct req *q)
{
	struct utsname u;
	uname(&u);
	AUTO_FREE char *platform = xasprintf("linux/%s", strcmp(u.machine, "x86_64") == 0    ? "amd64"
							 : strcmp(u.machine, "aarch64") == 0 ? "arm64"
											     : u.machine);
	reply_json(q, 200,
		   json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "major", "1", "minor", "36",
			     "emulationMajor", "1", "emulationMinor", "36", "minCompatibilityMajor", "1",
			     "minCompatibilityMinor", "35", "gitVersion", "v1.36.0+knarr", "gitCommit", KNARR_VERSION,
			     "gitTreeState", "clean", "buildDate", "2026-01-01T00:00:00Z", "goVersion", "none",
			     "compiler", "cc", "platform", platform));
}

/* Prometheus' text format, gzip as any answer. */
static void reply_metrics(struct req *q, const struct str *text)
{
	AUTO_BUF *b = buf_new(str_text(text), text->len);
	reply_typed(q, 200, "text/plain; version=0.0.4; charset=utf-8", b);
}

static void run_metrics(struct req *q)
{
	AUTO_STR text = STR_INIT;
	api_write_metrics(q->api, &text);
	reply_metrics(q, &text);
}

static void run_slis(struct req *q)
{
	AUTO_STR text = STR_INIT;
	api_write_slis(q->api, &text);
	reply_metrics(q, &text);
}

static void add_path(char ***paths, const char *a, const char *b, const char *c)
{
	AUTO_FREE char *p = xasprintf("%s%s%s", a, b, c);
	strv_add(paths, p);
}

static void run_index(struct req *q)
{
	static const char *const fixed[] = {
	    "/.well-known/openid-configuration", "/api", "/api/v1", "/apis", "/apis/", "/flagz", "/healthz", "/livez", "/metrics",
	    "/metrics/slis", "/openapi/v2", "/openapi/v3", "/openapi/v3/", "/openid/v1/jwks", "/readyz", "/statusz", "/version"};
	AUTO_STRV char **paths = NULL;
	AUTO_STRV char **groups = catalog_groups(q->api->schema);
	for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
		strv_add(&paths, fixed[i]);
	for (size_t i = 0; groups && groups[i]; i++) {
		AUTO_STRV char **versions = catalog_versions(q->api->schema, groups[i]);
		add_path(&paths, "/apis/", groups[i], "");
		for (size_t j = 0; versions && versions[j]; j++) {
			AUTO_FREE char *v = xasprintf("/%s", versions[j]);
			add_path(&paths, "/apis/", groups[i], v);
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
		if (checks[i].in & HEALTHZ)
			add_path(&paths, "/healthz/", checks[i].name, "");
		if (checks[i].in & LIVEZ)
			add_path(&paths, "/livez/", checks[i].name, "");
		if (checks[i].in & READYZ)
			add_path(&paths, "/readyz/", checks[i].name, "");
	}
	qsort(paths, strv_len(paths), sizeof(*paths), compare_text);
	reply_json(q, 200, json_pack("{s:o}", "paths", json_texts(paths)));
}

bool plain_run(struct req *q)
{
	static const struct {
		const char *path;
		bool only_get; /* others take any method */
		void (*run)(struct req *q);
	} pages[] = {
	    {"/", false, run_index},
	    {"/version", true, run_version},
	    {"/version/", true, run_version},
	    {"/metrics", false, run_metrics},
	    {"/metrics/slis", false, run_slis},
	};
	static const struct {
		const char *path;
		int which;
	} health[] = {{"/healthz", HEALTHZ}, {"/livez", LIVEZ}, {"/readyz", READYZ}};
	const char *path = q->route.path;
	void (*run)(struct req * q) = NULL;
	bool refused = false;
	for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
		if (strcmp(path, pages[i].path) != 0)
			continue;
		run = pages[i].run;
		refused = pages[i].only_get && strcmp(q->method, "GET") != 0;
	}
	size_t h = 0, n = 0;
	for (; h < ARRAY_LEN(health); h++) {
		n = strlen(health[h].path);
		if (strncmp(path, health[h].path, n) == 0 && (!path[n] || path[n] == '/'))
			break;
	}
	if (!run && h == ARRAY_LEN(health))
		return strcmp(q->method, "GET") == 0 && flow_dump(q);
	if (refused)
		reply_status(q, status_method_not_allowed());
	else if (run)
		run(q);
	else if (path[n] && path[n + 1])
		run_one(q, health[h].which, path + n + 1);
	else
		run_health(q, health[h].which, health[h].path + 1);
	return true;
}
