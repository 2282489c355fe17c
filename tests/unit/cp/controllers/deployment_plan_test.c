/* The plan of a Deployment, driven in a small world that carries plans out: every step of a rollout is checked. */
#include "cp/controllers/deployment_plan.h"

#include "tests/unit/cp/controllers/plans.h"

struct world {
	json_t *d, *sets;
	int64_t now_ms;
	int created;
};

static void world_init(struct world *w, int replicas, const char *strategy)
{
	w->d = J(
	    "{'apiVersion':'apps/"
	    "v1','kind':'Deployment','metadata':{'name':'d','namespace':'ns','uid':'du','generation':1,"
	    "'annotations':{'note':'n','kubectl.kubernetes.io/last-applied-configuration':'x'}},'spec':{'replicas':%d,"
	    "'selector':{'matchLabels':{'app':'a'}},'strategy':%s,'revisionHistoryLimit':2,'progressDeadlineSeconds':"
	    "600,"
	    "'template':{'metadata':{'labels':{'app':'a'}},'spec':{'containers':[{'name':'c','image':'one'}]}}}}",
	    replicas, strategy);
	w->sets = json_array();
	w->now_ms = NOW;
	w->created = 0;
}

static void world_done(struct world *w)
{
	json_decref(w->d);
	json_decref(w->sets);
}

static json_t *set_named(const struct world *w, const char *path)
{
	size_t i;
	json_t *rs;
	json_array_foreach(w->sets, i, rs)
	{
		AUTO_FREE char *end = xasprintf("/replicasets/%s", object_name(rs));
		if (str_has_suffix(path, end))
			return rs;
	}
	return NULL;
}

static void create_set(struct world *w, const json_t *body)
{
	json_t *rs = json_deep_copy(body);
	char at[RFC3339_MAX];
	AUTO_FREE char *uid = xasprintf("rs%d", w->created++);
	json_set_str(rs, "metadata.uid", uid);
	json_set_str(rs, "metadata.creationTimestamp", rfc3339(w->now_ms, at));
	json_array_append_new(w->sets, rs);
}

static void delete_set(struct world *w, const json_t *rs)
{
	for (size_t i = 0; i < json_array_size(w->sets); i++) {
		if (json_array_get(w->sets, i) == rs) {
			json_array_remove(w->sets, i);
			return;
		}
	}
}

static void apply(struct world *w, const struct plan *plan)
{
	for (size_t i = 0; i < plan->n; i++) {
		const struct action *a = &plan->v[i];
		if (!a->method)
			continue;
		if (str_eq(a->method, "POST"))
			create_set(w, a->body);
		else if (str_eq(a->method, "DELETE"))
			delete_set(w, set_named(w, a->path));
		else
			merge_into(strstr(a->path, "/deployments/") ? w->d : set_named(w, a->path), a->body);
	}
}

/* One plan, carried out; how many actions it had. */
static size_t step(struct world *w)
{
	AUTO_PLAN plan = {0};
	w->now_ms += 1000;
	deployment_plan(&(struct deployment_observed){.deployment = w->d, .replicasets = w->sets}, w->now_ms, &plan);
	apply(w, &plan);
	return plan.n;
}

/* The replica sets report: pods of image "bad" never become ready. */
static bool report(struct world *w)
{
	bool any = false;
	size_t i;
	json_t *rs;
	json_array_foreach(w->sets, i, rs)
	{
		int64_t want = json_int_at(rs, "spec.replicas", 1);
		const json_t *c = json_array_get(json_at(rs, "spec.template.spec.containers"), 0);
		int64_t ready = str_eq(json_member(c, "image"), "bad") ? 0 : want;
		any |= json_int_at(rs, "status.replicas", -1) != want ||
		       json_int_at(rs, "status.availableReplicas", -1) != ready;
		json_set_int(rs, "status.replicas", want);
		json_set_int(rs, "status.readyReplicas", ready);
		json_set_int(rs, "status.availableReplicas", ready);
	}
	return any;
}

