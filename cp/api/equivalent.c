/* Kinds of the same objects. Purpose: admission sees requests in other versions than their own. Happy path: built-in kinds
 * that share a place in the store convert by their views (view.c), versions of a custom resource by name or through its
 * webhook (custom_convert.c). Only that can fail, with its own Status. */
#include "cp/api/admit.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/api/custom.h"
#include "cp/api/view.h"

/* The definition behind a request, if kind is one of its versions. */
static struct custom *custom_of(const struct req *q, const struct kind *kind)
{
	struct custom *c = q->res ? q->res->custom : NULL;
	for (size_t i = 0; c && i < c->n; i++)
		if (&c->v[i].kind == kind)
			return c;
	return NULL;
}

static const struct kind *custom_other(const struct custom *c, const struct kind *kind, size_t n)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->v[i].served && &c->v[i].kind != kind && n-- == 0)
			return &c->v[i].kind;
	return NULL;
}

const struct kind *equivalent_kind(void *request, const struct kind *kind, size_t n)
{
	const struct req *q = request;
	const struct custom *c = custom_of(q, kind);
	const struct kind *other;
	if (c)
		return custom_other(c, kind, n);
	if (kind->custom || !kind->storage_prefix)
		return NULL;
	for (size_t i = 0; (other = schema_kind_nth(q->api->schema, i)); i++)
		if (other != kind && !other->custom && str_eq(other->storage_prefix, kind->storage_prefix) && n-- == 0)
			return other;
	return NULL;
}

static void convert_builtin(const struct resource *from, const struct resource *to, json_t *object)
{
	view_to_stored(from, object);
	view_from_stored(to, object, UINT64_MAX);
}

void equivalent_convert(void *request, const struct kind *from, const struct kind *to, json_t *objects, convert_done done, void *arg)
{
	struct req *q = request;
	struct custom *c = custom_of(q, from);
	const struct resource *shown = api_resource(q->api, from->group, from->version, from->plural),
			      *wanted = api_resource(q->api, to->group, to->version, to->plural);
	size_t i;
	json_t *o;
	if (c && c->webhook) {
		custom_convert(q->api, c, to->version, objects, done, arg);
		return;
	}
	AUTO_FREE char *api_version = *to->group ? xasprintf("%s/%s", to->group, to->version) : xstrdup(to->version);
	json_array_foreach(objects, i, o)
	{
		if (c)
			json_set_str(o, "apiVersion", api_version);
		else if (shown && wanted)
			convert_builtin(shown, wanted, o);
	}
	done(arg, NULL, objects);
	json_decref(objects);
}
