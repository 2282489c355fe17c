/* Rows of kinds with little to tell: namespaces, config maps, secrets, service accounts, leases. */
#include "base/json.h"
#include "base/mem.h"
#include "cp/kinds/table_cells.h"

static void namespace_cells(const json_t *ns, int64_t now_ms, json_t *row)
{
	row_add(row, json_str_at(ns, "metadata.name"));
	row_add(row, json_str_at(ns, "status.phase"));
	row_add_age(row, ns, now_ms);
}

static const struct table_column namespace_columns[] = {
    COLUMN_NAME,
    {"Status", "string", "", 0, "Whether the namespace is in use or going away", NULL, NULL},
    COLUMN_AGE,
};

const struct table_printer table_namespaces = {
    .group = "", .plural = "namespaces", COLUMNS(namespace_columns), .cells = namespace_cells};

static void configmap_cells(const json_t *c, int64_t now_ms, json_t *row)
{
	row_add(row, json_str_at(c, "metadata.name"));
	row_add_int(row, (int64_t)(json_object_size(json_object_get(c, "data")) +
				   json_object_size(json_object_get(c, "binaryData"))));
	row_add_age(row, c, now_ms);
}

static const struct table_column configmap_columns[] = {
    COLUMN_NAME,
    {"Data", "string", "", 0, "How many keys the config map has", NULL, NULL},
    COLUMN_AGE,
};

const struct table_printer table_configmaps = {
    .group = "", .plural = "configmaps", COLUMNS(configmap_columns), .cells = configmap_cells};

static void secret_cells(const json_t *s, int64_t now_ms, json_t *row)
{
	row_add(row, json_str_at(s, "metadata.name"));
	row_add(row, json_member(s, "type"));
	row_add_int(row, (int64_t)json_object_size(json_object_get(s, "data")));
	row_add_age(row, s, now_ms);
}

static const struct table_column secret_columns[] = {
    COLUMN_NAME,
    {"Type", "string", "", 0, "What the secret is for", NULL, NULL},
    {"Data", "string", "", 0, "How many keys the secret has", NULL, NULL},
    COLUMN_AGE,
};

const struct table_printer table_secrets = {
    .group = "", .plural = "secrets", COLUMNS(secret_columns), .cells = secret_cells};

static void name_and_age(const json_t *object, int64_t now_ms, json_t *row)
{
	row_add(row, json_str_at(object, "metadata.name"));
	row_add_age(row, object, now_ms);
}

static const struct table_column serviceaccount_columns[] = {COLUMN_NAME, COLUMN_AGE};

const struct table_printer table_serviceaccounts = {
    .group = "", .plural = "serviceaccounts", COLUMNS(serviceaccount_columns), .cells = name_and_age};

static void lease_cells(const json_t *l, int64_t now_ms, json_t *row)
{
	row_add(row, json_str_at(l, "metadata.name"));
	row_add(row, json_str_at(l, "spec.holderIdentity"));
	row_add_age(row, l, now_ms);
}

static const struct table_column lease_columns[] = {
    COLUMN_NAME,
    {"Holder", "string", "", 0, "Who holds the lease", NULL, NULL},
    COLUMN_AGE,
};

const struct table_printer table_leases = {
    .group = "coordination.k8s.io", .plural = "leases", COLUMNS(lease_columns), .cells = lease_cells};
