/* Rules of priority classes. */
#include <string.h>

#include "api/names.h"
#include "base/json.h"
#include "base/str.h"
#include "cp/kinds/kinds.h"

enum { HIGHEST_USER_PRIORITY = 1000000000 };
static const struct {
	const char *name;
	int64_t value;
} system_classes[] = { { "system-node-critical", 2000001000 }, { "system-cluster-critical", 2000000000 } };

/* Why a class named system-... is not one of the cluster's own; NULL: it is. Owned. */
static char *not_of_system(const json_t *class, const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(system_classes); i++) {
		if (strcmp(system_classes[i].name, name))
			continue;
		if (json_int_at(class, "value", 0) != system_classes[i].value)
			return xasprintf("value of %s PriorityClass must be %lld", name, (long long)system_classes[i].value);
		return json_bool_at(class, "globalDefault", false)
			       ? xasprintf("globalDefault of %s PriorityClass must be false", name)
			       : NULL;
	}
	return xasprintf("%s is not a known system priority class", name);
}

static void priority_validate(const json_t *class, const json_t *old, struct field_errors *errors)
{
	const char *name = json_str_or(class, "metadata.name", "");
	if (old) {
		if (json_int_at(class, "value", 0) != json_int_at(old, "value", 0))
			field_forbidden(errors, "value", "may not be changed in an update.");
		validate_immutable(class, old, "preemptionPolicy", errors);
		return;
	}
	if (!str_has_prefix(name, "system-")) {
		if (json_int_at(class, "value", 0) > HIGHEST_USER_PRIORITY)
			field_forbidden(errors, "value", "maximum allowed value of a user defined priority is %d", HIGHEST_USER_PRIORITY);
		return;
	}
	AUTO_FREE char *why = not_of_system(class, name);
	if (why)
		field_forbidden(errors, "metadata.name", "priority class names with 'system-' prefix are reserved for system use only. error: %s",
				why);
}

const struct kind_ops priorityclass_ops = { .group = "scheduling.k8s.io", .kind = "PriorityClass", .validate = priority_validate };
