/* What it costs to keep network policies in the kernel, by the library alone: P policies in P/10 namespaces, as many pods as
 * asked for, some of them on this node; everything from nothing, then one change at a time. Run in a network namespace of
 * its own: bench/policy does. Prints the least of the repetitions.
 *
 * usage: policy-time POLICIES PODS LOCAL-PODS */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "netfilter/policy_sync.h"

enum { REPEAT = 31, PER_NAMESPACE = 10 };
#define TABLE "knarr-policy-bench"

struct bench {
	struct policy_sync *sync;
	unsigned policies, pods, local, namespaces;
};

static json_t *read_json(char *text)
{
	json_t *j = NULL;
	if (json_parse(text, strlen(text), &j, NULL) < 0)
		abort();
	free(text);
	return j;
}

/* Policies of a namespace select pods by label and let in others of it, of a team, and a block of addresses. */
static void set_policy(const struct bench *b, unsigned i, unsigned port)
{
	struct policy *p = NULL;
	AUTO_JSON *j = read_json(xasprintf(
	    "{\"metadata\":{\"namespace\":\"n%u\",\"name\":\"p%u\"},\"spec\":{\"podSelector\":{\"matchLabels\":{\"app\":\"a%u\"}},"
	    "\"ingress\":[{\"from\":[{\"podSelector\":{\"matchLabels\":{\"app\":\"a%u\"}}}],\"ports\":[{\"port\":%u}]},"
	    "{\"from\":[{\"namespaceSelector\":{\"matchLabels\":{\"team\":\"t%u\"}}},{\"ipBlock\":{\"cidr\":\"10.%u.0.0/16\"}}]}]}}",
	    i / PER_NAMESPACE, i, i % PER_NAMESPACE, (i + 1) % PER_NAMESPACE, port, i % 50, i % 200));
	if (policy_parse(j, &p, NULL) < 0)
		abort();
	policy_sync_set_policy(b->sync, p);
}

static void set_pod(const struct bench *b, unsigned i, unsigned app, bool local)
{
	AUTO_JSON *j = read_json(xasprintf(
	    "{\"metadata\":{\"namespace\":\"n%u\",\"name\":\"pod%u\",\"uid\":\"u%u\",\"labels\":{\"app\":\"a%u\"}},"
	    "\"spec\":{\"nodeName\":\"%s\"},\"status\":{\"podIP\":\"10.%u.%u.%u\"}}",
	    i % b->namespaces, i, i, app, local ? "here" : "there", 100 + (i >> 16), i >> 8 & 255, i & 255));
	policy_sync_set_pod(b->sync, policy_pod_parse(j, "here"));
}

static void delete_pod(const struct bench *b, unsigned i)
{
	AUTO_FREE char *key = xasprintf("u%u", i);
	policy_sync_delete_pod(b->sync, key);
}

static int64_t cpu_us(void)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 + u.ru_utime.tv_usec + u.ru_stime.tv_usec;
}

static int64_t commit_us(const struct bench *b, size_t *ret_changed)
{
	struct err e = ERR_INIT;
	int64_t began = clock_mono_us();
	if (policy_sync_commit(b->sync, ret_changed, &e) < 0) {
		fprintf(stderr, "%s\n", err_text(&e));
		exit(EXIT_FAILURE);
	}
	return clock_mono_us() - began;
}

static void add_all(struct bench *b)
{
	for (unsigned i = 0; i < b->namespaces; i++) {
		AUTO_FREE char *name = xasprintf("n%u", i);
		AUTO_JSON *labels = read_json(xasprintf("{\"team\":\"t%u\"}", i % 50));
		policy_sync_set_namespace(b->sync, name, labels);
	}
	for (unsigned i = 0; i < b->policies; i++)
		set_policy(b, i, 80);
	for (unsigned i = 0; i < b->pods; i++)
		set_pod(b, i, i % PER_NAMESPACE, i < b->local);
}

static void change_label(const struct bench *b, unsigned n)
{
	set_pod(b, b->pods - 1, n % PER_NAMESPACE, false);
}

static void come_and_go(const struct bench *b, unsigned n)
{
	if (n % 2)
		set_pod(b, b->pods, n % PER_NAMESPACE, false);
	else
		delete_pod(b, b->pods);
}

static void come_and_go_here(const struct bench *b, unsigned n)
{
	if (n % 2)
		set_pod(b, b->pods + 1, n / 2 % PER_NAMESPACE, true);
	else
		delete_pod(b, b->pods + 1);
}

static void change_policy(const struct bench *b, unsigned n)
{
	set_policy(b, 0, 1000 + n);
}

static void measure(const struct bench *b, const char *what, void (*change)(const struct bench *b, unsigned n))
{
	int64_t least = INT64_MAX;
	size_t changed = 0;
	for (unsigned n = 0; n < REPEAT; n++) {
		change(b, n);
		int64_t us = commit_us(b, &changed);
		least = n && us < least ? us : least;
	}
	printf("  %-44s %10.3f ms\n", what, (double)least / 1e3);
}

int main(int argc, char **argv)
{
	if (argc != 4)
		return EXIT_FAILURE;
	struct bench b = {.policies = (unsigned)atoi(argv[1]), .pods = (unsigned)atoi(argv[2]), .local = (unsigned)atoi(argv[3])};
	struct err e = ERR_INIT;
	size_t changed = 0;
	b.namespaces = b.policies / PER_NAMESPACE;
	if (!b.namespaces || policy_sync_new(TABLE, &b.sync, &e) < 0)
		return EXIT_FAILURE;
	add_all(&b);
	int64_t cpu = cpu_us(), us = commit_us(&b, &changed);
	printf("%u policies, %u pods, %u of them here\n", b.policies, b.pods, b.local);
	printf("  %-44s %10.3f ms (CPU %.3f, %zu elements)\n", "everything, from nothing", (double)us / 1e3, (double)(cpu_us() - cpu) / 1e3,
	       changed);
	measure(&b, "a label of a pod elsewhere", change_label);
	measure(&b, "a pod elsewhere comes or goes", come_and_go);
	measure(&b, "a pod here comes or goes", come_and_go_here);
	measure(&b, "a policy changes", change_policy);
	policy_sync_free(b.sync);
	return policy_cleanup(TABLE, NULL) < 0;
}