static int64_t total(const struct world *w, const char *path)
{
	int64_t n = 0;
	size_t i;
	json_t *rs;
	json_array_foreach(w->sets, i, rs) n += json_int_at(rs, path, 0);
	return n;
}

/* Steps until nothing moves; the bounds of the rollout hold all the way. */
static void settle(struct world *w, bool bounded)
{
	int64_t least = total(w, "status.availableReplicas");
	for (int i = 0; i < 200; i++) {
		struct deployment_bounds b = deployment_bounds(w->d);
		size_t n = step(w);
		int64_t pods = total(w, "spec.replicas"), available = 0;
		size_t k;
		json_t *rs;
		json_array_foreach(w->sets, k, rs) available +=
		    MIN(json_int_at(rs, "spec.replicas", 0), json_int_at(rs, "status.availableReplicas", 0));
		if (bounded) {
			ck_assert_int_le(pods, b.replicas + b.max_surge);
			ck_assert_int_ge(available, MIN(least, b.replicas - b.max_unavailable));
		}
		if (!report(w) && !n)
			return;
	}
	ck_abort_msg("does not settle");
}

static void set_image(struct world *w, const char *image)
{
	json_object_set_new(json_array_get(json_at(w->d, "spec.template.spec.containers"), 0), "image",
			    json_string(image));
	json_set_int(w->d, "metadata.generation", json_int_at(w->d, "metadata.generation", 0) + 1);
}

static json_t *set_with_image(const struct world *w, const char *image)
{
	size_t i;
	json_t *rs;
	json_array_foreach(w->sets, i, rs)
	{
		if (str_eq(json_member(json_array_get(json_at(rs, "spec.template.spec.containers"), 0), "image"),
			   image))
			return rs;
	}
	return NULL;
}

static const char *reason_of(const struct world *w, const char *type)
{
	return json_str_or(object_condition(json_object_get(w->d, "status"), type), "reason", "");
}

static const char *const strategies[] = {
    "{'type':'RollingUpdate'}",
    "{'type':'RollingUpdate','rollingUpdate':{'maxSurge':1,'maxUnavailable':0}}",
    "{'type':'RollingUpdate','rollingUpdate':{'maxSurge':0,'maxUnavailable':1}}",
    "{'type':'RollingUpdate','rollingUpdate':{'maxSurge':'100%','maxUnavailable':0}}",
    "{'type':'RollingUpdate','rollingUpdate':{'maxSurge':'30%','maxUnavailable':'60%'}}",
    "{'type':'RollingUpdate','rollingUpdate':{'maxSurge':0,'maxUnavailable':0}}",
};
static const int sizes[] = {0, 1, 2, 3, 10, 37};

START_TEST(rollouts)
{
	struct world w;
	world_init(&w, sizes[_i % (int)ARRAY_LEN(sizes)], strategies[_i / (int)ARRAY_LEN(sizes)]);
	int n = sizes[_i % (int)ARRAY_LEN(sizes)];
	settle(&w, true);
	ck_assert_uint_eq(json_array_size(w.sets), 1);
	ck_assert_int_eq(json_int_at(w.d, "status.availableReplicas", 0), n);
	ck_assert_str_eq(reason_of(&w, "Progressing"), "NewReplicaSetAvailable");
	ck_assert_str_eq(reason_of(&w, "Available"), "MinimumReplicasAvailable");
	set_image(&w, "two");
	settle(&w, true);
	ck_assert_int_eq(json_int_at(set_with_image(&w, "one"), "spec.replicas", -1), 0);
	ck_assert_int_eq(json_int_at(set_with_image(&w, "two"), "spec.replicas", -1), n);
	ck_assert_str_eq(object_annotation(w.d, "deployment.kubernetes.io/revision"), "2");
	ck_assert_int_eq(json_int_at(w.d, "status.observedGeneration", 0), 2);
	set_image(&w, "one"); /* back: the old set again, as revision 3 */
	settle(&w, true);
	ck_assert_uint_eq(json_array_size(w.sets), 2);
	json_t *one = set_with_image(&w, "one");
	ck_assert_str_eq(object_annotation(one, "deployment.kubernetes.io/revision"), "3");
	ck_assert_str_eq(object_annotation(one, "deployment.kubernetes.io/revision-history"), "1");
	ck_assert_str_eq(object_annotation(one, "note"), "n");
	ck_assert_ptr_null(object_annotation(one, "kubectl.kubernetes.io/last-applied-configuration"));
	world_done(&w);
}
END_TEST

