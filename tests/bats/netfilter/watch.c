/* Drives a watch of nf_tables for watch.bats, in the network namespace that it is started in, which must be empty: says "ok", or
 * what is not as it should be. Three sockets: whose table is watched, another one of this process that commits much, and a
 * stranger's. */
#include <netinet/in.h> /* before the kernel headers, which yield to it */

#include <linux/netfilter.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "io/nft/nft_internal.h"

#define MINE "mine"
#define MANY 20000u

static struct nft *own, *busy, *stranger;
static struct nft_watch *watch;

static void check(bool good, const char *fmt, ...)
{
	va_list ap;
	if (good)
		return;
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	exit(1);
}

static void commit(struct nft *n, struct nft_batch *b)
{
	struct err e = ERR_INIT;
	check(nft_commit(n, b, &e) == 0, "%s", e.text);
	nft_batch_free(b);
}

/* A chain in the table that is watched. */
static void add_chain(struct nft *n, const char *chain)
{
	struct nft_batch *b = nft_batch_new();
	nft_table_add(b, NFPROTO_INET, MINE);
	nft_chain_add(b, NFPROTO_INET, MINE, chain, NULL);
	commit(n, b);
}

static struct nft_batch *many(void)
{
	struct nft_batch *b = nft_batch_new();
	struct nft_elem *v = calloc(MANY, sizeof(*v));
	check(v != NULL, "memory");
	nft_table_add(b, NFPROTO_IPV4, "many");
	nft_set_add(b, &(struct nft_set_spec){.family = NFPROTO_IPV4, .table = "many", .name = "s", .key_type = 7, .key_len = 4});
	for (uint32_t i = 0; i < MANY; i++) {
		v[i].key_len = sizeof(i);
		memcpy(v[i].key, &i, sizeof(i));
	}
	nft_elems_add(b, NFPROTO_IPV4, "many", "s", v, MANY);
	free(v);
	return b;
}

static bool disturbed(void)
{
	return nft_watch_drain(watch, own, MINE);
}

/* The messages that wait. */
static int heard(void)
{
	static char buf[65536];
	int n = 0;
	while (recv(nft_watch_fd(watch), buf, sizeof(buf), 0) > 0)
		n++;
	return n;
}

static void small_changes(void)
{
	add_chain(own, "a");
	check(!disturbed(), "an own change counts");
	add_chain(stranger, "b");
	check(disturbed(), "a stranger's change does not count");
	check(!disturbed(), "it counts twice");
	struct nft_batch *b = nft_batch_new();
	nft_table_add(b, NFPROTO_IPV4, "foreign");
	commit(stranger, b);
	check(!disturbed(), "another table counts");
}

static void large_commits(void)
{
	add_chain(own, "a");
	heard();
	commit(busy, many());
	int n = heard();
	check(n == 1, "%d messages of a large commit were heard, not the generation alone", n);
	struct nft_batch *b = nft_batch_new();
	nft_table_del(b, NFPROTO_IPV4, "many");
	commit(busy, b);
	heard();
	commit(busy, many());
	check(!disturbed(), "a large commit counts");
	add_chain(stranger, "b");
	check(disturbed(), "what follows a large commit is not heard");
}

static void failed_commits(void)
{
	struct err e = ERR_INIT;
	struct nft_batch *b = many();
	nft_chain_del(b, NFPROTO_INET, MINE, "none");
	check(nft_commit(busy, b, &e) < 0, "a chain that is not there was deleted");
	nft_batch_free(b);
	check(!disturbed(), "a commit that failed counts");
}

static void others_meanwhile(void)
{
	uint32_t generation = 0;
	add_chain(own, "a");
	heard();
	check(nft_watches_leave(busy, &generation), "the watch does not leave");
	add_chain(stranger, "b");
	add_chain(busy, "d");
	nft_watches_return(generation, true);
	check(disturbed(), "a change beside a commit is not noticed");
	check(nft_watches_leave(busy, &generation), "the watch does not leave");
	add_chain(stranger, "c");
	nft_watches_return(generation, false);
	check(disturbed(), "a change beside a commit that failed is not noticed");
}

static void closed(void)
{
	nft_watch_close(watch);
	watch = NULL;
	commit(busy, many());
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} cases[] = {{"small", small_changes}, {"large", large_commits}, {"failed", failed_commits}, {"meanwhile", others_meanwhile}, {"closed", closed}};
	struct err e = ERR_INIT;
	check(nft_open(&own, &e) == 0 && nft_open(&busy, &e) == 0 && nft_open(&stranger, &e) == 0 && nft_watch_open(&watch, &e) == 0, "%s",
	      e.text);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (argc == 2 && !strcmp(argv[1], cases[i].name))
			cases[i].run();
	nft_watch_close(watch);
	nft_close(own);
	nft_close(busy);
	nft_close(stranger);
	puts("ok");
	return 0;
}
