/* Elements by owner.
 *
 * owned_put() first tries the elements alone, the common case, and puts the fixed part before them, or takes away what
 * stands under their keys, only when the kernel says so. What is decided from a dump is committed only if nobody has
 * changed the ruleset since (the batch names its generation), and decided anew otherwise. Fails where the kernel
 * refuses, or where others change the ruleset faster than it can be read, many times in a row. */
#include <netinet/in.h> /* before the kernel headers, which yield to it */

#include "cni/owned.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cni/hash.h"

#define TRIES 256

char *owned_name(char *ret, const char *prefix, const char *text)
{
	snprintf(ret, OWNED_NAME_MAX, "%s%016llx", prefix, (unsigned long long)cni_hash(text));
	return ret;
}

char *owned_subnet_name(char *ret, const char *prefix, const struct ip_net *net)
{
	struct ip_net subnet = {ip_net_first(net), net->prefix};
	char text[IP_TEXT_MAX];
	return owned_name(ret, prefix, ip_net_text(&subnet, text));
}

char *owned_by(char *ret, const char *network, const char *container_id, const char *ifname)
{
	AUTO_FREE char *text = xasprintf("%s/%s/%s", network, container_id, ifname);
	if (strlen(text) <= NFT_COMMENT_MAX)
		snprintf(ret, NFT_COMMENT_MAX + 1, "%s", text);
	else
		snprintf(ret, NFT_COMMENT_MAX + 1, "%.*s#%016llx", NFT_COMMENT_MAX - 17, text,
			 (unsigned long long)cni_hash(text));
	return ret;
}

struct found {
	const char *set;
	struct owned_elem *v;
	size_t n;
	/* what is wanted: the keys of these ... */
	const struct owned_elem *keys;
	size_t n_keys;
	/* ... or the elements of this call's owner, or of nobody valid */
	const struct cni_call *call;
};

static bool same_key(const struct nft_elem *a, const struct nft_elem *b)
{
	return a->key_len == b->key_len && !memcmp(a->key, b->key, a->key_len);
}

static bool is_valid(const struct cni_call *c, const char *owner)
{
	char text[NFT_COMMENT_MAX + 1];
	size_t i;
	json_t *a;
	json_array_foreach(json_object_get(c->conf, "cni.dev/valid-attachments"), i, a)
	{
		const char *id = json_member(a, "containerID"), *ifname = json_member(a, "ifname");
		if (id && ifname && !strcmp(owned_by(text, c->name, id, ifname), owner))
			return true;
	}
	return false;
}

bool owned_is_stale(const struct cni_call *c, const char *owner)
{
	size_t len = strlen(c->name);
	return json_is_array(json_object_get(c->conf, "cni.dev/valid-attachments")) && !strncmp(owner, c->name, len) &&
	       owner[len] == '/' && !is_valid(c, owner);
}

static bool is_meant(const struct cni_call *c, const char *owner)
{
	char text[NFT_COMMENT_MAX + 1];
	if (!strcmp(c->command, "GC"))
		return owned_is_stale(c, owner);
	return !strcmp(owned_by(text, c->name, c->container_id, c->ifname), owner);
}

static void take(void *arg, const struct nft_elem *elem)
{
	struct found *f = arg;
	bool meant = f->call && elem->comment && is_meant(f->call, elem->comment);
	for (size_t i = 0; !f->call && i < f->n_keys && !meant; i++)
		meant = !strcmp(f->keys[i].set, f->set) && same_key(&f->keys[i].elem, elem);
	if (!meant)
		return;
	f->v = xreallocarray(f->v, f->n + 1, sizeof(*f->v));
	f->v[f->n] = (struct owned_elem){f->set, *elem};
	f->v[f->n++].elem.comment = NULL;
}

/* Adds what a set has of f's wishes; a set that is not there has nothing. */
static int look(struct nft *n, int family, const char *set, struct found *f)
{
	f->set = set;
	int r = nft_dump_elems(n, family, OWNED_TABLE, set, take, f, NULL);
	return r == -ENOENT ? 0 : r;
}

static bool set_was_seen(const struct owned_elem *v, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (!strcmp(v[k].set, v[i].set))
			return true;
	return false;
}

/* Puts deletions of everything that stands under the keys into the batch. */
static int clear_keys(struct nft *n, struct nft_batch *b, int family, const struct owned_elem *v, size_t count)
{
	struct found f = {.keys = v, .n_keys = count};
	uint32_t generation = 0;
	int r = nft_generation(n, &generation, NULL);
	for (size_t i = 0; r >= 0 && i < count; i++)
		if (!set_was_seen(v, i))
			r = look(n, family, v[i].set, &f);
	for (size_t i = 0; r >= 0 && i < f.n; i++)
		nft_elems_del(b, family, OWNED_TABLE, f.v[i].set, &f.v[i].elem, 1);
	if (r >= 0)
		nft_batch_expect(b, generation);
	free(f.v);
	return r;
}

