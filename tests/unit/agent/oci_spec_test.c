#include "tests/unit/agent/pods.h"

#include <errno.h>

#include "agent/oci_spec.h"
#include "base/mem.h"

static json_t *spec_of(const char *container, const char *pod_members, uint32_t uid, const json_t *image)
{
	AUTO_FREE char *members = xasprintf("%s'containers':[%s]", pod_members, container);
	AUTO_JSON *pod = pod_object(members);
	AUTO_MAP *env = map_new(free);
	map_set(env, "A", xstrdup("val"));
	uint32_t groups[] = {10, 20};
	struct oci_in in = {.pod = pod,
			    .container = json_array_get(json_at(pod, "spec.containers"), 0),
			    .image = image,
			    .env = env,
			    .uid = uid,
			    .gid = 5,
			    .groups = groups,
			    .n_groups = 2,
			    .rootfs = "/r",
			    .cgroup = "/knarr/pods/u/c",
			    .netns = "/run/netns/x",
			    .pause_pid = 77,
			    .hostname = "p",
			    .oom_floor = -500,
			    .node_memory_bytes = 1LL << 30};
	json_t *o = NULL;
	struct err e = ERR_INIT;
	ck_assert_msg(oci_spec_container(&in, &o, &e) == 0, "%s", err_text(&e));
	return o;
}

static bool has(const json_t *list, const char *text)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (str_eq(json_string_value(json_array_get(list, i)), text))
			return true;
	return false;
}

static const json_t *namespace_of(const json_t *spec, const char *type)
{
	const json_t *list = json_at(spec, "linux.namespaces");
	for (size_t i = 0; i < json_array_size(list); i++)
		if (str_eq(json_str_at(json_array_get(list, i), "type"), type))
			return json_array_get(list, i);
	return NULL;
}

START_TEST(plain)
{
	AUTO_JSON *image = json_pack("{s:[s],s:[s],s:[s,s],s:s}", "Entrypoint", "/e", "Cmd", "x", "Env", "A=image",
				     "PATH=/bin", "WorkingDir", "/w");
	AUTO_JSON *o = spec_of("{'name':'c','args':['$(A)']}", "", 0, image);
	ck_assert_str_eq(json_string_value(json_array_get(json_at(o, "process.args"), 0)), "/e");
	ck_assert_str_eq(json_string_value(json_array_get(json_at(o, "process.args"), 1)), "val");
	ck_assert(has(json_at(o, "process.env"), "A=val") && has(json_at(o, "process.env"), "PATH=/bin"));
	ck_assert(!has(json_at(o, "process.env"), "A=image") && has(json_at(o, "process.env"), "HOSTNAME=p"));
	ck_assert_str_eq(json_str_at(o, "process.cwd"), "/w");
	ck_assert_uint_eq(json_array_size(json_at(o, "process.capabilities.effective")), 14);
	ck_assert_str_eq(json_str_at(namespace_of(o, "network"), "path"), "/run/netns/x");
	ck_assert_str_eq(json_str_at(namespace_of(o, "ipc"), "path"), "/proc/77/ns/ipc");
	ck_assert(namespace_of(o, "pid") && !json_str_at(namespace_of(o, "pid"), "path"));
	ck_assert_str_eq(json_member(json_object_get(o, "annotations"), "io.knarr.seccomp"), "runtime/default");
	ck_assert_int_eq(json_int_at(o, "process.oomScoreAdj", 0), 1000);
	ck_assert(has(json_at(o, "linux.maskedPaths"), "/proc/kcore"));
	ck_assert(!json_bool_at(o, "process.noNewPrivileges", true));
}
END_TEST

START_TEST(command_drops_image_arguments)
{
	AUTO_JSON *image = json_pack("{s:[s],s:[s]}", "Entrypoint", "/e", "Cmd", "x");
	AUTO_JSON *o = spec_of("{'name':'c','command':['/own']}", "", 0, image);
	ck_assert_uint_eq(json_array_size(json_at(o, "process.args")), 1);
}
END_TEST

