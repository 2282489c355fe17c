/* PodSecurity. Purpose: a namespace's labels say how far its pods may go. Happy path: no labels, or a pod within its
 * level. A pod beyond the enforced level is refused (403); beyond the level to warn of, the client hears of it; beyond the
 * audited one, the audit log does. Workloads are only warned of. New labels have to be well formed (422), and pods that a
 * stricter level would not let in again are named. */
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "cp/admission/plugin.h"
#include "cp/admission/pod_security_policy.h"

#define LABEL "pod-security.kubernetes.io/"
#define MAX_PODS 3000

static char *violation(const struct pod_security_rule *r, const json_t *meta, const json_t *spec)
{
	AUTO_FREE char *what = pod_security_violations(r->level, r->minor, meta, spec, true);
	AUTO_FREE char *rule = pod_security_rule_text(r);
	return what ? xasprintf("violates PodSecurity \"%s\": %s", rule, what) : NULL;
}

static json_t *evaluate(const struct admit *a, const struct pod_security_policy *p, const json_t *meta, const json_t *spec,
			bool enforce)
{
	AUTO_FREE char *why = enforce ? violation(&p->enforce, meta, spec) : NULL, *audit = violation(&p->audit, meta, spec);
	if (p->error)
		admit_annotate(a, LABEL "error", p->error);
	if (enforce) {
		AUTO_FREE char *rule = pod_security_rule_text(&p->enforce);
		admit_annotate(a, LABEL "enforce-policy", rule);
	}
	if (audit) {
		AUTO_FREE char *text = xasprintf("would violate%s", audit + strlen("violates"));
		admit_annotate(a, LABEL "audit-violations", text);
	}
	if (why)
		return admit_forbidden(a, "%s", why);
	AUTO_FREE char *warn = violation(&p->warn, meta, spec);
	if (warn) {
		AUTO_FREE char *text = xasprintf("would violate%s", warn + strlen("violates"));
		admit_warn(a, text);
	}
	return NULL;
}

/* --- namespaces --------------------------------------------------------------------------------------------------- */

struct survey {
	const struct pod_security_rule *rule;
	size_t seen;
	struct map *reasons; /* text -> struct group */
};

struct group {
	char *pod;
	size_t n;
};

static void group_free(void *arg)
{
	struct group *g = arg;
	free(g->pod);
	free(g);
}

