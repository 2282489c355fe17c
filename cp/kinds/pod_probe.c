/* Rules of a container's probes and lifecycle hooks. */
#include <string.h>

#include "api/names.h"
#include "base/json.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/pod_rules.h"
#include "cp/kinds/rule.h"

static void validate_headers(const json_t *http, const char *path, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	json_t *h;
	size_t i;

	json_array_foreach(json_object_get(http, "httpHeaders"), i, h)
	{
		const char *name = json_str_or(h, "name", "");
		if (*name && strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-") != strlen(name))
			field_invalid(errors, FIELD_PATH(p, "%s.httpHeaders", path), json_object_get(h, "name"),
				      "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex "
				      "used for validation is '[-A-Za-z0-9]+')");
	}
}

static void validate_sleep(const struct pod_rules *r, const json_t *sleep, const char *path)
{
	const json_t *grace = json_object_get(r->spec, "terminationGracePeriodSeconds");
	AUTO_JSON *seconds = json_integer(json_int_at(sleep, "seconds", 0));

	if (grace && (json_integer_value(seconds) < 0 || json_integer_value(seconds) > json_integer_value(grace)))
		field_invalid(r->errors, path, seconds, "must be non-negative and less than terminationGracePeriodSeconds (%lld)",
			      (long long)json_integer_value(grace));
}

static void validate_handler(const struct pod_rules *r, const json_t *h, const char *path)
{
	static const char *const kinds[] = {"exec", "httpGet", "tcpSocket", "grpc", "sleep"};
	char p[FIELD_PATH_MAX];
	int n = 0;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		const json_t *one = json_object_get(h, kinds[i]);
		FIELD_PATH(p, "%s.%s", path, kinds[i]);
		if (!one)
			continue;
		if (n++)
			field_forbidden(r->errors, p, "may not specify more than 1 handler type");
		else if (!strcmp(kinds[i], "httpGet"))
			validate_headers(one, p, r->errors);
		else if (!strcmp(kinds[i], "sleep"))
			validate_sleep(r, one, p);
	}
	if (!n)
		field_required(r->errors, path, "must specify a handler type");
}

static void validate_probe(const struct pod_rules *r, const json_t *probe, const char *path, bool readiness)
{
	const json_t *success = json_object_get(probe, "successThreshold"), *grace = json_object_get(probe, "terminationGracePeriodSeconds");
	char p[FIELD_PATH_MAX];

	if (!probe)
		return;
	validate_handler(r, probe, path);
	if (!readiness && success && json_integer_value(success) != 1)
		field_invalid(r->errors, FIELD_PATH(p, "%s.successThreshold", path), success, "must be 1");
	if (readiness && grace)
		field_invalid(r->errors, FIELD_PATH(p, "%s.terminationGracePeriodSeconds", path), grace, "must not be set for readinessProbes");
}

void pod_probes_validate(const struct pod_rules *r, const json_t *container, const char *path)
{
	static const char *const hooks[] = {"postStart", "preStop"}, *const probes[] = {"livenessProbe", "readinessProbe", "startupProbe"};
	char p[FIELD_PATH_MAX];

	for (size_t i = 0; i < ARRAY_LEN(hooks); i++) {
		const json_t *hook = json_object_get(json_object_get(container, "lifecycle"), hooks[i]);
		if (hook)
			validate_handler(r, hook, FIELD_PATH(p, "%s.lifecycle.%s", path, hooks[i]));
	}
	for (size_t i = 0; i < ARRAY_LEN(probes); i++)
		validate_probe(r, json_object_get(container, probes[i]), FIELD_PATH(p, "%s.%s", path, probes[i]), i == 1);
}
