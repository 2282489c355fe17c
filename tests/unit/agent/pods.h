/* Pods for the tests of this folder. */
#ifndef KNARR_TESTS_AGENT_PODS_H
#define KNARR_TESTS_AGENT_PODS_H

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "agent/pod_plan.h"
#include "agent/pod_state.h"
#include "base/json.h"

/* spec_members: JSON members of spec, with ' for " and ~ for '.  */
static inline json_t *pod_object(const char *spec_members)
{
	AUTO_FREE char *text = xasprintf("{'metadata':{'name':'p','namespace':'ns','uid':'u-1','generation':2,"
					 "'labels':{'app':'web'},'annotations':{'k':'v'}},'spec':{%s}}",
					 spec_members);
	for (char *c = text; *c; c++)
		*c = *c == '\'' ? '"' : *c == '~' ? '\'' : *c;
	json_t *pod = NULL;
	ck_assert_int_eq(json_parse(text, strlen(text), &pod, NULL), 0);
	return pod;
}

static inline struct pod_state *pod_of(const char *spec_members)
{
	AUTO_JSON *pod = pod_object(spec_members);
	return pod_state_new(pod, false, 1000000, 1000);
}

static inline void run(struct pod_state *s, const char *name, int64_t now)
{
	struct container_state *c = pod_state_find(s, name);
	container_begin(c, "abc", now);
	c->phase = PHASE_RUNNING;
	c->started = c->ready = true;
	c->started_mono = now;
	c->started_ms = 1000000 + now;
}

static inline void quit(struct pod_state *s, const char *name, int code, int64_t now)
{
	container_ended(pod_state_find(s, name), code, 0, false, 1000000 + now, now);
}

/* The plan as text: "start:a stop:b teardown ... @wake". Returns owned. */
static inline char *plan_text(struct pod_state *s, int64_t now)
{
	static const char *const names[] = {"sandbox", "start", "stop", "kill", "teardown", "fail", "finish"};
	struct pod_plan p;
	AUTO_STR out = STR_INIT;
	pod_plan(s, now, &p);
	for (size_t i = 0; i < p.n; i++)
		str_addf(&out, "%s%s%s%s", out.len ? " " : "", names[p.actions[i].type],
			 p.actions[i].container ? ":" : "", p.actions[i].container ? p.actions[i].container->name : "");
	if (p.wake_mono != POD_PLAN_NEVER)
		str_addf(&out, "%s@%lld", out.len ? " " : "", (long long)p.wake_mono);
	pod_plan_done(&p);
	return str_take(&out);
}

#define ASSERT_PLAN(state, now, want)                                                                                  \
	do {                                                                                                           \
		char *got_ = plan_text(state, now);                                                                    \
		ck_assert_str_eq(got_, want);                                                                          \
		free(got_);                                                                                            \
	} while (0)

static inline int run_suite(const char *name, const TTest *const *tests, size_t n)
{
	Suite *suite = suite_create(name);
	TCase *tc = tcase_create(name);
	for (size_t i = 0; i < n; i++)
		tcase_add_test(tc, tests[i]);
	suite_add_tcase(suite, tc);
	SRunner *sr = srunner_create(suite);
	srunner_run_all(sr, CK_ENV);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
