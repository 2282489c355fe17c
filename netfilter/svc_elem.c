/* Elements: their order, differences, and the numbers of choices.
 *
 * Two sorted lists are gone through side by side; a choice is packed into one number, so that the map of fronts holds no
 * verdicts. Pure; nothing fails. What always holds: equal choices have equal numbers and names. */
#include "netfilter/svc_elem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"

int svc_elem_cmp(const void *pa, const void *pb)
{
	const struct svc_elem *a = pa, *b = pb;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->key, b->key, sizeof(a->key));
}

/* Whether what the key points to is the same too. */
static bool svc_elem_same(const struct svc_elem *a, const struct svc_elem *b)
{
	return !svc_elem_cmp(a, b) && !memcmp(a->data, b->data, sizeof(a->data));
}

void svc_elem_diff(const struct svc_elem *old, size_t n_old, const struct svc_elem *wanted, size_t n_wanted,
		   const struct svc_elem ***ret_del, size_t *ret_n_del, const struct svc_elem ***ret_add,
		   size_t *ret_n_add)
{
	const struct svc_elem **del = xcalloc(n_old + 1, sizeof(*del)), **new = xcalloc(n_wanted + 1, sizeof(*new));
	size_t i = 0, k = 0, n_del = 0, n_new = 0;
	while (i < n_old || k < n_wanted) {
		int order = i == n_old ? 1 : k == n_wanted ? -1 : svc_elem_cmp(&old[i], &wanted[k]);
		if (order < 0) {
			del[n_del++] = &old[i++];
		} else if (order > 0) {
			new[n_new++] = &wanted[k++];
		} else {
			if (!svc_elem_same(&old[i], &wanted[k])) {
				del[n_del++] = &old[i];
				new[n_new++] = &wanted[k];
			}
			i++, k++;
		}
	}
	*ret_del = del;
	*ret_n_del = n_del;
	*ret_add = new;
	*ret_n_add = n_new;
}

uint32_t svc_elem_number(const struct svc_elem *e)
{
	uint32_t n;
	memcpy(&n, e->data, sizeof(n));
	return n;
}

uint8_t svc_elem_protocol(const struct svc_elem *e)
{
	return e->key[e->family == AF_INET ? 4 : 16];
}

uint32_t svc_choice_number(const struct svc_choice *c)
{
	return (uint32_t)c->mode << 28 | (uint32_t)c->hairpin << 26 | (uint32_t)c->restricted << 25 | (uint32_t)c->sticky << 24 |
	       (uint32_t)c->cluster << 12 | c->count;
}

void svc_choice_read(uint32_t number, struct svc_choice *ret)
{
	*ret = (struct svc_choice){.mode = number >> 28,
				   .hairpin = number >> 26 & 1,
				   .restricted = number >> 25 & 1,
				   .sticky = number >> 24 & 1,
				   .cluster = number >> 12 & SVC_ENDPOINTS_MAX,
				   .count = number & SVC_ENDPOINTS_MAX};
}

char *svc_choice_name(uint32_t number, char *ret)
{
	struct svc_choice c;
	char cluster[16] = "";
	svc_choice_read(number, &c);
	if (c.mode >= SVC_REFUSE) {
		snprintf(ret, 32, "refuse");
		return ret;
	}
	if (c.mode == SVC_LOCAL)
		snprintf(cluster, sizeof(cluster), "c%u", c.cluster);
	snprintf(ret, 32, "%c%u%s%s%s%s", "nmal"[c.mode], c.count, cluster, c.sticky ? "s" : "", c.restricted ? "r" : "",
		 c.hairpin ? "h" : "");
	return ret;
}
