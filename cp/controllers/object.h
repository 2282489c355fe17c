/* Small readings of API objects that several plans share. All pure. */
#ifndef KNARR_CP_CONTROLLERS_OBJECT_H
#define KNARR_CP_CONTROLLERS_OBJECT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

const char *object_name(const json_t *o); /* "" when it has none, as the next two */
const char *object_ns(const json_t *o);
const char *object_uid(const json_t *o);
bool object_deleting(const json_t *o);
bool object_has_finalizer(const json_t *o, const char *name);
json_t *object_labels(const json_t *o); /* borrowed, NULL when it has none */
/* An annotation or label; NULL when absent. */
const char *object_annotation(const json_t *o, const char *key);
/* The owner reference with controller: true; NULL when there is none. Borrowed. */
json_t *object_controller_ref(const json_t *o);
bool object_controlled_by(const json_t *o, const char *uid);
/* An owner reference to o as its controller that blocks its foreground deletion. Returns owned. */
json_t *object_owner_ref(const json_t *o, const char *api_version, const char *kind);
/* An ObjectReference to o (involvedObject of events). Returns owned. */
json_t *object_reference(const json_t *o);
/* RFC 3339 time at a dotted path as ms since the epoch; -1 when absent or malformed. */
int64_t object_time_ms(const json_t *o, const char *path);

/* "/api/v1/namespaces/NS/PLURAL/NAME", or "/apis/GROUP/VERSION/..."; group "" is core, ns "" and name NULL leave the
 * part out. Returns owned. */
char *object_path(const char *group, const char *version, const char *ns, const char *plural, const char *name);

/* The merge patch (RFC 7396) that makes to out of from; NULL when they are equal. NULL arguments are {}. Owned. */
json_t *object_merge_diff(const json_t *from, const json_t *to);

/* status.conditions: the one of a type (borrowed, NULL when absent). */
json_t *object_condition(const json_t *status, const char *type);
/* Sets a condition in status.conditions. lastTransitionTime changes with its status; with update_time also
 * lastUpdateTime is kept (only changed when something changed). now_ms is wall time. True when something changed. */
bool object_set_condition(json_t *status, const char *type, const char *cond_status, const char *reason,
			  const char *message, int64_t now_ms, bool update_time);
void object_remove_condition(json_t *status, const char *type);

/* Sets a count; one that is not above 0 is left out, as Go's omitempty has it. */
void object_set_count(json_t *status, const char *name, int64_t n);

/* "25%" or 3 of total, rounded up or down; otherwise where v is NULL. */
int64_t object_int_or_percent(const json_t *v, int64_t total, bool round_up, int64_t otherwise);
/* Kubernetes' safe encoding of a 32-bit number: its decimal digits in the alphabet of generated names. ret has room for
 * 12. Returns ret. */
char *object_safe_encode(uint32_t n, char *ret);
/* FNV-1a of the canonical (sorted, compact) text of j, going on from seed (object_hash_init). */
#define OBJECT_HASH_INIT 2166136261u
uint32_t object_hash(uint32_t seed, const json_t *j);

#endif
