/* Policies of a job for pods that failed and for early success; pure, nothing can fail. The first rule that matches decides. */
#include "base/json.h"
#include "cp/controllers/job_internal.h"
#include "cp/controllers/object.h"

/* The container whose end the rule is about; NULL: none. */
static const json_t *match_codes(const json_t *rule, const json_t *statuses)
{
	const char *name = json_str_at(rule, "containerName");
	bool in = !str_eq(json_member(rule, "operator"), "NotIn");
	size_t i, k;
	json_t *c, *v;
	json_array_foreach(statuses, i, c)
	{
		const json_t *ended = json_at(c, "state.terminated");
		int64_t code = json_int_at(ended, "exitCode", 0);
		bool found = false;
		if (!ended || !code || (name && !str_eq(name, json_member(c, "name"))))
			continue;
		json_array_foreach(json_object_get(rule, "values"), k, v) found |= json_integer_value(v) == code;
		if (found == in)
			return c;
	}
	return NULL;
}

static const json_t *match_conditions(const json_t *patterns, const json_t *pod)
{
	size_t i;
	json_t *p;
	json_array_foreach(patterns, i, p)
	{
		const json_t *c = object_condition(json_object_get(pod, "status"), json_str_or(p, "type", ""));
		if (c && str_eq(json_member(c, "status"), json_str_or(p, "status", "True")))
			return c;
	}
	return NULL;
}

static enum job_action action_of(const json_t *rule)
{
	static const char *const names[] = {[JOB_IGNORE] = "Ignore", [JOB_FAIL_INDEX] = "FailIndex", [JOB_FAIL] = "FailJob"};
	for (size_t i = JOB_IGNORE; i < ARRAY_LEN(names); i++) {
		if (str_eq(json_member(rule, "action"), names[i]))
			return (enum job_action)i;
	}
	return JOB_COUNT;
}

enum job_action job_failure(const json_t *job, const json_t *pod, char **ret_message)
{
	size_t i;
	json_t *rule;
	json_array_foreach(json_at(job, "spec.podFailurePolicy.rules"), i, rule)
	{
		const json_t *codes = json_object_get(rule, "onExitCodes"), *c = NULL, *condition = NULL;
		const char *action = json_str_or(rule, "action", "");
		if (codes) {
			c = match_codes(codes, json_at(pod, "status.containerStatuses"));
			c = c ? c : match_codes(codes, json_at(pod, "status.initContainerStatuses"));
		} else {
			condition = match_conditions(json_object_get(rule, "onPodConditions"), pod);
		}
		if (!c && !condition)
			continue;
		if (action_of(rule) != JOB_FAIL)
			return action_of(rule);
		*ret_message = c ? xasprintf("Container %s for pod %s/%s failed with exit code %lld matching %s rule at index %zu",
					     json_str_or(c, "name", ""), object_ns(pod), object_name(pod),
					     (long long)json_int_at(c, "state.terminated.exitCode", 0), action, i)
				 : xasprintf("Pod %s/%s has condition %s matching %s rule at index %zu", object_ns(pod),
					     object_name(pod), json_str_or(condition, "type", ""), action, i);
		return JOB_FAIL;
	}
	return JOB_COUNT;
}

int64_t job_success(const struct job *j)
{
	size_t i;
	json_t *rule;
	json_array_foreach(json_at(j->job, "spec.successPolicy.rules"), i, rule)
	{
		const char *text = json_str_at(rule, "succeededIndexes");
		AUTO_JOB_INDEXES wanted = {0};
		int64_t hits = 0, total, count = json_int_at(rule, "succeededCount", -1);
		job_indexes_parse(&wanted, text ? text : "0-2147483646", j->completions);
		total = job_indexes_count(&wanted);
		for (size_t r = 0; r < j->completed.n; r++) {
			for (size_t w = 0; w < wanted.n; w++) {
				int64_t first = MAX(j->completed.v[r].first, wanted.v[w].first);
				int64_t last = MIN(j->completed.v[r].last, wanted.v[w].last);
				hits += MAX(last - first + 1, 0);
			}
		}
		if (hits >= (count >= 0 ? count : total))
			return (int64_t)i;
	}
	return -1;
}
