/* DefaultStorageClass and DefaultIngressClass. Purpose: a claim or an ingress that names no class gets the default one.
 * Happy path: of the classes that are annotated as default the newest is taken (of those made at once the first by
 * name); without any, nothing happens. Nothing fails. */
#include <string.h>

#include "base/mem.h"
#include "cp/admission/plugin.h"

#define INGRESS_DEFAULT "ingressclass.kubernetes.io/is-default-class"
#define INGRESS_ANNOTATION "kubernetes.io/ingress.class"

/* The newest of the classes that one of the annotations marks; ret_n: how many are marked. Returns owned. */
static json_t *find_default(const struct admission *n, const char *group, const char *plural, const char *const *annotations,
			    size_t *ret_n)
{
	AUTO_JSON *all = admission_list(n, group, "v1", plural, "");
	json_t *best = NULL, *c;
	size_t i;
	*ret_n = 0;
	json_array_foreach(all, i, c)
	{
		const json_t *notes = json_at(c, "metadata.annotations");
		bool marked = false;
		for (size_t k = 0; annotations[k]; k++)
			marked |= str_eq(json_member(notes, annotations[k]), "true");
		if (!marked)
			continue;
		++*ret_n;
		if (!best || strcmp(json_str_or(c, "metadata.creationTimestamp", ""),
				    json_str_or(best, "metadata.creationTimestamp", "")) > 0)
			best = c;
	}
	return json_incref(best);
}

static json_t *mutate_claim(struct admit *a)
{
	static const char *const marks[] = { "storageclass.kubernetes.io/is-default-class",
					     "storageclass.beta.kubernetes.io/is-default-class", NULL };
	size_t n;
	if (json_at(a->object, "spec.storageClassName") ||
	    json_object_get(json_at(a->object, "metadata.annotations"), "volume.beta.kubernetes.io/storage-class"))
		return NULL;
	AUTO_JSON *class = find_default(a->n, "storage.k8s.io", "storageclasses", marks, &n);
	if (class)
		json_set_str(a->object, "spec.storageClassName", json_str_or(class, "metadata.name", ""));
	return NULL;
}

static json_t *mutate_ingress(struct admit *a)
{
	static const char *const marks[] = { INGRESS_DEFAULT, NULL };
	size_t n;
	if (json_at(a->object, "spec.ingressClassName") ||
	    json_object_get(json_at(a->object, "metadata.annotations"), INGRESS_ANNOTATION))
		return NULL;
	AUTO_JSON *class = find_default(a->n, "networking.k8s.io", "ingressclasses", marks, &n);
	if (class)
		json_set_str(a->object, "spec.ingressClassName", json_str_or(class, "metadata.name", ""));
	return NULL;
}

static const char *const claims[] = { "PersistentVolumeClaim", NULL };
const struct admit_plugin default_storage_class_plugin = {
	.name = "DefaultStorageClass",
	.ops = ADMIT_CREATE,
	.kinds = claims,
	.mutate = mutate_claim,
};

static const char *const ingresses[] = { "networking.k8s.io/Ingress", NULL };
const struct admit_plugin default_ingress_class_plugin = {
	.name = "DefaultIngressClass",
	.ops = ADMIT_CREATE,
	.kinds = ingresses,
	.mutate = mutate_ingress,
};
