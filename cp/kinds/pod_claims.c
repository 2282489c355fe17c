/* Rules of a pod's resource claims, and of what the pod as a whole asks for. */
#include <string.h>

#include "api/names.h"
#include "api/quantity.h"
#include "base/json.h"
#include "base/map.h"
#include "base/str.h"
#include "cp/kinds/go_value.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/pod_resources.h"
#include "cp/kinds/pod_rules.h"
#include "cp/kinds/resource_name.h"
#include "cp/kinds/rule.h"

void pod_claims_validate(const struct pod_rules *r)
{
	const struct type *type = r->errors->schema ? schema_type(r->errors->schema, "core.v1.PodResourceClaim") : NULL;
	char p[FIELD_PATH_MAX];
	json_t *claim;
	size_t i;

	json_array_foreach(json_object_get(r->spec, "resourceClaims"), i, claim)
	{
		bool name = json_object_get(claim, "resourceClaimName"), template = json_object_get(claim, "resourceClaimTemplateName");
		AUTO_JSON *shown = type ? go_value(type, claim) : json_incref(claim);
		FIELD_PATH(p, "%s.resourceClaims[%zu]", r->path, i);
		if (name && template)
			field_invalid(r->errors, p, shown, "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified");
		if (!name && !template)
			field_invalid(r->errors, p, shown, "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`");
		rule_name(claim, p, "resourceClaimName", name_check_subdomain, r->errors);
		rule_name(claim, p, "resourceClaimTemplateName", name_check_subdomain, r->errors);
	}
}

/* The names of the pod's claims as a sentence ends with them. Owned. */
static char *claim_names(const json_t *spec)
{
	AUTO_STR text = STR_INIT;
	json_t *claim;
	size_t i;

	json_array_foreach(json_object_get(spec, "resourceClaims"), i, claim)
	    str_addf(&text, "%s%s", i ? ", " : ": ", json_str_or(claim, "name", ""));
	return text.len ? str_take(&text) : xstrdup(" which is empty");
}

static bool has_claim(const json_t *spec, const char *name)
{
	return json_find(json_object_get(spec, "resourceClaims"), "name", name) != NULL;
}

/* Whether a claim was named before, as a whole or by the same request. */
static bool named_before(const json_t *claims, size_t end, const char *name, const char *request)
{
	for (size_t i = 0; i < end; i++) {
		const json_t *other = json_array_get(claims, i);
		const char *one = json_str_or(other, "request", "");
		if (!strcmp(json_str_or(other, "name", ""), name) && (!*one || !*request || !strcmp(one, request)))
			return true;
	}
	return false;
}

void pod_claim_names_validate(const struct pod_rules *r, const json_t *resources, const char *path)
{
	const json_t *claims = json_object_get(resources, "claims");
	char p[FIELD_PATH_MAX];
	json_t *claim;
	size_t i;

	json_array_foreach(claims, i, claim)
	{
		const char *name = json_str_or(claim, "name", ""), *request = json_str_or(claim, "request", "");
		AUTO_FREE char *key = *request ? xasprintf("%s/%s", name, request) : xstrdup(name);
		AUTO_JSON *shown = json_string(key);
		FIELD_PATH(p, "%s[%zu]", path, i);
		if (!*name) {
			field_required(r->errors, p, NULL);
			continue;
		}
		rule_name(claim, p, "request", name_check_label, r->errors);
		if (named_before(claims, i, name, request))
			field_duplicate(r->errors, p, shown);
		if (!has_claim(r->spec, name)) {
			AUTO_FREE char *known = claim_names(r->spec);
			field_add(r->errors, "FieldValueNotFound", p, "Not found: \"%s\": must be one of the names in pod.spec.resourceClaims%s",
				  name, known);
		}
	}
}

/* --- the pod as a whole ------------------------------------------------------------------------------------------------ */

/* What the pod says of requests, or limits, is not less than what its containers say together. */
static void validate_sums(const struct pod_rules *r, const json_t *own, const char *path, const char *which, bool pages_only)
{
	const json_t *amounts = json_object_get(own, which);
	AUTO_JSON *bare = json_copy((json_t *)r->spec);
	char p[FIELD_PATH_MAX];
	const char *name;
	json_t *v;

	json_object_del(bare, "resources");
	AUTO_JSON *sum = json_object_size(amounts) ? pod_resources(bare, which, false) : NULL;
	json_object_foreach(sum, name, v)
	{
		const json_t *amount = json_object_get(amounts, name);
		if (amount && (!pages_only || resource_name_is_huge_page(name)) &&
		    quantity_compare(json_string_value(v), json_string_value(amount)) > 0)
			field_invalid(r->errors, FIELD_PATH(p, "%s.%s[%s]", path, which, name), amount,
				      "must be greater than or equal to aggregate container %s of %s", which, json_string_value(v));
	}
}

static void validate_limits(const struct pod_rules *r, const json_t *own, const char *path)
{
	const json_t *limits = json_object_get(own, "limits");
	char p[FIELD_PATH_MAX];
	const char *name;
	json_t *c, *v;
	size_t i;

	json_array_foreach(json_object_get(r->spec, "containers"), i, c) json_object_foreach(json_at(c, "resources.limits"), name, v)
	{
		const char *most = json_member(limits, name);
		if (most && quantity_compare(json_string_value(v), most) > 0)
			field_invalid(r->errors, FIELD_PATH(p, "%s.containers[%zu][%s].limits", path, i, name), v,
				      "must be less than or equal to pod limits of %s", most);
	}
}

void pod_level_resources_validate(const struct pod_rules *r)
{
	const json_t *own = json_object_get(r->spec, "resources");
	char p[FIELD_PATH_MAX];

	if (!own)
		return;
	FIELD_PATH(p, "%s.resources", r->path);
	if (!strcmp(json_str_or(r->spec, "os.name", ""), "windows")) {
		field_forbidden(r->errors, p, "may not be set for a windows pod");
		return;
	}
	rule_forbidden(own, p, "claims", "claims cannot be set for Resources at pod-level", r->errors);
	resource_requirements_validate(own, p, resource_name_validate_pod, r->errors);
	validate_sums(r, own, p, "requests", false);
	validate_sums(r, own, p, "limits", true);
	validate_limits(r, own, p);
}
