/* Field managers. Purpose: every write leaves in the object who manages which field. Happy path: the manager is named by
 * the request, or by the program that sent it; plans of cp/schema/managed.h say what becomes of the managers. Fails, on
 * apply, with 409 and a cause for every field of others, or 500 for a configuration that does not fit the schema. */
#include "cp/api/managers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "cp/api/custom.h"
#include "cp/api/managers_reset.h"
#include "cp/api/view.h"
#include "cp/schema/managed.h"

#define MANAGER_MAX 128
#define SYSTEM "system:"

/* A program's name as it comes before the first slash of its User-Agent: what can be printed of it, whole characters. Owned. */
static char *program_name(const char *agent)
{
	size_t n = strcspn(agent, "/");
	struct str out = STR_INIT;

	for (size_t i = 0, len; i < n; i += len) {
		for (len = 1; i + len < n && ((unsigned char)agent[i + len] & 0xc0) == 0x80; len++)
			;
		if (out.len + len > MANAGER_MAX)
			break;
		if ((unsigned char)agent[i] >= 0x20 && agent[i] != 0x7f)
			str_addn(&out, agent + i, len);
	}
	return str_take(&out);
}

/* The client's word for itself: fieldManager, its program's name, or the name of a component of ours. Owned. */
static char *manager_name(const struct req *q)
{
	const char *manager = req_param(q, "fieldManager"), *agent;
	if (!str_empty(manager))
		return xstrdup(manager);
	if (q->local)
		return xstrdup(str_has_prefix(q->user.name, SYSTEM) ? q->user.name + strlen(SYSTEM) : q->user.name);
	agent = q->x ? http_header_get(q->x, "user-agent") : NULL;
	AUTO_FREE char *program = program_name(agent ? agent : "");
	return *program ? TAKE(program) : xstrdup("unknown");
}

/* The request's resource in a version ("apps/v1"), served or not; NULL: there is none. */
static const struct resource *resource_in(const struct req *q, const char *api_version)
{
	const struct resource *res = q->res;
	const char *slash = strchr(api_version, '/'), *version = slash ? slash + 1 : api_version;
	AUTO_FREE char *group = slash ? xstrndup(api_version, (size_t)(slash - api_version)) : xstrdup("");

	for (size_t i = 0; res->custom && !strcmp(group, res->custom->group) && i < res->custom->n; i++)
		if (!strcmp(res->custom->v[i].kind.version, version))
			return &res->custom->v[i].resource;
	if (res->custom)
		return NULL;
	const struct resource *other = api_resource(q->api, group, version, res->kind->plural);
	return other && other->stored == res->stored ? other : NULL;
}

/* What only a webhook converts stays as it is: most fields have the same names in all versions. */
static json_t *convert(void *arg, const json_t *object, const char *from, const char *to, const struct type **ret_type)
{
	const struct req *q = arg;
	const struct resource *source = resource_in(q, from), *target = resource_in(q, to);

	if (!source || !target)
		return NULL;
	json_t *copy = json_clone(object);
	*ret_type = q->res->kind->type;
	if (custom_reads_by_webhook(target))
		return copy;
	*ret_type = target->kind->type;
	view_to_stored(source, copy);
	view_from_stored(target, copy, UINT64_MAX);
	return copy;
}

struct managers {
	struct managed_by by;
	char *name, *api_version;
	char now[RFC3339_MAX];
};

static void managers_done(struct managers *m)
{
	free(m->name);
	free(m->api_version);
}

static void managers_init(struct req *q, const struct kind *k, struct managers *m)
{
	m->name = manager_name(q);
	m->api_version = *k->group ? xasprintf("%s/%s", k->group, k->version) : xstrdup(k->version);
	rfc3339(clock_wall_ms(), m->now);
	m->by = (struct managed_by){.type = k->type,
				    .api_version = m->api_version,
				    .manager = m->name,
				    .subresource = q->route.subresource,
				    .now = m->now,
				    .ignored = managers_reset(k, q->route.subresource),
				    .convert = q->res && k == q->res->kind ? convert : NULL,
				    .arg = q};
}

/* Requests with extra facts of the requester have no managers: the reference cannot take their type. */
static bool is_unmanaged(const struct write *w)
{
	return strcmp(w->res->kind->plural, "certificatesigningrequests") == 0 &&
	       (w->created || !json_at(w->before, "metadata.managedFields"));
}

void managers_update_of(struct req *q, const struct kind *k, const json_t *live, json_t *object)
{
	AUTO(managers_done) struct managers m = {0};
	managers_init(q, k, &m);
	managed_update(&m.by, live, object);
}

void managers_update(struct write *w, const json_t *old)
{
	if (is_unmanaged(w))
		json_del_at(w->object, "metadata.managedFields");
	else
		managers_update_of(w->q, w->res->kind, old, w->object);
}

static int by_manager(const void *a, const void *b)
{
	const struct managed_conflict *x = a, *y = b;
	return strcmp(x->manager, y->manager);
}

static json_t *conflict_status(struct managed_conflicts *c)
{
	AUTO_STR text = STR_INIT;
	qsort(c->v, c->n, sizeof(*c->v), by_manager);
	if (c->n == 1)
		str_addf(&text, "Apply failed with 1 conflict: conflict with %s: %s", c->v->manager, c->v->path);
	else
		str_addf(&text, "Apply failed with %zu conflicts: ", c->n);
	for (size_t i = 0; c->n > 1 && i < c->n; i++) {
		if (!i || strcmp(c->v[i].manager, c->v[i - 1].manager))
			str_addf(&text, "%sconflicts with %s:", i ? "\n" : "", c->v[i].manager);
		str_addf(&text, "\n- %s", c->v[i].path);
	}
	json_t *status = status_new(409, "Conflict", "%s", str_text(&text));
	for (size_t i = 0; i < c->n; i++) {
		AUTO_FREE char *why = xasprintf("conflict with %s", c->v[i].manager);
		status_add_cause(status, "FieldManagerConflict", why, c->v[i].path);
	}
	return status;
}

static json_t *not_typed(const struct kind *k, const json_t *config, const struct err *e)
{
	return status_plain_500("failed to create typed patch object (%s/%s; %s/%s, Kind=%s): %s",
				json_str_or(config, "metadata.namespace", ""), json_str_or(config, "metadata.name", ""),
				k->group, k->version, k->kind, err_text(e));
}

json_t *managers_apply(struct write *w, const struct kind *k, const json_t *old, const json_t *config, bool force, json_t **ret)
{
	AUTO(managers_done) struct managers m = {0};
	AUTO_MANAGED_CONFLICTS conflicts = {0};
	struct err e = ERR_INIT;
	managers_init(w->q, k, &m);
	int r = managed_apply(&m.by, old, config, force, ret, &conflicts, &e);
	if (r == -EEXIST)
		return conflict_status(&conflicts);
	return r < 0 ? not_typed(k, config, &e) : NULL;
}
