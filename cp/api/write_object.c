/* What a write makes of its object, and whether it may be. Purpose: defaults, what the server sets, rules, warnings: the steps between
 * a request's object and the stored one, by table, by the kind's functions, and by the part that is written (the object, its status, a
 * subresource). Happy path: nothing is wrong. What can fail is told in errors. What always holds: nothing is stored or answered here. */
#include <string.h>

#include "base/json.h"
#include "cp/api/managers.h"
#include "cp/api/write.h"

#define CEL "the schema of this kind has rules in the Common Expression Language, which this server cannot evaluate yet"

void write_validate(struct write *w, const json_t *old, struct field_errors *errors)
{
	const struct kind *k = w->res->kind;
	const struct kind_ops *ops = w->res->ops;
	schema_validate_meta(k, w->object, old, errors);
	if (old)
		field_errors_repeat(errors); /* the reference checks them with every update and again with the kind's rules */
	if (k->custom && k->custom->expressions) {
		field_forbidden(errors, "x-kubernetes-validations", CEL);
		return;
	}
	if (k->custom) {
		(w->kind == WRITE_STATUS ? schema_validate_status : schema_validate)(k, w->object, old, errors);
		custom_validate_scale(k, w->object, w->kind == WRITE_STATUS, errors);
		return;
	}
	if (w->kind == WRITE_STATUS) {
		if (ops->validate_status)
			ops->validate_status(w->object, old, errors);
		return;
	}
	if (w->kind == WRITE_PART) {
		schema_validate(k, w->object, old, errors);
		kind_part_find(ops, w->q->route.subresource)->validate(w->object, old, errors);
		return;
	}
	schema_validate(k, w->object, old, errors);
	if (old)
		schema_validate_update(k, w->object, old, errors);
	if (ops->validate)
		ops->validate(w->object, old, errors);
	if (!errors->n && ops->reserve)
		ops->reserve(&w->q->api->env, w->object, old, errors, &w->ticket);
}

void write_set_defaults(struct write *w)
{
	const struct kind_ops *ops = w->res->ops;
	schema_default(w->res->kind, w->object);
	if (ops->set_defaults)
		ops->set_defaults(w->object, w->before);
	if (!w->applied && w->kind != WRITE_STATUS)
		managers_update(w, w->before);
	if (w->kind == WRITE_PART)
		kind_part_find(ops, w->q->route.subresource)->prepare(w->object, w->before);
}

static void set_requester(struct write *w)
{
	AUTO_JSON *who = auth_user_json(&w->q->user);
	w->res->ops->set_requester(w->object, who);
}

void write_prepare(struct write *w, const json_t *old)
{
	const struct kind_ops *ops = w->res->ops;
	if (!old) {
		meta_prepare_create(w->res->kind, w->ns, w->object);
		if (ops->prepare_create)
			ops->prepare_create(w->object);
		if (ops->set_requester)
			set_requester(w);
		if (w->res->kind->counts_generation && !w->res->kind->generation_late && !json_at(w->object, "metadata.generation"))
			json_set_int(w->object, "metadata.generation", 1);
		return;
	}
	if (w->kind == WRITE_STATUS && ops->status_keeps_meta)
		meta_keep(w->object, old);
	if (w->kind == WRITE_STATUS && ops->prepare_status)
		ops->prepare_status(w->object, old);
	else if (w->kind == WRITE_UPDATE && ops->prepare_update)
		ops->prepare_update(w->object, old);
	if (!w->applied && w->kind == WRITE_STATUS)
		managers_update(w, old);
	meta_prepare_update(w->res, w->object, old);
}

void write_warn(struct write *w, const json_t *old)
{
	AUTO_STRV char **warnings = NULL;
	if (!w->res->ops->warn || w->q->local || w->kind == WRITE_STATUS || w->kind == WRITE_PART)
		return;
	w->res->ops->warn(w->object, old, &warnings);
	for (size_t i = 0; warnings && warnings[i]; i++)
		req_warn(w->q, warnings[i]);
}
