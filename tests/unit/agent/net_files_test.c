#include "tests/unit/agent/pods.h"

#include "agent/net_files.h"
#include "base/mem.h"

static char *resolv(const char *spec)
{
	AUTO_JSON *pod = pod_object(spec);
	AUTO_STR out = STR_INIT;
	char *dns[] = {(char *)"10.96.0.10", NULL};
	net_resolv(pod, dns, "cluster.local",
		   "# x\nsearch old\nsearch corp.example\nnameserver 9.9.9.9\noptions ndots:1 rotate\n", &out);
	return str_take(&out);
}

START_TEST(dns_policies)
{
	static const struct {
		const char *spec, *want;
	} cases[] = {
	    {"'dnsPolicy':'ClusterFirst'", "search ns.svc.cluster.local svc.cluster.local cluster.local corp.example\n"
					   "nameserver 10.96.0.10\noptions rotate ndots:5\n"},
	    {"'dnsPolicy':'ClusterFirst','hostNetwork':true",
	     "search corp.example\nnameserver 9.9.9.9\noptions ndots:1 rotate\n"},
	    {"'dnsPolicy':'Default'", "search corp.example\nnameserver 9.9.9.9\noptions ndots:1 rotate\n"},
	    {"'dnsPolicy':'None','dnsConfig':{'nameservers':['1.1.1.1'],'searches':['a.b'],'options':[{'name':'ndots','"
	     "value':'2'},"
	     "{'name':'edns0'}]}",
	     "search a.b\nnameserver 1.1.1.1\noptions ndots:2 edns0\n"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_FREE char *got = resolv(cases[i].spec);
		ck_assert_str_eq(got, cases[i].want);
	}
}
END_TEST

START_TEST(hosts)
{
	AUTO_JSON *pod = pod_object("'subdomain':'sub','hostAliases':[{'ip':'1.2.3.4','hostnames':['x','y']}]");
	AUTO_STR out = STR_INIT;
	char *ips[] = {(char *)"10.0.0.1", NULL};
	net_hosts(pod, "p", "cluster.local", ips, "", &out);
	ck_assert_ptr_nonnull(strstr(out.p, "\n10.0.0.1\tp.sub.ns.svc.cluster.local\tp\n"));
	ck_assert_ptr_nonnull(strstr(out.p, "\n1.2.3.4\tx\ty\n"));
}
END_TEST

START_TEST(hostnames)
{
	AUTO_JSON *named = pod_object("'hostname':'h'"), *host = pod_object("'hostNetwork':true"),
		  *plain = pod_object("");
	AUTO_FREE char *a = pod_hostname(named, "n"), *b = pod_hostname(host, "n"), *c = pod_hostname(plain, "n");
	ck_assert_str_eq(a, "h");
	ck_assert_str_eq(b, "n");
	ck_assert_str_eq(c, "p");
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {dns_policies, hosts, hostnames};
	return run_suite("net_files", tests, ARRAY_LEN(tests));
}
