/* Intel RDT of a container that exists.
 *
 * Happy path: the container's group gets the new schemas. What can fail: no resctrl, a schema that the kernel refuses. What
 * always holds: a group that was there keeps its tasks. */
#include <errno.h>

#include "base/json.h"
#include "runtime/container.h"
#include "runtime/intel_rdt.h"
#include "runtime/state.h"

int container_update_rdt(const char *root, const char *id, const char *l3, const char *bandwidth, struct err *e)
{
	AUTO_STATE_DIR d = { .fd = -1 };
	AUTO_CONTAINER_INFO i = { 0 };
	AUTO_JSON *config = NULL;
	struct intel_rdt had = { 0 };
	const struct intel_rdt to = { .l3 = l3, .bandwidth = bandwidth };
	const char *resctrl = intel_rdt_root();
	int r = state_lock_running(root, id, &d, &i, &config, e);
	if (r == 0)
		r = intel_rdt_parse(json_at(config, "linux.intelRdt"), &had, e);
	if (r == 0 && !resctrl)
		r = err_set(e, -ENOENT, "Intel RDT is not mounted at " INTEL_RDT_ROOT);
	return r < 0 ? r : intel_rdt_change(&had, resctrl, id, i.pid, &to, e);
}
