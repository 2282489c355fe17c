/* cp/kinds/error_order.c: errors in the order of a list of paths. */
#include "cp/kinds/error_order.h"

#include "base/mem.h"
#include "base/str.h"
#include "tests/unit/check_main.h"

static const char *const order[] = {"spec.b", "spec.list[].x", "spec.list[].y", "spec.list[]", "spec.plain", "spec.a", "spec.map", "kind", NULL};

static const struct {
	const char *base, *before, *after; /* fields with blanks between; a field's number in the list is its message */
} cases[] = {
    {"", "spec.a spec.b", "spec.b spec.a"},
    {"", "spec.a.deep spec.b[0]", "spec.b[0] spec.a.deep"},
    /* elements stay together */
    {"", "spec.list[1].x spec.list[0].y spec.list[0].x", "spec.list[0].x spec.list[0].y spec.list[1].x"},
    {"", "spec.list[10].x spec.list[9].x", "spec.list[9].x spec.list[10].x"},
    /* an element behind its members where the list says so, the list itself before its elements */
    {"", "spec.list[0] spec.list[0].y spec.list", "spec.list spec.list[0].y spec.list[0]"},
    /* without "[]" a list is as it comes */
    {"", "spec.plain spec.plain[1] spec.plain[0]", "spec.plain spec.plain[1] spec.plain[0]"},
    /* what nobody names comes behind its siblings; an object before its members */
    {"", "spec.list[0].z spec.list[1].x spec.list[0].x spec", "spec spec.list[0].x spec.list[0].z spec.list[1].x"},
    {"", "spec.zzz spec.map[a.b/c].d spec.b", "spec.b spec.map[a.b/c].d spec.zzz"},
    {"", "spec.zzz spec.yyy spec.a", "spec.a spec.zzz spec.yyy"},
    /* metadata is first */
    {"", "kind spec.a metadata.name", "metadata.name spec.a kind"},
    /* below a base; everything else is first */
    {"x.y", "x.y.spec.a x.y.spec.b x.z", "x.z x.y.spec.b x.y.spec.a"},
};

START_TEST(sorts)
{
	AUTO_STRV char **fields = str_split(cases[_i].before, ' ');
	AUTO_FIELD_ERRORS errors = {0};
	AUTO_STR got = STR_INIT;

	for (size_t i = 0; fields[i]; i++)
		field_add(&errors, "FieldValueInvalid", fields[i], "%zu", i);
	errors_order(&errors, cases[_i].base, order);
	for (size_t i = 0; i < errors.n; i++)
		str_addf(&got, "%s%s", i ? " " : "", errors.v[i].field);
	ck_assert_str_eq(str_text(&got), cases[_i].after);
}
END_TEST

START_TEST(one_stays)
{
	AUTO_FIELD_ERRORS errors = {0};

	field_add(&errors, "FieldValueInvalid", "spec.a", "x");
	errors_order(&errors, "", order);
	ck_assert_str_eq(errors.v[0].message, "x");
}
END_TEST

TESTS_TABLE("error_order", sorts, ARRAY_LEN(cases), one_stays)
