/* Rows of kinds whose columns are members of the object: workloads, storage, nodes' classes. Nothing fails. */
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "cp/kinds/table_cells.h"

#define CONTAINERS(at)                                                                                                 \
	{"Containers", "string", "", 1, "Names of the containers in the template", cell_container_names, at},          \
	{                                                                                                              \
		"Images", "string", "", 1, "Images of the containers in the template", cell_container_images, at       \
	}

static void add_members(json_t *row, const json_t *object, const char *path, const char *member)
{
	AUTO_STR text = STR_INIT;

	str_add_members(&text, json_at(object, path), member);
	row_add(row, str_text(&text));
}

static void cell_container_names(json_t *row, const json_t *object, const char *path, int64_t now_ms)
{
	(void)now_ms;
	add_members(row, object, path, "name");
}

static void cell_container_images(json_t *row, const json_t *object, const char *path, int64_t now_ms)
{
	(void)now_ms;
	add_members(row, object, path, "image");
}

/* "1/3": ready of wanted. */
static void cell_ready(json_t *row, const json_t *object, const char *path, int64_t now_ms)
{
	AUTO_FREE char *text = xasprintf("%lld/%lld", (long long)json_int_at(object, "status.readyReplicas", 0),
					 (long long)json_int_at(object, path, 0));

	(void)now_ms;
	row_add(row, text);
}

static const struct table_column daemonset_columns[] = {
    COLUMN_NAME,
    {"Desired", "integer", "", 0, "Nodes that should run the pod", cell_int, "status.desiredNumberScheduled"},
    {"Current", "integer", "", 0, "Nodes that run it", cell_int, "status.currentNumberScheduled"},
    {"Ready", "integer", "", 0, "Nodes on which it is ready", cell_int, "status.numberReady"},
    {"Up-to-date", "integer", "", 0, "Nodes that run the current template", cell_int, "status.updatedNumberScheduled"},
    {"Available", "integer", "", 0, "Nodes on which it has been ready for long enough", cell_int, "status.numberAvailable"},
    {"Node Selector", "string", "", 0, "Labels of the nodes that are meant", cell_labels, "spec.template.spec.nodeSelector"},
    COLUMN_AGE,
    CONTAINERS("spec.template.spec.containers"),
    {"Selector", "string", "", 1, "Labels by which the daemon set finds its pods", cell_selector, "spec.selector"},
};
static const struct table_printer daemonsets = {.group = "apps", .plural = "daemonsets", COLUMNS(daemonset_columns)};

static const struct table_column statefulset_columns[] = {
    COLUMN_NAME,
    {"Ready", "string", "", 0, "Pods that are ready, of those wanted", cell_ready, "spec.replicas"},
    COLUMN_AGE,
    CONTAINERS("spec.template.spec.containers"),
};
static const struct table_printer statefulsets = {.group = "apps", .plural = "statefulsets", COLUMNS(statefulset_columns)};

static void cell_controller(json_t *row, const json_t *object, const char *path, int64_t now_ms)
{
	const json_t *owners = json_at(object, path);
	json_t *owner;
	size_t i;

	(void)now_ms;
	json_array_foreach(owners, i, owner)
	{
		if (!json_bool_at(owner, "controller", false))
			continue;
		const char *api = json_str_or(owner, "apiVersion", ""), *slash = strchr(api, '/');
		AUTO_FREE char *group = slash ? xstrndup(api, (size_t)(slash - api)) : xstrdup("");
		AUTO_FREE char *kind = xstrdup(json_str_or(owner, "kind", ""));
		for (char *p = kind; *p; p++)
			*p = *p >= 'A' && *p <= 'Z' ? (char)(*p + 32) : *p;
		AUTO_FREE char *text = xasprintf("%s%s%s/%s", kind, *group ? "." : "", group, json_str_or(owner, "name", ""));
		row_add(row, text);
		return;
	}
	row_add(row, "<none>");
}

static const struct table_column revision_columns[] = {
    COLUMN_NAME,
    {"Controller", "string", "", 0, "The workload that it is a state of", cell_controller, "metadata.ownerReferences"},
    {"Revision", "string", "", 0, "Its number", cell_int, "revision"},
    COLUMN_AGE,
};
static const struct table_printer revisions = {.group = "apps", .plural = "controllerrevisions", COLUMNS(revision_columns)};

static const struct table_column controller_columns[] = {
    COLUMN_NAME,
    {"Desired", "integer", "", 0, "Pods that are wanted", cell_int, "spec.replicas"},
    {"Current", "integer", "", 0, "Pods that exist", cell_int, "status.replicas"},
    {"Ready", "integer", "", 0, "Pods that are ready", cell_int, "status.readyReplicas"},
    COLUMN_AGE,
    CONTAINERS("spec.template.spec.containers"),
    {"Selector", "string", "", 1, "Labels by which the controller finds its pods", cell_labels, "spec.selector"},
};
static const struct table_printer controllers = {
    .group = "", .plural = "replicationcontrollers", COLUMNS(controller_columns)};

