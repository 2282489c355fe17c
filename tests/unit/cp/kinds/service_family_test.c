/* Families of services: what follows from what was said, and what may not be said together. */
#include "cp/kinds/service_family.h"

#include "base/json.h"
#include "base/str.h"
#include "tests/unit/check_main.h"

static json_t *parse(const char *spec)
{
	AUTO_FREE char *text = xasprintf("{\"spec\":%s}", spec ? spec : "{}");
	json_t *svc = json_loads(text, 0, NULL);
	ck_assert_ptr_nonnull(svc);
	return svc;
}

static char *families(const json_t *svc)
{
	AUTO_STR out = STR_INIT;
	size_t i;
	json_t *v;
	str_addf(&out, "%s", json_str_or(svc, "spec.ipFamilyPolicy", "-"));
	json_array_foreach(json_at(svc, "spec.ipFamilies"), i, v)
		str_addf(&out, " %s", json_string_value(v));
	return str_take(&out);
}

/* The way of a request: prepare, validate, complete. */
static const struct {
	const char *old, *now, *cluster, *want; /* want: policy and families, or "!" and the first error's text */
} rows[] = {
	{ NULL, "{}", "4", "SingleStack IPv4" },
	{ NULL, "{}", "46", "SingleStack IPv4" },
	{ NULL, "{}", "64", "SingleStack IPv6" },
	{ NULL, "{\"ipFamilies\":[\"IPv6\"]}", "46", "SingleStack IPv6" },
	{ NULL, "{\"clusterIPs\":[\"fd00::5\"]}", "46", "SingleStack IPv6" },
	{ NULL, "{\"ipFamilyPolicy\":\"PreferDualStack\"}", "4", "PreferDualStack IPv4" },
	{ NULL, "{\"ipFamilyPolicy\":\"PreferDualStack\"}", "46", "PreferDualStack IPv4 IPv6" },
	{ NULL, "{\"ipFamilyPolicy\":\"RequireDualStack\",\"ipFamilies\":[\"IPv6\"]}", "46", "RequireDualStack IPv6 IPv4" },
	{ NULL, "{\"clusterIP\":\"None\",\"clusterIPs\":[\"None\"]}", "4", "RequireDualStack IPv4 IPv6" },
	{ NULL, "{\"clusterIP\":\"None\",\"selector\":{\"a\":\"b\"}}", "46", "SingleStack IPv4" },
	{ NULL, "{\"ipFamilyPolicy\":\"RequireDualStack\"}", "4", "!this cluster is not configured for dual-stack services" },
	{ NULL, "{\"ipFamilies\":[\"IPv6\"]}", "4", "!not configured on this cluster" },
	{ NULL, "{\"clusterIPs\":[\"fd00::5\"]}", "4", "!IPv6 is not configured on this cluster" },
	{ NULL, "{\"ipFamilies\":[\"IPv6\",\"IPv4\"]}", "46",
	  "!must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified" },
	{ NULL, "{\"clusterIPs\":[\"10.0.0.1\",\"fd00::5\"]}", "46",
	  "!must be 'RequireDualStack' or 'PreferDualStack' when multiple cluster IPs are specified" },
#define DUAL(policy) "{\"ipFamilyPolicy\":\"" policy "\",\"ipFamilies\":[\"IPv4\",\"IPv6\"],\"clusterIPs\":[\"10.0.0.1\",\"fd00::5\"]}"
#define SINGLE(policy) "{\"ipFamilyPolicy\":\"" policy "\",\"ipFamilies\":[\"IPv4\"],\"clusterIPs\":[\"10.0.0.1\"]}"
	{ DUAL("RequireDualStack"), DUAL("SingleStack"), "46", "SingleStack IPv4" },
	{ DUAL("PreferDualStack"), SINGLE("SingleStack"), "46", "SingleStack IPv4" },
	{ DUAL("PreferDualStack"), SINGLE("PreferDualStack"), "46", "!must be 'SingleStack' to release the secondary cluster IP" },
	{ SINGLE("SingleStack"), SINGLE("PreferDualStack"), "46", "PreferDualStack IPv4 IPv6" },
	{ SINGLE("PreferDualStack"), SINGLE("PreferDualStack"), "46", "PreferDualStack IPv4" }, /* made when the cluster had one */
	{ DUAL("PreferDualStack"), DUAL("PreferDualStack"), "4", "PreferDualStack IPv4 IPv6" },
	{ SINGLE("RequireDualStack"), "{\"ipFamilies\":[\"IPv4\"],\"clusterIPs\":[\"10.0.0.1\"]}", "46", "RequireDualStack IPv4 IPv6" },
};

START_TEST(ways)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *cluster[2];
		size_t n = strlen(rows[i].cluster);
		for (size_t k = 0; k < n; k++)
			cluster[k] = rows[i].cluster[k] == '4' ? "IPv4" : "IPv6";
		AUTO_JSON *svc = parse(rows[i].now);
		AUTO_JSON *old = rows[i].old ? parse(rows[i].old) : NULL;
		AUTO_FIELD_ERRORS errors = { 0 };
		service_family_prepare(svc, old);
		service_family_validate(svc, old, json_at(svc, "spec.clusterIPs"), &errors);
		if (!errors.n)
			service_family_complete(svc, old, cluster, n, &errors);
		AUTO_FREE char *got = families(svc);
		if (*rows[i].want == '!')
			ck_assert_msg(errors.n && str_has_suffix(errors.v[0].message, rows[i].want + 1), "row %zu: %s", i, errors.n ? errors.v[0].message : got);
		else
			ck_assert_msg(!errors.n && str_eq(got, rows[i].want), "row %zu: %s %s", i, got, errors.n ? errors.v[0].message : "");
	}
}
END_TEST

TESTS("service_family", ways)
