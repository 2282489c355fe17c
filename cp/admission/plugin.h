/* What a plugin of the admission chain is, and what plugins may use. */
#ifndef KNARR_CP_ADMISSION_PLUGIN_H
#define KNARR_CP_ADMISSION_PLUGIN_H

#include "base/json.h"
#include "cp/admission/admission.h"

struct admit_plugin {
	const char *name;
	unsigned ops;		  /* enum admit_op bits */
	const char *const *kinds; /* "Pod", "storage.k8s.io/StorageClass"; NULL: all */
	bool subresources;	  /* also for subresources; else for the objects themselves only */
	/* Each returns a Status that refuses, or NULL; or calls admit_suspend(), returns NULL, and goes on with
	 * admit_resume(). Borrows. mutate may change a->object in place. */
	json_t *(*mutate)(struct admit *a);
	json_t *(*validate)(struct admit *a);
	/* admit_settle(). */
	void (*settle)(struct admit *a, bool committed);
};

extern const struct admit_plugin namespace_lifecycle_plugin, limit_ranger_plugin, service_account_plugin,
    node_restriction_plugin, taint_nodes_plugin, pod_security_plugin, priority_plugin, default_tolerations_plugin,
    default_storage_class_plugin, storage_in_use_plugin, claim_resize_plugin, runtime_class_plugin,
    certificate_approval_plugin, certificate_signing_plugin, certificate_subject_plugin, default_ingress_class_plugin,
    mutating_policy_plugin, mutating_webhook_plugin, validating_policy_plugin, validating_webhook_plugin,
    node_features_plugin, topology_labels_plugin, resource_quota_plugin;

/* What the server's part holds. */
struct admission {
	struct admission_config c;
	struct list waiting; /* struct admit.link */
	struct quota_book *quotas;
	struct http_client *http; /* to webhooks */
	struct hook_metrics *hook_metrics;
};

/* The chain stops here until admit_resume(), which comes from the loop. cancel: the server stops; whatever was started for
 * a is to be forgotten (admit_resume() is not called any more). */
void admit_suspend(struct admit *a, void *waiting, void (*cancel)(struct admit *a));
void admit_resume(struct admit *a, json_t *status);

/* 403 with the words of the original for a refusal: pods "x" is forbidden: ... */
json_t *admit_forbidden(const struct admit *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The name for messages: the object's, what it is generated from, or "Unknown!". */
const char *admit_name(const struct admit *a);
bool admit_is_kind(const struct admit *a, const char *group, const char *kind);
void admit_warn(const struct admit *a, const char *text);
void admit_annotate(const struct admit *a, const char *key, const char *value);

/* The bucket of a kind; NULL where it is not served. */
struct bucket *admission_bucket(const struct admission *n, const char *group, const char *version, const char *plural);
/* One object of it. Returns owned, NULL when absent. */
json_t *admission_get(const struct admission *n, const char *group, const char *version, const char *plural, const char *ns,
		      const char *name);
/* The same to look at only, which costs nothing when it was looked at before. Borrowed until the loop runs again. */
const json_t *admission_peek(const struct admission *n, const char *group, const char *version, const char *plural,
			     const char *ns, const char *name);
/* All objects of it in a namespace ("" for all), in order of names. Returns an owned array. */
json_t *admission_list(const struct admission *n, const char *group, const char *version, const char *plural, const char *ns);
/* The same to look at only: an owned array of values that are not to be changed. */
json_t *admission_peek_list(const struct admission *n, const char *group, const char *version, const char *plural, const char *ns);

#endif
