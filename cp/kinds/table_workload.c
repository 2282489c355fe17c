/* Rows of deployments and replica sets. */
#include "base/json.h"
#include "base/mem.h"
#include "cp/kinds/table_cells.h"

static void deployment_cells(const json_t *d, int64_t now_ms, json_t *row)
{
	AUTO_FREE char *ready = xasprintf("%lld/%lld", (long long)json_int_at(d, "status.readyReplicas", 0),
					  (long long)json_int_at(d, "spec.replicas", 0));

	row_add(row, json_str_at(d, "metadata.name"));
	row_add(row, ready);
	row_add_int(row, json_int_at(d, "status.updatedReplicas", 0));
	row_add_int(row, json_int_at(d, "status.availableReplicas", 0));
	row_add_age(row, d, now_ms);
	row_add_containers(row, json_at(d, "spec.template.spec"));
	row_add_selector(row, json_at(d, "spec.selector"));
}

static const struct table_column deployment_columns[] = {
    COLUMN_NAME,
    {"Ready", "string", "", 0, "Pods that are ready, of those wanted", NULL, NULL},
    {"Up-to-date", "string", "", 0, "Pods that have the current template", NULL, NULL},
    {"Available", "string", "", 0, "Pods that have been ready for as long as demanded", NULL, NULL},
    COLUMN_AGE,
    COLUMN_CONTAINERS,
    COLUMN_IMAGES,
    COLUMN_SELECTOR("the deployment"),
};

const struct table_printer table_deployments = {
    .group = "apps", .plural = "deployments", COLUMNS(deployment_columns), .cells = deployment_cells};

static void replicaset_cells(const json_t *r, int64_t now_ms, json_t *row)
{
	row_add(row, json_str_at(r, "metadata.name"));
	row_add_int(row, json_int_at(r, "spec.replicas", 0));
	row_add_int(row, json_int_at(r, "status.replicas", 0));
	row_add_int(row, json_int_at(r, "status.readyReplicas", 0));
	row_add_age(row, r, now_ms);
	row_add_containers(row, json_at(r, "spec.template.spec"));
	row_add_selector(row, json_at(r, "spec.selector"));
}

static const struct table_column replicaset_columns[] = {
    COLUMN_NAME,
    {"Desired", "integer", "", 0, "Pods that are wanted", NULL, NULL},
    {"Current", "integer", "", 0, "Pods that exist", NULL, NULL},
    {"Ready", "integer", "", 0, "Pods that are ready", NULL, NULL},
    COLUMN_AGE,
    COLUMN_CONTAINERS,
    COLUMN_IMAGES,
    COLUMN_SELECTOR("the replica set"),
};

const struct table_printer table_replicasets = {
    .group = "apps", .plural = "replicasets", COLUMNS(replicaset_columns), .cells = replicaset_cells};
