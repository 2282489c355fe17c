/* The configuration that `knarr-oci spec` writes: a shell in all namespaces, few capabilities, masked /proc.
 *
 * What always holds: the text below is a complete, valid configuration of its own. */
#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/json.h"
#include "runtime/container.h"

#define CAPS "[\"CAP_AUDIT_WRITE\", \"CAP_KILL\", \"CAP_NET_BIND_SERVICE\"]"

static const char example[] =
	"{ \"ociVersion\": \"" CONTAINER_SPEC_VERSION "\","
	" \"process\": { \"terminal\": true, \"user\": { \"uid\": 0, \"gid\": 0 }, \"args\": [ \"sh\" ],"
	"  \"env\": [ \"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\", \"TERM=xterm\" ],"
	"  \"cwd\": \"/\","
	"  \"capabilities\": { \"bounding\": " CAPS ", \"effective\": " CAPS ", \"permitted\": " CAPS " },"
	"  \"rlimits\": [ { \"type\": \"RLIMIT_NOFILE\", \"hard\": 1024, \"soft\": 1024 } ],"
	"  \"noNewPrivileges\": true },"
	" \"root\": { \"path\": \"rootfs\", \"readonly\": true },"
	" \"hostname\": \"knarr\","
	" \"mounts\": ["
	"  { \"destination\": \"/proc\", \"type\": \"proc\", \"source\": \"proc\" },"
	"  { \"destination\": \"/dev\", \"type\": \"tmpfs\", \"source\": \"tmpfs\","
	"    \"options\": [ \"nosuid\", \"strictatime\", \"mode=755\", \"size=65536k\" ] },"
	"  { \"destination\": \"/dev/pts\", \"type\": \"devpts\", \"source\": \"devpts\","
	"    \"options\": [ \"nosuid\", \"noexec\", \"newinstance\", \"ptmxmode=0666\", \"mode=0620\", \"gid=5\" ] },"
	"  { \"destination\": \"/dev/shm\", \"type\": \"tmpfs\", \"source\": \"shm\","
	"    \"options\": [ \"nosuid\", \"noexec\", \"nodev\", \"mode=1777\", \"size=65536k\" ] },"
	"  { \"destination\": \"/dev/mqueue\", \"type\": \"mqueue\", \"source\": \"mqueue\","
	"    \"options\": [ \"nosuid\", \"noexec\", \"nodev\" ] },"
	"  { \"destination\": \"/sys\", \"type\": \"sysfs\", \"source\": \"sysfs\","
	"    \"options\": [ \"nosuid\", \"noexec\", \"nodev\", \"ro\" ] },"
	"  { \"destination\": \"/sys/fs/cgroup\", \"type\": \"cgroup\", \"source\": \"cgroup\","
	"    \"options\": [ \"nosuid\", \"noexec\", \"nodev\", \"relatime\", \"ro\" ] } ],"
	" \"linux\": { \"resources\": { \"devices\": [ { \"allow\": false, \"access\": \"rwm\" } ] },"
	"  \"namespaces\": [ { \"type\": \"pid\" }, { \"type\": \"network\" }, { \"type\": \"ipc\" }, { \"type\": \"uts\" },"
	"    { \"type\": \"mount\" } ],"
	"  \"maskedPaths\": [ \"/proc/acpi\", \"/proc/asound\", \"/proc/kcore\", \"/proc/keys\", \"/proc/latency_stats\","
	"    \"/proc/timer_list\", \"/proc/timer_stats\", \"/proc/sched_debug\", \"/sys/firmware\", \"/proc/scsi\" ],"
	"  \"readonlyPaths\": [ \"/proc/bus\", \"/proc/fs\", \"/proc/irq\", \"/proc/sys\", \"/proc/sysrq-trigger\" ] } }";

/* Options that name an id are of no use where only one is mapped. */
static json_t *without_ids(const json_t *options)
{
	json_t *kept = json_array();
	size_t i;
	json_t *o;
	json_array_foreach(options, i, o)
	{
		const char *text = json_string_value(o);
		if (!str_has_prefix(text, "gid=") && !str_has_prefix(text, "uid="))
			json_array_append(kept, o);
	}
	return kept;
}

/* An ordinary user: a user namespace with one id, no network of its own, no limits, the host's /sys bound. The cgroup
 * mount stays: it covers the host's, which would be writable below /sys. */
static void make_rootless(json_t *j)
{
	json_t *linux_ = json_object_get(j, "linux"), *namespaces = json_object_get(linux_, "namespaces");
	json_array_append_new(namespaces, json_pack("{s:s}", "type", "user"));
	json_array_remove(namespaces, 1);
	json_object_del(linux_, "resources");
	json_object_set_new(linux_, "uidMappings",
			    json_pack("[{s:i, s:i, s:i}]", "containerID", 0, "hostID", (int)geteuid(), "size", 1));
	json_object_set_new(linux_, "gidMappings",
			    json_pack("[{s:i, s:i, s:i}]", "containerID", 0, "hostID", (int)getegid(), "size", 1));
	size_t i;
	json_t *m;
	json_array_foreach(json_object_get(j, "mounts"), i, m)
	{
		if (str_eq(json_str_at(m, "destination"), "/sys")) {
			json_set_str(m, "type", "none");
			json_set_str(m, "source", "/sys");
			json_set_at(m, "options", json_pack("[s,s,s,s,s]", "rbind", "nosuid", "noexec", "nodev", "ro"));
		} else if (json_object_get(m, "options")) {
			json_set_at(m, "options", without_ids(json_object_get(m, "options")));
		}
	}
}

/* On v1 a container without a cgroup namespace sees what other tools expect there. */
static void add_cgroup_namespace(json_t *j)
{
	struct statfs fs;
	if (statfs("/sys/fs/cgroup", &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC)
		json_array_append_new(json_at(j, "linux.namespaces"), json_pack("{s:s}", "type", "cgroup"));
}

json_t *container_spec_example(bool rootless)
{
	json_t *j = NULL;
	if (json_parse(example, strlen(example), &j, NULL) < 0)
		return NULL;
	add_cgroup_namespace(j);
	if (rootless)
		make_rootless(j);
	return j;
}
