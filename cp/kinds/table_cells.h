/* What the printers share: one definition per kind, and the small texts that many cells are made of. */
#ifndef KNARR_CP_KINDS_TABLE_CELLS_H
#define KNARR_CP_KINDS_TABLE_CELLS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/* Adds the cell of one column: what is at path in object, in the column's manner. */
typedef void table_cell_fn(json_t *row, const json_t *object, const char *path, int64_t now_ms);

struct table_column {
	const char *name, *type, *format;
	int priority; /* 0: always shown, 1: with -o wide */
	const char *description;
	table_cell_fn *cell; /* of printers without a function for the whole row */
	const char *path;
};

struct table_printer {
	const char *group, *plural;
	const struct table_column *columns;
	size_t n_columns;
	/* Adds one value per column to row; NULL: every column has a cell function. */
	void (*cells)(const json_t *object, int64_t now_ms, json_t *row);
};

#define COLUMNS(a) .columns = (a), .n_columns = ARRAY_LEN(a)
#define COLUMN_NAME                                                                                                    \
	{                                                                                                              \
		"Name", "string", "name", 0, "Name of the object, unique among its kind in the namespace",             \
		cell_text, "metadata.name"                                                                     \
	}
#define COLUMN_AGE                                                                                                     \
	{                                                                                                              \
		"Age", "string", "", 0, "Time since the object was created", cell_age, "metadata.creationTimestamp"    \
	}
#define COLUMN_CONTAINERS                                                                                              \
	{                                                                                                              \
		"Containers", "string", "", 1, "Names of the containers in the template", NULL, NULL                               \
	}
#define COLUMN_IMAGES                                                                                                  \
	{                                                                                                              \
		"Images", "string", "", 1, "Images of the containers in the template", NULL, NULL                                  \
	}
#define COLUMN_SELECTOR(of)                                                                                            \
	{                                                                                                              \
		"Selector", "string", "", 1, "Labels by which " of " finds its pods", NULL, NULL                                   \
	}

extern const struct table_printer table_pods, table_pod_templates, table_deployments, table_replicasets, table_services,
    table_endpoints, table_endpointslices, table_nodes, table_namespaces, table_configmaps, table_secrets,
    table_serviceaccounts, table_leases, table_core_events, table_events, table_autoscalers, table_components,
    table_quotas, table_scales;

/* Printers that are only columns: table_columns.c and table_columns_policy.c; NULL-terminated. */
extern const struct table_printer *const table_plain[], *const table_plain_policy[];

/* Manners of cells. */
table_cell_fn cell_text, cell_none /* "<none>" for nothing */, cell_int, cell_bool, cell_age, cell_date, cell_count, cell_selector,
    cell_labels;

void row_add(json_t *row, const char *text);                           /* NULL adds "" */
void row_add_or(json_t *row, const char *text, const char *otherwise); /* otherwise where text is NULL or "" */
void row_add_int(json_t *row, int64_t value);
void row_add_str(json_t *row, const struct str *text, const char *otherwise);
/* Time since an RFC 3339 text in words ("5m"), "<unknown>" for none. Returns owned. */
char *age_text(const char *time, int64_t now_ms);
void row_add_age(json_t *row, const json_t *object, int64_t now_ms);
/* The member of every element of a list, joined by commas. */
void str_add_members(struct str *out, const json_t *list, const char *member);
/* "a=b,c=d" by key, "<none>" for no labels. */
void row_add_labels(json_t *row, const json_t *labels);
/* A LabelSelector as text, by key, "" when it is empty. Returns owned. */
char *label_selector_text(const json_t *label_selector);
/* The same as a cell, "<none>" when it is empty. */
void row_add_selector(json_t *row, const json_t *label_selector);
/* Containers and images of a pod spec: two cells. */
/* Addresses of an object's load balancers, each once, in order. */
void str_add_balancers(struct str *out, const json_t *object);
void row_add_containers(json_t *row, const json_t *pod_spec);

/* A list of which only the first three are shown: "a,b,c + 2 more...". */
struct short_list {
	struct str text;
	size_t count;
};
void short_list_add(struct short_list *l, const char *text);
void row_add_short_list(json_t *row, struct short_list *l, const char *otherwise);

#endif
