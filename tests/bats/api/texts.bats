#!/usr/bin/env bats
# Who may do what, quotas, limits and tables: the answers word for word.

. "$BATS_TEST_DIRNAME/../../lib/host.bash"

setup_file() {
	export SERVER="${KNARR_SERVER:-$BATS_TEST_DIRNAME/../../../build/bin/knarr-server}"
	export DIR="$(mktemp -d /tmp/knarr-test-texts.XXXXXX)"
	"$SERVER" --data-dir "$DIR" --bind-address 127.0.0.1 --secure-port 0 --controllers=none \
		--scheduler=none >"$DIR/port" 2>"$DIR/log" 3>&- 4>&- &
	echo $! >"$DIR/pid"
	eventually 30 [ -s "$DIR/port" ]
	export PORT="$(cat "$DIR/port")"
	answer POST /api/v1/namespaces '{"metadata":{"name":"t"}}' | grep -q '"name":"t"'
	answer POST /api/v1/namespaces/t/serviceaccounts '{"metadata":{"name":"default"}}' | grep -q '"name":"default"'
}

teardown_file() {
	kill "$(cat "$DIR/pid")" || true
	for _ in $(seq 100); do kill -0 "$(cat "$DIR/pid")" 2>/dev/null || break; sleep 0.05; done
	rm -rf "$DIR"
}

answer() { # METHOD PATH BODY [CURL OPTION ...]: as the administrator
	local method=$1 path=$2
	printf %s "$3" >"$DIR/body"
	shift 3
	curl -s --max-time 30 --cacert "$DIR/pki/ca.crt" --cert "$DIR/pki/admin.crt" --key "$DIR/pki/admin.key" -X "$method" \
		-H "Content-Type: ${TYPE:-application/json}" --data-binary "@$DIR/body" "$@" "https://127.0.0.1:$PORT$path"
}

as() { # USER METHOD PATH BODY: as somebody else
	answer "$2" "$3" "$4" -H "Impersonate-User: $1"
}

# What a Status says: CODE MESSAGE.
said() {
	python3 -c '
import json, sys
s = json.load(sys.stdin)
print(s.get("code", 200), s.get("message", ""))'
}

