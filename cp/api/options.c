/* Options of writes (meta.k8s.io CreateOptions, UpdateOptions, PatchOptions). Purpose: refuse what the original
 * refuses. Happy path: dryRun is absent or All, fieldManager is short and printable, fieldValidation is a known word.
 * Fails with a 422 on the options kind. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/api/api_internal.h"

static void check_dry_run(const struct req *q, struct field_errors *errors)
{
	static const char *const supported[] = {"All", NULL};
	AUTO_JSON *values = json_array();
	bool bad = false;
	for (size_t i = 0; query_nth(&q->query, "dryRun", i); i++) {
		const char *v = query_nth(&q->query, "dryRun", i);
		json_array_append_new(values, json_string(v));
		bad = bad || strcmp(v, "All") != 0;
	}
	if (bad)
		field_not_supported(errors, "dryRun", values, supported);
}

static void check_manager(const struct req *q, struct field_errors *errors)
{
	const char *manager = req_param(q, "fieldManager");
	if (!manager)
		return;
	if (strlen(manager) > 128)
		field_too_long(errors, "fieldManager", 128);
	for (size_t i = 0; manager[i]; i++) {
		unsigned char c = (unsigned char)manager[i];
		if (c >= 0x20 && c != 0x7f)
			continue;
		AUTO_JSON *value = json_string(manager);
		field_invalid(errors, "fieldManager", value, "invalid character U+%04X (at position %zu)", c, i);
		return;
	}
}

static void check_validation(const struct req *q, struct field_errors *errors)
{
	static const char *const supported[] = {"", "Ignore", "Strict", "Warn", NULL};
	const char *v = req_param(q, "fieldValidation");
	if (!v || strv_has((char *const *)supported, v))
		return;
	AUTO_JSON *value = json_string(v);
	field_not_supported(errors, "fieldValidation", value, supported);
}

json_t *options_check(struct req *q, const char *kind)
{
	AUTO_FIELD_ERRORS errors = {0};
	check_dry_run(q, &errors);
	check_manager(q, &errors);
	check_validation(q, &errors);
	return errors.n ? status_invalid("meta.k8s.io", kind, "", &errors) : NULL;
}