/* --- batch ------------------------------------------------------------------------------------------------------------- */

static bool has_condition(const json_t *object, const char *type)
{
	json_t *c;
	size_t i;

	json_array_foreach(json_at(object, "status.conditions"), i, c) if (str_eq(json_member(c, "type"), type) &&
									  str_eq(json_member(c, "status"), "True")) return true;
	return false;
}

static void cell_job_status(json_t *row, const json_t *job, const char *path, int64_t now_ms)
{
	(void)path;
	(void)now_ms;
	row_add(row, has_condition(job, "Complete")	   ? "Complete"
		     : has_condition(job, "Failed")	   ? "Failed"
		     : json_at(job, "metadata.deletionTimestamp") ? "Terminating"
		     : has_condition(job, "Suspended")	   ? "Suspended"
		     : has_condition(job, "FailureTarget") ? "FailureTarget"
		     : has_condition(job, "SuccessCriteriaMet") ? "SuccessCriteriaMet"
							   : "Running");
}

static void cell_completions(json_t *row, const json_t *job, const char *path, int64_t now_ms)
{
	long long done = json_int_at(job, "status.succeeded", 0), many = json_int_at(job, "spec.parallelism", 1);
	AUTO_FREE char *text = json_at(job, path) ? xasprintf("%lld/%lld", done, (long long)json_int_at(job, path, 0))
			       : many > 1	  ? xasprintf("%lld/1 of %lld", done, many)
						  : xasprintf("%lld/1", done);

	(void)now_ms;
	row_add(row, text);
}

static void cell_duration(json_t *row, const json_t *job, const char *path, int64_t now_ms)
{
	const char *start = json_str_at(job, path), *end = json_str_at(job, "status.completionTime");
	int64_t until_us = now_ms * 1000;

	if (!start || (end && rfc3339_parse(end, &until_us) < 0)) {
		row_add(row, "");
		return;
	}
	AUTO_FREE char *text = age_text(start, until_us / 1000);
	row_add(row, text);
}

static const struct table_column job_columns[] = {
    COLUMN_NAME,
    {"Status", "string", "", 0, "Whether it runs or how it ended", cell_job_status, NULL},
    {"Completions", "string", "", 0, "Pods that succeeded, of those wanted", cell_completions, "spec.completions"},
    {"Duration", "string", "", 0, "How long it ran or has been running", cell_duration, "status.startTime"},
    COLUMN_AGE,
    CONTAINERS("spec.template.spec.containers"),
    {"Selector", "string", "", 1, "Labels by which the job finds its pods", cell_selector, "spec.selector"},
};
static const struct table_printer jobs = {.group = "batch", .plural = "jobs", COLUMNS(job_columns)};

static void cell_since(json_t *row, const json_t *object, const char *path, int64_t now_ms)
{
	const char *time = json_str_at(object, path);
	AUTO_FREE char *text = time ? age_text(time, now_ms) : xstrdup("<none>");

	row_add(row, text);
}

/* "True" or "False": a word, though the column says boolean. */
static void cell_suspended(json_t *row, const json_t *object, const char *path, int64_t now_ms)
{
	(void)now_ms;
	row_add(row, json_at(object, path) ? json_bool_at(object, path, false) ? "True" : "False" : "<unset>");
}

static const struct table_column cronjob_columns[] = {
    COLUMN_NAME,
    {"Schedule", "string", "", 0, "When it runs, as cron says it", cell_text, "spec.schedule"},
    {"Timezone", "string", "", 0, "The schedule's time zone", cell_none, "spec.timeZone"},
    {"Suspend", "boolean", "", 0, "Whether it starts no more jobs", cell_suspended, "spec.suspend"},
    {"Active", "integer", "", 0, "Jobs that run now", cell_count, "status.active"},
    {"Last Schedule", "string", "", 0, "Time since the last start", cell_since, "status.lastScheduleTime"},
    COLUMN_AGE,
    CONTAINERS("spec.jobTemplate.spec.template.spec.containers"),
    {"Selector", "string", "", 1, "Labels by which its jobs find their pods", cell_selector, "spec.jobTemplate.spec.selector"},
};
static const struct table_printer cronjobs = {.group = "batch", .plural = "cronjobs", COLUMNS(cronjob_columns)};

/* --- storage ----------------------------------------------------------------------------------------------------------- */

