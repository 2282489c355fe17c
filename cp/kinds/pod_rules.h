/* Parts of the rules of a pod's spec, one file each. Pure. */
#ifndef KNARR_CP_KINDS_POD_RULES_H
#define KNARR_CP_KINDS_POD_RULES_H

#include <jansson.h>
#include <stdbool.h>

#include "cp/schema/schema.h"

/* A spec that is looked at: of a pod, or of a template (name is NULL). */
struct pod_rules {
	const json_t *spec;
	const char *path; /* "spec", "spec.template.spec" */
	const char *name; /* of the pod, once it has one */
	bool is_pod;
	const json_t *claims;  /* of a stateful set, which its containers mount by name; NULL: none */
	const json_t *volumes; /* those that containers may name: found by pod_volumes_validate() */
	struct field_errors *errors;
};

/* Sources of volumes; also those of a persistent volume, where more of them name a namespace. */
json_t *pod_volumes_validate(const struct pod_rules *r); /* returns the volumes that are right and the claims, owned */
void volume_source_validate(const char *source, const json_t *v, const char *path, struct field_errors *errors);
/* Of one container at path. */
void pod_env_validate(const json_t *container, const char *path, struct field_errors *errors);
void pod_env_files_validate(const struct pod_rules *r); /* of all containers */
void pod_field_ref_validate(const json_t *ref, const char *path, bool volume, struct field_errors *errors);
void pod_resource_ref_validate(const json_t *ref, const char *path, bool volume, struct field_errors *errors);
void pod_mounts_validate(const struct pod_rules *r, const json_t *container, const char *path);
void pod_probes_validate(const struct pod_rules *r, const json_t *container, const char *path);
void pod_claims_validate(const struct pod_rules *r);
void pod_claim_names_validate(const struct pod_rules *r, const json_t *resources, const char *path);
/* Of the whole spec. */
void pod_containers_validate(const struct pod_rules *r);
void pod_level_resources_validate(const struct pod_rules *r);
void pod_context_validate(const struct pod_rules *r);
void container_context_validate(const struct pod_rules *r, const json_t *container, const char *path);
void pod_os_validate(const struct pod_rules *r);
/* What annotations may hold; that those which say the same as a field agree with it; what an update may do with them. */
void pod_annotations_validate(const json_t *meta, const struct pod_rules *r);
void pod_annotations_match_validate(const json_t *meta, const struct pod_rules *r);
void pod_annotations_update_validate(const json_t *pod, const json_t *old, struct field_errors *errors);
void pod_placement_validate(const struct pod_rules *r);
void node_selector_validate(const json_t *selector, const char *path, struct field_errors *errors);
void tolerations_validate(const json_t *tolerations, const char *path, struct field_errors *errors);

/* Calls visit for each container of any kind with its path. */
void pod_each_container(const struct pod_rules *r,
			void (*visit)(const struct pod_rules *r, const json_t *container, const char *path, void *arg), void *arg);

/* Puts the errors below path into the order in which the reference looks at a pod; all others come before them. */
void pod_errors_order(struct field_errors *errors, const char *path);
/* What an update of a pod may change. */
void pod_update_validate(const json_t *pod, const json_t *old, struct field_errors *errors);
/* Subresources that write a part of a pod (cp/kinds/pod_parts.c, pod_resize.c): everything but the part is taken from old; the
 * rules of the spec as a whole; whether the pod is one of a node's own files. */
void pod_part_take_old(json_t *pod, const json_t *old);
void pod_part_validate_spec(const json_t *pod, struct field_errors *errors);
bool pod_is_static(const json_t *pod);
void pod_resize_prepare(json_t *pod, const json_t *old);
void pod_resize_validate(const json_t *pod, const json_t *old, struct field_errors *errors);
/* What an update of a pod's status may say. */
void pod_status_validate(const json_t *pod, const json_t *old, struct field_errors *errors);
/* A template of pods whose containers may mount the claims of a stateful set, too (NULL: none). */
void pod_template_validate_with(const json_t *template, const json_t *claims, const char *path, struct field_errors *errors);

#endif