int owned_put(const struct cni_call *c, struct nft *n, int family, struct owned_elem *v, size_t count,
	      owned_setup setup, void *arg, struct err *e)
{
	char owner[NFT_COMMENT_MAX + 1];
	bool set_up = false, taken = false;
	int r = 0;
	owned_by(owner, c->name, c->container_id, c->ifname);
	for (int i = 0; i < TRIES; i++) {
		AUTO_NFT_BATCH *b = nft_batch_new();
		r = 0;
		if (set_up)
			setup(b, family, arg);
		if (taken && (r = clear_keys(n, b, family, v, count)) == -EAGAIN)
			continue;
		if (r < 0)
			return err_code(e, r, "nf_tables: %s", OWNED_TABLE);
		for (size_t k = 0; k < count; k++) {
			v[k].elem.comment = owner;
			nft_elem_new(b, family, OWNED_TABLE, v[k].set, &v[k].elem);
		}
		r = nft_commit(n, b, e);
		if (r >= 0 || (r != -ENOENT && r != -EEXIST && r != -ERESTART && r != -EAGAIN))
			return r;
		set_up |= r == -ENOENT;
		taken |= r == -EEXIST;
	}
	return r;
}

int owned_remove(const struct cni_call *c, struct nft *n, int family, const char *const *sets, struct err *e)
{
	int r = 0;
	for (int i = 0; i < TRIES; i++) {
		AUTO_NFT_BATCH *b = nft_batch_new();
		struct found f = {.call = c};
		uint32_t generation = 0;
		r = nft_generation(n, &generation, e);
		for (size_t k = 0; r >= 0 && sets[k]; k++)
			r = look(n, family, sets[k], &f);
		for (size_t k = 0; r >= 0 && k < f.n; k++)
			nft_elems_del(b, family, OWNED_TABLE, f.v[k].set, &f.v[k].elem, 1);
		if (r >= 0 && f.n) {
			nft_batch_expect(b, generation);
			r = nft_commit(n, b, e);
		}
		free(f.v);
		if (r != -EAGAIN && r != -ERESTART)
			break;
	}
	return r < 0 ? err_wrap(e, r, "nf_tables: %s", OWNED_TABLE) : 0;
}

static void note_chain(void *arg, const struct nft_elem *elem)
{
	if (elem->is_verdict)
		strv_add(arg, elem->chain);
}

/* One try: 0 when it is done, -EAGAIN or -ERESTART when the ruleset was changed meanwhile. */
static int remove_chains(struct nft *n, int family, const char *map, const char *prefix)
{
	AUTO_NFT_BATCH *b = nft_batch_new();
	AUTO_STRV char **chains = NULL, **used = NULL;
	uint32_t generation = 0;
	int r = nft_generation(n, &generation, NULL);
	if (r >= 0)
		r = nft_dump_chains(n, family, OWNED_TABLE, &chains, NULL);
	if (r >= 0)
		r = nft_dump_elems(n, family, OWNED_TABLE, map, note_chain, &used, NULL);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	for (size_t i = 0; chains[i]; i++)
		if (str_has_prefix(chains[i], prefix) && !strv_has(used, chains[i])) {
			nft_chain_flush(b, family, OWNED_TABLE, chains[i]);
			nft_chain_del(b, family, OWNED_TABLE, chains[i]);
		}
	if (nft_batch_is_empty(b))
		return 0;
	nft_batch_expect(b, generation);
	return nft_commit(n, b, NULL);
}

int owned_remove_chains(struct nft *n, int family, const char *map, const char *prefix, struct err *e)
{
	int r = -EAGAIN;
	for (int i = 0; i < TRIES && (r == -EAGAIN || r == -ERESTART); i++)
		r = remove_chains(n, family, map, prefix);
	return r < 0 ? err_code(e, r, "nf_tables: chains of %s", OWNED_TABLE) : 0;
}

static bool same_value(const struct nft_elem *a, const struct nft_elem *b)
{
	return a->data_len == b->data_len && !memcmp(a->data, b->data, a->data_len) && a->is_verdict == b->is_verdict &&
	       a->verdict == b->verdict && !strcmp(a->chain, b->chain);
}

int owned_check(const struct cni_call *c, struct nft *n, int family, const struct owned_elem *v, size_t count,
		struct err *e)
{
	struct found f = {.call = c};
	size_t missing = 0;
	int r = 0;
	for (size_t i = 0; r >= 0 && i < count; i++)
		if (!set_was_seen(v, i))
			while ((r = look(n, family, v[i].set, &f)) == -EAGAIN)
				;
	for (size_t i = 0; r >= 0 && i < count; i++) {
		size_t k = 0;
		while (k < f.n && (strcmp(f.v[k].set, v[i].set) || !same_key(&f.v[k].elem, &v[i].elem) ||
				   !same_value(&f.v[k].elem, &v[i].elem)))
			k++;
		missing += k == f.n;
	}
	free(f.v);
	if (r < 0)
		return err_code(e, r, "nf_tables: %s", OWNED_TABLE);
	return missing ? err_set(e, -ENOENT, "%zu of %zu elements of %s %s are missing in nf_tables table %s", missing,
				 count, c->container_id, c->ifname, OWNED_TABLE)
		       : 0;
}