/* "RWO,ROX": the initials that people know. */
static void cell_modes(json_t *row, const json_t *object, const char *path, int64_t now_ms)
{
	static const struct {
		const char *mode, *text;
	} names[] = {{"ReadWriteOnce", "RWO"}, {"ReadOnlyMany", "ROX"}, {"ReadWriteMany", "RWX"}, {"ReadWriteOncePod", "RWOP"}};
	AUTO_STR out = STR_INIT;

	(void)now_ms;
	for (size_t n = 0; n < ARRAY_LEN(names); n++)
		if (json_has_text(json_at(object, path), names[n].mode))
			str_addf(&out, "%s%s", out.len ? "," : "", names[n].text);
	row_add(row, str_text(&out));
}

static void cell_storage(json_t *row, const json_t *object, const char *path, int64_t now_ms)
{
	(void)now_ms;
	row_add(row, json_member(json_at(object, path), "storage"));
}

/* Of a claim: nothing before it has a volume. */
static void cell_capacity(json_t *row, const json_t *claim, const char *path, int64_t now_ms)
{
	const char *size = json_member(json_at(claim, path), "storage");

	(void)now_ms;
	row_add(row, str_empty(json_str_at(claim, "spec.volumeName")) ? "" : size ? size : "0");
}

static void cell_claim_modes(json_t *row, const json_t *claim, const char *path, int64_t now_ms)
{
	if (str_empty(json_str_at(claim, "spec.volumeName")))
		row_add(row, "");
	else
		cell_modes(row, claim, path, now_ms);
}

/* The class that an annotation of old names comes before the field. */
static void cell_storage_class(json_t *row, const json_t *object, const char *path, int64_t now_ms)
{
	const char *old = json_member(json_at(object, "metadata.annotations"), "volume.beta.kubernetes.io/storage-class");

	(void)now_ms;
	row_add(row, old ? old : json_str_at(object, path));
}

static void cell_phase(json_t *row, const json_t *object, const char *path, int64_t now_ms)
{
	(void)now_ms;
	row_add(row, json_at(object, "metadata.deletionTimestamp") ? "Terminating" : json_str_at(object, path));
}

static void cell_unset(json_t *row, const json_t *object, const char *path, int64_t now_ms)
{
	(void)now_ms;
	row_add_or(row, json_str_at(object, path), "<unset>");
}

static void cell_claim(json_t *row, const json_t *pv, const char *path, int64_t now_ms)
{
	const json_t *ref = json_at(pv, path);
	AUTO_FREE char *text = xasprintf("%s/%s", json_str_or(ref, "namespace", ""), json_str_or(ref, "name", ""));

	(void)now_ms;
	row_add(row, ref ? text : "");
}

static const struct table_column claim_columns[] = {
    COLUMN_NAME,
    {"Status", "string", "", 0, "Whether it is bound", cell_phase, "status.phase"},
    {"Volume", "string", "", 0, "The volume that it is bound to", cell_text, "spec.volumeName"},
    {"Capacity", "string", "", 0, "How much the volume holds", cell_capacity, "status.capacity"},
    {"Access Modes", "string", "", 0, "How many may mount it, and for what", cell_claim_modes, "status.accessModes"},
    {"StorageClass", "string", "", 0, "The class of storage", cell_storage_class, "spec.storageClassName"},
    {"VolumeAttributesClass", "string", "", 0, "The class of attributes", cell_unset, "spec.volumeAttributesClassName"},
    COLUMN_AGE,
    {"VolumeMode", "string", "", 1, "File system or block device", cell_unset, "spec.volumeMode"},
};
static const struct table_printer claims = {.group = "", .plural = "persistentvolumeclaims", COLUMNS(claim_columns)};

static const struct table_column volume_columns[] = {
    COLUMN_NAME,
    {"Capacity", "string", "", 0, "How much it holds", cell_storage, "spec.capacity"},
    {"Access Modes", "string", "", 0, "How many may mount it, and for what", cell_modes, "spec.accessModes"},
    {"Reclaim Policy", "string", "", 0, "What becomes of it without its claim", cell_text, "spec.persistentVolumeReclaimPolicy"},
    {"Status", "string", "", 0, "Whether it is bound", cell_phase, "status.phase"},
    {"Claim", "string", "", 0, "The claim that it is bound to", cell_claim, "spec.claimRef"},
    {"StorageClass", "string", "", 0, "The class of storage", cell_storage_class, "spec.storageClassName"},
    {"VolumeAttributesClass", "string", "", 0, "The class of attributes", cell_unset, "spec.volumeAttributesClassName"},
    {"Reason", "string", "", 0, "Why it is in this state", cell_text, "status.reason"},
    COLUMN_AGE,
    {"VolumeMode", "string", "", 1, "File system or block device", cell_unset, "spec.volumeMode"},
};
static const struct table_printer volumes = {.group = "", .plural = "persistentvolumes", COLUMNS(volume_columns)};

