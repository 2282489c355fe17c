/* Values in the reference's own structures, and what changed in them. */
#include "base/json.h"
#include "base/mem.h"
#include "cp/kinds/go_value.h"
#include "cp/kinds/text_diff.h"
#include "tests/unit/check_main.h"

START_TEST(names_order_and_zeroes)
{
	struct schema *s = NULL;
	struct err e = ERR_INIT;
	ck_assert_int_eq(schema_load_builtin(&s, &e), 0);
	AUTO_JSON *port = json_loads("{\"port\":80,\"protocol\":\"TCP\"}", 0, NULL);
	AUTO_JSON *shown = go_value(schema_type(s, "core.v1.ServicePort"), port);
	AUTO_FREE char *text = json_text(shown);
	ck_assert_str_eq(text, "{\"Name\":\"\",\"Protocol\":\"TCP\",\"AppProtocol\":null,\"Port\":80,\"TargetPort\":null,\"NodePort\":0}");
	AUTO_JSON *spec = json_loads("{\"hostNetwork\":true,\"securityContext\":{},\"nodeSelector\":{\"b\":\"1\",\"a\":\"2\"}}", 0, NULL);
	AUTO_JSON *pod = go_value(schema_type(s, "core.v1.PodSpec"), spec);
	ck_assert(json_is_true(json_at(pod, "SecurityContext.HostNetwork")));
	ck_assert(json_is_null(json_at(pod, "SecurityContext.FSGroup")));
	ck_assert_ptr_null(json_at(pod, "HostNetwork"));
	ck_assert(json_is_null(json_at(pod, "DNSConfig")));
	AUTO_FREE char *selector = json_text(json_at(pod, "NodeSelector"));
	ck_assert_str_eq(selector, "{\"a\":\"2\",\"b\":\"1\"}");
	schema_free(s);
}
END_TEST

START_TEST(one_line_changes)
{
	AUTO_FREE char *d = text_diff("1\n2\n3\n4\n5\n6\n7\n8\n9", "1\n2\n3\n4\nx\n6\n7\n8\n9");
	ck_assert_str_eq(d, "@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+x\n 6\n 7\n 8\n");
	AUTO_FREE char *same = text_diff("a\nb", "a\nb");
	ck_assert_str_eq(same, "");
}
END_TEST

/* Changes that are near each other make one hunk, far ones two; lines at the ends have less context. */
START_TEST(hunks)
{
	AUTO_FREE char *near = text_diff("a\n1\n2\n3\nb", "A\n1\n2\n3\nB");
	ck_assert_str_eq(near, "@@ -1,5 +1,5 @@\n-a\n+A\n 1\n 2\n 3\n-b\n+B\n");
	AUTO_FREE char *far = text_diff("a\n1\n2\n3\n4\n5\n6\n7\n8\nb", "1\n2\n3\n4\n5\n6\n7\n8\nb\nc");
	ck_assert_str_eq(far, "@@ -1,4 +1,3 @@\n-a\n 1\n 2\n 3\n@@ -8,3 +7,4 @@\n 7\n 8\n b\n+c\n");
}
END_TEST

TESTS("go_value", names_order_and_zeroes, one_line_changes, hunks)