# Lines of USER|METHOD|PATH|BODY|CODE|MESSAGE; \n in a message is a line break.
says() {
	local user method path body code message got
	while IFS='|' read -r user method path body code message; do
		[ -n "$user" ] || continue
		message=${message//\\n/$'\n'}
		got="$(as "$user" "$method" "$path" "$body" | said)"
		[ "$got" = "$code $message" ] || { echo "$user $method $path $body"; echo "want: $code $message"; echo "got:  $got"; return 1; }
	done
}

RBAC=/apis/rbac.authorization.k8s.io/v1
rule() { echo "{\"apiGroups\":[\"\"],\"resources\":[\"$1\"],\"verbs\":[$2]}"; }
role() { echo "{\"metadata\":{\"name\":\"$1\"},\"rules\":[$2]}"; }
bind() { echo "{\"metadata\":{\"name\":\"$1\"},\"roleRef\":{\"apiGroup\":\"rbac.authorization.k8s.io\",\"kind\":\"$2\",\"name\":\"$3\"},\"subjects\":[{\"apiGroup\":\"rbac.authorization.k8s.io\",\"kind\":\"User\",\"name\":\"$4\"}]}"; }

@test "nobody grants more than she has" {
	answer POST $RBAC/clusterroles "$(role maker '{"apiGroups":["rbac.authorization.k8s.io"],"resources":["*"],"verbs":["create","update","get","patch"]},{"apiGroups":[""],"resources":["pods"],"verbs":["get"]}')" >/dev/null
	answer POST $RBAC/clusterrolebindings "$(bind maker ClusterRole maker maker)" >/dev/null
	local head='is forbidden: user "maker" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:'
	says <<-EOF
	maker|POST|$RBAC/namespaces/t/roles|$(role r "$(rule pods '"get"')")|200|
	maker|POST|$RBAC/namespaces/t/roles|$(role s "$(rule secrets '"list","get"'),$(rule pods '"list","get"'),$(rule configmaps '"get"')")|403|roles.rbac.authorization.k8s.io "s" $head\n{APIGroups:[""], Resources:["configmaps"], Verbs:["get"]}\n{APIGroups:[""], Resources:["pods"], Verbs:["list"]}\n{APIGroups:[""], Resources:["secrets"], Verbs:["list" "get"]}
	maker|POST|$RBAC/clusterroles|$(role c '{"nonResourceURLs":["/x"],"verbs":["get"]}')|403|clusterroles.rbac.authorization.k8s.io "c" $head\n{NonResourceURLs:["/x"], Verbs:["get"]}
	maker|POST|$RBAC/clusterroles|{"metadata":{"name":"all"},"aggregationRule":{"clusterRoleSelectors":[{"matchLabels":{"a":"b"}}]}}|403|clusterroles.rbac.authorization.k8s.io "all" is forbidden: must have cluster-admin privileges to use the aggregationRule
	maker|POST|$RBAC/namespaces/t/rolebindings|$(bind b ClusterRole none bob)|404|clusterroles.rbac.authorization.k8s.io "none" not found
	maker|POST|$RBAC/namespaces/t/rolebindings|$(bind b Thing none bob)|500|unsupported role reference kind: "Thing"
	maker|POST|$RBAC/namespaces/t/rolebindings|$(bind b Role r bob)|200|
	EOF
	# An update is looked at whatever it changes, but for what the garbage collector needs.
	answer POST $RBAC/namespaces/t/roles "$(role big "$(rule secrets '"get"')")" >/dev/null
	got="$(TYPE=application/merge-patch+json answer PATCH $RBAC/namespaces/t/roles/big '{"metadata":{"labels":{"a":"b"}}}' -H 'Impersonate-User: maker' | said)"
	[ "$got" = "403 roles.rbac.authorization.k8s.io \"big\" $head"$'\n{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}' ]
	got="$(TYPE=application/merge-patch+json answer PATCH $RBAC/namespaces/t/roles/big '{"metadata":{"finalizers":["a.b/c"]}}' -H 'Impersonate-User: maker' | said)"
	[ "$got" = "200 " ]
	TYPE=application/merge-patch+json answer PATCH $RBAC/namespaces/t/roles/big '{"metadata":{"finalizers":null}}' >/dev/null
	# Who may escalate or bind, may.
	answer POST $RBAC/clusterroles "$(role free '{"apiGroups":["rbac.authorization.k8s.io"],"resources":["roles"],"verbs":["escalate","bind"]}')" >/dev/null
	answer POST $RBAC/namespaces/t/rolebindings "$(bind free ClusterRole free maker)" >/dev/null
	says <<-EOF
	maker|POST|$RBAC/namespaces/t/roles|$(role s "$(rule secrets '"list"')")|200|
	maker|POST|$RBAC/namespaces/t/rolebindings|$(bind c Role big bob)|200|
	EOF
}

@test "a binding to a role that is not there is told" {
	answer POST $RBAC/clusterrolebindings "$(bind lost ClusterRole gone dan)" >/dev/null
	answer POST $RBAC/clusterroles "$(role roles '{"apiGroups":["rbac.authorization.k8s.io"],"resources":["roles"],"verbs":["create"]}')" >/dev/null
	answer POST $RBAC/clusterrolebindings "$(bind roles ClusterRole roles dan)" >/dev/null
	local gone='clusterrole.rbac.authorization.k8s.io "gone" not found'
	says <<-EOF
	dan|GET|/api/v1/namespaces/t/pods||403|pods is forbidden: User "dan" cannot list resource "pods" in API group "" in the namespace "t": RBAC: $gone
	dan|GET|/nope||403|forbidden: User "dan" cannot get path "/nope": RBAC: $gone
	dan|POST|$RBAC/namespaces/t/roles|$(role q "$(rule pods '"get"')")|403|roles.rbac.authorization.k8s.io "q" is forbidden: user "dan" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["pods"], Verbs:["get"]}; resolution errors: [clusterroles.rbac.authorization.k8s.io "gone" not found]
	EOF
	got="$(as dan POST /apis/authorization.k8s.io/v1/selfsubjectrulesreviews '{"spec":{"namespace":"t"}}' | jq -r '.status.evaluationError')"
	[ "$got" = "$gone" ]
	got="$(answer POST /apis/authorization.k8s.io/v1/subjectaccessreviews '{"spec":{"user":"dan","resourceAttributes":{"verb":"get","resource":"pods"}}}' | jq -r '.status.reason')"
	[ "$got" = "RBAC: $gone" ]
}

