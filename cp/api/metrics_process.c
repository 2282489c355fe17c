/* Metrics that are looked up when somebody asks: objects, the store, this process, health. Purpose: what dashboards show
 * beside requests. Happy path: rows are set just before they are told. What cannot be read (/proc) is left out. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/metrics_process.h"
#include "cp/api/audit.h"
#include "cp/api/custom.h"
#include "cp/api/metrics.h"
#include "cp/store/store.h"

METRIC_DEF(audit_errors, "apiserver_audit_error_total", "Audit events that were not written, by what should have done it.",
	   METRIC_COUNTER, "plugin");
METRIC_DEF(storage_objects, "apiserver_storage_objects", "Objects that are stored.", METRIC_GAUGE, "resource");
METRIC_DEF(objects, "apiserver_resource_objects", "Objects that are stored.", METRIC_GAUGE, "group,resource");
METRIC_DEF(object_bytes, "apiserver_resource_size_estimate_bytes", "Bytes of the objects that are stored.",
	   METRIC_GAUGE, "group,resource");
METRIC_DEF(txns, "knarr_store_transactions_total", "Transactions of the store.", METRIC_COUNTER, "");
METRIC_DEF(commits, "knarr_store_commits_total", "Commits (fsync) of the store.", METRIC_COUNTER, "");
METRIC_DEF(written, "knarr_store_written_bytes_total", "Bytes written by the store.", METRIC_COUNTER, "");
METRIC_DEF(build, "kubernetes_build_info", "What this server is, always 1.", METRIC_GAUGE,
	   "build_date,compiler,git_commit,git_tree_state,git_version,go_version,major,minor,platform");
METRIC_DEF(health, "kubernetes_healthcheck", "The last outcome of a health check.", METRIC_GAUGE, "name,type");
METRIC_DEF(healths, "kubernetes_healthchecks_total", "Health checks by outcome.", METRIC_COUNTER, "name,status,type");

static void set(struct api *a, const struct metric_def *d, double value)
{
	metric_set(metrics_row(a->numbers, d, NULL), value);
}

static bool tell_resource(const struct resource *res, void *arg)
{
	struct api *a = arg;
	const struct kind *k = res->kind;
	AUTO_FREE char *name = status_qualified(k->group, k->plural);
	if (!res->bucket)
		return false;
	metric_set(metrics_row(a->numbers, &storage_objects, METRIC_VALUES(name)), (double)bucket_len(res->bucket));
	metric_set(metrics_row(a->numbers, &objects, METRIC_VALUES(k->group, k->plural)),
		   (double)bucket_len(res->bucket));
	metric_set(metrics_row(a->numbers, &object_bytes, METRIC_VALUES(k->group, k->plural)),
		   (double)bucket_bytes(res->bucket));
	return false;
}

static void tell_store(struct api *a)
{
	struct store_stats s;
	store_get_stats(cache_store(a->cache), &s);
	set(a, &txns, (double)s.txns);
	set(a, &commits, (double)s.commits);
	set(a, &written, (double)s.bytes_written);
}

static void tell_all(void *arg)
{
	struct api *a = arg;
	metric_vec_clear(metrics_vec(a->numbers, &storage_objects));
	metric_vec_clear(metrics_vec(a->numbers, &objects));
	metric_vec_clear(metrics_vec(a->numbers, &object_bytes));
	for (size_t i = 0; i < a->n_resources; i++)
		tell_resource(&a->resources[i], a);
	(void)customs_each(a->customs, tell_resource, a); /* never stops by itself */
	tell_store(a);
	if (a->audit)
		metric_set(metrics_row(a->numbers, &audit_errors, METRIC_VALUES("log")), (double)audit_lost(a->audit));
	metrics_tell_process(a->numbers);
}

void process_metrics_start(struct api *a)
{
	metric_set(
	    metrics_row(a->numbers, &build,
			METRIC_VALUES("", "cc", KNARR_VERSION, "clean", "v1.36.0+knarr", "none", "1", "36", "linux")),
	    1);
	a->slis = metrics_new();
	metrics_before_write(a->numbers, tell_all, a);
}

void health_count(struct api *a, const char *name, const char *type, bool ok)
{
	metric_set(metrics_row(a->slis, &health, METRIC_VALUES(name, type)), ok);
	metric_add(metrics_row(a->slis, &healths, METRIC_VALUES(name, ok ? "success" : "error", type)), 1);
}

void api_write_slis(struct api *a, struct str *out)
{
	metrics_write(a->slis, out);
}
