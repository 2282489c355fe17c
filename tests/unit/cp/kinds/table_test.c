/* cp/kinds/table*.c: the cells of each kind, in the words of the reference. */
#include "cp/kinds/table.h"

#include "base/fs.h"
#include "tests/unit/cp/schema/support.h"

#define LIST "../shared/kubernetes-1.36/table-columns.jsonl"

#define NOW 1577923200000 /* 2020-01-02T00:00:00Z */
#define META "'metadata':{'name':'x','creationTimestamp':'2020-01-01T23:55:00Z'}"
#define POD(spec, status) "{" META ",'spec':{" spec "},'status':{" status "}}"
#define ONE "'containers':[{'name':'c'}],'nodeName':'n1'"
#define TWO "'containers':[{'name':'c'},{'name':'d'}],'nodeName':'n1'"
#define INIT "'initContainers':[{'name':'i'},{'name':'j'}]," ONE
#define SIDECAR "'initContainers':[{'name':'s','restartPolicy':'Always'}]," ONE
#define TEMPLATE                                                                                                       \
	"'template':{'metadata':{'labels':{'b':'2','a':'1'}},'spec':{'containers':[{'name':'c','image':'i:1'},{'name'" \
	":'d','image':'j'}]}}"

static const struct {
	const char *group, *plural, *object, *cells;
} cases[] = {
    {"", "pods", POD(ONE, "'phase':'Pending'"), "['x','0/1','Pending','0','5m','<none>','n1','<none>','<none>']"},
    {"", "pods", POD("'containers':[{'name':'c'}]", "'phase':'Pending'"),
     "['x','0/1','Pending','0','5m','<none>','<none>','<none>','<none>']"},
    {"", "pods",
     POD(ONE, "'phase':'Running','podIPs':[{'ip':'10.1.1.1'}],'containerStatuses':[{'ready':true,'restartCount':2,'"
	      "state':{'running':{}},"
	      "'lastState':{'terminated':{'finishedAt':'2020-01-01T23:59:50Z'}}}]"),
     "['x','1/1','Running','2 (10s ago)','5m','10.1.1.1','n1','<none>','<none>']"},
    {"", "pods",
     POD(ONE, "'phase':'Running','containerStatuses':[{'restartCount':7,'state':{'waiting':{'reason':'CrashLoopBackOff'"
	      "}}}]"),
     "['x','0/1','CrashLoopBackOff','7','5m','<none>','n1','<none>','<none>']"},
    {"", "pods",
     POD(ONE, "'phase':'Succeeded','containerStatuses':[{'state':{'terminated':{'exitCode':0,'reason':'Completed'}}}]"),
     "['x','0/1','Completed','0','5m','<none>','n1','<none>','<none>']"},
    {"", "pods", POD(ONE, "'phase':'Failed','containerStatuses':[{'state':{'terminated':{'exitCode':3}}}]"),
     "['x','0/1','ExitCode:3','0','5m','<none>','n1','<none>','<none>']"},
    {"", "pods",
     POD(ONE, "'phase':'Failed','containerStatuses':[{'state':{'terminated':{'exitCode':137,'signal':9}}}]"),
     "['x','0/1','Signal:9','0','5m','<none>','n1','<none>','<none>']"},
    {"", "pods", POD(ONE, "'phase':'Failed','reason':'Evicted'"),
     "['x','0/1','Evicted','0','5m','<none>','n1','<none>','<none>']"},
    {"", "pods",
     POD(TWO, "'phase':'Running','conditions':[{'type':'Ready','status':'False'}],'containerStatuses':[{'state':{'"
	      "terminated':{'reason':'Completed'}}},"
	      "{'ready':true,'state':{'running':{}}}]"),
     "['x','1/2','NotReady','0','5m','<none>','n1','<none>','<none>']"},
    {"", "pods",
     POD(TWO, "'phase':'Running','conditions':[{'type':'Ready','status':'True'}],'containerStatuses':[{'state':{'"
	      "terminated':{'reason':'Completed'}}},"
	      "{'ready':true,'state':{'running':{}}}]"),
     "['x','1/2','Running','0','5m','<none>','n1','<none>','<none>']"},
    {"", "pods",
     POD(INIT, "'phase':'Pending','initContainerStatuses':[{'name':'i','state':{'terminated':{'exitCode':0}}},{'name':'"
	       "j','state':{'running':{}}}]"),
     "['x','0/1','Init:1/2','0','5m','<none>','n1','<none>','<none>']"},
    {"", "pods",
     POD(INIT, "'phase':'Pending','initContainerStatuses':[{'name':'i','restartCount':3,'state':{'waiting':{'reason':'"
	       "CrashLoopBackOff'}}}]"),
     "['x','0/1','Init:CrashLoopBackOff','3','5m','<none>','n1','<none>','<none>']"},
    {"", "pods",
     POD(INIT,
	 "'phase':'Pending','initContainerStatuses':[{'name':'i','state':{'waiting':{'reason':'PodInitializing'}}}]"),
     "['x','0/1','Init:0/2','0','5m','<none>','n1','<none>','<none>']"},
    {"", "pods",
     POD(INIT, "'phase':'Pending','initContainerStatuses':[{'name':'i','state':{'terminated':{'exitCode':2}}}]"),
     "['x','0/1','Init:ExitCode:2','0','5m','<none>','n1','<none>','<none>']"},
    {"", "pods",
     POD(INIT,
	 "'phase':'Pending','initContainerStatuses':[{'name':'i','state':{'terminated':{'exitCode':2,'signal':6}}}]"),
     "['x','0/1','Init:Signal:6','0','5m','<none>','n1','<none>','<none>']"},
    {"", "pods",
     POD(INIT, "'phase':'Pending','initContainerStatuses':[{'name':'i','state':{'terminated':{'exitCode':1,'reason':'"
	       "Error'}}}]"),
     "['x','0/1','Init:Error','0','5m','<none>','n1','<none>','<none>']"},
    {"", "pods",
     POD(SIDECAR, "'phase':'Running','initContainerStatuses':[{'name':'s','ready':true,'started':true,'restartCount':1,"
		  "'state':{'running':{}}}],"
		  "'containerStatuses':[{'ready':true,'state':{'running':{}}}]"),
     "['x','2/2','Running','1','5m','<none>','n1','<none>','<none>']"},
    {"", "pods",
     "{'metadata':{'name':'x','deletionTimestamp':'2020-01-01T00:00:00Z'},'spec':{" ONE
     "},'status':{'phase':'Running'}}",
     "['x','0/1','Terminating','0','<unknown>','<none>','n1','<none>','<none>']"},
    {"", "pods",
     "{'metadata':{'name':'x','deletionTimestamp':'2020-01-01T00:00:00Z'},'spec':{" ONE
     "},'status':{'phase':'Running','reason':'NodeLost'}}",
     "['x','0/1','Unknown','0','<unknown>','<none>','n1','<none>','<none>']"},
    {"", "pods",
     "{'metadata':{'name':'x','deletionTimestamp':'2020-01-01T00:00:00Z'},'spec':{" ONE
     "},'status':{'phase':'Succeeded'}}",
     "['x','0/1','Succeeded','0','<unknown>','<none>','n1','<none>','<none>']"},
    {"", "pods",
     POD(ONE ",'readinessGates':[{'conditionType':'a'},{'conditionType':'b'}]",
	 "'phase':'Pending','nominatedNodeName':'m','conditions':[{'type':'a','status':'True'},{'type':'PodScheduled','"
	 "status':'False','reason':'SchedulingGated'}]"),
     "['x','0/1','SchedulingGated','0','5m','<none>','n1','m','1/2']"},
    {"", "podtemplates", "{" META "," TEMPLATE "}", "['x','c,d','i:1,j','a=1,b=2']"},
    {"apps", "deployments",
     "{" META ",'spec':{'replicas':2,'selector':{'matchLabels':{'app':'d'},'matchExpressions':[{'key':'b','operator':'"
	      "NotIn','values':['y','x']},"
     "{'key':'c','operator':'Exists'},{'key':'e','operator':'DoesNotExist'},{'key':'f','operator':'In','values':['1']}]"
     "}," TEMPLATE "},"
     "'status':{'readyReplicas':1,'updatedReplicas':2,'availableReplicas':1}}",
     "['x','1/2',2,1,'5m','c,d','i:1,j','app=d,b notin (x,y),c,!e,f in (1)']"},
    {"apps", "replicasets",
     "{" META ",'spec':{'replicas':3,'selector':{}," TEMPLATE "},'status':{'replicas':2,'readyReplicas':1}}",
     "['x',3,2,1,'5m','c,d','i:1,j','<none>']"},
    {"", "services",
     "{" META ",'spec':{'type':'NodePort','clusterIPs':['10.96.0.1'],'ports':[{'port':80,'nodePort':30080,'protocol':'"
	      "TCP'},{'port':53,'protocol':'UDP'}],"
     "'selector':{'z':'1','a':'2'}}}",
     "['x','NodePort','10.96.0.1','<none>','80:30080/TCP,53/UDP','5m','a=2,z=1']"},
    {"", "services", "{" META ",'spec':{'type':'ClusterIP','clusterIP':'None','externalIPs':['1.1.1.1','2.2.2.2']}}",
     "['x','ClusterIP','None','1.1.1.1,2.2.2.2','<none>','5m','<none>']"},
    {"", "services", "{" META ",'spec':{'type':'LoadBalancer','clusterIPs':['10.0.0.1']}}",
     "['x','LoadBalancer','10.0.0.1','<pending>','<none>','5m','<none>']"},
    {"", "services",
     "{" META ",'spec':{'type':'LoadBalancer','clusterIPs':['10.0.0.1'],'externalIPs':['3.3.3.3']},'status':{'"
	      "loadBalancer':{'ingress':[{'ip':'1.2.3.4'},"
     "{'hostname':'h.example'}]}}}",
     "['x','LoadBalancer','10.0.0.1','1.2.3.4,h.example,3.3.3.3','<none>','5m','<none>']"},
    {"", "services", "{" META ",'spec':{'type':'ExternalName','externalName':'a.example'}}",
     "['x','ExternalName','<none>','a.example','<none>','5m','<none>']"},
    {"", "endpoints", "{" META "}", "['x','<none>','5m']"},
    {"", "endpoints",
     "{" META ",'subsets':[{'addresses':[{'ip':'1.1.1.1'},{'ip':'::1'}],'ports':[{'port':80},{'port':81}]},{'addresses'"
	      ":[{'ip':'2.2.2.2'}]}]}",
     "['x','1.1.1.1:80,[::1]:80,1.1.1.1:81 + 2 more...','5m']"},
    {"", "endpoints", "{" META ",'subsets':[{'notReadyAddresses':[{'ip':'1.1.1.1'}],'ports':[{'port':80}]}]}",
     "['x','','5m']"},
    {"discovery.k8s.io", "endpointslices",
     "{" META
     ",'addressType':'IPv4','ports':[{'port':6443},{'name':'any'}],'endpoints':[{'addresses':['1.1.1.1','1.1.1.2']},"
     "{'addresses':['1.1.1.3']},{'addresses':['1.1.1.4']}]}",
     "['x','IPv4','6443,any','1.1.1.1,1.1.1.2,1.1.1.3 + 1 more...','5m']"},
    {"discovery.k8s.io", "endpointslices", "{" META ",'addressType':'IPv4','ports':null,'endpoints':null}",
     "['x','IPv4','<unset>','<unset>','5m']"},
    {"", "nodes",
     "{'metadata':{'name':'n','creationTimestamp':'2019-12-02T00:00:00Z','labels':{'node-role.kubernetes.io/"
     "worker':'','node-role.kubernetes.io/control-plane':'',"
     "'kubernetes.io/"
     "role':'edge'}},'spec':{'unschedulable':true},'status':{'conditions':[{'type':'Ready','status':'True'}],'"
     "addresses':[{'type':'InternalIP',"
     "'address':'10.0.0.5'}],'nodeInfo':{'kubeletVersion':'v1.36.0','osImage':'Debian','kernelVersion':'6.1','"
     "containerRuntimeVersion':'knarr://1'}}}",
     "['n','Ready,SchedulingDisabled','control-plane,edge,worker','31d','v1.36.0','10.0.0.5','<none>','Debian','6.1','"
     "knarr://1']"},
    {"", "nodes", "{" META ",'status':{'conditions':[{'type':'Ready','status':'Unknown'}]}}",
     "['x','NotReady','<none>','5m','','<none>','<none>','<unknown>','<unknown>','<unknown>']"},
    {"", "nodes", "{" META "}",
     "['x','Unknown','<none>','5m','','<none>','<none>','<unknown>','<unknown>','<unknown>']"},
    {"", "namespaces", "{" META ",'status':{'phase':'Active'}}", "['x','Active','5m']"},
    {"", "configmaps", "{" META ",'data':{'a':'1'},'binaryData':{'b':''}}", "['x',2,'5m']"},
    {"", "secrets", "{" META ",'type':'Opaque','data':{'a':'1'}}", "['x','Opaque',1,'5m']"},
    {"", "serviceaccounts", "{" META "}", "['x','5m']"},
    {"coordination.k8s.io", "leases", "{" META ",'spec':{'holderIdentity':'n1'}}", "['x','n1','5m']"},
    {"coordination.k8s.io", "leases", "{" META "}", "['x','','5m']"},
    {"", "events",
     "{" META ",'involvedObject':{'kind':'Pod','name':'p','fieldPath':'spec.containers{c}'},'reason':'Started','"
	      "message':' Started it\\n','type':'Normal','count':3,"
     "'firstTimestamp':'2020-01-01T00:00:00Z','lastTimestamp':'2020-01-01T23:59:00Z','source':{'component':'kubelet','"
     "host':'n1'},'reportingComponent':''}",
     "['60s','Normal','Started','pod/p','spec.containers{c}','kubelet, n1','Started it','24h',3,'x']"},
    {"", "events",
     "{" META ",'involvedObject':{'kind':'Node'},'firstTimestamp':null,'lastTimestamp':null,'eventTime':'2020-01-01T23:"
	      "59:00.000000Z','reportingComponent':'c',"
     "'reportingInstance':'i'}",
     "['60s','','','node','','c, i','','60s',1,'x']"},
    {"events.k8s.io", "events",
     "{" META ",'regarding':{'kind':'Pod','name':'p'},'note':'N','reason':'R','type':'Warning','eventTime':'2020-01-"
	      "01T23:00:00.000000Z',"
     "'reportingController':'ex.com/c','series':{'count':5,'lastObservedTime':'2020-01-01T23:59:30.000000Z'}}",
     "['30s','Warning','R','pod/p','','ex.com/c','N','60m',5,'x']"},
    {"", "services",
     "{" META ",'spec':{'type':'LoadBalancer','externalIPs':['9.9.9.9']},'status':{'loadBalancer':{'ingress':[{'ip':'2.2.2.2'},"
	      "{'hostname':'1.example'},{'ip':'2.2.2.2'}]}}}",
     "['x','LoadBalancer','<none>','1.example,2.2.2.2,9.9.9.9','<none>','5m','<none>']"},
    {"networking.k8s.io", "ingresses",
     "{" META ",'spec':{'rules':[{'host':'a'},{},{'host':'b'},{'host':'c'},{}]},'status':{'loadBalancer':{'ingress':[{'ip':'2.2.2.2'},"
	      "{'ip':'1.1.1.1'}]}}}",
     "['x','<none>','a,b,c + 2 more...','1.1.1.1,2.2.2.2','80','5m']"},
    {"certificates.k8s.io", "certificatesigningrequests",
     "{" META ",'spec':{'signerName':'s','username':'u','expirationSeconds':7200},'status':{'certificate':'YQ==','conditions':[{"
	      "'type':'Failed'}]}}",
     "['x','5m','s','u','120m','Pending,Failed,Issued']"},
    {"storage.k8s.io", "storageclasses",
     "{'metadata':{'name':'x','annotations':{'storageclass.beta.kubernetes.io/is-default-class':'true'}},'provisioner':'p',"
     "'reclaimPolicy':'Delete','volumeBindingMode':'Immediate','allowVolumeExpansion':true}",
     "['x (default)','p','Delete','Immediate',true,'<unknown>']"},
    {"", "persistentvolumeclaims",
     "{" META ",'spec':{'storageClassName':'s'},'status':{'phase':'Pending','capacity':{'storage':'1Gi'},'accessModes':['ReadWriteOnce']}}",
     "['x','Pending','','','','s','<unset>','5m','<unset>']"},
    {"", "persistentvolumeclaims",
     "{'metadata':{'name':'x','annotations':{'volume.beta.kubernetes.io/storage-class':'old'}},'spec':{'volumeName':'v',"
     "'volumeMode':'Block'},'status':{'phase':'Bound','accessModes':['ReadWriteOnce']}}",
     "['x','Bound','v','0','RWO','old','<unset>','<unknown>','Block']"},
    {"flowcontrol.apiserver.k8s.io", "prioritylevelconfigurations",
     "{" META ",'spec':{'type':'Limited','limited':{'nominalConcurrencyShares':47,'limitResponse':{'type':'Reject'}}}}",
     "['x','Limited',47,'<none>','<none>','<none>','5m']"},
    {"networking.k8s.io", "networkpolicies",
     "{" META ",'spec':{'podSelector':{'matchLabels':{'b':'1'},'matchExpressions':[{'key':'c','operator':'DoesNotExist'},{'key':'a',"
	      "'operator':'In','values':['y','x']}]}}}",
     "['x','a in (x,y),b=1,!c','5m']"},
    {"networking.k8s.io", "ipaddresses",
     "{" META ",'spec':{'parentRef':{'group':'g','resource':'things','namespace':'n','name':'t'}}}", "['x','things.g/n/t','5m']"},
    {"networking.k8s.io", "ipaddresses", "{" META "}", "['x','<none>','5m']"},
    {"resource.k8s.io", "resourceclaims", "{" META "}", "['x','pending','5m']"},
    {"resource.k8s.io", "resourceclaims", "{" META ",'status':{'reservedFor':[{}]}}", "['x','pending','5m']"},
    {"resource.k8s.io", "resourceclaims", "{" META ",'status':{'allocation':{},'reservedFor':[{}]}}", "['x','allocated,reserved','5m']"},
    {"resource.k8s.io", "resourceclaims", "{'metadata':{'name':'x','deletionTimestamp':'2020-01-01T00:00:00Z'}}",
     "['x','deleted','<unknown>']"},
    {"resource.k8s.io", "resourceclaims",
     "{'metadata':{'name':'x','deletionTimestamp':'2020-01-01T00:00:00Z'},'status':{'allocation':{}}}",
     "['x','deleted,allocated','<unknown>']"},
    {"storage.k8s.io", "volumeattributesclasses",
     "{'metadata':{'name':'x','annotations':{'volumeattributesclass.alpha.kubernetes.io/is-default-class':'true'}},'driverName':'d'}",
     "['x (default)','d','<unknown>']"},
    {"admissionregistration.k8s.io", "validatingadmissionpolicybindings",
     "{" META ",'spec':{'policyName':'p','paramRef':{'name':'n'}}}", "['x','p','*/n','5m']"},
    {"admissionregistration.k8s.io", "validatingadmissionpolicybindings",
     "{" META ",'spec':{'policyName':'p','paramRef':{'name':'n','namespace':'s'}}}", "['x','p','s/n','5m']"},
    {"admissionregistration.k8s.io", "mutatingadmissionpolicybindings",
     "{" META ",'spec':{'policyName':'p','paramRef':{'selector':{'matchLabels':{'b':'2','a':'1'},'matchExpressions':[{'key':'k',"
	      "'operator':'In','values':['x','y']}]}}}}",
     "['x','p','&LabelSelector{MatchLabels:map[string]string{a: 1,b: 2,},MatchExpressions:[]LabelSelectorRequirement{"
     "LabelSelectorRequirement{Key:k,Operator:In,Values:[x y],},},}','5m']"},
    {"", "bindings", "{" META "}", "['x','2020-01-01T23:55:00Z']"},
};

