/* What a table cannot say about a kind: C rules beside the schema, one file a kind. All hooks are optional and pure but
 * for reserve and settle. */
#ifndef KNARR_CP_KINDS_KIND_OPS_H
#define KNARR_CP_KINDS_KIND_OPS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "cp/cache/cache.h"
#include "cp/schema/schema.h"

/* What rules may look at. */
struct kind_env {
	struct cache *cache;
	const char *service_cidr;
	uint16_t node_port_min, node_port_max;
	struct service_alloc *service_alloc; /* cp/kinds/service_alloc.h */
};

/* A subresource through which a part of the object is written: approval, ephemeralcontainers, resize. */
struct kind_part {
	const char *subresource;
	/* Everything but the part is taken from old. */
	void (*prepare)(json_t *obj, const json_t *old);
	void (*validate)(const json_t *obj, const json_t *old, struct field_errors *errors);
};

struct kind_ops {
	const char *group, *kind;
	/* Defaults beyond the table (imagePullPolicy by tag, targetPort from port, requests from limits ...), after
	 * schema_default(). old is NULL on create. */
	void (*set_defaults)(json_t *obj, const json_t *old);
	/* Create: what a client may not set is cleared or set (status, generation, pod phase Pending ...). */
	void (*prepare_create)(json_t *obj);
	/* Update of the main resource: status and other protected parts are taken from old. */
	void (*prepare_update)(json_t *obj, const json_t *old);
	/* Update of /status: everything but status (and what Kubernetes lets through) is taken from old. */
	void (*prepare_status)(json_t *obj, const json_t *old);
	/* Create: who asked is kept in the object. who has username, uid, groups and extra, as far as known. */
	void (*set_requester)(json_t *obj, const json_t *who);
	const struct kind_part *parts; /* ended by one without subresource; NULL: none */
	/* Rules beyond the table; old is NULL on create. */
	void (*validate)(const json_t *obj, const json_t *old, struct field_errors *errors);
	void (*validate_status)(const json_t *obj, const json_t *old, struct field_errors *errors);
	/* Allocation of cluster addresses and ports: reserve before the store is asked, settle after it answered. On delete
	 * obj is NULL. ticket may stay NULL. Errors as field errors. */
	void (*reserve)(struct kind_env *env, json_t *obj, const json_t *old, struct field_errors *errors, void **ticket);
	void (*settle)(struct kind_env *env, void *ticket, bool committed);
	/* Adds the names of what no second object may hold ("ip/10.96.0.1"), as they stand in the object (cp/api/claims.h). */
	void (*claims)(const json_t *obj, char ***names);
	/* Warnings for the Warning header (deprecations); adds to warnings. */
	void (*warn)(const json_t *obj, const json_t *old, char ***warnings);
	bool has_status;
	bool status_keeps_meta; /* a write of /status leaves labels, annotations, finalizers and owners as they are */
	/* Marks an object for deletion in the kind's own way, in place of a grace period; it goes with its finalizers. */
	void (*mark_deleted)(json_t *obj, int64_t now_ms);
	/* Graceful deletion: the seconds that a delete without gracePeriodSeconds gives, -1: at once. */
	int (*grace_seconds)(const json_t *obj, int64_t requested); /* requested < 0: none given */
};

/* Never NULL: kinds without rules of their own get a default set (status kept apart where the kind has a status
 * subresource). */
const struct kind_ops *kind_ops_find(const struct kind *k);

/* NULL: the kind has no such part. */
const struct kind_part *kind_part_find(const struct kind_ops *ops, const char *subresource);

/* Shared rules: a pod template inside a workload (path "spec.template"), a label selector at path. */
void pod_spec_set_defaults(json_t *pod_spec, const json_t *old_spec); /* old_spec may be NULL */
void pod_template_validate(const json_t *template, const char *path, struct field_errors *errors);
void label_selector_validate(const json_t *selector, const char *path, struct field_errors *errors);
/* One of its matchExpressions; any_operator: one that is not known is no error. */
void label_requirement_validate(const json_t *requirement, const char *path, bool any_operator, struct field_errors *errors);
/* What the paths of a custom resource's scale subresource lead to; status: a write of /status only. */
void custom_validate_scale(const struct kind *k, const json_t *object, bool status, struct field_errors *errors);
/* What may stand in spec.finalizers of a namespace; indexes: errors name the element. */
void namespace_finalizers_validate(const json_t *ns, bool indexes, struct field_errors *errors);

#endif