START_TEST(least_privilege)
{
	AUTO_JSON *o = spec_of("{'name':'c','command':['x'],'securityContext':{'allowPrivilegeEscalation':false,"
			       "'readOnlyRootFilesystem':true,'capabilities':{'drop':['ALL'],'add':['NET_ADMIN']},"
			       "'seccompProfile':{'type':'Unconfined'}}}",
			       "'securityContext':{'fsGroup':99,'supplementalGroups':[7]},", 0, NULL);
	const json_t *caps = json_at(o, "process.capabilities.bounding");
	ck_assert(json_array_size(caps) == 1 && has(caps, "CAP_NET_ADMIN"));
	ck_assert(json_bool_at(o, "process.noNewPrivileges", false) && json_bool_at(o, "root.readonly", false));
	ck_assert_str_eq(json_member(json_object_get(o, "annotations"), "io.knarr.seccomp"), "unconfined");
	ck_assert_uint_eq(json_array_size(json_at(o, "process.user.additionalGids")), 5);
	AUTO_JSON *user = spec_of("{'name':'c','command':['x']}", "", 1000, NULL);
	ck_assert_uint_eq(json_array_size(json_at(user, "process.capabilities.effective")), 0);
	ck_assert_uint_eq(json_array_size(json_at(user, "process.capabilities.bounding")), 14);
}
END_TEST

START_TEST(privileged_and_host_namespaces)
{
	AUTO_JSON *o = spec_of("{'name':'c','command':['x'],'securityContext':{'privileged':true}}",
			       "'hostPID':true,'hostIPC':true,", 0, NULL);
	ck_assert_uint_gt(json_array_size(json_at(o, "process.capabilities.bounding")), 38);
	ck_assert(!json_at(o, "linux.maskedPaths") && !namespace_of(o, "pid") && !namespace_of(o, "ipc"));
	AUTO_JSON *shared = spec_of("{'name':'c','command':['x']}", "'shareProcessNamespace':true,", 0, NULL);
	ck_assert_str_eq(json_str_at(namespace_of(shared, "pid"), "path"), "/proc/77/ns/pid");
}
END_TEST

START_TEST(resources)
{
	AUTO_JSON *o = spec_of(
	    "{'name':'c','command':['x'],'resources':{'limits':{'cpu':'500m','memory':'64Mi','hugepages-2Mi':'4Mi'},"
	    "'requests':{'cpu':'250m'}}}",
	    "", 0, NULL);
	ck_assert_int_eq(json_int_at(o, "linux.resources.cpu.shares", 0), 256);
	ck_assert_int_eq(json_int_at(o, "linux.resources.cpu.quota", 0), 50000);
	ck_assert_int_eq(json_int_at(o, "linux.resources.memory.limit", 0), 64 << 20);
	const json_t *huge = json_array_get(json_at(o, "linux.resources.hugepageLimits"), 0);
	ck_assert_str_eq(json_str_at(huge, "pageSize"), "2MB");
	ck_assert_int_eq(json_int_at(o, "process.oomScoreAdj", 0), 938);
	AUTO_JSON *pod = pod_object("'containers':[{'name':'a','resources':{'limits':{'cpu':'1','memory':'1Mi'}}},"
				    "{'name':'b','resources':{'limits':{'memory':'2Mi'}}}]");
	AUTO_JSON *all = oci_pod_resources(pod);
	ck_assert_int_eq(json_int_at(all, "memory.limit", 0), 3 << 20);
	ck_assert(!json_at(all, "cpu.quota"));
	ck_assert_int_eq(json_int_at(all, "cpu.shares", 0), 1024);
}
END_TEST

START_TEST(users)
{
	AUTO_JSON *image = json_pack("{s:s}", "User", "www:grp");
	AUTO_JSON *pod =
	    pod_object("'securityContext':{'runAsGroup':3000,'runAsNonRoot':true},'containers':[{'name':'c'}]");
	const json_t *c = json_array_get(json_at(pod, "spec.containers"), 0);
	AUTO_FREE char *user = oci_user(pod, c, image);
	ck_assert_str_eq(user, "www:3000");
	struct err e = ERR_INIT;
	ck_assert_int_eq(oci_check_nonroot(pod, c, "www", 33, &e), -EACCES);
	ck_assert(strstr(err_text(&e), "non-numeric user (www)"));
	ck_assert_int_eq(oci_check_nonroot(pod, c, "0", 0, &e), -EACCES);
	ck_assert_int_eq(oci_check_nonroot(pod, c, "1000", 1000, &e), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    plain, command_drops_image_arguments, least_privilege, privileged_and_host_namespaces, resources, users};
	return run_suite("oci_spec", tests, ARRAY_LEN(tests));
}