review() { # ATTRIBUTES: a review's status, or what is wrong with it
	answer POST /apis/authorization.k8s.io/v1/subjectaccessreviews "{\"spec\":{\"user\":\"eve\",\"resourceAttributes\":{\"verb\":\"list\",\"resource\":\"pods\",$1}}}" |
		jq -r 'if .code then .message else .status.evaluationError // "fine" end'
}

@test "selectors of an access review" {
	[ "$(review '"fieldSelector":{"rawSelector":"a=b"}')" = fine ]
	[ "$(review '"fieldSelector":{"rawSelector":"a"}')" = "spec.resourceAttributes.fieldSelector ignored due to parse error" ]
	[ "$(review '"labelSelector":{"rawSelector":"a in"},"fieldSelector":{"requirements":[{"key":"a","operator":"In","values":["b"]},{"key":"a","operator":"Exists"}]}')" = \
		"spec.resourceAttributes.fieldSelector partially ignored due to parse error; spec.resourceAttributes.labelSelector ignored due to parse error" ]
	[ "$(review '"labelSelector":{"requirements":[{"key":"a","operator":"Near","values":["b"]}]}')" = "spec.resourceAttributes.labelSelector ignored due to parse error" ]
	[ "$(review '"fieldSelector":{"requirements":[{"key":"","operator":"In"}]}')" = \
		'.authorization.k8s.io "" is invalid: [spec.resourceAttributes.fieldSelector.requirements[0].key: Required value: must be specified, spec.resourceAttributes.fieldSelector.requirements[0].values: Required value: must be specified when `operator` is '"'In' or 'NotIn'"']' ]
	[ "$(review '"labelSelector":{"requirements":[{"key":"a","operator":"Exists","values":["b"]}]}')" = \
		'.authorization.k8s.io "" is invalid: spec.resourceAttributes.labelSelector.requirements[0].values: Forbidden: may not be specified when `operator` is '"'Exists' or 'DoesNotExist'" ]
}

@test "limit ranges fill in what they do not say, and bounds fit each other" {
	local limits=/api/v1/namespaces/t/limitranges
	got="$(answer POST "$limits?dryRun=All" '{"metadata":{"name":"x"},"spec":{"limits":[{"type":"Container","max":{"cpu":"1"},"min":{"cpu":"100m","memory":"1Mi"}}]}}' | jq -c '.spec.limits[0] | [.default, .defaultRequest]')"
	[ "$got" = '[{"cpu":"1"},{"cpu":"1","memory":"1Mi"}]' ]
	got="$(answer POST "$limits" '{"metadata":{"name":"x"},"spec":{"limits":[{"type":"Container","min":{"cpu":"2"},"max":{"cpu":"1"},"default":{"cpu":"3"},"defaultRequest":{"cpu":"4"}},{"type":"Pod","default":{"cpu":"3"}}]}}' | said)"
	[ "$got" = '422 LimitRange "x" is invalid: [spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1, spec.limits[0].defaultRequest[cpu]: Invalid value: "4": default request value 4 is greater than max value 1, spec.limits[0].defaultRequest[cpu]: Invalid value: "4": default request value 4 is greater than default limit value 3, spec.limits[0].default[cpu]: Invalid value: "1": default value 3 is greater than max value 1, spec.limits[1].default: Forbidden: may not be specified when `type` is '"'Pod'"']' ]
}