static void survey_pod(void *arg, struct cobj *o)
{
	struct survey *s = arg;
	if (s->seen++ >= MAX_PODS)
		return;
	AUTO_JSON *pod = cobj_parse(o);
	AUTO_FREE char *why = pod_security_violations(s->rule->level, s->rule->minor, json_object_get(pod, "metadata"),
						      json_object_get(pod, "spec"), false);
	if (!why)
		return;
	struct group *g = map_get(s->reasons, why);
	if (!g) {
		g = xcalloc(1, sizeof(*g));
		g->pod = xstrdup(o->name);
		map_set(s->reasons, why, g);
	}
	g->n++;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names those that run already and would not be let in any more. */
static void warn_of_pods(const struct admit *a, const struct pod_security_rule *rule)
{
	struct survey s = { .rule = rule, .reasons = map_new(group_free) };
	struct bucket *pods = admission_bucket(a->n, "", "v1", "pods");
	AUTO_STRV char **lines = NULL;
	size_t at = 0;
	const char *why;
	struct group *g;
	if (pods)
		bucket_list(pods, &(struct bucket_query){ .ns = a->name }, survey_pod, &s);
	while (map_next(s.reasons, &at, &why, &g)) {
		AUTO_FREE char *others = g->n == 1   ? xstrdup("")
					 : g->n == 2 ? xstrdup(" (and 1 other pod)")
						     : xasprintf(" (and %zu other pods)", g->n - 1);
		AUTO_FREE char *line = xasprintf("%s%s: %s", g->pod, others, why);
		strv_add(&lines, line);
	}
	map_free(s.reasons);
	if (!lines)
		return;
	qsort(lines, strv_len(lines), sizeof(*lines), by_text);
	AUTO_FREE char *text = pod_security_rule_text(rule);
	AUTO_FREE char *head =
		xasprintf("existing pods in namespace \"%s\" violate the new PodSecurity enforce level \"%s\"", a->name, text);
	admit_warn(a, head);
	for (size_t i = 0; lines[i]; i++)
		admit_warn(a, lines[i]);
}

static json_t *check_namespace(const struct admit *a)
{
	AUTO(pod_security_policy_done) struct pod_security_policy now = { 0 }, before = { 0 };
	AUTO_FIELD_ERRORS errors = { 0 };
	pod_security_policy_read(json_at(a->object, "metadata.labels"), &now, &errors);
	pod_security_policy_read(json_at(a->old, "metadata.labels"), &before, NULL);
	if (errors.n && !(a->op == ADMIT_UPDATE && str_eq(now.error, before.error)))
		return status_invalid("", "Namespace", admit_name(a), &errors);
	if (a->op == ADMIT_UPDATE && pod_security_is_stricter(&now.enforce, &before.enforce))
		warn_of_pods(a, &now.enforce);
	return NULL;
}

/* --- pods and what makes them ------------------------------------------------------------------------------------- */

static const struct {
	const char *kind, *template; /* the path of the template; "": the object is the pod */
} holders[] = {
	{ "Pod", "" },
	{ "PodTemplate", "template" },
	{ "CronJob", "spec.jobTemplate.spec.template" },
};

static const json_t *template_of(const struct admit *a, const json_t *object)
{
	for (size_t i = 0; i < ARRAY_LEN(holders); i++)
		if (strcmp(holders[i].kind, a->kind->kind) == 0)
			return *holders[i].template ? json_at(object, holders[i].template) : object;
	return json_at(object, "spec.template");
}

/* The annotation that was a container's seccomp profile before there was a field. */
static const char *old_profile(const json_t *pod, const char *container)
{
	const json_t *annotations = json_at(pod, "metadata.annotations");
	if (!json_object_size(annotations))
		return NULL;
	AUTO_FREE char *key = xasprintf("container.seccomp.security.alpha.kubernetes.io/%s", container);
	return json_member(annotations, key);
}

static bool containers_differ(const json_t *a, const json_t *b)
{
	static const char *const lists[] = { "spec.containers", "spec.initContainers", "spec.ephemeralContainers" };
	for (size_t l = 0; l < ARRAY_LEN(lists); l++) {
		const json_t *x = json_at(a, lists[l]), *y = json_at(b, lists[l]);
		size_t i;
		json_t *c;
		if (json_array_size(x) != json_array_size(y))
			return true;
		json_array_foreach(x, i, c)
		{
			const char *name = json_str_or(c, "name", "");
			if (!str_eq(json_str_at(c, "image"), json_str_at(json_array_get(y, i), "image")) ||
			    !str_eq(old_profile(a, name), old_profile(b, name)))
				return true;
		}
	}
	return false;
}

static bool is_skipped(const struct admit *a)
{
	static const char *const reshaping[] = { "", "ephemeralcontainers", "resize", NULL };
	bool pod = admit_is_kind(a, "", "Pod");
	if (pod ? !strv_has((char *const *)reshaping, a->subresource) : *a->subresource != '\0')
		return true;
	return pod && a->op == ADMIT_UPDATE && !containers_differ(a->object, a->old);
}

static json_t *validate(struct admit *a)
{
	if (is_skipped(a))
		return NULL;
	if (admit_is_kind(a, "", "Namespace"))
		return check_namespace(a);
	struct bucket *b = admission_bucket(a->n, "", "v1", "namespaces");
	struct cobj *ns = b ? bucket_get(b, "", a->ns) : NULL;
	if (!ns || !pod_security_concerns(ns, cobj_label))
		return NULL;
	AUTO(pod_security_policy_done) struct pod_security_policy p = { 0 };
	AUTO_JSON *namespace = cobj_parse(ns);
	pod_security_policy_read(json_at(namespace, "metadata.labels"), &p, NULL);
	const json_t *template = template_of(a, a->object);
	if (!template)
		return NULL;
	return evaluate(a, &p, json_object_get(template, "metadata"), json_object_get(template, "spec"),
			admit_is_kind(a, "", "Pod"));
}

static const char *const kinds[] = { "Namespace",	      "Pod",
				     "PodTemplate",	      "ReplicationController",
				     "apps/ReplicaSet",	      "apps/Deployment",
				     "apps/StatefulSet",      "apps/DaemonSet",
				     "batch/Job",	      "batch/CronJob",
				     NULL };
const struct admit_plugin pod_security_plugin = {
	.name = "PodSecurity",
	.ops = ADMIT_CREATE | ADMIT_UPDATE,
	.kinds = kinds,
	.subresources = true,
	.validate = validate,
};