START_TEST(cells)
{
	AUTO_JSON *object = js(cases[_i].object), *row = NULL;
	const struct kind *k = kind_named(cases[_i].group, cases[_i].plural);

	row = kind_table_cells(k, object, NOW);
	assert_json(row, cases[_i].cells);
	ck_assert_uint_ge(json_array_size(row), kind_table_columns(k)->n);
}
END_TEST

/* Any object, even an empty one, gives a full row. */
START_TEST(every_kind)
{
	const struct kind *k;

	for (size_t i = 0; (k = schema_kind_nth(builtin, i)); i++) {
		AUTO_JSON *object = json_object(), *row = kind_table_cells(k, object, NOW);
		const struct table_columns *columns = kind_table_columns(k);
		json_t *column;
		size_t c;

		ck_assert_uint_ge(json_array_size(row), columns->n);
		ck_assert_uint_eq(json_array_size(columns->definitions), columns->n);
		json_array_foreach(columns->definitions, c, column)
		{
			ck_assert_str_ne(json_str_or(column, "name", ""), "");
			ck_assert_str_ne(json_str_or(column, "description", ""), "");
			ck_assert_ptr_nonnull(json_object_get(column, "priority"));
		}
	}
}
END_TEST

/* Name, type, format and priority of every column against the reference's, where its list is there. */
START_TEST(columns_of_the_reference)
{
	AUTO_STR text = STR_INIT;
	char *save = NULL;
	int compared = 0;

	if (fs_read_file(LIST, 16 << 20, &text, NULL) < 0) {
		printf("SKIP: %s is not there\n", LIST);
		return;
	}
	for (char *line = strtok_r(text.p, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		AUTO_JSON *entry = json_loads(line, 0, NULL), *ours = NULL;
		const struct kind *k =
		    schema_find(builtin, json_str_or(entry, "group", ""), json_str_or(entry, "version", ""),
				json_str_or(entry, "resource", ""));
		json_t *column;
		size_t i;

		if (!k || !json_is_array(json_object_get(entry, "columns")))
			continue;
		ours = json_deep_copy(kind_table_columns(k)->definitions);
		json_array_foreach(ours, i, column) json_object_del(column, "description");
		ck_assert_msg(json_equal(ours, json_object_get(entry, "columns")), "%s", k->plural);
		compared++;
	}
	ck_assert_int_ge(compared, 14);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("table");

	tcase_add_loop_test(t, cells, 0, (int)ARRAY_LEN(cases));
	tcase_add_test(t, every_kind);
	tcase_add_test(t, columns_of_the_reference);
	return run("cp/kinds/table", t);
}