@test "a balanced service becomes a plain one" {
	answer POST /api/v1/namespaces/t/services '{"metadata":{"name":"b"},"spec":{"type":"LoadBalancer","externalTrafficPolicy":"Local","loadBalancerClass":"a.b/c","ports":[{"port":80}]}}' >/dev/null
	got="$(TYPE=application/merge-patch+json answer PATCH /api/v1/namespaces/t/services/b '{"spec":{"type":"ClusterIP"}}' | jq -c '.spec | [.type, .loadBalancerClass, .allocateLoadBalancerNodePorts, .ports[0].nodePort]')"
	[ "$got" = '["ClusterIP",null,null,null]' ]
}

@test "finalizers of namespaces, paths of reviews, forms of watches" {
	local why='Invalid value: "bogus": name is neither a standard finalizer name nor is it fully qualified'
	[ "$(answer POST /api/v1/namespaces '{"metadata":{"name":"f"},"spec":{"finalizers":["bogus"]}}' | said)" = "422 Namespace \"f\" is invalid: spec.finalizers: $why" ]
	[ "$(answer PUT /api/v1/namespaces/t/finalize '{"metadata":{"name":"t"},"spec":{"finalizers":["bogus"]}}' | said)" = "422 Namespace \"t\" is invalid: spec.finalizers[0]: $why" ]
	local unknown="404 the server could not find the requested resource"
	[ "$(answer GET /apis/authorization.k8s.io/v1/selfsubjectaccessreviews/x '' | said)" = "$unknown" ]
	[ "$(answer POST /api/v1/bindings '{}' | said)" = "$unknown" ]
	[ "$(answer GET /api/v1/namespaces/t/bindings '' | said)" = "405 the server does not allow this method on the requested resource" ]
	answer GET '/api/v1/pods?watch=1' '' -H 'Accept: application/yaml' | grep -qF 'only the following media types are accepted: application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch'
	[ "$(answer GET '/api/v1/pods?includeObject=All' '' -H 'Accept: application/json;as=Table;v=v1;g=meta.k8s.io' | said)" = \
		"400 Unable to convert to Table as requested: includeObject: Invalid value: \"All\": must be 'Metadata', 'Object', 'None', or empty" ]
}

@test "health and documents: what cannot be excluded, what is not acceptable" {
	got="$(answer GET '/readyz?verbose&exclude=nope&exclude=ping&exclude=abc' '' | grep -v ' ok$')"
	[ "$got" = $'warn: some health checks cannot be excluded: no matches for "abc","nope"\nreadyz check passed' ]
	[ "$(answer POST /livez '')" = ok ]
	[ "$(answer GET /openapi/v2 '' -H 'Accept: text/plain' -w '%{http_code} %{size_download}')" = "406 0" ]
	[ "$(answer GET /openapi/v3/apis/apps/v1 '' -H 'Accept: text/plain' -w '%{http_code} %{size_download}')" = "406 0" ]
}

@test "tables in watches: columns once, rows as they are asked for" {
	answer POST /api/v1/namespaces/t/configmaps '{"metadata":{"name":"w1"}}' >/dev/null
	answer POST /api/v1/namespaces/t/configmaps '{"metadata":{"name":"w2"}}' >/dev/null
	local table='Accept: application/json;as=Table;v=v1;g=meta.k8s.io' from='/api/v1/namespaces/t/configmaps?watch=1&timeoutSeconds=1'
	got="$(answer GET "$from&includeObject=None" '' -H "$table" | jq -c '[.type, .object.kind, (.object.columnDefinitions | type), .object.rows[0].cells[0], .object.rows[0].object]')"
	[ "$got" = $'["ADDED","Table","array","w1",null]\n["ADDED","Table","null","w2",null]' ]
	got="$(answer GET "$from&includeObject=Object&fieldSelector=metadata.name%3Dw1" '' -H "${table/v=v1/v=v1beta1}" | jq -c '[.object.apiVersion, .object.rows[0].object.kind]')"
	[ "$got" = '["meta.k8s.io/v1beta1","ConfigMap"]' ]
	got="$(answer GET "$from&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true" '' -H "$table" | tail -n 1 | jq -c '[.type, .object.rows[0].cells, .object.rows[0].object.kind, .object.rows[0].object.metadata.annotations]')"
	[ "$got" = '["BOOKMARK",["",0,"<unknown>"],"PartialObjectMetadata",{"k8s.io/initial-events-end":"true"}]' ]
}
