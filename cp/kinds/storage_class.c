/* Rules of what storage.k8s.io says of classes, drivers and attachments. */
#include <string.h>

#include "api/names.h"
#include "api/quantity.h"
#include "base/json.h"
#include "base/map.h"
#include "base/str.h"
#include "cp/kinds/error_order.h"
#include "cp/kinds/gated_fields.h"
#include "cp/kinds/go_value.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/rule.h"
#include "cp/kinds/storage.h"

#define STORAGE "storage.k8s.io"
enum {
	PARAMETERS_MAX = 512,
	PARAMETERS_BYTES_MAX = 256 * 1024,
	ATTACH_BYTES_MAX = 256 * 1024,
	ERROR_BYTES_MAX = 1024,
	NODE_ID_MAX = 256
};

/* A class is for good: what it says may not change. */
static void validate_fixed(const json_t *obj, const json_t *old, const char *const *fields, struct field_errors *errors)
{
	for (; old && *fields; fields++) {
		const json_t *now = json_object_get(obj, *fields), *was = json_object_get(old, *fields);
		if (now != was && !json_equal(now, was))
			field_forbidden(errors, *fields, "updates to %s are forbidden.", *fields);
	}
}

static void validate_parameters(const json_t *parameters, bool needed, struct field_errors *errors)
{
	size_t bytes = 0;
	const char *key;
	json_t *v;

	if (json_object_size(parameters) > PARAMETERS_MAX) {
		field_too_long(errors, "parameters", PARAMETERS_MAX);
		return;
	}
	json_object_foreach((json_t *)parameters, key, v)
	{
		AUTO_JSON *none = json_string("");
		if (!*key)
			field_invalid(errors, "parameters", none, "field can not be empty.");
		bytes += strlen(key) + json_string_length(v);
	}
	if (bytes > PARAMETERS_BYTES_MAX)
		field_too_long(errors, "parameters", PARAMETERS_BYTES_MAX);
	if (needed && !json_object_size(parameters))
		field_required(errors, "parameters", "must contain at least one key/value pair");
}

/* A driver's name where classes have it: a qualified name, in whatever case. The table asks for it. */
static void validate_provisioner(const json_t *class, const char *key, struct field_errors *errors)
{
	AUTO_FREE char *lower = xstrdup(json_str_or(class, key, ""));

	for (char *c = lower; *c; c++)
		*c = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
	if (*lower)
		validate_name(lower, key, name_check_qualified, errors);
}

/* --- storage classes ------------------------------------------------------------------------------------------------- */

static bool same_values(const json_t *a, const json_t *b)
{
	size_t i, k;
	json_t *x, *y;

	json_array_foreach(a, i, x)
	{
		bool found = false;
		json_array_foreach(b, k, y) found |= json_equal(x, y);
		if (!found)
			return false;
	}
	return json_array_size(a) == json_array_size(b);
}

static void validate_topology_term(const json_t *term, const char *path, struct field_errors *errors)
{
	AUTO_MAP *keys = map_new(NULL);
	char p[FIELD_PATH_MAX];
	json_t *x, *v;
	size_t i, k;

	json_array_foreach(json_object_get(term, "matchLabelExpressions"), i, x)
	{
		AUTO_MAP *values = map_new(NULL);
		const char *key = json_str_or(x, "key", "");
		char at[FIELD_PATH_MAX];
		FIELD_PATH(at, "%s.matchLabelExpressions[%zu]", path, i);
		rule_required(x, at, "values", NULL, errors);
		json_array_foreach(json_object_get(x, "values"), k, v)
		{
			if (map_has(values, json_string_value(v)))
				field_duplicate(errors, FIELD_PATH(p, "%s.values[%zu]", at, k), v);
			map_set(values, json_string_value(v), v);
		}
		validate_name(key, FIELD_PATH(p, "%s.key", at), name_check_qualified, errors);
		if (map_has(keys, key))
			field_duplicate(errors, FIELD_PATH(p, "%s.key", at), json_object_get(x, "key"));
		map_set(keys, key, x);
	}
}