START_TEST(created_set)
{
	struct world w;
	world_init(&w, 3, strategies[0]);
	step(&w);
	json_t *rs = json_array_get(w.sets, 0);
	char hash[12];
	deployment_template_hash(w.d, hash);
	AUTO_FREE char *name = xasprintf("d-%s", hash);
	ck_assert_str_eq(object_name(rs), name);
	ck_assert_str_eq(json_member(object_labels(rs), "pod-template-hash"), hash);
	ck_assert_str_eq(json_member(json_at(rs, "spec.selector.matchLabels"), "pod-template-hash"), hash);
	ck_assert_str_eq(json_member(json_at(rs, "spec.template.metadata.labels"), "pod-template-hash"), hash);
	ck_assert(object_controlled_by(rs, "du"));
	ck_assert_str_eq(object_annotation(rs, "deployment.kubernetes.io/desired-replicas"), "3");
	ck_assert_str_eq(object_annotation(rs, "deployment.kubernetes.io/max-replicas"), "4");
	ck_assert_str_eq(reason_of(&w, "Progressing"), "NewReplicaSetCreated");
	ck_assert_str_eq(reason_of(&w, "Available"), "MinimumReplicasUnavailable");
	world_done(&w);
}
END_TEST

START_TEST(history_limit)
{
	struct world w;
	world_init(&w, 2, strategies[0]);
	static const char *const images[] = {"one", "two", "three", "four", "five"};
	for (size_t i = 0; i < ARRAY_LEN(images); i++) {
		set_image(&w, images[i]);
		settle(&w, true);
	}
	ck_assert_uint_eq(json_array_size(w.sets), 3);
	ck_assert_ptr_null(set_with_image(&w, "two"));
	ck_assert_ptr_nonnull(set_with_image(&w, "three"));
	world_done(&w);
}
END_TEST

START_TEST(stuck_rollout_scales_in_proportion)
{
	struct world w;
	world_init(&w, 10, "{'type':'RollingUpdate','rollingUpdate':{'maxSurge':3,'maxUnavailable':2}}");
	settle(&w, true);
	set_image(&w, "bad");
	settle(&w, true);
	ck_assert_int_eq(json_int_at(set_with_image(&w, "one"), "spec.replicas", -1), 8);
	ck_assert_int_eq(json_int_at(set_with_image(&w, "bad"), "spec.replicas", -1), 5);
	json_set_int(w.d, "spec.replicas", 15);
	settle(&w, true);
	ck_assert_int_eq(json_int_at(set_with_image(&w, "one"), "spec.replicas", -1), 11);
	ck_assert_int_eq(json_int_at(set_with_image(&w, "bad"), "spec.replicas", -1), 7);
	w.now_ms += 700000;
	step(&w);
	ck_assert_str_eq(reason_of(&w, "Progressing"), "ProgressDeadlineExceeded");
	set_image(&w, "one");
	settle(&w, true);
	ck_assert_int_eq(json_int_at(set_with_image(&w, "bad"), "spec.replicas", -1), 0);
	ck_assert_str_eq(reason_of(&w, "Progressing"), "NewReplicaSetAvailable");
	world_done(&w);
}
END_TEST

