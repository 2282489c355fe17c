/* What a node may do, by its rules and by the graph of what its pods use. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/auth/authorize.h"
#include "cp/auth/node_graph.h"
#include "cp/auth/rbac.h"
#include "tests/unit/check_main.h"
#include "tests/unit/quoted_json.h"

static const char pod_text[] =
	"{'metadata':{'namespace':'a','name':'p'},'spec':{'nodeName':'n1','serviceAccountName':'sa',"
	"'imagePullSecrets':[{'name':'pull'}],'initContainers':[{'envFrom':[{'secretRef':{'name':'init'}}]}],"
	"'containers':[{'env':[{'valueFrom':{'secretKeyRef':{'name':'env'}}},{'valueFrom':{'configMapKeyRef':{'name':'cm'}}}]}],"
	"'volumes':[{'secret':{'secretName':'vol'}},{'projected':{'sources':[{'configMap':{'name':'proj'}}]}},"
	"{'persistentVolumeClaim':{'claimName':'data'}},{'name':'tmp','ephemeral':{}}],"
	"'resourceClaims':[{'name':'g','resourceClaimName':'gpu'}]}}";
static const char volume_text[] =
	"{'metadata':{'name':'pv'},'spec':{'claimRef':{'namespace':'a','name':'data'},"
	"'csi':{'nodeStageSecretRef':{'namespace':'vault','name':'stage'},'controllerPublishSecretRef':{'namespace':'vault','name':'ctl'}}}}";

static const char *pod_node(void *arg, const char *ns, const char *name)
{
	(void)arg;
	(void)ns;
	return strcmp(name, "p") == 0 ? "n1" : strcmp(name, "other") == 0 ? "n2" : NULL;
}

struct world {
	struct node_graph *graph;
	json_t *rules;
};

static void world_init(struct world *w)
{
	static const char attachment[] = "{'metadata':{'name':'va'},'spec':{'nodeName':'n1'}}";
	AUTO_JSON *pod = quoted_json(pod_text), *volume = quoted_json(volume_text), *va = quoted_json(attachment);
	w->graph = node_graph_new();
	w->rules = quoted_json("[{'apiGroups':[''],'resources':['services'],'verbs':['get','list','watch']}]");
	node_graph_change(w->graph, NODE_GRAPH_POD, NULL, pod);
	node_graph_change(w->graph, NODE_GRAPH_VOLUME, NULL, volume);
	node_graph_change(w->graph, NODE_GRAPH_ATTACHMENT, NULL, va);
}

static void world_done(struct world *w)
{
	node_graph_free(w->graph);
	json_decref(w->rules);
}

#define UNRELATED "no relationship found between node 'n1' and this object"
#define A(verb_, group_, resource_, sub_, ns_, name_)                                                                  \
	{ .verb = verb_, .group = group_, .resource = resource_, .subresource = sub_, .ns = ns_, .name = name_ }
#define F(verb_, group_, resource_, name_, fields_)                                                                    \
	{ .verb = verb_, .group = group_, .resource = resource_, .subresource = "", .ns = "", .name = name_, .fields = fields_ }

static const struct {
	struct auth_attributes a;
	bool allowed;
	const char *reason; /* "" of what is allowed, too */
} cases[] = {
	{ A("get", "", "secrets", "", "a", "vol"), true, "" },
	{ A("watch", "", "secrets", "", "a", "env"), true, "" },
	{ A("list", "", "secrets", "", "a", "init"), true, "" },
	{ A("get", "", "secrets", "", "a", "pull"), true, "" },
	{ A("get", "", "secrets", "", "b", "vol"), false, UNRELATED },
	{ A("get", "", "secrets", "", "a", "cm"), false, UNRELATED },
	{ A("list", "", "secrets", "", "a", ""), false, "No Object name found" },
	{ A("list", "", "secrets", "", "", ""), false, "can only read namespaced object of this type" },
	{ A("update", "", "secrets", "", "a", "vol"), false, "can only read resources of this type" },
	{ A("get", "", "secrets", "", "vault", "stage"), true, "" },
	{ A("get", "", "secrets", "", "vault", "ctl"), false, UNRELATED },
	{ A("get", "", "configmaps", "", "a", "cm"), true, "" },
	{ A("get", "", "configmaps", "", "a", "proj"), true, "" },
	{ A("get", "", "configmaps", "", "a", "kube-root-ca.crt"), false, UNRELATED },
	{ A("get", "", "persistentvolumeclaims", "", "a", "data"), true, "" },
	{ A("get", "", "persistentvolumeclaims", "", "a", "p-tmp"), true, "" },
	{ A("list", "", "persistentvolumeclaims", "", "a", "data"), false, "can only get individual resources of this type" },
	{ A("patch", "", "persistentvolumeclaims", "status", "a", "data"), true, "" },
	{ A("get", "", "persistentvolumeclaims", "status", "a", "data"), false, "can only get/update/patch this type" },
	{ A("create", "", "persistentvolumeclaims", "status", "a", "data"), false, "can only get/update/patch this type" },
	{ A("get", "", "persistentvolumes", "", "", "pv"), true, "" },
	{ A("get", "", "persistentvolumes", "", "", "other"), false, UNRELATED },
	{ A("get", "storage.k8s.io", "volumeattachments", "", "", "va"), true, "" },
	{ A("get", "storage.k8s.io", "volumeattachments", "", "", "vb"), false, UNRELATED },
	{ A("get", "resource.k8s.io", "resourceclaims", "", "a", "gpu"), true, "" },
	{ A("create", "", "serviceaccounts", "token", "a", "sa"), true, "" },
	{ A("create", "", "serviceaccounts", "token", "a", "default"), false, UNRELATED },
	{ A("create", "", "serviceaccounts", "", "a", "sa"), false, "can only create token subresource of serviceaccount" },
	{ A("get", "", "serviceaccounts", "", "a", "sa"), true, "" },
	{ A("list", "", "serviceaccounts", "", "a", ""), false, "can only create tokens for individual service accounts" },
	{ A("update", "coordination.k8s.io", "leases", "", "kube-node-lease", "n1"), true, "" },
	{ A("create", "coordination.k8s.io", "leases", "", "kube-node-lease", ""), true, "" },
	{ A("get", "coordination.k8s.io", "leases", "", "kube-node-lease", "n2"), false,
	  "can only access node lease with the same name as the requesting node" },
	{ A("get", "coordination.k8s.io", "leases", "", "default", "n1"), false,
	  "can only access leases in the \"kube-node-lease\" system namespace" },
	{ A("list", "coordination.k8s.io", "leases", "", "kube-node-lease", ""), false,
	  "can only get, create, update, patch, or delete a node lease" },
	{ A("get", "storage.k8s.io", "csinodes", "", "", "n1"), true, "" },
	{ A("get", "storage.k8s.io", "csinodes", "", "", "n2"), false,
	  "can only access CSINode with the same name as the requesting node" },
	{ A("get", "", "nodes", "", "", "n1"), true, "" },
	{ A("get", "", "nodes", "", "", "n2"), false, "node 'n1' cannot read 'n2', only its own Node object" },
	{ A("list", "", "nodes", "", "", ""), false, "node 'n1' cannot read all nodes, only its own Node object" },
	{ A("create", "", "nodes", "", "", ""), true, "" },
	{ A("patch", "", "nodes", "status", "", "n1"), true, "" },
	{ A("delete", "", "nodes", "", "", "n1"), false, "" },
	{ A("get", "", "nodes", "proxy", "", "n1"), false, "" },
	{ A("get", "", "pods", "", "a", "p"), true, "" },
	{ A("get", "", "pods", "", "a", "other"), false, UNRELATED },
	{ A("watch", "", "pods", "", "a", "p"), true, "" },
	{ A("list", "", "pods", "", "", ""), false, "can only list/watch pods with spec.nodeName field selector" },
	{ F("list", "", "pods", "", "spec.nodeName=n1"), true, "" },
	{ F("list", "", "pods", "", "spec.nodeName=n2"), false, "can only list/watch pods with spec.nodeName field selector" },
	{ F("list", "", "pods", "", "spec.nodeName!=n1"), false, "can only list/watch pods with spec.nodeName field selector" },
	{ A("create", "", "pods", "", "a", ""), true, "" },
	{ A("patch", "", "pods", "", "a", "p"), false, "" },
	{ A("patch", "", "pods", "status", "a", "p"), true, "" },
	{ A("create", "", "pods", "eviction", "a", "p"), true, "" },
	{ A("create", "", "pods", "binding", "a", "p"), false, "" },
	{ A("create", "resource.k8s.io", "resourceslices", "", "", ""), true, "" },
	{ F("deletecollection", "resource.k8s.io", "resourceslices", "", "spec.nodeName=n1"), true, "" },
	{ A("list", "resource.k8s.io", "resourceslices", "", "", ""), false,
	  "can only list/watch/deletecollection resourceslices with spec.nodeName field selector" },
	{ A("list", "", "services", "", "", ""), true, "" },
	{ A("create", "", "services", "", "a", ""), false, "" },
	{ A("list", "", "endpoints", "", "", ""), false, "" },
};

