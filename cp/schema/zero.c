/* Objects that nobody set anything of. Purpose: a bookmark tells only a revision, but it is an object of its kind all the same, and
 * the reference encodes what its structures always have. Happy path: fields that are always encoded, with their zero values.
 * Nothing fails. What always holds: members stand in the order in which they are encoded. */
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "cp/schema/internal.h"

/* A number of replicas is optional where clients write it, and plain in the reference's own structures. */
static bool is_plain_inside(const struct field *f)
{
	return f->default_ && f->type->class == TYPE_INTEGER && strcmp(f->name, "replicas") == 0;
}

static json_t *zero_object(const struct type *t)
{
	json_t *object = json_object();

	for (size_t i = 0; i < t->n_fields; i++) {
		const struct field *f = &t->fields[i];
		bool structure = f->type->class == TYPE_OBJECT;

		if (f->always || is_plain_inside(f))
			json_object_set_new(object, f->name, structure ? zero_object(f->type) : type_zero(f->type));
		else if (f->required)
			json_object_set_new(object, f->name, structure ? json_null() : type_zero(f->type));
	}
	return object;
}

json_t *schema_zero(const struct kind *k)
{
	AUTO_JSON *rest = k->custom ? json_object() : zero_object(k->type);
	AUTO_FREE char *version = *k->group ? xasprintf("%s/%s", k->group, k->version) : xstrdup(k->version);
	json_t *object = json_pack("{s:s, s:s, s:{}}", "kind", k->kind, "apiVersion", version, "metadata");

	json_object_update_missing(object, rest);
	return object;
}
