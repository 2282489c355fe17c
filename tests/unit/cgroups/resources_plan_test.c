/* resources_plan(): every field on both versions, the conversions, the refusals. */
#include "cgroups/resources_plan.h"

#include <check.h>
#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"

/* The plan as lines "controller file=value", behind the controller a '?' for optional ones and a '|' before an alternative. */
static char *plan(const char *json, bool v2, int *ret_r)
{
	AUTO_JSON *j = NULL;
	AUTO_RESOURCES_PLAN p = { 0 };
	AUTO_STR out = STR_INIT;
	struct err e = ERR_INIT;
	ck_assert_int_eq(json_parse(json, strlen(json), &j, &e), 0);
	*ret_r = resources_plan(j, v2, &p, &e);
	for (size_t i = 0; i < p.n; i++)
		str_addf(&out, "%s%s%s %s=%s\n", p.writes[i].controller, p.writes[i].optional ? "?" : "",
			 p.writes[i].or_next ? "|" : "", p.writes[i].file, p.writes[i].value);
	return str_take(&out);
}

static const struct {
	const char *json, *v1, *v2; /* NULL: -EINVAL */
} cases[] = {
	{ "{}", "", "" },
	{ "{\"cpu\":{\"shares\":512}}", "cpu cpu.shares=512\n", "cpu cpu.weight=59\n" },
	{ "{\"cpu\":{\"shares\":0}}", "", "" },
	{ "{\"cpu\":{\"quota\":50000,\"period\":100000}}", "cpu cpu.cfs_period_us=100000\ncpu cpu.cfs_quota_us=50000\n",
	  "cpu cpu.max=50000 100000\n" },
	{ "{\"cpu\":{\"quota\":-1}}", "cpu cpu.cfs_quota_us=-1\n", "cpu cpu.max=max\n" },
	{ "{\"cpu\":{\"period\":1000}}", "cpu cpu.cfs_period_us=1000\n", "cpu cpu.max=max 1000\n" },
	{ "{\"cpu\":{\"burst\":0,\"idle\":1}}", "cpu cpu.cfs_burst_us=0\ncpu cpu.idle=1\n", "cpu cpu.max.burst=0\ncpu cpu.idle=1\n" },
	{ "{\"cpu\":{\"realtimeRuntime\":5,\"realtimePeriod\":6}}", "cpu cpu.rt_period_us=6\ncpu cpu.rt_runtime_us=5\n", "" },
	{ "{\"cpu\":{\"cpus\":\"0-1\",\"mems\":\"0\"}}", "cpuset cpuset.cpus=0-1\ncpuset cpuset.mems=0\n",
	  "cpuset cpuset.cpus=0-1\ncpuset cpuset.mems=0\n" },
	{ "{\"memory\":{\"limit\":1048576}}", "memory memory.limit_in_bytes=1048576\n", "memory memory.max=1048576\n" },
	{ "{\"memory\":{\"limit\":-1}}", "memory memory.limit_in_bytes=-1\nmemory? memory.memsw.limit_in_bytes=-1\n",
	  "memory memory.max=max\nmemory? memory.swap.max=max\n" },
	{ "{\"memory\":{\"limit\":100,\"swap\":300}}", "memory memory.limit_in_bytes=100\nmemory memory.memsw.limit_in_bytes=300\n",
	  "memory memory.max=100\nmemory memory.swap.max=200\n" },
	{ "{\"memory\":{\"limit\":100,\"swap\":100}}", "memory memory.limit_in_bytes=100\nmemory memory.memsw.limit_in_bytes=100\n",
	  "memory memory.max=100\nmemory? memory.swap.max=0\n" },
	{ "{\"memory\":{\"limit\":100,\"swap\":50}}", "memory memory.limit_in_bytes=100\nmemory memory.memsw.limit_in_bytes=50\n", NULL },
	{ "{\"memory\":{\"swap\":50}}", "memory memory.memsw.limit_in_bytes=50\n", NULL },
	{ "{\"memory\":{\"swap\":-1}}", "memory? memory.memsw.limit_in_bytes=-1\n", "memory? memory.swap.max=max\n" },
	{ "{\"memory\":{\"reservation\":7,\"swappiness\":0,\"disableOOMKiller\":true,\"kernelTCP\":9}}",
	  "memory memory.soft_limit_in_bytes=7\nmemory? memory.kmem.tcp.limit_in_bytes=9\nmemory memory.swappiness=0\n"
	  "memory memory.oom_control=1\n",
	  "memory memory.low=7\n" },
	{ "{\"memory\":{\"disableOOMKiller\":false}}", "", "" },
	{ "{\"cpu\":{\"shares\":1}}", NULL, "cpu cpu.weight=1\n" },
	{ "{\"memory\":{\"swappiness\":101}}", NULL, NULL },
	{ "{\"unified\":{\"memory\":\"1\"}}", NULL, NULL },
	{ "{\"pids\":{\"limit\":0}}", "", "" },
	{ "{\"pids\":{\"limit\":5}}", "pids pids.max=5\n", "pids pids.max=5\n" },
	{ "{\"pids\":{\"limit\":-1}}", "pids pids.max=max\n", "pids pids.max=max\n" },
	{ "{\"pids\":{\"limit\":\"5\"}}", NULL, NULL },
	{ "{\"blockIO\":{\"weight\":500}}", "blkio?| blkio.weight=500\nblkio blkio.bfq.weight=500\n",
	  "io?| io.bfq.weight=500\nio io.weight=4950\n" },
	{ "{\"blockIO\":{\"weightDevice\":[{\"major\":8,\"minor\":0,\"weight\":100,\"leafWeight\":200}]}}",
	  "blkio?| blkio.weight_device=8:0 100\nblkio blkio.bfq.weight_device=8:0 100\nblkio? blkio.leaf_weight_device=8:0 200\n",
	  "io? io.bfq.weight=8:0 100\n" },
	{ "{\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":0,\"rate\":10}],"
	  "\"throttleWriteIOPSDevice\":[{\"major\":8,\"minor\":1,\"rate\":0}]}}",
	  "blkio blkio.throttle.read_bps_device=8:0 10\nblkio blkio.throttle.write_iops_device=8:1 0\n",
	  "io io.max=8:0 rbps=10\nio io.max=8:1 wiops=max\n" },
	{ "{\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":8}]}}", NULL, NULL },
	{ "{\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":4}]}",
	  "hugetlb hugetlb.2MB.limit_in_bytes=4\nhugetlb? hugetlb.2MB.rsvd.limit_in_bytes=4\n",
	  "hugetlb hugetlb.2MB.max=4\nhugetlb? hugetlb.2MB.rsvd.max=4\n" },
	{ "{\"hugepageLimits\":[{\"pageSize\":\"../x\",\"limit\":4}]}", NULL, NULL },
	{ "{\"network\":{\"classID\":1048577,\"priorities\":[{\"name\":\"eth0\",\"priority\":5}]}}",
	  "net_cls net_cls.classid=1048577\nnet_prio net_prio.ifpriomap=eth0 5\n", "" },
	{ "{\"rdma\":{\"mlx\":{\"hcaHandles\":3,\"hcaObjects\":4}}}", "rdma rdma.max=mlx hca_handle=3 hca_object=4\n",
	  "rdma rdma.max=mlx hca_handle=3 hca_object=4\n" },
	{ "{\"unified\":{\"memory.high\":\"5\",\"io.max\":\"8:0 rbps=1\\n8:1 rbps=2\"}}", NULL,
	  "unified memory.high=5\nunified io.max=8:0 rbps=1\nunified io.max=8:1 rbps=2\n" },
	{ "{\"unified\":{\"../cgroup.procs\":\"1\"}}", NULL, NULL },
	{ "{\"cpu\":{\"shares\":\"x\"}}", NULL, NULL },
	{ "[]", NULL, NULL },
};