START_TEST(rules)
{
	struct world w;
	struct auth_user u = { 0 };
	char *groups[] = { "system:nodes", NULL };
	AUTO_STR reason = STR_INIT;
	world_init(&w);
	auth_user_set(&u, "system:node:n1", groups);
	struct auth_env env = { .nodes = w.graph, .node_rules = w.rules, .pod_node = pod_node };
	ck_assert_int_eq(auth_authorize(&env, &u, &cases[_i].a, &reason), cases[_i].allowed);
	ck_assert_str_eq(str_text(&reason), cases[_i].reason);
	auth_user_done(&u);
	world_done(&w);
}
END_TEST

START_TEST(who_is_a_node)
{
	struct world w;
	char *nodes[] = { "system:nodes", NULL }, *none[] = { NULL };
	struct auth_attributes own = A("get", "", "secrets", "", "a", "vol");
	static const struct {
		const char *name;
		bool in_group, allowed;
	} users[] = { { "system:node:n1", true, true }, { "system:node:n1", false, false }, { "n1", true, false },
		      { "system:node:", true, false }, { "system:node:n2", true, false } };
	world_init(&w);
	for (size_t i = 0; i < ARRAY_LEN(users); i++) {
		struct auth_user u = { 0 };
		auth_user_set(&u, users[i].name, users[i].in_group ? nodes : none);
		struct auth_env env = { .nodes = w.graph, .node_rules = w.rules, .pod_node = pod_node };
		ck_assert_int_eq(auth_authorize(&env, &u, &own, NULL), users[i].allowed);
		auth_user_done(&u);
	}
	world_done(&w);
}
END_TEST