static void validate_topologies(const json_t *terms, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	json_t *term;
	size_t i;

	json_array_foreach(terms, i, term)
	{
		FIELD_PATH(p, "allowedTopologies[%zu]", i);
		validate_topology_term(term, p, errors);
		FIELD_PATH(p, "allowedTopologies[%zu].matchLabelExpressions", i);
		AUTO_JSON *none = json_string("");
		/* The reference holds a term of nothing against as many unfilled places as there are terms. */
		for (size_t k = 0; !json_array_size(json_object_get(term, "matchLabelExpressions")) && k < json_array_size(terms); k++)
			field_duplicate(errors, p, none);
		for (size_t k = 0; k < i; k++)
			if (same_values(json_object_get(term, "matchLabelExpressions"),
					json_object_get(json_array_get(terms, k), "matchLabelExpressions")))
				field_duplicate(errors, p, none);
	}
}

static void class_validate(const json_t *class, const json_t *old, struct field_errors *errors)
{
	static const char *const fixed[] = {"parameters", "provisioner", "reclaimPolicy", NULL};
	static const char *const order[] = {"metadata", "provisioner", "parameters", "reclaimPolicy", "volumeBindingMode", "allowedTopologies", NULL};

	validate_provisioner(class, "provisioner", errors);
	validate_parameters(json_object_get(class, "parameters"), false, errors);
	validate_topologies(json_object_get(class, "allowedTopologies"), errors);
	errors_order(errors, "", order);
	if (!old)
		return;
	validate_fixed(class, old, fixed, errors);
	rule_unchanged(class, old, "", "volumeBindingMode", errors);
}

const struct kind_ops storageclass_ops = {.group = STORAGE, .kind = "StorageClass", .validate = class_validate, .warn = storage_class_warn};

static void attributes_validate(const json_t *class, const json_t *old, struct field_errors *errors)
{
	static const char *const fixed[] = {"driverName", "parameters", NULL};
	size_t from;

	validate_provisioner(class, "driverName", errors);
	validate_parameters(json_object_get(class, "parameters"), true, errors);
	from = errors->n;
	validate_fixed(class, old, fixed, errors);
	if (old && from) { /* the reference looks at it again */
		AUTO_FIELD_ERRORS again = {.schema = errors->schema};
		validate_provisioner(class, "driverName", &again);
		validate_parameters(json_object_get(class, "parameters"), true, &again);
		field_errors_again(errors, &again);
	}
}

const struct kind_ops volumeattributesclass_ops = {.group = STORAGE, .kind = "VolumeAttributesClass", .validate = attributes_validate};

/* --- drivers --------------------------------------------------------------------------------------------------------- */

static void validate_tokens(const json_t *requests, struct field_errors *errors)
{
	AUTO_MAP *audiences = map_new(NULL);
	char p[FIELD_PATH_MAX];
	json_t *t;
	size_t i;

	json_array_foreach(requests, i, t)
	{
		const json_t *seconds = json_object_get(t, "expirationSeconds");
		const char *audience = json_str_or(t, "audience", "");
		AUTO_JSON *shown = json_string(audience);
		if (map_has(audiences, audience)) {
			field_duplicate(errors, FIELD_PATH(p, "spec.tokenRequests[%zu].audience", i), shown);
			continue;
		}
		map_set(audiences, audience, t);
		FIELD_PATH(p, "spec.tokenRequests[%zu].expirationSeconds", i);
		if (seconds && json_integer_value(seconds) < 600)
			field_invalid(errors, p, seconds, "may not specify a duration less than 10 minutes");
		if (seconds && json_integer_value(seconds) > 1LL << 32)
			field_invalid(errors, p, seconds, "may not specify a duration larger than 2^32 seconds");
	}
}

/* The reference tells it by another name. */
static void validate_attach_update(const json_t *spec, const json_t *old, struct field_errors *errors)
{
	const json_t *now = json_object_get(spec, "attachRequired"), *was = json_object_get(old, "attachRequired");

	if (now != was && !json_equal(now, was))
		field_invalid(errors, "spec.attachedRequired", now, "field is immutable");
}

