/* Readings of API objects shared by the plans; all pure, nothing can fail. */
#include "cp/controllers/object.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"

const char *object_name(const json_t *o)
{
	return json_str_or(o, "metadata.name", "");
}

const char *object_ns(const json_t *o)
{
	return json_str_or(o, "metadata.namespace", "");
}

const char *object_uid(const json_t *o)
{
	return json_str_or(o, "metadata.uid", "");
}

bool object_deleting(const json_t *o)
{
	return json_str_at(o, "metadata.deletionTimestamp") != NULL;
}

bool object_has_finalizer(const json_t *o, const char *name)
{
	return json_has_text(json_at(o, "metadata.finalizers"), name);
}

json_t *object_labels(const json_t *o)
{
	return json_at(o, "metadata.labels");
}

const char *object_annotation(const json_t *o, const char *key)
{
	return json_member(json_at(o, "metadata.annotations"), key);
}

json_t *object_controller_ref(const json_t *o)
{
	size_t i;
	json_t *ref;
	json_array_foreach(json_at(o, "metadata.ownerReferences"), i, ref)
	{
		if (json_is_true(json_object_get(ref, "controller")))
			return ref;
	}
	return NULL;
}

bool object_controlled_by(const json_t *o, const char *uid)
{
	json_t *ref = object_controller_ref(o);
	return ref && str_eq(json_member(ref, "uid"), uid);
}

json_t *object_owner_ref(const json_t *o, const char *api_version, const char *kind)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:b, s:b}", "apiVersion", api_version, "kind", kind, "name",
			 object_name(o), "uid", object_uid(o), "controller", 1, "blockOwnerDeletion", 1);
}

json_t *object_reference(const json_t *o)
{
	static const char *const from[] = {"kind",         "metadata.namespace", "metadata.name",
					   "metadata.uid", "apiVersion",         "metadata.resourceVersion"};
	static const char *const to[] = {"kind", "namespace", "name", "uid", "apiVersion", "resourceVersion"};
	json_t *ref = json_object();
	for (size_t i = 0; i < ARRAY_LEN(from); i++) {
		const char *text = json_str_at(o, from[i]);
		if (!str_empty(text))
			json_object_set_new(ref, to[i], json_string(text));
	}
	return ref;
}

int64_t object_time_ms(const json_t *o, const char *path)
{
	const char *text = json_str_at(o, path);
	int64_t us;
	return text && rfc3339_parse(text, &us) == 0 ? us / 1000 : -1;
}

char *object_path(const char *group, const char *version, const char *ns, const char *plural, const char *name)
{
	AUTO_STR s = STR_INIT;
	if (str_empty(group))
		str_addf(&s, "/api/%s", version);
	else
		str_addf(&s, "/apis/%s/%s", group, version);
	if (!str_empty(ns)) {
		str_add(&s, "/namespaces/");
		str_add_url(&s, ns);
	}
	str_addf(&s, "/%s", plural);
	if (name) {
		str_addc(&s, '/');
		str_add_url(&s, name);
	}
	return str_take(&s);
}

json_t *object_merge_diff(const json_t *from, const json_t *to)
{
	json_t *patch = json_object();
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)to, key, value)
	{
		json_t *old = json_object_get(from, key);
		if (json_is_object(value) && json_is_object(old)) {
			json_t *sub = object_merge_diff(old, value);
			if (sub)
				json_object_set_new(patch, key, sub);
		} else if (!old || !json_equal(old, value)) {
			json_object_set(patch, key, value);
		}
	}
	json_object_foreach((json_t *)from, key, value)
	{
		if (!json_object_get(to, key))
			json_object_set_new(patch, key, json_null());
	}
	if (json_object_size(patch))
		return patch;
	json_decref(patch);
	return NULL;
}

json_t *object_condition(const json_t *status, const char *type)
{
	return json_find(json_object_get(status, "conditions"), "type", type);
}

bool object_set_condition(json_t *status, const char *type, const char *cond_status, const char *reason,
			  const char *message, int64_t now_ms, bool update_time)
{
	json_t *c = object_condition(status, type);
	bool same_status = c && str_eq(json_member(c, "status"), cond_status);
	if (same_status && str_eq(json_str_or(c, "reason", ""), reason) &&
	    str_eq(json_str_or(c, "message", ""), message))
		return false;
	if (!c) {
		c = json_pack("{s:s}", "type", type);
		json_array_append_new(json_array_at(status, "conditions"), c);
	}
	char now[RFC3339_MAX];
	rfc3339(now_ms, now);
	json_set_str(c, "status", cond_status);
	if (update_time)
		json_set_str(c, "lastUpdateTime", now);
	if (!same_status)
		json_set_str(c, "lastTransitionTime", now);
	if (*reason)
		json_set_str(c, "reason", reason);
	if (*message)
		json_set_str(c, "message", message);
	else
		json_object_del(c, "message");
	return true;
}

void object_remove_condition(json_t *status, const char *type)
{
	json_t *all = json_object_get(status, "conditions");
	for (size_t i = json_array_size(all); i-- > 0;) {
		if (str_eq(json_member(json_array_get(all, i), "type"), type))
			json_array_remove(all, i);
	}
	if (all && !json_array_size(all))
		json_object_del(status, "conditions");
}

void object_set_count(json_t *status, const char *name, int64_t n)
{
	if (n > 0)
		json_object_set_new(status, name, json_integer(n));
	else
		json_object_del(status, name);
}

int64_t object_int_or_percent(const json_t *v, int64_t total, bool round_up, int64_t otherwise)
{
	if (json_is_integer(v))
		return json_integer_value(v);
	const char *text = json_string_value(v);
	if (!text)
		return otherwise;
	char *end;
	int64_t percent = strtoll(text, &end, 10);
	if (end == text || percent < 0 || percent > 1000000)
		return otherwise;
	return (percent * total + (round_up ? 99 : 0)) / 100;
}

char *object_safe_encode(uint32_t n, char *ret)
{
	static const char safe[] = "bcdfghjklmnpqrstvwxz2456789";
	int len = snprintf(ret, 12, "%u", n);
	for (int i = 0; i < len; i++)
		ret[i] = safe[(unsigned char)ret[i] % (sizeof(safe) - 1)];
	return ret;
}

uint32_t object_hash(uint32_t seed, const json_t *j)
{
	AUTO_FREE char *text = json_format(j, JSON_COMPACT | JSON_SORT_KEYS);
	for (const unsigned char *p = (unsigned char *)text; p && *p; p++)
		seed = (seed ^ *p) * 16777619u;
	return seed;
}
