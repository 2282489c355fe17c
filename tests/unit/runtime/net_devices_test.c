/* Names of network devices, and the parts of rtnetlink messages. */
#include "runtime/net_devices.h"

#include <check.h>
#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "runtime/rtnl.h"
#include "tests/unit/check_main.h"

static int check_text(const char *text, bool has_net_ns, struct err *e)
{
	AUTO_JSON *j = json_loads(text, JSON_DECODE_ANY, NULL);
	ck_assert_ptr_nonnull(j);
	return net_devices_check(j, has_net_ns, e);
}

START_TEST(test_names)
{
	static const char *const good[] = { "null", "{}", "{\"eth0\":{}}", "{\"eth0\":{\"name\":\"\"}}",
					    "{\"a23456789012345\":{\"name\":\"eth0.1@x\"}}" };
	static const char *const bad[] = { "[]",
					   "{\"\":{}}",
					   "{\".\":{}}",
					   "{\"..\":{}}",
					   "{\"a/b\":{}}",
					   "{\"a:b\":{}}",
					   "{\"a b\":{}}",
					   "{\"a234567890123456\":{}}",
					   "{\"eth0\":{\"name\":\"..\"}}",
					   "{\"eth0\":{\"name\":\"a234567890123456\"}}" };
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		ck_assert_msg(check_text(good[i], true, NULL) == 0, "%s", good[i]);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_msg(check_text(bad[i], true, NULL) == -EINVAL, "%s", bad[i]);
}
END_TEST

START_TEST(test_namespace)
{
	struct err e = ERR_INIT;
	ck_assert_int_eq(check_text("{}", false, &e), 0);
	ck_assert_int_eq(check_text("{\"eth0\":{}}", false, &e), -EINVAL);
	ck_assert_str_eq(e.text, "unable to move network devices without a NET namespace");
}
END_TEST

START_TEST(test_request)
{
	struct rtnl_request q;
	struct rtmsg body = { .rtm_family = 2 };
	static const char data[300];
	rtnl_begin(&q, RTM_GETLINK, NLM_F_DUMP, &body, sizeof(body));
	rtnl_attr(&q, 3, "eth0", 5);
	ck_assert_uint_eq(q.h.nlmsg_len, NLMSG_LENGTH(sizeof(body)) + RTA_LENGTH(5));
	rtnl_attr(&q, 4, "x", 2);
	ck_assert_uint_eq(q.h.nlmsg_len, NLMSG_LENGTH(sizeof(body)) + RTA_SPACE(5) + RTA_LENGTH(2));
	ck_assert_uint_eq(q.h.nlmsg_flags, NLM_F_REQUEST | NLM_F_DUMP);
	for (int i = 0; i < 4; i++)
		rtnl_attr(&q, 5, data, sizeof(data));
	ck_assert(q.overflow);
	ck_assert_uint_le(q.h.nlmsg_len, sizeof(q.bytes));
	ck_assert_int_eq(rtnl_do(-1, &q, NULL, NULL), -EMSGSIZE);
}
END_TEST

/* The kernel's own answer for the one device that is everywhere. */
START_TEST(test_loopback)
{
	struct rtnl_request q;
	struct ifinfomsg i = { 0 };
	int sock = rtnl_open(-1, NULL);
	ck_assert_int_ge(sock, 0);
	rtnl_begin(&q, RTM_GETLINK, 0, &i, sizeof(i));
	rtnl_attr(&q, IFLA_IFNAME, "lo", 3);
	ck_assert_int_eq(rtnl_do(sock, &q, NULL, NULL), 0);
	rtnl_begin(&q, RTM_GETLINK, 0, &i, sizeof(i));
	rtnl_attr(&q, IFLA_IFNAME, "no-such-device", 15);
	ck_assert_int_eq(rtnl_do(sock, &q, NULL, NULL), -ENODEV);
	close_fd(&sock);
}
END_TEST

TESTS("net_devices", test_names, test_namespace, test_request, test_loopback)
