/* Rows of nodes. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/kinds/table_cells.h"

#define ROLE_PREFIX "node-role.kubernetes.io/"

static void add_status(json_t *row, const json_t *node)
{
	const json_t *c = json_find(json_at(node, "status.conditions"), "type", "Ready");
	const char *status = !c ? "Unknown" : str_eq(json_member(c, "status"), "True") ? "Ready" : "NotReady";
	AUTO_STR text = STR_INIT;

	str_addf(&text, "%s%s", status, json_bool_at(node, "spec.unschedulable", false) ? ",SchedulingDisabled" : "");
	row_add_str(row, &text, "");
}

static int compare_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Roles come from labels: node-role.kubernetes.io/<role>, or kubernetes.io/role=<role>. */
static void add_roles(json_t *row, const json_t *node)
{
	AUTO_STRV char **roles = NULL;
	AUTO_FREE char *text = NULL;
	const char *key, *role;
	json_t *value;

	json_object_foreach(json_at(node, "metadata.labels"), key, value)
	{
		role = str_has_prefix(key, ROLE_PREFIX) ? key + strlen(ROLE_PREFIX) : NULL;
		if (str_eq(key, "kubernetes.io/role"))
			role = json_string_value(value);
		if (!str_empty(role) && !(roles && strv_has(roles, role)))
			strv_add(&roles, role);
	}
	if (roles) {
		qsort(roles, strv_len(roles), sizeof(*roles), compare_text);
		text = str_join(roles, ",");
	}
	row_add_or(row, text, "<none>");
}

static const char *address_of(const json_t *node, const char *type)
{
	return json_member(json_find(json_at(node, "status.addresses"), "type", type), "address");
}

static void node_cells(const json_t *node, int64_t now_ms, json_t *row)
{
	row_add(row, json_str_at(node, "metadata.name"));
	add_status(row, node);
	add_roles(row, node);
	row_add_age(row, node, now_ms);
	row_add(row, json_str_at(node, "status.nodeInfo.kubeletVersion"));
	row_add_or(row, address_of(node, "InternalIP"), "<none>");
	row_add_or(row, address_of(node, "ExternalIP"), "<none>");
	row_add_or(row, json_str_at(node, "status.nodeInfo.osImage"), "<unknown>");
	row_add_or(row, json_str_at(node, "status.nodeInfo.kernelVersion"), "<unknown>");
	row_add_or(row, json_str_at(node, "status.nodeInfo.containerRuntimeVersion"), "<unknown>");
}

static const struct table_column node_columns[] = {
    COLUMN_NAME,
    {"Status", "string", "", 0, "Whether the node is ready and takes new pods", NULL, NULL},
    {"Roles", "string", "", 0, "Roles that the node's labels give it", NULL, NULL},
    COLUMN_AGE,
    {"Version", "string", "", 0, "Version that the node's agent reports", NULL, NULL},
    {"Internal-IP", "string", "", 1, "Address of the node inside the cluster's network", NULL, NULL},
    {"External-IP", "string", "", 1, "Address of the node from outside", NULL, NULL},
    {"OS-Image", "string", "", 1, "Operating system of the node", NULL, NULL},
    {"Kernel-Version", "string", "", 1, "Kernel that the node runs", NULL, NULL},
    {"Container-Runtime", "string", "", 1, "Container runtime of the node", NULL, NULL},
};

const struct table_printer table_nodes = {.group = "", .plural = "nodes", COLUMNS(node_columns), .cells = node_cells};