START_TEST(deadline_asks_to_look_again)
{
	struct world w;
	world_init(&w, 1, strategies[0]);
	set_image(&w, "bad");
	settle(&w, false);
	AUTO_PLAN plan = {0};
	deployment_plan(&(struct deployment_observed){.deployment = w.d, .replicasets = w.sets}, w.now_ms, &plan);
	ck_assert_int_gt(plan.again_ms, 500000);
	ck_assert_int_le(plan.again_ms, 601000);
	world_done(&w);
}
END_TEST

START_TEST(paused)
{
	struct world w;
	world_init(&w, 4, strategies[0]);
	settle(&w, true);
	json_object_set_new(json_object_get(w.d, "spec"), "paused", json_true());
	set_image(&w, "two");
	settle(&w, true);
	ck_assert_ptr_null(set_with_image(&w, "two"));
	ck_assert_str_eq(reason_of(&w, "Progressing"), "DeploymentPaused");
	json_set_int(w.d, "spec.replicas", 6);
	settle(&w, true);
	ck_assert_int_eq(json_int_at(set_with_image(&w, "one"), "spec.replicas", -1), 6);
	json_object_del(json_object_get(w.d, "spec"), "paused");
	settle(&w, true);
	ck_assert_int_eq(json_int_at(set_with_image(&w, "two"), "spec.replicas", -1), 6);
	world_done(&w);
}
END_TEST

START_TEST(recreate_waits_for_old_pods)
{
	struct world w;
	world_init(&w, 3, "{'type':'Recreate'}");
	settle(&w, false);
	set_image(&w, "two");
	struct deployment_observed o = {.deployment = w.d, .replicasets = w.sets, .old_pods_running = true};
	for (int i = 0; i < 3; i++) {
		AUTO_PLAN plan = {0};
		deployment_plan(&o, w.now_ms, &plan);
		apply(&w, &plan);
		report(&w);
	}
	ck_assert_int_eq(json_int_at(set_with_image(&w, "one"), "spec.replicas", -1), 0);
	ck_assert_ptr_null(set_with_image(&w, "two"));
	settle(&w, false);
	ck_assert_int_eq(json_int_at(set_with_image(&w, "two"), "spec.replicas", -1), 3);
	world_done(&w);
}
END_TEST

START_TEST(a_taken_name_counts_as_collision)
{
	struct world w;
	world_init(&w, 1, strategies[0]);
	AUTO_FREE char *before = deployment_new_name(w.d);
	AUTO_JSON *other = J("{'metadata':{'name':'x'}}");
	AUTO_PLAN plan = {0};
	deployment_plan(&(struct deployment_observed){.deployment = w.d, .replicasets = w.sets, .name_taken = other},
			NOW, &plan);
	ck_assert_int_eq(count_actions(&plan, "POST", ""), 0);
	apply(&w, &plan);
	ck_assert_int_eq(json_int_at(w.d, "status.collisionCount", 0), 1);
	AUTO_FREE char *after = deployment_new_name(w.d);
	ck_assert_str_ne(before, after);
	world_done(&w);
}
END_TEST

START_TEST(deleting_does_nothing)
{
	struct world w;
	world_init(&w, 3, strategies[0]);
	json_set_str(w.d, "metadata.deletionTimestamp", "2020-01-01T00:00:00Z");
	step(&w);
	ck_assert_uint_eq(json_array_size(w.sets), 0);
	world_done(&w);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("deployment_plan");
	TCase *t = tcase_create("all");
	tcase_add_loop_test(t, rollouts, 0, (int)(ARRAY_LEN(strategies) * ARRAY_LEN(sizes)));
	const TTest *const cases[] = {created_set,
				      history_limit,
				      stuck_rollout_scales_in_proportion,
				      deadline_asks_to_look_again,
				      paused,
				      recreate_waits_for_old_pods,
				      a_taken_name_counts_as_collision,
				      deleting_does_nothing};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		tcase_add_test(t, cases[i]);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
