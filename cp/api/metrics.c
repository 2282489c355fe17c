/* Counters of the server in Prometheus' text format, under the names that dashboards use. */
#include <string.h>

#include "base/mem.h"
#include "base/metrics.h"
#include "cp/admission/admission.h"
#include "cp/api/api_internal.h"
#include "cp/store/store.h"

static const char *const verbs[] = {"GET", "LIST", "WATCH", "POST", "PUT", "PATCH", "DELETE", "other"};

static size_t verb_index(const char *verb)
{
	static const struct {
		const char *verb;
		size_t at;
	} map[] = {{"get", 0}, {"list", 1}, {"watch", 2}, {"create", 3}, {"update", 4}, {"patch", 5}, {"delete", 6}};
	for (size_t i = 0; i < ARRAY_LEN(map); i++)
		if (strcmp(map[i].verb, verb) == 0)
			return map[i].at;
	return ARRAY_LEN(verbs) - 1;
}

void request_answered(struct req *q, int code)
{
	int class = code / 100;
	q->api->counts.requests[verb_index(q->route.verb)][class < 1 || class > 5 ? 0 : class]++;
}

static void add(struct str *out, const char *name, const char *type, const char *help, uint64_t value)
{
	str_addf(out, "# HELP %s %s\n# TYPE %s %s\n%s %llu\n", name, help, name, type, name, (unsigned long long)value);
}

void api_write_metrics(struct api *a, struct str *out)
{
	const struct api_counts *m = &a->counts;
	struct store_stats s;
	store_get_stats(cache_store(a->cache), &s);
	str_add(out, "# HELP apiserver_request_total Requests by verb and class of the answer's status.\n"
		     "# TYPE apiserver_request_total counter\n");
	for (size_t v = 0; v < ARRAY_LEN(verbs); v++)
		for (int c = 1; c < 6; c++)
			if (m->requests[v][c])
				str_addf(out, "apiserver_request_total{verb=\"%s\",code=\"%dxx\"} %llu\n", verbs[v], c,
					 (unsigned long long)m->requests[v][c]);
	add(out, "apiserver_longrunning_requests", "gauge", "Open watches.", m->watches);
	add(out, "apiserver_watch_events_total", "counter", "Events sent to watchers.", m->watch_events);
	add(out, "knarr_store_transactions_total", "counter", "Transactions of the store.", s.txns);
	add(out, "knarr_store_commits_total", "counter", "Commits (fsync) of the store.", s.commits);
	add(out, "knarr_store_written_bytes_total", "counter", "Bytes written by the store.", s.bytes_written);
	admission_metrics(a->admission, out);
	metrics_write(a->numbers, out);
	str_add(
	    out,
	    "# HELP apiserver_storage_objects Objects stored, by resource.\n# TYPE apiserver_storage_objects gauge\n");
	for (size_t i = 0; i < a->n_resources; i++) {
		AUTO_FREE char *name = status_qualified(a->resources[i].kind->group, a->resources[i].kind->plural);
		str_addf(out, "apiserver_storage_objects{resource=\"%s\"} %zu\n", name,
			 bucket_len(a->resources[i].bucket));
	}
}
