/* Which controllers run.
 *
 * Names choose from the table; each gets a runner of its own, all share the memory of parsed objects. Starting fails as
 * a whole or not at all. */
#include "cp/controllers/controllers.h"

#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "cp/controllers/table.h"

enum { PARSED_MAX = 251 };

static const struct controller *const all[] = {
    &deployment_controller,     &replicaset_controller,     &endpoints_controller, &endpointslice_controller,
    &namespace_controller,      &serviceaccount_controller, &root_ca_controller,   &node_lifecycle_controller,
    &taint_eviction_controller, &pod_gc_controller,         &garbage_collector,    &event_ttl_controller,
    &clusterrole_aggregation_controller, &token_controller, &resourcequota_controller,
    &csr_approving_controller, &csr_signing_controller, &csr_cleaner_controller, &token_cleaner_controller,
    &bootstrap_signer_controller, &node_ipam_controller, &service_address_controller, &service_range_controller,
    &replicationcontroller_controller, &daemonset_controller, &statefulset_controller, &job_controller, &cronjob_controller,
    &disruption_controller, &endpointslice_mirror_controller, &claim_protection_controller, &volume_protection_controller, &attributes_protection_controller,
};

struct controllers {
	struct objects *objects;
	struct runner *runners[ARRAY_LEN(all)];
};

static bool is_wanted(const char *const *names, const char *name)
{
	bool any = !names;
	for (; names && *names; names++) {
		if (str_eq(*names, name))
			return true;
		if (**names == '-' && str_eq(*names + 1, name))
			return false;
		any |= str_eq(*names, "*");
	}
	return any;
}

static int check_names(const char *const *names, struct err *e)
{
	for (; names && *names; names++) {
		bool known = str_eq(*names, "*");
		for (size_t i = 0; i < ARRAY_LEN(all); i++)
			known |= str_eq(*names + (**names == '-'), all[i]->name);
		if (!known)
			return err_set(e, -EINVAL, "unknown controller %s", *names);
	}
	return 0;
}

int controllers_start(struct api *a, const char *const *names, const struct controllers_config *config, struct controllers **ret,
		      struct err *e)
{
	int r = check_names(names, e);
	if (r < 0)
		return r;
	struct controllers *c = xcalloc(1, sizeof(*c));
	c->objects = objects_new(PARSED_MAX);
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		if (!is_wanted(names, all[i]->name))
			continue;
		r = runner_start(a, all[i], config, c->objects, &c->runners[i], e);
		if (r < 0) {
			controllers_stop(c);
			return err_wrap(e, r, "controller %s", all[i]->name);
		}
	}
	*ret = c;
	return 0;
}

void controllers_stop(struct controllers *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		runner_stop(c->runners[i]);
	objects_free(c->objects);
	free(c);
}