static void driver_validate(const json_t *driver, const json_t *old, struct field_errors *errors)
{
	static const char *const modes[] = {"Persistent", "Ephemeral", NULL};
	static const char *const order[] = {"spec.fsGroupPolicy", "spec.tokenRequests", "spec.volumeLifecycleModes", "spec.nodeAllocatableUpdatePeriodSeconds",
					    "spec.serviceAccountTokenInSecrets", NULL};
	const json_t *spec = json_object_get(driver, "spec"), *period = json_object_get(spec, "nodeAllocatableUpdatePeriodSeconds");
	json_t *mode;
	size_t i;

	validate_tokens(json_object_get(spec, "tokenRequests"), errors);
	json_array_foreach(json_object_get(spec, "volumeLifecycleModes"), i, mode) if (!rule_is_one_of(json_string_value(mode), modes))
	    field_not_supported(errors, "spec.volumeLifecycleModes", mode, modes);
	if (period && json_integer_value(period) < 10)
		field_invalid(errors, "spec.nodeAllocatableUpdatePeriodSeconds", period, "must be greater than or equal to 10 seconds");
	if (json_bool_at(spec, "serviceAccountTokenInSecrets", false) && !json_array_size(json_object_get(spec, "tokenRequests")))
		field_invalid(errors, "spec.serviceAccountTokenInSecrets", json_object_get(spec, "serviceAccountTokenInSecrets"),
			      "must not be set when tokenRequests is empty");
	errors_order(errors, "", order);
	if (old) {
		validate_attach_update(spec, json_object_get(old, "spec"), errors);
		rule_unchanged(spec, json_object_get(old, "spec"), "spec", "volumeLifecycleModes", errors);
	}
}

static void driver_set_defaults(json_t *driver, const json_t *old)
{
	gated_driver_drop(json_object_get(driver, "spec"), json_object_get(old, "spec"));
}

const struct kind_ops csidriver_ops = {.group = STORAGE, .kind = "CSIDriver", .set_defaults = driver_set_defaults, .validate = driver_validate};

/* What is wrong with a key is told of the driver. */
static void validate_topology_keys(const json_t *keys, const char *path, struct field_errors *errors)
{
	AUTO_MAP *seen = map_new(NULL);
	json_t *v;
	size_t i;

	json_array_foreach(keys, i, v)
	{
		const char *text = json_string_value(v);
		if (!*text)
			field_required(errors, path, NULL);
		if (map_has(seen, text))
			field_duplicate(errors, path, v);
		map_set(seen, text, v);
		validate_name(text, path, name_check_qualified, errors);
	}
}

static void node_driver_validate(const json_t *d, const char *path, bool again, struct field_errors *errors)
{
	const json_t *count = json_at(d, "allocatable.count"), *id = json_object_get(d, "nodeID");
	char p[FIELD_PATH_MAX];

	csi_driver_name_validate(d, path, "name", errors);
	if (!json_string_length(id))
		field_required(errors, FIELD_PATH(p, "%s.nodeID", path), NULL);
	if (json_string_length(id) > NODE_ID_MAX)
		field_invalid(errors, FIELD_PATH(p, "%s.nodeID", path), id, "must be %d characters or less", NODE_ID_MAX);
	if (count && json_integer_value(count) < 0)
		field_invalid(errors, FIELD_PATH(p, "%s.allocatable.count", path), count, "must be greater than or equal to 0");
	if (again)
		field_duplicate(errors, FIELD_PATH(p, "%s.name", path), json_object_get(d, "name"));
	validate_topology_keys(json_object_get(d, "topologyKeys"), path, errors);
}

static json_t *without_allocatable(const json_t *driver)
{
	json_t *copy = json_copy((json_t *)driver);

	json_object_del(copy, "allocatable");
	return copy;
}

/* Of a driver that stays only how many volumes it takes may change. */
static void node_validate_update(const json_t *node, const json_t *old, struct field_errors *errors)
{
	json_t *before, *now;
	size_t i, k;

	json_array_foreach(json_at(old, "spec.drivers"), i, before) json_array_foreach(json_at(node, "spec.drivers"), k, now)
	{
		AUTO_JSON *was = without_allocatable(before), *is = without_allocatable(now);
		if (!str_eq(json_member(now, "name"), json_member(before, "name")) || json_equal(was, is))
			continue;
		AUTO_JSON *shown = go_shown(errors, "storage.v1.CSINodeDriver", is);
		field_invalid(errors, "spec.drivers", shown, "field is immutable");
	}
}

static void node_validate(const json_t *node, const json_t *old, struct field_errors *errors)
{
	AUTO_MAP *names = map_new(NULL);
	char p[FIELD_PATH_MAX];
	json_t *d;
	size_t i;

	json_array_foreach(json_at(node, "spec.drivers"), i, d)
	{
		const char *name = json_str_or(d, "name", "");
		FIELD_PATH(p, "spec.drivers[%zu]", i);
		node_driver_validate(d, p, map_has(names, name), errors);
		map_set(names, name, d);
	}
	if (!old)
		return;
	errors_repeat_body(errors); /* the reference looks at it twice */
	node_validate_update(node, old, errors);
}

