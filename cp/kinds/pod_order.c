/* The order of a pod's errors. Purpose: tables find errors in the order of fields, rules in C after them; the reference
 * looks at a pod in an order of its own, which messages with several errors show. Happy path: every error below the spec
 * gets a rank by its path; a stable sort does the rest. Nothing fails. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/pod_rules.h"

static const char *const of_spec[] = {
    "volumes", "resourceClaims", "containers", "initContainers", "ephemeralContainers", "resources", "restartPolicy", "dnsPolicy",
    "nodeSelector", "securityContext", "imagePullSecrets", "affinity", "dnsConfig", "readinessGates", "schedulingGates",
    "topologySpreadConstraints", "hostNetwork", "HostPID", "HostIPC", "serviceAccountName", "nodeName", "activeDeadlineSeconds",
    "hostname", "subdomain", "tolerations", "hostAliases", "priorityClassName", "runtimeClassName", "preemptionPolicy", "overhead",
    "os"};
static const char *const of_container[] = {
    "name", "image", "terminationMessagePolicy", "ports", "env", "envFrom", "volumeMounts", "volumeDevices", "imagePullPolicy",
    "resources", "resizePolicy", "securityContext", "lifecycle", "livenessProbe", "readinessProbe", "startupProbe", "restartPolicy",
    "restartPolicyRules"};
static const char *const of_port[] = {"name", "containerPort", "hostPort", "protocol"};

struct ranked {
	struct field_error error;
	size_t rank[5], place;
};

/* The place of the word at *at in words; moves behind it and its dot. Unknown ones are last. */
static size_t rank_of(const char **at, const char *const *words, size_t n)
{
	size_t len = strcspn(*at, ".[");
	size_t i = 0;

	while (i < n && (strlen(words[i]) != len || strncmp(words[i], *at, len)))
		i++;
	*at += len;
	return i;
}

/* The number in brackets at *at; moves behind it. */
static size_t index_of(const char **at)
{
	size_t n = 0;

	if (**at != '[')
		return 0;
	n = (size_t)strtoul(*at + 1, NULL, 10);
	*at += strcspn(*at, "]");
	*at += **at == ']';
	return n + 1;
}

static void skip_dot(const char **at)
{
	*at += **at == '.';
}

static void rank(struct ranked *r, const char *path)
{
	const char *at = r->error.field;
	size_t n = strlen(path);

	if (strncmp(at, path, n) || (at[n] != '.' && at[n]))
		return;
	at += n;
	skip_dot(&at);
	bool containers = str_has_prefix(at, "containers[") || str_has_prefix(at, "initContainers[");
	r->rank[0] = 1 + rank_of(&at, of_spec, ARRAY_LEN(of_spec));
	if (!containers)
		return;
	r->rank[1] = index_of(&at);
	skip_dot(&at);
	bool ports = str_has_prefix(at, "ports[");
	r->rank[2] = rank_of(&at, of_container, ARRAY_LEN(of_container));
	if (!ports)
		return;
	r->rank[3] = index_of(&at);
	skip_dot(&at);
	r->rank[4] = rank_of(&at, of_port, ARRAY_LEN(of_port));
}

static int compare(const void *va, const void *vb)
{
	const struct ranked *a = va, *b = vb;

	for (size_t i = 0; i < ARRAY_LEN(a->rank); i++)
		if (a->rank[i] != b->rank[i])
			return a->rank[i] < b->rank[i] ? -1 : 1;
	return a->place < b->place ? -1 : 1;
}

void pod_errors_order(struct field_errors *errors, const char *path)
{
	size_t n = errors->n;
	AUTO_FREE struct ranked *all = NULL;

	if (n < 2)
		return;
	all = xcalloc(n, sizeof(*all));
	for (size_t i = 0; i < n; i++) {
		all[i] = (struct ranked){.error = errors->v[i], .place = i};
		rank(&all[i], path);
	}
	qsort(all, n, sizeof(*all), compare);
	for (size_t i = 0; i < n; i++)
		errors->v[i] = all[i].error;
}
