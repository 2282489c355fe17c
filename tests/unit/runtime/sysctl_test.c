/* Kernel parameters: names as paths, what each namespace allows. */
#include "runtime/sysctl.h"

#include <check.h>
#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "tests/unit/check_main.h"

START_TEST(test_path)
{
	static const char *const names[][2] = {
		{ "net.ipv4.ip_forward", "net/ipv4/ip_forward" },
		{ "net/ipv4/ip_forward", "net/ipv4/ip_forward" },
		{ "net.ipv4.conf.eth0/100.rp_filter", "net/ipv4/conf/eth0.100/rp_filter" },
		{ "net/ipv4/conf/eth0.100/rp_filter", "net/ipv4/conf/eth0.100/rp_filter" },
		{ "word", "word" },
	};
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		AUTO_FREE char *path = sysctl_path(names[i][0]);
		ck_assert_str_eq(path, names[i][1]);
	}
}
END_TEST

/* ns: the namespaces of the container's own, as bits. */
static int checked(const char *name, unsigned ns, struct err *e)
{
	AUTO_JSON *j = json_object();
	struct config c = { .sysctl = j };
	json_object_set_new(j, name, json_string("1"));
	for (int i = 0; i < NS_COUNT; i++)
		c.ns[i].wanted = ns >> i & 1;
	return sysctl_check(&c, !c.ns[NS_NET].wanted, e);
}

START_TEST(test_check)
{
	static const struct {
		const char *name;
		int ns;
	} cases[] = { { "net.ipv4.ip_forward", NS_NET }, { "net/core/somaxconn", NS_NET }, { "kernel.shmmax", NS_IPC },
		      { "fs.mqueue.msg_max", NS_IPC },   { "kernel.sem", NS_IPC },	   { "kernel.domainname", NS_UTS } };
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		ck_assert_int_eq(checked(cases[i].name, 1u << cases[i].ns, NULL), 0);
		ck_assert_int_eq(checked(cases[i].name, 0xffu & ~(1u << cases[i].ns), NULL), -EINVAL);
	}
}
END_TEST

START_TEST(test_refused)
{
	static const char *const names[][2] = {
		{ "kernel.hostname", "conflicts with the OCI \"hostname\" field" },
		{ "kernel.core_pattern", "not in a separate kernel namespace" },
		{ "kernel.semantics", "not in a separate kernel namespace" },
		{ "fs.mqueue", "not in a separate kernel namespace" },
		{ "vm.overcommit_memory", "not in a separate kernel namespace" },
		{ "net/../kernel/core_pattern", "is invalid" },
		{ "net.ipv4.//.//.kernel.core_pattern", "is invalid" },
		{ "/proc/sys/net/core/somaxconn", "is invalid" },
		{ "", "not in a separate kernel namespace" },
	};
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct err e = ERR_INIT;
		ck_assert_int_eq(checked(names[i][0], ~0u, &e), -EINVAL);
		ck_assert_msg(strstr(e.text, names[i][1]), "%s: %s", names[i][0], e.text);
	}
}
END_TEST

START_TEST(test_not_text)
{
	AUTO_JSON *j = json_pack("{s:i}", "net.ipv4.ip_forward", 1);
	struct config c = { .sysctl = j };
	c.ns[NS_NET].wanted = true;
	ck_assert_int_eq(sysctl_check(&c, false, NULL), -EINVAL);
}
END_TEST

START_TEST(test_host_net)
{
	AUTO_JSON *j = json_pack("{s:s}", "net.ipv4.ip_forward", "1");
	struct config c = { .sysctl = j };
	ck_assert_int_eq(sysctl_host_net(&c, NULL), 1);
	c.ns[NS_NET].wanted = true;
	ck_assert_int_eq(sysctl_host_net(&c, NULL), 0);
	c.ns[NS_NET].path = "/proc/self/ns/net";
	ck_assert_int_eq(sysctl_host_net(&c, NULL), 1);
	c.ns[NS_NET].path = "/proc/self/ns/uts";
	ck_assert_int_eq(sysctl_host_net(&c, NULL), 0);
	c.ns[NS_NET].path = "/proc/self/ns/none";
	ck_assert_int_eq(sysctl_host_net(&c, NULL), -ENOENT);
}
END_TEST

TESTS("runtime/sysctl", test_path, test_check, test_refused, test_not_text, test_host_net)