START_TEST(test_plan)
{
	for (int v2 = 0; v2 < 2; v2++) {
		int r;
		const char *want = v2 ? cases[_i].v2 : cases[_i].v1;
		AUTO_FREE char *got = plan(cases[_i].json, v2, &r);
		ck_assert_int_eq(r, want ? 0 : -EINVAL);
		ck_assert_str_eq(got, want ? want : "");
	}
}
END_TEST

START_TEST(test_conversions)
{
	ck_assert_uint_eq(cpu_shares_to_weight(0), 0);
	ck_assert_uint_eq(cpu_shares_to_weight(1), 1);
	ck_assert_uint_eq(cpu_shares_to_weight(2), 1);
	ck_assert_uint_eq(cpu_shares_to_weight(1024), 100);
	ck_assert_uint_eq(cpu_shares_to_weight(262144), 10000);
	ck_assert_uint_eq(cpu_shares_to_weight(999999), 10000);
	for (uint64_t s = 3; s < 262144; s += 97)
		ck_assert_uint_ge(cpu_shares_to_weight(s), cpu_shares_to_weight(s - 1));
	ck_assert_uint_eq(blkio_weight_to_io(0), 0);
	ck_assert_uint_eq(blkio_weight_to_io(10), 1);
	ck_assert_uint_eq(blkio_weight_to_io(1000), 10000);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("resources_plan");
	TCase *t = tcase_create("all");
	tcase_add_loop_test(t, test_plan, 0, (int)ARRAY_LEN(cases));
	tcase_add_test(t, test_conversions);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
