/* Inside cp/kinds: the rules of each kind and small helpers that several of them use. */
#ifndef KNARR_CP_KINDS_KINDS_H
#define KNARR_CP_KINDS_KINDS_H

#include "base/format.h"
#include "cp/kinds/kind_ops.h"

extern const struct kind_ops pod_ops, service_ops, deployment_ops, replicaset_ops, namespace_ops, node_ops, configmap_ops,
	secret_ops, endpoints_ops, endpointslice_ops, lease_ops, event_ops, events_event_ops, serviceaccount_ops, job_ops,
	cronjob_ops, statefulset_ops, daemonset_ops, replicationcontroller_ops, controllerrevision_ops, podtemplate_ops,
	role_ops, clusterrole_ops, rolebinding_ops, clusterrolebinding_ops, networkpolicy_ops, ingress_ops, ingressclass_ops, ipaddress_ops, servicecidr_ops,
	poddisruptionbudget_ops, persistentvolume_ops, persistentvolumeclaim_ops, storageclass_ops, horizontalpodautoscaler_ops,
	certificatesigningrequest_ops, resourcequota_ops, limitrange_ops, priorityclass_ops, runtimeclass_ops, prioritylevel_ops,
	flowschema_ops, apiservice_ops, crd_ops, custom_ops, custom_status_ops, volumeattributesclass_ops, csidriver_ops, csinode_ops,
	csistoragecapacity_ops, volumeattachment_ops, validatingwebhooks_ops, mutatingwebhooks_ops, validatingpolicy_ops,
	validatingpolicybinding_ops, mutatingpolicy_ops, mutatingpolicybinding_ops, resourceclaim_ops, resourceclaimtemplate_ops,
	resourceslice_ops, deviceclass_ops;
extern const struct kind_part pod_parts[];

#define FIELD_PATH_MAX 512
/* A field's path in a local buffer of FIELD_PATH_MAX; returns it. */
#define FIELD_PATH(buf, ...) (format_to(buf, FIELD_PATH_MAX, __VA_ARGS__), (buf))

/* Takes status, or spec, over from old. */
void kind_keep_status(json_t *obj, const json_t *old);
void kind_keep_spec(json_t *obj, const json_t *old);
/* A new object's status is {}. */
void kind_empty_status(json_t *obj);
/* What workloads share: defaults of the pod template, the rules of template and selector. */
void workload_set_defaults(json_t *obj, const json_t *old);
void workload_template_validate(const json_t *obj, struct field_errors *errors);
void workload_validate(const json_t *obj, struct field_errors *errors);
/* Labels of the template that the selector does not match; words for a selector that is none (NULL: nothing is said of it, "": that it is none). */
void workload_labels_validate(const json_t *obj, const char *words, struct field_errors *errors);
/* A strategy (of a type) that is none of words, which is shown as a whole. */
void workload_strategy_unsupported(const json_t *strategy, const char *path, const char *type, const char *const *words, struct field_errors *errors);
/* How often a controller chose a name that was taken does not become less. */
void collisions_validate(const json_t *obj, const json_t *old, struct field_errors *errors);
/* An integer or a percentage ("25%") at path, at least 0; returns it (percentages and texts of digits as numbers, other texts as 0), -1
 * when there is none. */
int64_t count_or_percent(const json_t *obj, const char *path, struct field_errors *errors);
/* A percentage at path is at most 100%. */
void validate_at_most_all(const json_t *obj, const char *path, struct field_errors *errors);
/* Counts of replicas in a status (ended by NULL): none negative, none above replicas. */
void replica_counts_validate(const json_t *obj, const char *const *counts, struct field_errors *errors);
/* Sets object[key] = value unless it is there. Takes value. */
void set_default(json_t *object, const char *key, json_t *value);
/* Reports a field that may not change ("field is immutable"). */
void validate_immutable(const json_t *obj, const json_t *old, const char *path, struct field_errors *errors);
/* The same for an object of a type ("core.v1.PodSpec"), shown in the words of the reference. */
void validate_immutable_as(const json_t *obj, const json_t *old, const char *path, const char *type, struct field_errors *errors);
/* A non-negative integer at path, if present. */
void validate_not_negative(const json_t *obj, const char *path, struct field_errors *errors);
/* A value that passes check (api/names.h), or an Invalid error. */
void validate_name(const char *value, const char *path, const char *(*check)(const char *), struct field_errors *errors);
/* Adds what is wrong with an address that has to be one of a machine elsewhere: not unspecified, loopback or link-local. */
void validate_address(const json_t *address, const char *path, struct field_errors *errors);
/* The rules of services (cp/kinds/service_rules.c). */
void service_validate(const json_t *svc, const json_t *old, struct field_errors *errors);
void service_validate_status(const json_t *svc, const json_t *old, struct field_errors *errors);
/* IPv4 4, IPv6 6, else 0. */
int ip_family(const char *address);
/* An address and a number of bits: "10.0.0.0/8". */
bool is_cidr(const char *text);

/* The pod's class by its requests and limits: Guaranteed, Burstable, BestEffort. Static. */
const char *pod_qos_class(const json_t *pod_spec);

/* Warnings for a pod: what is deprecated or probably not meant. */
void pod_warn(const json_t *pod, const json_t *old, char ***warnings);
void workload_warn(const json_t *obj, const json_t *old, char ***warnings);
void daemonset_warn(const json_t *set, const json_t *old, char ***warnings);
void job_warn(const json_t *job, const json_t *old, char ***warnings);
void cronjob_warn(const json_t *cron, const json_t *old, char ***warnings);
/* A template whose fields are told below prefix ("spec.template."). */
void pod_template_warn(const json_t *template, const char *prefix, char ***warnings);
/* AppArmor's annotations become fields of a new pod's containers; those that did are told. */
void pod_profiles_from_annotations(json_t *pod);
void pod_profiles_warn(const json_t *pod, char ***warnings);
/* Warnings of other kinds (cp/kinds/object_warn.c); use says where the name goes. */
void hostname_warn(const json_t *obj, const json_t *old, const char *use, char ***warnings);
void node_terms_warn(const json_t *terms, const char *path, char ***warnings);
void node_term_warn(const json_t *term, const char *path, char ***warnings);
void claim_spec_warn(const json_t *spec, const char *path, char ***warnings);
void volume_warn(const json_t *pv, const json_t *old, char ***warnings);
void claim_warn(const json_t *pvc, const json_t *old, char ***warnings);
void storage_class_warn(const json_t *class, const json_t *old, char ***warnings);
void service_warn(const json_t *svc, const json_t *old, char ***warnings);
void account_warn(const json_t *account, const json_t *old, char ***warnings);
void ingress_warn(const json_t *ingress, const json_t *old, char ***warnings);
/* What has taken over from a label of nodes; NULL: it is as good as ever. Static. */
const char *node_label_deprecation(const char *label);
/* Bytes that are not whole. */
bool quantity_is_fraction(const char *text);
/* The rules of a spec (cp/kinds/pod_rules.h). */
struct pod_rules;
void pod_rules_validate(const struct pod_rules *r);

#endif
