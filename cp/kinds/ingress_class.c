/* Rules of ingress classes. */
#include <string.h>

#include "api/names.h"
#include "base/json.h"
#include "cp/kinds/error_order.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/rule.h"

enum { CONTROLLER_MAX = 250 };
#define PATH_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/-._~%!$&'()*+,;=:"
#define PATH_TEXT "Invalid path (regex used for validation is '[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')"

/* A domain and a path: "example.com/ingress-controller". */
static void validate_controller(const json_t *class, struct field_errors *errors)
{
	const json_t *value = json_at(class, "spec.controller");
	const char *text = json_str_or(class, "spec.controller", ""), *slash = strchr(text, '/');
	if (!*text) {
		field_required(errors, "spec.controller", NULL);
		return;
	}
	if (strlen(text) > CONTROLLER_MAX)
		field_too_long(errors, "spec.controller", CONTROLLER_MAX);
	if (!slash || slash == text || !slash[1]) {
		field_invalid(errors, "spec.controller", value, "must be a domain-prefixed path (such as \"acme.io/foo\")");
		return;
	}
	AUTO_FREE char *host = xstrndup(text, (size_t)(slash - text));
	AUTO_JSON *path = json_string(slash + 1);
	validate_name(host, "spec.controller", name_check_subdomain, errors);
	if (slash[1 + strspn(slash + 1, PATH_CHARS)])
		field_invalid(errors, "spec.controller", path, "%s", PATH_TEXT);
}

static void validate_parameters(const json_t *parameters, struct field_errors *errors)
{
	static const char at[] = "spec.parameters";
	const json_t *ns = json_object_get(parameters, "namespace");
	bool namespaced = !strcmp(json_str_or(parameters, "scope", ""), "Namespace");
	rule_reference(parameters, at, errors);
	if (namespaced && str_empty(json_string_value(ns)))
		field_required(errors, "spec.parameters.namespace", "`parameters.scope` is set to 'Namespace'");
	else if (namespaced)
		rule_name(parameters, at, "namespace", name_check_label, errors);
	else if (ns)
		field_forbidden(errors, "spec.parameters.namespace", "`parameters.scope` is set to 'Cluster'");
}

static const char *const order[] = {"spec.controller",      "spec.parameters.apiGroup", "spec.parameters.kind",
				    "spec.parameters.name", "spec.parameters.scope",    "spec.parameters.namespace", NULL};

static void ingressclass_validate(const json_t *class, const json_t *old, struct field_errors *errors)
{
	const json_t *parameters = json_at(class, "spec.parameters");
	if (old)
		validate_immutable(class, old, "spec.controller", errors);
	validate_controller(class, errors);
	if (parameters)
		validate_parameters(parameters, errors);
	errors_order(errors, "", order);
}

const struct kind_ops ingressclass_ops = { .group = "networking.k8s.io", .kind = "IngressClass", .validate = ingressclass_validate };
