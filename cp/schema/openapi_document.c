/* A document while it is made. Purpose: what both versions of OpenAPI start from and end with. Nothing fails. */
#include "base/mem.h"
#include "cp/schema/openapi_internal.h"

static void free_parameter(void *p)
{
	json_decref(p);
}

void openapi_document_init(struct openapi_document *d, const struct schema *s, const struct openapi_dialect *dialect)
{
	*d = (struct openapi_document){.schema = s, .dialect = dialect};
	d->definitions = json_object();
	d->paths = json_object();
	d->parameters = map_new(free_parameter);
}

void openapi_document_done(struct openapi_document *d)
{
	json_decref(d->definitions);
	json_decref(d->paths);
	map_free(d->parameters);
}

char *openapi_path(const char *group, const char *version)
{
	return *group ? xasprintf("apis/%s/%s", group, version) : xasprintf("api/%s", version);
}
