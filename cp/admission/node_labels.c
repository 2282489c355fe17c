/* Labels of nodes. Purpose: what workloads are kept apart by is not the node's to say. Happy path: labels outside
 * kubernetes.io and k8s.io, and the few in there that describe the machine, are its own. Nothing fails. */
#include "cp/admission/node_labels.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"

static bool in_domain(const char *ns, const char *domain)
{
	size_t n = strlen(ns), d = strlen(domain);
	return n >= d && strcmp(ns + n - d, domain) == 0 && (n == d || ns[n - d - 1] == '.');
}

/* What a node tells about itself. */
static bool is_own(const char *label, const char *ns)
{
	static const char *const labels[] = {
		"kubernetes.io/hostname",	   "topology.kubernetes.io/zone",
		"topology.kubernetes.io/region",   "failure-domain.beta.kubernetes.io/zone",
		"failure-domain.beta.kubernetes.io/region", "node.kubernetes.io/instance-type",
		"beta.kubernetes.io/instance-type", "kubernetes.io/os",
		"kubernetes.io/arch",		   "beta.kubernetes.io/os",
		"beta.kubernetes.io/arch",	   NULL,
	};
	return strv_has((char *const *)labels, label) || in_domain(ns, "kubelet.kubernetes.io") ||
	       in_domain(ns, "node.kubernetes.io");
}

static bool is_forbidden(const char *label)
{
	const char *slash = strchr(label, '/');
	AUTO_FREE char *ns = slash ? xstrndup(label, (size_t)(slash - label)) : xstrdup("");
	if (in_domain(ns, "node-restriction.kubernetes.io"))
		return true;
	return (in_domain(ns, "kubernetes.io") || in_domain(ns, "k8s.io")) && !is_own(label, ns);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char *node_labels_forbidden(const json_t *labels, const json_t *before)
{
	AUTO_STRV char **found = NULL;
	const json_t *sides[] = { labels, before };
	const char *key;
	json_t *value;
	for (size_t s = 0; s < ARRAY_LEN(sides); s++)
		if (json_is_object(sides[s]))
			json_object_foreach((json_t *)sides[s], key, value)
			{
				const json_t *other = json_object_get(sides[!s], key);
				if (!(other && json_equal(value, other)) && is_forbidden(key) && !strv_has(found, key))
					strv_add(&found, key);
			}
	if (!found)
		return NULL;
	qsort(found, strv_len(found), sizeof(*found), by_text);
	return str_join(found, ", ");
}