const struct kind_ops csinode_ops = {.group = STORAGE, .kind = "CSINode", .validate = node_validate};

static void capacity_validate(const json_t *capacity, const json_t *old, struct field_errors *errors)
{
	const json_t *amount = json_object_get(capacity, "capacity");

	label_selector_validate(json_object_get(capacity, "nodeTopology"), "nodeTopology", errors);
	validate_name(json_str_or(capacity, "storageClassName", ""), "storageClassName", name_check_subdomain, errors);
	if (amount && quantity_sign(json_string_value(amount)) < 0)
		field_invalid(errors, "capacity", amount, "must be greater than or equal to 0");
	if (old) {
		rule_unchanged(capacity, old, "", "nodeTopology", errors);
		rule_unchanged(capacity, old, "", "storageClassName", errors);
	}
}

const struct kind_ops csistoragecapacity_ops = {.group = STORAGE, .kind = "CSIStorageCapacity", .validate = capacity_validate};

/* --- attachments ----------------------------------------------------------------------------------------------------- */

static void validate_attach_source(const json_t *source, struct field_errors *errors)
{
	static const char path[] = "spec.source";
	const json_t *inner = json_object_get(source, "inlineVolumeSpec");
	const char *name = json_member(source, "persistentVolumeName");

	if (!inner && !name)
		field_required(errors, path, "must specify exactly one of inlineVolumeSpec and persistentVolumeName");
	else if (inner && name)
		field_forbidden(errors, path, "must specify exactly one of inlineVolumeSpec and persistentVolumeName");
	else if (name && rule_required(source, path, "persistentVolumeName", "must specify non empty persistentVolumeName", errors))
		rule_name(source, path, "persistentVolumeName", name_check_subdomain, errors);
	else if (inner)
		volume_spec_validate(inner, "", true, "spec.source.inlineVolumeSpec", errors);
}

static void validate_attach_status(const json_t *attachment, struct field_errors *errors)
{
	static const char *const kinds[] = {"attachError", "detachError"};
	const json_t *status = json_object_get(attachment, "status");
	char p[FIELD_PATH_MAX];
	size_t bytes = 0;
	const char *key;
	json_t *v;

	json_object_foreach(json_object_get(status, "attachmentMetadata"), key, v) bytes += strlen(key) + json_string_length(v);
	if (bytes > ATTACH_BYTES_MAX)
		field_too_long(errors, "status.attachmentMetadata", ATTACH_BYTES_MAX);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		const json_t *error = json_object_get(status, kinds[i]);
		if (error && strlen(json_str_or(error, "message", "")) > ERROR_BYTES_MAX)
			field_too_long(errors, FIELD_PATH(p, "status.%s.message", kinds[i]), ATTACH_BYTES_MAX); /* as the reference tells it */
		const json_t *code = json_object_get(error, "errorCode");
		if (code && json_integer_value(code) < 0)
			field_invalid(errors, FIELD_PATH(p, "status.%s.errorCode", kinds[i]), code, "must be between 0 and 2147483647, inclusive");
	}
}

static void attachment_validate(const json_t *attachment, const json_t *old, struct field_errors *errors)
{
	const json_t *spec = json_object_get(attachment, "spec");

	csi_driver_name_validate(spec, "spec", "attacher", errors);
	validate_attach_source(json_object_get(spec, "source"), errors);
	validate_name(json_str_or(spec, "nodeName", ""), "spec.nodeName", name_check_subdomain, errors);
	validate_attach_status(attachment, errors);
	if (!old)
		return;
	errors_repeat_body(errors); /* the reference looks at it twice */
	validate_immutable_as(attachment, old, "spec", "storage.v1.VolumeAttachmentSpec", errors);
}

static void attachment_prepare_create(json_t *attachment)
{
	json_object_set_new(attachment, "status", json_pack("{s:b}", "attached", 0));
}

static void attachment_validate_status(const json_t *attachment, const json_t *old, struct field_errors *errors)
{
	(void)old;
	validate_attach_status(attachment, errors);
}

const struct kind_ops volumeattachment_ops = {.group = STORAGE,
					      .kind = "VolumeAttachment",
					      .prepare_create = attachment_prepare_create,
					      .prepare_update = kind_keep_status,
					      .prepare_status = kind_keep_spec,
					      .validate = attachment_validate,
					      .validate_status = attachment_validate_status,
					      .has_status = true};
