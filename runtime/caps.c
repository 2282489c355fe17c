/* Capabilities by capset(2) and prctl(2).
 *
 * Happy path: bounding set cut, user changed, the other sets put in place. What can fail: a permitted capability that the
 * creator does not hold is left out rather than refused, as other runtimes do. What always holds: ambient is a subset of
 * permitted and inheritable, and the inheritable set is only what the configuration names. */
#include "runtime/caps.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "runtime/notice.h"

static const char *const names[] = {
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID",
	"CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_ADMIN",
	"CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT",
	"CAP_SYS_PTRACE", "CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE",
	"CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL",
	"CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND",
	"CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE",
};

int cap_number(const char *name)
{
	bool prefixed = !strncasecmp(name, "CAP_", 4);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (!strcasecmp(names[i] + (prefixed ? 0 : 4), name))
			return (int)i;
	return -EINVAL;
}

const char *cap_name(unsigned number)
{
	return number < ARRAY_LEN(names) ? names[number] : NULL;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add_unknown(char ***unknown, const char *name)
{
	if (strv_has(*unknown, name))
		return;
	strv_add(unknown, name);
	if (*unknown)
		qsort(*unknown, strv_len(*unknown), sizeof(char *), by_text);
}

int caps_parse(const json_t *list, uint64_t *ret, char ***unknown, struct err *e)
{
	uint64_t bits = 0;
	size_t i;
	json_t *v;
	if (list && !json_is_array(list) && !json_is_null(list))
		return err_set(e, -EINVAL, "capabilities are no array");
	json_array_foreach(list, i, v)
	{
		if (!json_is_string(v))
			return err_set(e, -EINVAL, "capability %zu is no string", i);
		int n = cap_number(json_string_value(v));
		if (n >= 0)
			bits |= 1ull << n;
		else
			add_unknown(unknown, json_string_value(v));
	}
	*ret = bits;
	return 0;
}

int caps_apply_bounding(const struct caps_conf *c, struct err *e)
{
	for (int i = 0; c->given && i < 64; i++) {
		if (c->bounding & (1ull << i))
			continue;
		if (prctl(PR_CAPBSET_DROP, i) == 0)
			continue;
		int code = errno, have = prctl(PR_CAPBSET_READ, i);
		if (have < 0)
			break; /* beyond the kernel's last */
		if (have)
			return err_code(e, -code, "drop bounding capability %d", i);
	}
	return 0;
}

static uint64_t held(void)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2] = { 0 };
	return syscall(SYS_capget, &h, d) < 0 ? 0 : d[0].permitted | (uint64_t)d[1].permitted << 32;
}

int caps_apply(const struct caps_conf *c, struct err *e)
{
	if (!c->given)
		return 0;
	uint64_t permitted = c->permitted & held(), effective = c->effective & permitted;
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2] = {
		{ (uint32_t)effective, (uint32_t)permitted, (uint32_t)c->inheritable },
		{ (uint32_t)(effective >> 32), (uint32_t)(permitted >> 32), (uint32_t)(c->inheritable >> 32) },
	};
	if (syscall(SYS_capset, &h, d) < 0) {
		/* Inheritable bits beyond what the bounding set or we hold cannot be taken; keep those that can. */
		d[0].inheritable &= (uint32_t)permitted;
		d[1].inheritable &= (uint32_t)(permitted >> 32);
		if (syscall(SYS_capset, &h, d) < 0)
			return err_sys(e, "set capabilities");
	}
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
		return err_sys(e, "clear ambient capabilities");
	/* One that is not permitted and inheritable cannot be ambient: the kernel says so, and it is left out. */
	for (unsigned i = 0; i < ARRAY_LEN(names); i++)
		if (c->ambient & (1ull << i) && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0) < 0)
			notice_warn("can't raise ambient capability %s: %s", names[i], err_reason(errno));
	return 0;
}
