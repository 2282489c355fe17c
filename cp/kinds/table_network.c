/* Rows of services, endpoints and endpoint slices. */
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/kinds/table_cells.h"

static void add_joined(struct str *out, const json_t *texts)
{
	json_t *text;
	size_t i;

	json_array_foreach(texts, i, text)
	    str_addf(out, "%s%s", out->len ? "," : "", json_is_string(text) ? json_string_value(text) : "");
}

/* Where a service is reached from outside; what that means depends on its type. */
static void add_external(json_t *row, const json_t *svc)
{
	const char *type = json_str_or(svc, "spec.type", ""), *none = "<none>";
	AUTO_STR text = STR_INIT;

	if (!strcmp(type, "ExternalName")) {
		row_add(row, json_str_at(svc, "spec.externalName"));
		return;
	}
	if (!strcmp(type, "LoadBalancer")) {
		none = "<pending>";
		str_add_balancers(&text, svc);
	}
	add_joined(&text, json_at(svc, "spec.externalIPs"));
	row_add_str(row, &text, none);
}

static void add_ports(json_t *row, const json_t *ports)
{
	AUTO_STR text = STR_INIT;
	json_t *port;
	size_t i;

	json_array_foreach(ports, i, port)
	{
		int64_t node = json_int_at(port, "nodePort", 0);

		str_addf(&text, "%s%lld", i ? "," : "", (long long)json_int_at(port, "port", 0));
		if (node > 0)
			str_addf(&text, ":%lld", (long long)node);
		str_addf(&text, "/%s", json_str_or(port, "protocol", ""));
	}
	row_add_str(row, &text, "<none>");
}

static void service_cells(const json_t *svc, int64_t now_ms, json_t *row)
{
	const json_t *first = json_array_get(json_at(svc, "spec.clusterIPs"), 0);

	row_add(row, json_str_at(svc, "metadata.name"));
	row_add(row, json_str_at(svc, "spec.type"));
	row_add_or(row, first ? json_string_value(first) : json_str_at(svc, "spec.clusterIP"), "<none>");
	add_external(row, svc);
	add_ports(row, json_at(svc, "spec.ports"));
	row_add_age(row, svc, now_ms);
	row_add_labels(row, json_at(svc, "spec.selector"));
}

static const struct table_column service_columns[] = {
    COLUMN_NAME,
    {"Type", "string", "", 0, "How far the service reaches", NULL, NULL},
    {"Cluster-IP", "string", "", 0, "Address of the service inside the cluster", NULL, NULL},
    {"External-IP", "string", "", 0, "Addresses or name by which the service is reached from outside", NULL, NULL},
    {"Port(s)", "string", "", 0, "Ports of the service, with the node's port where there is one", NULL, NULL},
    COLUMN_AGE,
    COLUMN_SELECTOR("the service"),
};

const struct table_printer table_services = {
    .group = "", .plural = "services", COLUMNS(service_columns), .cells = service_cells};

/* An address with a port; IPv6 addresses in brackets. */
static void add_endpoint(struct short_list *l, const char *ip, const json_t *port)
{
	AUTO_FREE char *text = NULL;

	if (!port)
		text = xstrdup(ip);
	else
		text =
		    xasprintf(strchr(ip, ':') ? "[%s]:%lld" : "%s:%lld", ip, (long long)json_int_at(port, "port", 0));
	short_list_add(l, text);
}

static void add_subset(struct short_list *l, const json_t *subset)
{
	const json_t *ports = json_object_get(subset, "ports");
	size_t n = MAX(json_array_size(ports), 1), i;
	json_t *address;

	for (size_t p = 0; p < n; p++)
		json_array_foreach(json_object_get(subset, "addresses"), i, address)
		    add_endpoint(l, json_str_or(address, "ip", ""), json_array_get(ports, p));
}

static void endpoints_cells(const json_t *e, int64_t now_ms, json_t *row)
{
	const json_t *subsets = json_object_get(e, "subsets");
	struct short_list list = {0};
	json_t *subset;
	size_t i;

	json_array_foreach(subsets, i, subset) add_subset(&list, subset);
	row_add(row, json_str_at(e, "metadata.name"));
	row_add_short_list(row, &list, json_array_size(subsets) ? "" : "<none>");
	row_add_age(row, e, now_ms);
}

static const struct table_column endpoints_columns[] = {
    COLUMN_NAME,
    {"Endpoints", "string", "", 0, "Addresses and ports that are ready, the first few of them", NULL, NULL},
    COLUMN_AGE,
};

const struct table_printer table_endpoints = {
    .group = "", .plural = "endpoints", COLUMNS(endpoints_columns), .cells = endpoints_cells};

static void slice_cells(const json_t *s, int64_t now_ms, json_t *row)
{
	struct short_list ports = {0}, endpoints = {0};
	json_t *elem, *address;
	size_t i, j;

	json_array_foreach(json_object_get(s, "ports"), i, elem)
	{
		const json_t *port = json_object_get(elem, "port");
		AUTO_FREE char *text = json_is_integer(port) ? xasprintf("%lld", (long long)json_integer_value(port))
							     : xstrdup(json_str_or(elem, "name", "*"));

		short_list_add(&ports, text);
	}
	json_array_foreach(json_object_get(s, "endpoints"), i, elem)
	    json_array_foreach(json_object_get(elem, "addresses"), j, address)
		short_list_add(&endpoints, json_is_string(address) ? json_string_value(address) : "");
	row_add(row, json_str_at(s, "metadata.name"));
	row_add(row, json_str_at(s, "addressType"));
	row_add_short_list(row, &ports, "<unset>");
	row_add_short_list(row, &endpoints, "<unset>");
	row_add_age(row, s, now_ms);
}

static const struct table_column slice_columns[] = {
    COLUMN_NAME,
    {"AddressType", "string", "", 0, "Kind of addresses in the slice", NULL, NULL},
    {"Ports", "string", "", 0, "Ports of the endpoints, the first few of them", NULL, NULL},
    {"Endpoints", "string", "", 0, "Addresses in the slice, the first few of them", NULL, NULL},
    COLUMN_AGE,
};

const struct table_printer table_endpointslices = {
    .group = "discovery.k8s.io", .plural = "endpointslices", COLUMNS(slice_columns), .cells = slice_cells};
