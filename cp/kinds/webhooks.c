/* Rules of admission webhooks: who is called for what, and how. */
#include <string.h>

#include "api/names.h"
#include "base/json.h"
#include "base/map.h"
#include "base/str.h"
#include "cp/kinds/admission_rules.h"
#include "cp/kinds/error_order.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/rule.h"

#define ADMISSION "admissionregistration.k8s.io"

/* At least three labels, as in "hook.example.com". */
static void validate_hook_name(const json_t *hook, const char *path, struct field_errors *errors)
{
	const char *name = json_str_or(hook, "name", ""), *why = name_check_subdomain(name);
	size_t dots = 0;
	char p[FIELD_PATH_MAX];

	for (const char *c = name; *c; c++)
		dots += *c == '.';
	if (!*name)
		return; /* the table asks for it */
	FIELD_PATH(p, "%s.name", path);
	if (why)
		field_invalid(errors, p, json_object_get(hook, "name"), "%s", why);
	else if (dots < 2)
		field_invalid(errors, p, json_object_get(hook, "name"), "should be a domain with at least three segments separated by dots");
}

static void validate_versions(const json_t *versions, const char *path, struct field_errors *errors)
{
	AUTO_MAP *seen = map_new(NULL);
	bool known = false;
	char p[FIELD_PATH_MAX];
	json_t *v;
	size_t i;

	if (!json_array_size(versions)) {
		field_required(errors, path, "must specify one of v1, v1beta1");
		return;
	}
	json_array_foreach(versions, i, v)
	{
		const char *text = json_string_value(v);
		FIELD_PATH(p, "%s[%zu]", path, i);
		if (map_has(seen, text)) {
			field_invalid(errors, p, v, "duplicate version");
			continue;
		}
		map_set(seen, text, v);
		validate_name(text, p, name_check_label_1035, errors);
		known |= !strcmp(text, "v1") || !strcmp(text, "v1beta1");
	}
	if (!known)
		field_invalid(errors, path, versions, "must include at least one of v1, v1beta1");
}

static void validate_hook(const json_t *hook, const char *path, struct field_errors *errors)
{
	const json_t *timeout = json_object_get(hook, "timeoutSeconds");
	char p[FIELD_PATH_MAX];
	json_t *rule;
	size_t i;

	validate_hook_name(hook, path, errors);
	json_array_foreach(json_object_get(hook, "rules"), i, rule)
	    admission_rule_validate(rule, FIELD_PATH(p, "%s.rules[%zu]", path, i), errors);
	if (timeout && (json_integer_value(timeout) < 1 || json_integer_value(timeout) > 30))
		field_invalid(errors, FIELD_PATH(p, "%s.timeoutSeconds", path), timeout, "the timeout value must be between 1 and 30 seconds");
	label_selector_validate(json_object_get(hook, "namespaceSelector"), FIELD_PATH(p, "%s.namespaceSelector", path), errors);
	label_selector_validate(json_object_get(hook, "objectSelector"), FIELD_PATH(p, "%s.objectSelector", path), errors);
	rule_webhook_client(json_object_get(hook, "clientConfig"), FIELD_PATH(p, "%s.clientConfig", path), errors);
	match_conditions_validate(json_object_get(hook, "matchConditions"), FIELD_PATH(p, "%s.matchConditions", path), errors);
	validate_versions(json_object_get(hook, "admissionReviewVersions"), FIELD_PATH(p, "%s.admissionReviewVersions", path), errors);
}

#define RULE "webhooks[].rules[]."
#define SERVICE "webhooks[].clientConfig.service."
static const char *const order[] = {"webhooks[].name",
				    RULE "operations",
				    RULE "apiGroups",
				    RULE "apiVersions",
				    RULE "resources",
				    RULE "scope",
				    "webhooks[].failurePolicy",
				    "webhooks[].matchPolicy",
				    "webhooks[].sideEffects",
				    "webhooks[].timeoutSeconds",
				    "webhooks[].namespaceSelector",
				    "webhooks[].objectSelector",
				    "webhooks[].reinvocationPolicy",
				    SERVICE "name",
				    SERVICE "namespace",
				    SERVICE "port",
				    "webhooks[].clientConfig",
				    "webhooks[].matchConditions[].expression",
				    "webhooks[].matchConditions[].name",
				    "webhooks[].matchConditions",
				    "webhooks[].admissionReviewVersions",
				    NULL};

static void hooks_validate(const json_t *config, const json_t *old, struct field_errors *errors)
{
	AUTO_MAP *names = map_new(NULL);
	char p[FIELD_PATH_MAX];
	json_t *hook;
	size_t i;

	(void)old;
	json_array_foreach(json_object_get(config, "webhooks"), i, hook)
	{
		const char *name = json_str_or(hook, "name", "");
		validate_hook(hook, FIELD_PATH(p, "webhooks[%zu]", i), errors);
		if (*name && map_has(names, name))
			field_duplicate(errors, FIELD_PATH(p, "webhooks[%zu].name", i), json_object_get(hook, "name"));
		map_set(names, name, hook);
	}
	errors_order(errors, "", order);
}

const struct kind_ops validatingwebhooks_ops = {.group = ADMISSION, .kind = "ValidatingWebhookConfiguration", .validate = hooks_validate};
const struct kind_ops mutatingwebhooks_ops = {.group = ADMISSION, .kind = "MutatingWebhookConfiguration", .validate = hooks_validate};
