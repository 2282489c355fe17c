/* Paths become requests. Purpose: one place that knows the shape of API paths. Happy path: split at slashes, take the
 * prefix, group and version, then [namespaces/NS/]RESOURCE[/NAME[/SUBRESOURCE[/REST]]]. Nothing fails: what is not a
 * resource path is a path of its own. A route always has every text set, "" where there is none. */
#include "cp/api/route.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

void query_parse(const char *raw, struct query *ret)
{
	*ret = (struct query){0};
	AUTO_STRV char **pairs = str_split(raw ? raw : "", '&');
	for (size_t i = 0; pairs && pairs[i]; i++) {
		if (!*pairs[i])
			continue;
		char *equals = strchr(pairs[i], '=');
		AUTO_FREE char *value = xstrdup(equals ? equals + 1 : "");
		if (equals)
			*equals = '\0';
		if (url_decode(pairs[i], true) < 0 || url_decode(value, true) < 0)
			continue;
		ret->v = xreallocarray(ret->v, ret->n + 1, sizeof(*ret->v));
		ret->v[ret->n].name = xstrdup(pairs[i]);
		ret->v[ret->n].value = TAKE(value);
		ret->n++;
	}
}

void query_done(struct query *q)
{
	for (size_t i = 0; i < q->n; i++) {
		free(q->v[i].name);
		free(q->v[i].value);
	}
	free(q->v);
	*q = (struct query){0};
}

const char *query_nth(const struct query *q, const char *name, size_t n)
{
	for (size_t i = 0; i < q->n; i++)
		if (strcmp(q->v[i].name, name) == 0 && n-- == 0)
			return q->v[i].value;
	return NULL;
}

const char *query_get(const struct query *q, const char *name)
{
	return query_nth(q, name, 0);
}

bool query_bool(const struct query *q, const char *name)
{
	const char *v = query_get(q, name);
	return v && strcmp(v, "0") != 0 && strcasecmp(v, "false") != 0;
}

/* Cuts the next segment out of *at; NULL at the end. */
static char *next_segment(char **at)
{
	while (*at && **at == '/')
		(*at)++;
	if (!*at || !**at)
		return NULL;
	char *segment = *at, *slash = strchr(segment, '/');
	*at = slash ? slash + 1 : NULL;
	if (slash)
		*slash = '\0';
	return segment;
}

static const char *method_verb(const char *method, bool has_name)
{
	static const struct {
		const char *method, *named, *collection;
	} verbs[] = {
	    {"GET", "get", "list"},      {"HEAD", "get", "list"},     {"POST", "create", "create"},
	    {"PUT", "update", "update"}, {"PATCH", "patch", "patch"}, {"DELETE", "delete", "deletecollection"},
	};
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (strcmp(verbs[i].method, method) == 0)
			return has_name ? verbs[i].named : verbs[i].collection;
	return "";
}

static const char *plain_verb(const char *method)
{
	static const char *const verbs[] = {"get", "head", "post", "put", "patch", "delete", "options"};
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (strcasecmp(verbs[i], method) == 0)
			return verbs[i];
	return "";
}

/* Fills resource, namespace, name and subresource from what follows the version. */
static void parse_resource(struct route *r, char *at, char *first)
{
	char *segment = first;
	if (strcmp(segment, "watch") == 0 && at) {
		r->is_deprecated_watch = true;
		if (!(segment = next_segment(&at)))
			return;
	}
	r->is_resource = true;
	if (strcmp(segment, "namespaces") == 0) {
		char *ns = next_segment(&at), *resource = ns ? next_segment(&at) : NULL;
		bool own = resource && (strcmp(resource, "status") == 0 || strcmp(resource, "finalize") == 0);
		if (!resource || own) {
			r->resource = segment;
			/* A namespace is its own namespace, as authorisers see it. */
			r->ns = r->name = ns ? ns : "";
			r->subresource = own ? resource : "";
			return;
		}
		r->ns = ns;
		segment = resource;
	}
	r->resource = segment;
	char *name = next_segment(&at), *sub = name ? next_segment(&at) : NULL;
	r->name = name ? name : "";
	r->subresource = sub ? sub : "";
	if (sub && at) {
		r->rest = at;
		r->tail_slash = true;
	}
}

void route_parse(const char *method, const char *path, bool watch, struct route *ret)
{
	*ret = (struct route){.prefix = "",
			      .group = "",
			      .version = "",
			      .resource = "",
			      .ns = "",
			      .name = "",
			      .subresource = "",
			      .rest = ""};
	ret->path = xstrdup(path);
	ret->text = xstrdup(path);
	ret->verb = plain_verb(method);
	char *at = ret->text, *prefix = next_segment(&at);
	bool core = prefix && strcmp(prefix, "api") == 0, named = prefix && strcmp(prefix, "apis") == 0;
	if (!core && !named)
		return;
	ret->prefix = prefix;
	char *group = named ? next_segment(&at) : "", *version = group ? next_segment(&at) : NULL;
	ret->group = group ? group : "";
	ret->version = version ? version : "";
	char *first = version ? next_segment(&at) : NULL;
	if (!first)
		return;
	parse_resource(ret, at, first);
	if (!ret->is_resource)
		return;
	ret->verb = method_verb(method, *ret->name != '\0');
	bool reads = strcmp(ret->verb, "list") == 0 || (ret->is_deprecated_watch && strcmp(ret->verb, "get") == 0);
	if (reads && (watch || ret->is_deprecated_watch))
		ret->verb = "watch";
}

void route_done(struct route *r)
{
	free(r->path);
	free(r->text);
	*r = (struct route){0};
}
