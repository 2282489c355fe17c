/* What a pod of one operating system may not say that belongs to the other, host processes, and user namespaces. */
#include <string.h>

#include "base/json.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/pod_rules.h"
#include "cp/kinds/rule.h"

#define NOT_ON_WINDOWS "cannot be set for a windows pod"
#define NOT_ON_LINUX "windows options cannot be set for a linux pod"

static void container_of_linux(const struct pod_rules *r, const json_t *container, const char *path, void *arg)
{
	char p[FIELD_PATH_MAX];

	(void)arg;
	rule_forbidden(json_object_get(container, "securityContext"), FIELD_PATH(p, "%s.securityContext", path), "windowsOptions",
		       NOT_ON_LINUX, r->errors);
}

static void container_of_windows(const struct pod_rules *r, const json_t *container, const char *path, void *arg)
{
	static const char *const no[] = {"appArmorProfile", "seLinuxOptions", "seccompProfile",		"capabilities",
					 "readOnlyRootFilesystem",	"privileged", "allowPrivilegeEscalation", "procMount",
					 "runAsUser",	    "runAsGroup"};
	char p[FIELD_PATH_MAX];

	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(no); i++)
		rule_forbidden(json_object_get(container, "securityContext"), FIELD_PATH(p, "%s.securityContext", path), no[i],
			       NOT_ON_WINDOWS, r->errors);
}

static void windows_pod(const struct pod_rules *r)
{
	static const char *const of_context[] = {"appArmorProfile", "seLinuxOptions", "seccompProfile", "fsGroup", "fsGroupChangePolicy",
						 "sysctls", "runAsUser", "runAsGroup", "supplementalGroups",
						 "supplementalGroupsPolicy", "seLinuxChangePolicy"};
	static const char *const of_spec[] = {"hostUsers", "hostPID", "hostIPC", "shareProcessNamespace"};
	char p[FIELD_PATH_MAX];

	for (size_t i = 0; i < ARRAY_LEN(of_context); i++)
		rule_forbidden(json_object_get(r->spec, "securityContext"), FIELD_PATH(p, "%s.securityContext", r->path), of_context[i],
			       NOT_ON_WINDOWS, r->errors);
	for (size_t i = 0; i < ARRAY_LEN(of_spec); i++)
		rule_forbidden(r->spec, r->path, of_spec[i], NOT_ON_WINDOWS, r->errors);
	pod_each_container(r, container_of_windows, NULL);
}

/* --- host processes -------------------------------------------------------------------------------------------------- */

struct host_processes {
	const json_t *pod; /* the pod's own setting */
	size_t containers, host;
};

static void count_host_process(const struct pod_rules *r, const json_t *container, const char *path, void *arg)
{
	struct host_processes *h = arg;
	const json_t *own = json_at(container, "securityContext.windowsOptions.hostProcess");
	char p[FIELD_PATH_MAX];

	h->containers++;
	h->host += json_is_true(own ? own : h->pod);
	if (own && h->pod && json_is_true(own) != json_is_true(h->pod))
		field_invalid(r->errors, FIELD_PATH(p, "%s.securityContext.windowsOptions.hostProcess", path), own,
			      "pod hostProcess value must be identical if both are specified, was %s", json_is_true(h->pod) ? "true" : "false");
}

static void validate_host_processes(const struct pod_rules *r)
{
	struct host_processes h = {.pod = json_at(r->spec, "securityContext.windowsOptions.hostProcess")};
	AUTO_JSON *none = json_string(""), *no = json_false();
	char p[FIELD_PATH_MAX];

	pod_each_container(r, count_host_process, &h);
	if (!h.host)
		return;
	if (h.host != h.containers)
		field_invalid(r->errors, r->path, none,
			      "If pod contains any hostProcess containers then all containers must be HostProcess containers");
	if (!json_bool_at(r->spec, "hostNetwork", false))
		field_invalid(r->errors, FIELD_PATH(p, "%s.hostNetwork", r->path), no,
			      "hostNetwork must be true if pod contains any hostProcess containers");
}

/* The owner of a raw device cannot be mapped. */
static void container_of_own_users(const struct pod_rules *r, const json_t *container, const char *path, void *arg)
{
	char p[FIELD_PATH_MAX];

	(void)arg;
	if (json_array_size(json_object_get(container, "volumeDevices")))
		field_forbidden(r->errors, FIELD_PATH(p, "%s.volumeDevices", path), "when `hostUsers` is false");
}

/* Users of their own go together with no other namespace of the host. */
static void validate_host_users(const struct pod_rules *r)
{
	static const struct {
		const char *key, *shown;
	} no[] = {{"hostNetwork", "hostNetwork"}, {"hostPID", "HostPID"}, {"hostIPC", "HostIPC"}};
	char p[FIELD_PATH_MAX];

	if (json_bool_at(r->spec, "hostUsers", true))
		return;
	for (size_t i = 0; i < ARRAY_LEN(no); i++)
		if (json_bool_at(r->spec, no[i].key, false))
			field_forbidden(r->errors, FIELD_PATH(p, "%s.%s", r->path, no[i].shown), "when `hostUsers` is false");
	pod_each_container(r, container_of_own_users, NULL);
}

void pod_os_validate(const struct pod_rules *r)
{
	static const char *const systems[] = {"linux", "windows", NULL};
	const char *os = json_str_or(r->spec, "os.name", "");
	char p[FIELD_PATH_MAX];

	validate_host_processes(r);
	validate_host_users(r);
	if (!strcmp(os, "linux")) {
		rule_forbidden(json_object_get(r->spec, "securityContext"), FIELD_PATH(p, "%s.securityContext", r->path), "windowsOptions",
			       NOT_ON_LINUX, r->errors);
		pod_each_container(r, container_of_linux, NULL);
	} else if (!strcmp(os, "windows")) {
		windows_pod(r);
	} else if (*os) {
		field_not_supported(r->errors, FIELD_PATH(p, "%s.os", r->path), json_at(r->spec, "os.name"), systems);
	}
}