START_TEST(changes)
{
	struct node_graph *g = node_graph_new();
	AUTO_JSON *pod = quoted_json(pod_text), *moved = quoted_json(pod_text), *volume = quoted_json(volume_text),
		  *second = quoted_json(pod_text);
	json_set_str(moved, "spec.nodeName", "n2");
	json_set_str(second, "metadata.name", "q");
	node_graph_change(g, NODE_GRAPH_POD, NULL, pod);
	node_graph_change(g, NODE_GRAPH_VOLUME, NULL, volume);
	ck_assert(node_graph_reaches(g, "n1", "secrets", "vault", "stage"));
	/* Two pods name it: it stays until both have gone. */
	node_graph_change(g, NODE_GRAPH_POD, NULL, second);
	node_graph_change(g, NODE_GRAPH_POD, pod, NULL);
	ck_assert(node_graph_reaches(g, "n1", "secrets", "a", "vol"));
	node_graph_change(g, NODE_GRAPH_POD, second, moved);
	ck_assert(!node_graph_reaches(g, "n1", "secrets", "a", "vol"));
	ck_assert(!node_graph_reaches(g, "n1", "secrets", "vault", "stage"));
	ck_assert(node_graph_reaches(g, "n2", "persistentvolumes", "", "pv"));
	node_graph_change(g, NODE_GRAPH_VOLUME, volume, NULL);
	ck_assert(!node_graph_reaches(g, "n2", "persistentvolumes", "", "pv"));
	ck_assert(!node_graph_reaches(g, "n2", "secrets", "vault", "stage"));
	node_graph_free(g);
}
END_TEST

START_TEST(mirror_pods_lead_nowhere)
{
	struct node_graph *g = node_graph_new();
	AUTO_JSON *pod = quoted_json(pod_text);
	json_object_set_new(json_object_at(pod, "metadata.annotations"), "kubernetes.io/config.mirror", json_string("x"));
	node_graph_change(g, NODE_GRAPH_POD, NULL, pod);
	ck_assert(!node_graph_reaches(g, "n1", "secrets", "a", "vol"));
	node_graph_free(g);
}
END_TEST

TESTS_TABLE("node_authorize", rules, ARRAY_LEN(cases), who_is_a_node, changes, mirror_pods_lead_nowhere)
