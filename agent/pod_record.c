/* The record of a pod's state (state.json): every field by a table, both ways.
 *
 * Happy path: written after each change, read when the agent starts. What can fail: nothing; absent or foreign members
 * leave the defaults. What always holds: a record of an older agent is read with new fields at zero. Times on the
 * monotonic clock are good for as long as the record is: both end with the boot. */
#include "agent/pod_state.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"

enum field_type { F_INT, F_I64, F_BOOL, F_TEXT };

struct field {
	const char *name;
	enum field_type type;
	size_t at;
};

#define C(member, type)                                                                                                \
	{                                                                                                              \
#member, type, offsetof(struct container_state, member)                                                \
	}
#define P(member, type)                                                                                                \
	{                                                                                                              \
#member, type, offsetof(struct pod_state, member)                                                      \
	}

static const struct field container_fields[] = {
    C(restart_count, F_INT), C(started_ms, F_I64),     C(finished_ms, F_I64),  C(started_mono, F_I64),
    C(finished_mono, F_I64), C(exit_code, F_INT),      C(signal, F_INT),       C(oom, F_BOOL),
    C(reason, F_TEXT),       C(message, F_TEXT),       C(wait_reason, F_TEXT), C(wait_message, F_TEXT),
    C(retry_mono, F_I64),    C(retry_delay_ms, F_I64), C(backoff_ms, F_I64),   C(image_id, F_TEXT),
    C(started, F_BOOL),      C(ready, F_BOOL),         C(kill_reason, F_TEXT), C(kill_grace_ms, F_I64),
    C(stopping, F_BOOL),     C(killed, F_BOOL),        C(kill_mono, F_I64),
    C(ended_once, F_BOOL),
};

static const struct field pod_fields[] = {
    P(is_static, F_BOOL),    P(sandbox_retry_mono, F_I64), P(sandbox_delay_ms, F_I64), P(start_ms, F_I64),
    P(start_mono, F_I64),    P(deleting, F_BOOL),          P(grace_ms, F_I64),         P(fail_reason, F_TEXT),
    P(fail_message, F_TEXT), P(cleaned, F_BOOL),
};

static json_t *field_get(const void *base, const struct field *f)
{
	const char *p = (const char *)base + f->at;
	switch (f->type) {
	case F_INT:
		return *(const int *)p ? json_integer(*(const int *)p) : NULL;
	case F_I64:
		return *(const int64_t *)p ? json_integer(*(const int64_t *)p) : NULL;
	case F_BOOL:
		return *(const bool *)p ? json_true() : NULL;
	case F_TEXT:
		return *(char *const *)p ? json_string(*(char *const *)p) : NULL;
	}
	return NULL;
}

static void field_set(void *base, const struct field *f, const json_t *v)
{
	char *p = (char *)base + f->at;
	switch (f->type) {
	case F_INT:
		*(int *)p = (int)json_integer_value(v);
		break;
	case F_I64:
		*(int64_t *)p = json_integer_value(v);
		break;
	case F_BOOL:
		*(bool *)p = json_is_true(v);
		break;
	case F_TEXT:
		text_set((char **)p, json_string_value(v));
		break;
	}
}

static json_t *save(const void *base, const struct field *f, size_t n)
{
	json_t *o = json_object();
	for (size_t i = 0; i < n; i++) {
		json_t *v = field_get(base, &f[i]);
		if (v)
			json_object_set_new(o, f[i].name, v);
	}
	return o;
}

static void load(void *base, const struct field *f, size_t n, const json_t *o)
{
	for (size_t i = 0; i < n; i++)
		field_set(base, &f[i], json_object_get(o, f[i].name));
}

static json_t *save_container(const struct container_state *c)
{
	json_t *o = save(c, container_fields, ARRAY_LEN(container_fields));
	json_set_int(o, "phase", c->phase);
	json_set_str(o, "id", c->id);
	if (c->last)
		json_object_set(o, "last", c->last);
	return o;
}

json_t *pod_state_record(const struct pod_state *s)
{
	json_t *o = save(s, pod_fields, ARRAY_LEN(pod_fields)), *list = json_object();
	json_set_int(o, "sandbox", s->sandbox);
	json_t *ips = json_array_at(o, "ips");
	for (char **ip = s->ips; ip && *ip; ip++)
		json_array_append_new(ips, json_string(*ip));
	for (size_t i = 0; i < s->n; i++)
		json_object_set_new(list, s->containers[i].name, save_container(&s->containers[i]));
	json_object_set_new(o, "containers", list);
	return o;
}

static void load_container(struct container_state *c, const json_t *o)
{
	load(c, container_fields, ARRAY_LEN(container_fields), o);
	int64_t phase = json_int_at(o, "phase", 0);
	c->phase = phase >= PHASE_WAITING && phase <= PHASE_EXITED ? (enum container_phase)phase : PHASE_WAITING;
	memset(c->id, 0, sizeof(c->id));
	strncpy(c->id, json_str_or(o, "id", ""), CONTAINER_ID_LEN);
	json_decref(c->last);
	c->last = json_incref(json_object_get(o, "last"));
}

void pod_state_restore(struct pod_state *s, const json_t *record)
{
	load(s, pod_fields, ARRAY_LEN(pod_fields), record);
	int64_t sandbox = json_int_at(record, "sandbox", 0);
	s->sandbox =
	    sandbox >= SANDBOX_NONE && sandbox <= SANDBOX_STOPPING ? (enum sandbox_phase)sandbox : SANDBOX_LOST;
	free_strv(&s->ips);
	size_t i;
	json_t *ip;
	json_array_foreach(json_object_get(record, "ips"), i, ip) if (json_is_string(ip))
	    strv_add(&s->ips, json_string_value(ip));
	for (i = 0; i < s->n; i++) {
		const json_t *o = json_object_get(json_object_get(record, "containers"), s->containers[i].name);
		if (o)
			load_container(&s->containers[i], o);
	}
}
