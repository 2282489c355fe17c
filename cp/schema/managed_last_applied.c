/* The annotation of kubectl's own apply. Purpose: objects that kubectl applied by itself go over to server-side apply and back without
 * conflicts. Happy path: what the annotation says and nobody changed since may be taken over; it goes on telling what was applied, as
 * long as there is room. Nothing fails. Other appliers neither read nor write it. */
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/schema/managed_internal.h"

#define LAST_APPLIED "kubectl.kubernetes.io/last-applied-configuration"
#define CLIENT_SIDE "kubectl"
#define ANNOTATIONS_MAX (256 * 1024)

json_t *managed_last_applied(const struct managed_by *by, const json_t *live)
{
	const char *text = json_member(json_at(live, "metadata.annotations"), LAST_APPLIED);
	AUTO_JSON *applied = NULL, *fields = NULL, *changed = NULL;
	AUTO_APPLY_DIFF d = {0};

	if (strcmp(by->manager, CLIENT_SIDE) || !text || json_parse(text, strlen(text), &applied, NULL) < 0 ||
	    !str_eq(json_str_at(applied, "apiVersion"), by->api_version) || apply_check(by->type, applied, NULL) < 0)
		return NULL;
	fields = apply_fields(by->type, applied);
	apply_compare(by->type, applied, live, &d);
	changed = fieldset_union(d.modified, d.added);
	AUTO_JSON *same = fieldset_difference(fields, changed);
	return fieldset_difference(same, d.removed);
}

/* Keys and values of annotations may be so many bytes together. */
static bool are_annotations_too_long(const json_t *annotations)
{
	size_t total = 0;
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)annotations, key, value) total += strlen(key) + json_string_length(value);
	return total > ANNOTATIONS_MAX;
}

/* A configuration as a line of text, in which nothing is mark-up. Owned. */
static char *told_line(const json_t *config)
{
	AUTO_FREE char *text = json_text(config);
	struct str out = STR_INIT;

	for (const char *p = text; *p; p++) {
		if (strchr("<>&", *p))
			str_addf(&out, "\\u%04x", *p);
		else
			str_addc(&out, *p);
	}
	str_addc(&out, '\n');
	return str_take(&out);
}

void managed_tell_applied(const struct managed_by *by, const json_t *config, json_t *object)
{
	json_t *annotations = json_at(object, "metadata.annotations");
	const char *last = json_member(annotations, LAST_APPLIED);

	if (strcmp(by->manager, CLIENT_SIDE) || str_empty(last))
		return;
	AUTO_JSON *told = json_clone(config);
	json_object_del(json_at(told, "metadata.annotations"), LAST_APPLIED);
	AUTO_FREE char *line = told_line(told);
	json_object_set_new(annotations, LAST_APPLIED, json_string(line));
	if (are_annotations_too_long(annotations))
		json_object_del(annotations, LAST_APPLIED);
}
