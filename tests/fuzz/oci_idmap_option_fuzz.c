/* The mapping of the mount option "idmap=". What is accepted has ranges of both kinds, and none of them is empty. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"
#include "runtime/idmap_option.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *text = xstrndup((const char *)data, size);
	struct id_map own[] = { { 0, 100000, 1000 }, { 1000, 4294967000u, 200 } };
	struct config c = { .uid_maps = own, .n_uid_maps = 2, .gid_maps = own, .n_gid_maps = 1 };
	struct idmap_conf m;
	if (idmap_option_parse(text, &c, &m, NULL) < 0)
		return 0;
	if (!m.n_uids || !m.n_gids)
		abort();
	for (size_t i = 0; i < m.n_uids; i++)
		if (!m.uids[i].count)
			abort();
	free(m.uids);
	free(m.gids);
	return 0;
}
