/* Network policies in force: keeps one table of nf_tables equal to what policies, namespaces and pods want. */
#ifndef KNARR_NETFILTER_POLICY_SYNC_H
#define KNARR_NETFILTER_POLICY_SYNC_H

#include "netfilter/policy_parse.h"

#define POLICY_TABLE "knarr-policy"

struct policy_sync;

/* Works in the network namespace of the calling thread, for life. table NULL: POLICY_TABLE. Nothing is touched before
 * the first commit: what an earlier run left in the kernel stays in force until then. */
int policy_sync_new(const char *table, struct policy_sync **ret, struct err *e);
void policy_sync_free(struct policy_sync *s); /* leaves the table; NULL is fine */

/* What is wanted; takes its object. What did not change costs nothing later. */
void policy_sync_set_policy(struct policy_sync *s, struct policy *p);
void policy_sync_delete_policy(struct policy_sync *s, const char *key);
size_t policy_sync_policies(const struct policy_sync *s);
/* labels: a reference is taken; NULL: none. */
void policy_sync_set_namespace(struct policy_sync *s, const char *name, json_t *labels);
void policy_sync_delete_namespace(struct policy_sync *s, const char *name);
/* Of two pods with one address it is that of the one that came to it last. */
void policy_sync_set_pod(struct policy_sync *s, struct policy_pod *p);
void policy_sync_delete_pod(struct policy_sync *s, const char *key);

/* Makes the kernel agree, in one transaction: by the difference, or (first, and after a failure) by the whole table anew.
 * Without any isolated pod on this node there is no table. *ret_changed (may be NULL): elements. */
int policy_sync_commit(struct policy_sync *s, size_t *ret_changed, struct err *e);

/* A socket, readable where somebody changes the ruleset; kept as long as s. */
int policy_sync_watch(struct policy_sync *s, struct err *e);
/* Reads it: whether somebody else has changed the table. The next commit then makes it anew. */
bool policy_sync_disturbed(struct policy_sync *s);
/* Forgets what connection tracking knows of an address: who has it now gets none of its connections. */
int policy_sync_forget(struct policy_sync *s, const struct ip *ip, struct err *e);
/* The addresses that went from one pod to another since the last call, owned; *ret_n of them. */
struct ip *policy_sync_reused(struct policy_sync *s, size_t *ret_n);

/* Removes the table. */
int policy_cleanup(const char *table, struct err *e);

#endif
