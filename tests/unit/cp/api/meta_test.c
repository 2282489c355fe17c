/* What of an object's metadata an update may change, and what it counts. */
#include "tests/unit/check_main.h"

#include "base/json.h"
#include "base/mem.h"
#include "cp/api/write.h"

static const struct kind counted = {.kind = "Counted", .counts_generation = true},
			 labelled = {.kind = "Labelled", .counts_generation = true, .counts_labels = true}, uncounted = {.kind = "Uncounted"},
			 annotated = {.kind = "Annotated", .counts_generation = true, .counts_annotations = true},
			 fixed = {.kind = "Fixed", .counts_generation = true, .generation_fixed = true};

#define OLD "{\"metadata\":{\"generation\":3,\"uid\":\"u\",\"labels\":{\"a\":\"b\"}},\"spec\":{\"x\":1},\"status\":{\"y\":1}}"

static const struct {
	const struct kind *kind;
	const char *object;
	int generation;
} updates[] = {
    {&counted, OLD, 3},
    {&counted, "{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{\"x\":2},\"status\":{\"y\":1}}", 4},
    {&counted, "{\"metadata\":{\"generation\":9,\"labels\":{\"a\":\"b\"}},\"spec\":{\"x\":1},\"status\":{\"y\":2}}", 3},
    {&counted, "{\"metadata\":{\"labels\":{\"a\":\"c\"}},\"spec\":{\"x\":1}}", 3},
    {&labelled, "{\"metadata\":{\"labels\":{\"a\":\"c\"}},\"spec\":{\"x\":1}}", 4},
    {&labelled, "{\"metadata\":{},\"spec\":{\"x\":1}}", 4},
    {&labelled, "{\"metadata\":{\"labels\":{\"a\":\"b\"},\"annotations\":{\"n\":\"m\"}},\"spec\":{\"x\":1}}", 3},
    {&annotated, "{\"metadata\":{\"labels\":{\"a\":\"b\"},\"annotations\":{\"n\":\"m\"}},\"spec\":{\"x\":1}}", 4},
    {&annotated, "{\"metadata\":{\"labels\":{\"a\":\"c\"}},\"spec\":{\"x\":1}}", 3},
    {&fixed, "{\"metadata\":{},\"spec\":{\"x\":2}}", 3},
    {&uncounted, "{\"metadata\":{},\"spec\":{\"x\":2}}", 3},
};

START_TEST(generation)
{
	static const struct kind_ops plain;
	struct resource res = {.kind = updates[_i].kind, .ops = &plain};
	AUTO_JSON *old = json_loads(OLD, 0, NULL), *object = json_loads(updates[_i].object, 0, NULL);

	meta_prepare_update(&res, object, old);
	ck_assert_int_eq(json_int_at(object, "metadata.generation", 0), updates[_i].generation);
	ck_assert_str_eq(json_str_at(object, "metadata.uid"), "u");
	const json_t *now = json_object_get(object, "spec"), *was = json_object_get(old, "spec");
	ck_assert_int_eq(now == was, json_equal(now, was)); /* what is as it was is the same value */
	ck_assert_ptr_ne(json_object_get(object, "metadata"), json_object_get(old, "metadata"));
}
END_TEST

static void reserve(struct kind_env *env, json_t *obj, const json_t *old, struct field_errors *errors, void **ticket)
{
	(void)env, (void)obj, (void)old, (void)errors, (void)ticket;
}

/* What reserves writes into the new state. */
START_TEST(not_shared)
{
	static const struct kind_ops reserving = {.reserve = reserve};
	struct resource res = {.kind = &counted, .ops = &reserving};
	AUTO_JSON *old = json_loads(OLD, 0, NULL), *object = json_loads(OLD, 0, NULL);
	meta_prepare_update(&res, object, old);
	ck_assert_ptr_ne(json_object_get(object, "spec"), json_object_get(old, "spec"));
}
END_TEST

/* A write to status that leaves alone what clients say of an object. */
START_TEST(kept)
{
	AUTO_JSON *old = json_loads("{\"metadata\":{\"labels\":{\"a\":\"b\"},\"ownerReferences\":[{\"name\":\"o\"}]}}", 0, NULL);
	AUTO_JSON *object = json_loads("{\"metadata\":{\"name\":\"n\",\"labels\":{\"c\":\"d\"},\"annotations\":{\"e\":\"f\"},\"finalizers\":[\"g/h\"]}}", 0, NULL);
	AUTO_JSON *want = json_loads("{\"metadata\":{\"name\":\"n\",\"labels\":{\"a\":\"b\"},\"ownerReferences\":[{\"name\":\"o\"}]}}", 0, NULL);

	meta_keep(object, old);
	ck_assert(json_equal(object, want));
}
END_TEST

TESTS_TABLE("meta", generation, sizeof(updates) / sizeof(updates[0]), kept, not_shared)