static void cell_class_name(json_t *row, const json_t *class, const char *path, int64_t now_ms)
{
	static const char *const marks[] = {"storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class",
					    "volumeattributesclass.alpha.kubernetes.io/is-default-class"};
	const json_t *notes = json_at(class, "metadata.annotations");
	bool chosen = false;
	for (size_t i = 0; i < ARRAY_LEN(marks); i++)
		chosen = chosen || str_eq(json_member(notes, marks[i]), "true");
	AUTO_FREE char *text = xasprintf("%s%s", json_str_or(class, path, ""), chosen ? " (default)" : "");

	(void)now_ms;
	row_add(row, text);
}

static const struct table_column class_columns[] = {
    {"Name", "string", "name", 0, "Name of the class", cell_class_name, "metadata.name"},
    {"Provisioner", "string", "", 0, "Who makes its volumes", cell_text, "provisioner"},
    {"ReclaimPolicy", "string", "", 0, "What becomes of a volume without its claim", cell_text, "reclaimPolicy"},
    {"VolumeBindingMode", "string", "", 0, "When volumes are made and bound", cell_text, "volumeBindingMode"},
    {"AllowVolumeExpansion", "string", "", 0, "Whether claims may grow", cell_bool, "allowVolumeExpansion"},
    COLUMN_AGE,
};
static const struct table_printer storageclasses = {
    .group = "storage.k8s.io", .plural = "storageclasses", COLUMNS(class_columns)};

static void cell_modes_of_life(json_t *row, const json_t *driver, const char *path, int64_t now_ms)
{
	AUTO_STR out = STR_INIT;
	json_t *mode;
	size_t i;

	(void)now_ms;
	json_array_foreach(json_at(driver, path), i, mode) str_addf(&out, "%s%s", i ? "," : "", json_string_value(mode));
	row_add_str(row, &out, "<none>");
}

static void cell_token_requests(json_t *row, const json_t *driver, const char *path, int64_t now_ms)
{
	AUTO_STR out = STR_INIT;
	json_t *request;
	size_t i;

	(void)now_ms;
	json_array_foreach(json_at(driver, path), i, request)
	    str_addf(&out, "%s%s", i ? "," : "", json_str_or(request, "audience", ""));
	row_add_str(row, &out, "<unset>");
}

static const struct table_column driver_columns[] = {
    COLUMN_NAME,
    {"AttachRequired", "boolean", "", 0, "Whether volumes are attached first", cell_bool, "spec.attachRequired"},
    {"PodInfoOnMount", "boolean", "", 0, "Whether the driver is told of the pod", cell_bool, "spec.podInfoOnMount"},
    {"StorageCapacity", "boolean", "", 0, "Whether it publishes its capacity", cell_bool, "spec.storageCapacity"},
    {"TokenRequests", "string", "", 0, "Audiences of the tokens it gets", cell_token_requests, "spec.tokenRequests"},
    {"RequiresRepublish", "boolean", "", 0, "Whether it is called again from time to time", cell_bool, "spec.requiresRepublish"},
    {"Modes", "string", "", 0, "Lives of volumes that it serves", cell_modes_of_life, "spec.volumeLifecycleModes"},
    COLUMN_AGE,
};
static const struct table_printer drivers = {.group = "storage.k8s.io", .plural = "csidrivers", COLUMNS(driver_columns)};

static const struct table_column csinode_columns[] = {
    COLUMN_NAME,
    {"Drivers", "integer", "", 0, "Drivers that the node has", cell_count, "spec.drivers"},
    COLUMN_AGE,
};
static const struct table_printer csinodes = {.group = "storage.k8s.io", .plural = "csinodes", COLUMNS(csinode_columns)};

static const struct table_column attachment_columns[] = {
    COLUMN_NAME,
    {"Attacher", "string", "name", 0, "Driver that attaches", cell_text, "spec.attacher"},
    {"PV", "string", "", 0, "The volume", cell_text, "spec.source.persistentVolumeName"},
    {"Node", "string", "", 0, "The node", cell_text, "spec.nodeName"},
    {"Attached", "boolean", "", 0, "Whether it is attached", cell_bool, "status.attached"},
    COLUMN_AGE,
};
static const struct table_printer attachments = {
    .group = "storage.k8s.io", .plural = "volumeattachments", COLUMNS(attachment_columns)};

static const struct table_column attributes_columns[] = {
    {"Name", "string", "name", 0, "Name of the class", cell_class_name, "metadata.name"},
    {"DriverName", "string", "", 0, "Driver that the attributes are for", cell_text, "driverName"},
    COLUMN_AGE,
};
static const struct table_printer attributes = {
    .group = "storage.k8s.io", .plural = "volumeattributesclasses", COLUMNS(attributes_columns)};

const struct table_printer *const table_plain[] = {
    &daemonsets, &statefulsets, &revisions,	   &controllers, &jobs,	    &cronjobs,	  &claims,
    &volumes,	 &storageclasses, &drivers, &csinodes,	 &attachments, &attributes, NULL,
};
