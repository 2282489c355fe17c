/* Mappings of ids in a mount option.
 *
 * Happy path: lists of ranges by kind, each range three numbers. What can fail: anything that is not such a text, and ids
 * of a container that its mappings do not have. What always holds: there are no more ranges than the kernel takes. */
#include "runtime/idmap_option.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

#define RANGES_MAX 340 /* of one user namespace */

/* The id of the host for one of the container; the first of the range must have one. */
static int to_host(struct id_map *range, const struct id_map *maps, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t from = range->outside - maps[i].inside;
		if (range->outside < maps[i].inside || from >= maps[i].count)
			continue;
		range->outside = maps[i].outside + from;
		return 0;
	}
	return -EINVAL;
}

static int parse_range(const char *text, const struct id_map *maps, size_t n, struct id_map *ret)
{
	bool relative = *text == '@';
	AUTO_STRV char **parts = str_split(text + (relative || *text == '+'), '-');
	if (strv_len(parts) != 3 || str_to_u32(parts[0], &ret->inside) < 0 || str_to_u32(parts[1], &ret->outside) < 0 ||
	    str_to_u32(parts[2], &ret->count) < 0 || !ret->count)
		return -EINVAL;
	return relative ? to_host(ret, maps, n) : 0;
}

static int parse_ranges(const char *text, const struct id_map *maps, size_t n_maps, struct id_map **ret, size_t *ret_n)
{
	AUTO_STRV char **parts = str_split(text, '#');
	size_t n = strv_len(parts);
	if (*ret || !n || n > RANGES_MAX)
		return -EINVAL;
	AUTO_FREE struct id_map *ranges = xcalloc(n, sizeof(*ranges));
	for (size_t i = 0; i < n; i++)
		if (parse_range(parts[i], maps, n_maps, &ranges[i]) < 0)
			return -EINVAL;
	*ret = TAKE(ranges);
	*ret_n = n;
	return 0;
}

int idmap_option_parse(const char *text, const struct config *c, struct idmap_conf *ret, struct err *e)
{
	AUTO_STRV char **kinds = str_split(text, ';');
	struct idmap_conf m = { 0 };
	int r = 0;
	for (size_t i = 0; r == 0 && i < strv_len(kinds); i++) {
		if (str_has_prefix(kinds[i], "uids="))
			r = parse_ranges(kinds[i] + 5, c->uid_maps, c->n_uid_maps, &m.uids, &m.n_uids);
		else if (str_has_prefix(kinds[i], "gids="))
			r = parse_ranges(kinds[i] + 5, c->gid_maps, c->n_gid_maps, &m.gids, &m.n_gids);
		else
			r = -EINVAL;
	}
	if (r == 0 && m.n_uids && m.n_gids) {
		*ret = m;
		return 0;
	}
	free(m.uids);
	free(m.gids);
	return err_set(e, -EINVAL, "invalid mapping \"%.200s\" specified", text);
}

int idmap_option_apply(struct config *c, struct err *e)
{
	for (size_t i = 0; i < c->n_mounts; i++) {
		struct mount_conf *m = &c->mounts[i];
		int r = m->options.mapping ? idmap_option_parse(m->options.mapping, c, &m->idmap, e) : 0;
		if (r < 0)
			return err_wrap(e, r, "invalid mount %s", m->destination);
	}
	return 0;
}
