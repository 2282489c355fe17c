/* Families of services. Happy path: the policy is known after prepare, the families after complete; addresses are then
 * allocated one a family. What can fail: what the fields say against each other or the cluster. What always holds: a
 * PreferDualStack service whose families and addresses an update leaves alone stays as it is. */
#include "cp/kinds/service_family.h"

#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/rule.h"

#define POLICY "spec.ipFamilyPolicy"
#define FAMILIES "spec.ipFamilies"
#define ADDRESSES "spec.clusterIPs"

static bool is_external_name(const json_t *svc)
{
	return str_eq(json_str_at(svc, "spec.type"), "ExternalName");
}

static bool has_policy(const json_t *svc, const char *policy)
{
	return str_eq(json_str_at(svc, POLICY), policy);
}

static bool is_headless(const json_t *svc)
{
	return str_eq(json_str_at(svc, "spec.clusterIP"), "None") ||
	       str_eq(json_string_value(json_array_get(json_at(svc, ADDRESSES), 0)), "None");
}

/* Selects no pods: somebody else says what is behind it. */
static bool is_free(const json_t *svc)
{
	return is_headless(svc) && !json_object_size(json_at(svc, "spec.selector"));
}

static bool same(const json_t *a, const json_t *b, const char *path)
{
	const json_t *x = json_at(a, path), *y = json_at(b, path);
	return (!json_array_size(x) && !json_array_size(y)) || json_equal(x, y);
}

static void shorten(json_t *svc, const json_t *old, const char *path)
{
	json_t *list = json_at(svc, path);
	if (json_array_size(list) < 2 || !same(svc, old, path))
		return;
	json_set_at(svc, path, json_pack("[O]", json_array_get(list, 0)));
}

void service_family_prepare(json_t *svc, const json_t *old)
{
	if (is_external_name(svc))
		return;
	const char *before = json_str_at(old, POLICY);
	if (str_empty(json_str_at(svc, POLICY)))
		json_set_str(svc, POLICY, before ? before : is_free(svc) ? "RequireDualStack" : "SingleStack");
	if (old && has_policy(svc, "SingleStack")) {
		shorten(svc, old, ADDRESSES);
		shorten(svc, old, FAMILIES);
	}
}

/* A PreferDualStack service that an update leaves as it is. */
static bool is_settled(const json_t *svc, const json_t *old)
{
	return old && has_policy(svc, "PreferDualStack") && has_policy(old, "PreferDualStack") && !is_external_name(old) &&
	       same(svc, old, ADDRESSES) && same(svc, old, FAMILIES) && json_array_size(json_at(svc, FAMILIES));
}

/* Fewer, but not none: none says nothing. */
static bool is_reduced(const json_t *now, const json_t *before)
{
	return json_array_size(now) && json_array_size(now) < json_array_size(before);
}

void service_family_validate(const json_t *svc, const json_t *old, const json_t *addresses, struct field_errors *errors)
{
	const json_t *policy = json_at(svc, POLICY), *families = json_at(svc, FAMILIES);
	if (is_external_name(svc) || is_settled(svc, old))
		return;
	if (has_policy(svc, "SingleStack")) {
		if (json_array_size(addresses) == 2)
			field_invalid(errors, POLICY, policy, "must be 'RequireDualStack' or 'PreferDualStack' when multiple cluster IPs are specified");
		if (json_array_size(families) == 2)
			field_invalid(errors, POLICY, policy, "must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified");
		return;
	}
	if (is_reduced(addresses, json_at(old, ADDRESSES)))
		field_invalid(errors, POLICY, policy, "must be 'SingleStack' to release the secondary cluster IP");
	if (is_reduced(families, json_at(old, FAMILIES)))
		field_invalid(errors, POLICY, policy, "must be 'SingleStack' to release the secondary IP family");
}

static bool is_of(const char *const *cluster, size_t n, const char *family)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(cluster[i], family))
			return true;
	return false;
}

/* An address says its family. */
static void infer(json_t *svc, const char *const *cluster, size_t n_cluster, struct field_errors *errors)
{
	json_t *families = json_array_at(svc, FAMILIES);
	const json_t *addresses = json_at(svc, ADDRESSES);
	char path[FIELD_PATH_MAX];
	for (size_t i = json_array_size(families); i < json_array_size(addresses) && !is_headless(svc); i++) {
		const char *address = json_string_value(json_array_get(addresses, i));
		const char *family = ip_family(address) == 6 ? "IPv6" : "IPv4";
		if (str_empty(address))
			return;
		if (is_of(cluster, n_cluster, family))
			json_array_append_new(families, json_string(family));
		else
			field_invalid(errors, FIELD_PATH(path, ADDRESSES "[%zu]", i), addresses, "%s is not configured on this cluster", family);
	}
}

static void check_cluster(const json_t *svc, const char *const *cluster, size_t n_cluster, struct field_errors *errors)
{
	char path[FIELD_PATH_MAX];
	size_t i;
	json_t *v;
	if (has_policy(svc, "RequireDualStack") && n_cluster < 2)
		field_invalid(errors, POLICY, json_at(svc, POLICY), "this cluster is not configured for dual-stack services");
	json_array_foreach(json_at(svc, FAMILIES), i, v)
		if (!is_of(cluster, n_cluster, json_string_value(v)))
			field_invalid(errors, FIELD_PATH(path, FAMILIES "[%zu]", i), v, "not configured on this cluster");
}

bool service_family_complete(json_t *svc, const json_t *old, const char *const *cluster, size_t n_cluster, struct field_errors *errors)
{
	size_t before = errors->n;
	if (is_settled(svc, old))
		return true;
	infer(svc, cluster, n_cluster, errors);
	if (errors->n == before && !is_free(svc))
		check_cluster(svc, cluster, n_cluster, errors);
	if (errors->n != before)
		return false;
	json_t *families = json_array_at(svc, FAMILIES);
	if (!json_array_size(families))
		json_array_append_new(families, json_string(cluster[0]));
	bool both = !has_policy(svc, "SingleStack") && (n_cluster == 2 || is_free(svc));
	if (both && json_array_size(families) == 1)
		json_array_append_new(families, json_string(str_eq(json_string_value(json_array_get(families, 0)), "IPv4") ? "IPv6" : "IPv4"));
	return true;
}
