/* What a delete does to an object: nothing yet, mark it, or remove it. Pure. */
#ifndef KNARR_CP_API_DELETE_PLAN_H
#define KNARR_CP_API_DELETE_PLAN_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "cp/kinds/kind_ops.h"

/* DeleteOptions (meta.k8s.io), from body and query. */
struct delete_options {
	int64_t grace;  /* seconds, -1: none given */
	char *policy;   /* propagationPolicy or NULL */
	int orphan;     /* orphanDependents: -1 none given, 0, 1 */
	char *uid, *rv; /* preconditions or NULL */
	bool dry_run;
	bool admitted; /* admission has seen what asked for it: an eviction */
};
void delete_options_done(struct delete_options *o);

enum delete_step {
	DELETE_NOTHING, /* it is on its way already */
	DELETE_MARK,    /* write the object as changed; it goes when its finalizers or its grace have gone */
	DELETE_MARK_GO, /* write it as changed, then remove it */
	DELETE_GO,      /* remove it */
};

/* Decides, and changes object (the newest state) accordingly. now_ms is wall time. */
enum delete_step delete_plan(const struct kind *k, const struct kind_ops *ops, json_t *object,
			     const struct delete_options *o, int64_t now_ms);

#endif
