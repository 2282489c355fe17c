/* Scheduler, I/O priority, personality and memory policy as the configuration has them. */
#include "runtime/scheduling.h"

#include <check.h>
#include <errno.h>
#include <string.h>
#include <sys/personality.h>

#include "base/json.h"
#include "runtime/memory_policy.h"
#include "tests/unit/check_main.h"

static json_t *json(const char *text)
{
	json_t *j = json_loads(text, JSON_DECODE_ANY, NULL);
	ck_assert_ptr_nonnull(j);
	return j;
}

START_TEST(test_scheduler)
{
	AUTO_JSON *j = json("{\"policy\":\"SCHED_DEADLINE\",\"flags\":[\"SCHED_FLAG_RESET_ON_FORK\",\"SCHED_FLAG_DL_OVERRUN\"],"
			    "\"nice\":19,\"runtime\":42000,\"deadline\":100000,\"period\":1000000}");
	struct scheduler_conf s = { 0 };
	ck_assert_int_eq(scheduler_parse(j, &s, NULL), 0);
	ck_assert_uint_eq(s.size, 48);
	ck_assert_uint_eq(s.policy, 6);
	ck_assert_uint_eq(s.flags, 5);
	ck_assert_uint_eq(s.runtime_ns, 42000);
	ck_assert_uint_eq(s.deadline_ns, 100000);
	ck_assert_uint_eq(s.period_ns, 1000000);
	ck_assert_int_eq(scheduler_parse(NULL, &s, NULL), 0);
	ck_assert_uint_eq(s.size, 0);
}
END_TEST

START_TEST(test_scheduler_refused)
{
	static const struct {
		const char *json, *text;
	} bad[] = { { "{}", "policy is required" },
		    { "{\"policy\":\"SCHED_FAST\"}", "invalid scheduler policy: SCHED_FAST" },
		    { "{\"policy\":\"SCHED_OTHER\",\"flags\":[\"X\"]}", "invalid scheduler flag: X" },
		    { "{\"policy\":\"SCHED_OTHER\",\"flags\":[1]}", "invalid scheduler flag" },
		    { "{\"policy\":\"SCHED_OTHER\",\"nice\":20}", "invalid scheduler.nice: 20" },
		    { "{\"policy\":\"SCHED_BATCH\",\"nice\":-21}", "invalid scheduler.nice: -21" },
		    { "{\"policy\":\"SCHED_OTHER\",\"priority\":1}", "scheduler.priority can only" },
		    { "{\"policy\":\"SCHED_RR\",\"runtime\":1}", "runtime/deadline/period can only" } };
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		AUTO_JSON *j = json(bad[i].json);
		struct scheduler_conf s;
		struct err e = ERR_INIT;
		ck_assert_int_eq(scheduler_parse(j, &s, &e), -EINVAL);
		ck_assert_msg(strstr(e.text, bad[i].text), "%s", e.text);
	}
}
END_TEST

START_TEST(test_io_priority)
{
	static const struct {
		const char *json;
		int r, class, priority;
	} cases[] = { { "null", 0, -1, 0 },
		      { "{\"class\":\"IOPRIO_CLASS_RT\"}", 0, 1, 0 },
		      { "{\"class\":\"IOPRIO_CLASS_BE\",\"priority\":4}", 0, 2, 4 },
		      { "{\"class\":\"IOPRIO_CLASS_IDLE\"}", 0, 3, 0 },
		      { "{\"class\":\"IOPRIO_CLASS_NONE\"}", -EINVAL, 0, 0 },
		      { "{\"class\":\"IOPRIO_CLASS_BE\",\"priority\":8}", -EINVAL, 0, 0 },
		      { "{\"class\":\"IOPRIO_CLASS_BE\",\"priority\":-1}", -EINVAL, 0, 0 } };
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_JSON *j = json(cases[i].json);
		int class = 0, priority = 0;
		ck_assert_int_eq(io_priority_parse(j, &class, &priority, NULL), cases[i].r);
		ck_assert_int_eq(class, cases[i].class);
		ck_assert_int_eq(priority, cases[i].priority);
	}
}
END_TEST

START_TEST(test_personality)
{
	AUTO_JSON *wide = json("{\"domain\":\"LINUX\"}"), *narrow = json("{\"domain\":\"LINUX32\",\"flags\":[]}");
	AUTO_JSON *bad = json("{\"domain\":\"BSD\"}");
	int p = 0;
	ck_assert_int_eq(personality_parse(NULL, &p, NULL), 0);
	ck_assert_int_eq(p, -1);
	ck_assert_int_eq(personality_parse(wide, &p, NULL), 0);
	ck_assert_int_eq(p, PER_LINUX);
	ck_assert_int_eq(personality_parse(narrow, &p, NULL), 0);
	ck_assert_int_eq(p, PER_LINUX32);
	ck_assert_int_eq(personality_parse(bad, &p, NULL), -EINVAL);
}
END_TEST

START_TEST(test_memory_policy)
{
	AUTO_JSON *j = json("{\"mode\":\"MPOL_BIND\",\"nodes\":\"0,2\",\"flags\":[\"MPOL_F_STATIC_NODES\"]}"), *none = json("{}");
	AUTO_JSON *mode = json("{\"mode\":\"MPOL_DEFAULT\"}");
	struct memory_policy p = { 0 };
	ck_assert_int_eq(memory_policy_parse(j, &p, NULL), 0);
	ck_assert(p.given && p.nodes.given);
	ck_assert_int_eq(p.mode, 2 | 1 << 15);
	ck_assert_uint_eq(p.nodes.bits[0], 5);
	ck_assert_int_eq(memory_policy_parse(none, &p, NULL), 0);
	ck_assert(!p.given);
	ck_assert_int_eq(memory_policy_parse(mode, &p, NULL), 0);
	ck_assert(p.given && !p.nodes.given && p.mode == 0);
	ck_assert_int_eq(memory_policy_apply(&p, NULL), 0);
}
END_TEST

START_TEST(test_memory_policy_refused)
{
	static const struct {
		const char *json, *text;
	} bad[] = { { "{\"nodes\":\"0\"}", "invalid memory policy mode" },
		    { "{\"mode\":\"INTERLEAVE\",\"nodes\":\"0\"}", "invalid memory policy mode \"INTERLEAVE\"" },
		    { "{\"mode\":\"MPOL_BIND\",\"nodes\":\"0-9876543210\"}", "invalid memory policy node" },
		    { "{\"mode\":\"MPOL_BIND\",\"nodes\":\"0\",\"flags\":[\"bad\"]}", "invalid memory policy flag \"bad\"" },
		    { "{\"mode\":\"MPOL_BIND\",\"flags\":{}}", "invalid memory policy flags" } };
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		AUTO_JSON *j = json(bad[i].json);
		struct memory_policy p;
		struct err e = ERR_INIT;
		ck_assert_int_eq(memory_policy_parse(j, &p, &e), -EINVAL);
		ck_assert_msg(strstr(e.text, bad[i].text), "%s", e.text);
	}
}
END_TEST

TESTS("scheduling", test_scheduler, test_scheduler_refused, test_io_priority, test_personality, test_memory_policy, test_memory_policy_refused)
