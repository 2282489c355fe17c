#!/usr/bin/env bats
# What the API server says to requests that go wrong: status and message, word for word.

. "$BATS_TEST_DIRNAME/../../lib/host.bash"

setup_file() {
	export SERVER="${KNARR_SERVER:-$BATS_TEST_DIRNAME/../../../build/bin/knarr-server}"
	export DIR="$(mktemp -d /tmp/knarr-test-answers.XXXXXX)"
	"$SERVER" --data-dir "$DIR" --bind-address 127.0.0.1 --secure-port 0 --controllers=none \
		--scheduler=none >"$DIR/port" 2>"$DIR/log" 3>&- 4>&- &
	echo $! >"$DIR/pid"
	eventually 30 [ -s "$DIR/port" ]
	export PORT="$(cat "$DIR/port")"
	answer POST /api/v1/namespaces/default/configmaps application/json \
		'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"x":"1"}}' | grep -q '"name":"a"'
}

teardown_file() {
	kill "$(cat "$DIR/pid")" || true
	for _ in $(seq 100); do kill -0 "$(cat "$DIR/pid")" 2>/dev/null || break; sleep 0.05; done
	rm -rf "$DIR"
}

answer() { # METHOD PATH CONTENT-TYPE BODY
	printf %s "$4" >"$DIR/body"
	curl -s --max-time 30 --cacert "$DIR/pki/ca.crt" --cert "$DIR/pki/admin.crt" --key "$DIR/pki/admin.key" -X "$1" \
		-H "Content-Type: $3" --data-binary "@$DIR/body" "https://127.0.0.1:$PORT$2"
}

# Lines of METHOD|PATH|CONTENT-TYPE|BODY|CODE|MESSAGE; \n in a body or message is a line break.
says() {
	local method path type body code message got
	while IFS='|' read -r method path type body code message; do
		[ -n "$method" ] || continue
		body=${body//\\n/$'\n'} message=${message//\\n/$'\n'}
		got="$(answer "$method" "$path" "$type" "$body" | python3 -c '
import json, sys
s = json.load(sys.stdin)
print(s.get("code", 200), s.get("message", ""))')"
		[ "$got" = "$code $message" ] || { echo "$method $path $body"; echo "want: $code $message"; echo "got:  $got"; return 1; }
	done
}

CM=/api/v1/namespaces/default/configmaps

@test "bodies that are no objects" {
	says <<-EOF
	POST|$CM|application/json||400|the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: unexpected end of JSON input (<empty>)
	POST|$CM|application/json|{"a"|400|the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: unexpected end of JSON input ({"a")
	POST|$CM|application/json|{"kind":5}|400|the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: json: cannot unmarshal number into Go struct field .kind of type string ({"kind":5})
	POST|$CM|application/yaml|a:\n- b\n c: d|400|the object provided is unrecognized (must be of type ConfigMap): yaml: line 3: mapping values are not allowed in this context (613a0a2d20620a20633a2064)
	POST|$CM|application/json|null|422|ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required
	EOF
}

@test "what stands twice in a body, or is not known" {
	local strict="fieldValidation=Strict&dryRun=All"
	says <<-EOF
	POST|$CM?$strict|application/json|{"metadata":{"name":"d","name":"e","bogus":1},"data":{"a":"1","a":"2"},"x":{"y":1,"y":2},"x":1}|400|ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: duplicate field "metadata.name", unknown field "metadata.bogus", duplicate field "data.a", unknown field "x"
	POST|$CM?$strict|application/yaml|metadata:\n  name: d\n  zz: 1\n  name: e\nbogus: 1\n|400|ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: yaml: unmarshal errors:\n  line 4: key "name" already set in map, unknown field "bogus", unknown field "metadata.zz"
	PATCH|$CM/a?$strict|application/strategic-merge-patch+json|{"data":{"a":"1","a":"2"},"foo":1}|422| "" is invalid: patch: Invalid value: "map[data:map[a:2] foo:1]": strict decoding error: duplicate field "data.a", unknown field "foo"
	PATCH|$CM/a?$strict&fieldManager=m&force=true|application/apply-patch+yaml|apiVersion: v1\nkind: ConfigMap\ndata:\n  x: "1"\n  x: "2"\n|400|error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n  line 5: key "x" already set in map
	EOF
}

@test "what stands twice in a body adds up where it is a map" {
	local how
	for how in Warn Ignore; do
		answer POST "$CM?fieldValidation=$how" application/json \
			"{\"metadata\":{\"name\":\"two-${how,,}\"},\"data\":{\"a\":\"1\",\"b\":\"2\"},\"data\":{\"b\":\"3\"},\"metadata\":{\"labels\":{\"l\":\"1\"}}}" >"$DIR/two"
		[ "$(jq -c '[.metadata.name, .metadata.labels, .data]' "$DIR/two")" = "[\"two-${how,,}\",{\"l\":\"1\"},{\"a\":\"1\",\"b\":\"3\"}]" ]
	done
}

@test "patches that are none, or cannot be applied" {
	local j=application/json-patch+json m=application/merge-patch+json s=application/strategic-merge-patch+json
	local y=application/apply-patch+yaml r="the server rejected our request due to an error in our request"
	says <<-EOF
	PATCH|$CM/a|$j|{}|400|error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp
	PATCH|$CM/a|$j|[{"op":5}]|400|error decoding patch: json: cannot unmarshal number into Go struct field jsonPatchOp.op of type string
	PATCH|$CM/a|$j|[{"op":"frob","path":"/data"}]|422|$r
	PATCH|$CM/a|$j|[{"op":"replace","path":"","value":{}}]|422|$r
	PATCH|$CM/a|$m|[]|400|error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}
	PATCH|$CM/a|$m|null|400|Invalid JSON Patch
	PATCH|$CM/a|$s|[]|400|json: cannot unmarshal array into Go value of type map[string]interface {}
	PATCH|$CM/a|$s|{"\$patch":"frob"}|500|unknown patch type: frob in map: map[\$patch:frob]
	PATCH|$CM/a?fieldManager=m|$y|[]|400|error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go value of type map[string]interface {}
	PATCH|$CM/a?fieldManager=m|$y|{"apiVersion":"v1","kind":"Secret"}|400|invalid object type: /v1, Kind=Secret
	PATCH|$CM/a?fieldManager=m|$y|{"apiVersion":"v1","kind":"ConfigMap","data":{"x":1}}|500|failed to create typed patch object (/; /v1, Kind=ConfigMap): .data.x: expected string, got &value.valueUnstructured{Value:1}
	PATCH|$CM/new?fieldManager=m|$y|{"apiVersion":"v1","kind":"ConfigMap","metadata":{"generateName":"n"}}|400|the name of the object (new based on URL) was undeterminable: name must be provided
	PUT|$CM/a|application/json|{"metadata":{"name":"a","resourceVersion":"x"}}|500|strconv.ParseUint: parsing "x": invalid syntax
	POST|/api/v1/namespaces/default/pods/p/binding|application/json|{"metadata":{"name":"p"},"target":{"kind":"Rack"}}|500|[target.kind: Unsupported value: "Rack": supported values: "Node", "<empty>", target.name: Required value]
	EOF
}

@test "lists, selectors and deletes that ask for nonsense" {
	says <<-EOF
	GET|$CM?continue=bad|||400|invalid continue token: continue key is not valid: invalid character 'm' looking for beginning of value
	GET|$CM?labelSelector=a+in|||400|unable to parse requirement: found '' expected: '('
	GET|$CM?labelSelector=,|||400|found ',', expected: !, identifier, or 'end of string'
	GET|$CM?labelSelector=/a|||400|unable to parse requirement: <nil>: Invalid value: "/a": prefix part must be non-empty
	GET|$CM?resourceVersion=x|||400|invalid resource version: resourceVersion: Invalid value: "x": strconv.ParseUint: parsing "x": invalid syntax
	GET|/apis/batch/v1/jobs?fieldSelector=a%3Db|||400|field label "a" not supported for Job
	GET|/apis/resource.k8s.io/v1/resourceslices?fieldSelector=a%3Db|||400|field label not supported for resource.k8s.io/v1, Kind=ResourceSlice: a
	DELETE|$CM/a|application/json|{"dryRun":["Foo"]}|422|DeleteOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: ["Foo"]: supported values: "All"
	DELETE|$CM/a|application/json|{"kind":"Pod","apiVersion":"v1"}|400|no kind "Pod" is registered for version "v1" in scheme "k8s.io/apimachinery/pkg/apis/meta/internalversion/scheme/register.go:27"
	DELETE|$CM/a|application/json|{"kind":"Status","apiVersion":"v1"}|400|decoded object cannot be converted to DeleteOptions
	DELETE|$CM|application/json|{"kind":"Status","apiVersion":"v1"}|400|decoded object cannot be converted to DeleteOptions
	DELETE|$CM/a|text/plain|{}|415|the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf
	DELETE|$CM/a?dryRun=Foo|||422|DeleteOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: ["Foo"]: supported values: "All"
	DELETE|$CM/a|application/json|{"gracePeriodSeconds":"x"}|400|json: cannot unmarshal string into Go struct field DeleteOptions.gracePeriodSeconds of type int64
	EOF
}

@test "a delete's body says everything, its query nothing then" {
	for i in 1 2 3 4; do answer POST $CM application/json "{\"metadata\":{\"name\":\"gone$i\"}}" | grep -q '"uid"'; done
	answer DELETE "$CM/gone1?dryRun=All" "" "" | grep -q '"Success"'
	answer DELETE "$CM/gone1" application/json '{"dryRun":["All"]}' | grep -q '"Success"'
	answer GET "$CM/gone1" "" "" | grep -q '"uid"'
	answer DELETE "$CM/gone1?dryRun=All" application/json '{"kind":"DeleteOptions","apiVersion":"apps/v1"}' | grep -q '"Success"'
	answer DELETE "$CM/gone2?dryRun=Foo&propagationPolicy=Foo&gracePeriodSeconds=x" application/json '{}' | grep -q '"Success"'
	answer DELETE "$CM?fieldSelector=metadata.name=gone3&dryRun=All" application/json '{"dryRun":[]}' | grep -q '"items"'
	says <<-EOF
	GET|$CM/gone1|||404|configmaps "gone1" not found
	GET|$CM/gone2|||404|configmaps "gone2" not found
	GET|$CM/gone3|||404|configmaps "gone3" not found
	EOF
	answer GET "$CM/gone4" "" "" | grep -q '"uid"'
}

@test "bindings and evictions that are none" {
	local p=/api/v1/namespaces/default/pods
	answer POST $p application/json '{"metadata":{"name":"e"},"spec":{"containers":[{"name":"c","image":"i"}]}}' | grep -q '"uid"'
	says <<-EOF
	POST|$p/e/binding|application/json|{"kind":"Pod","apiVersion":"v1","metadata":{"name":"e"}}|400|Pod in version "v1" cannot be handled as a Binding: converting (v1.Pod) to (core.Binding): unknown conversion
	POST|$p/e/binding|text/plain|{}|415|the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf
	POST|$p/e/binding|application/json|{"metadata":{"name":"e"},"target":5}|400|Binding in version "v1" cannot be handled as a Binding: json: cannot unmarshal number into Go struct field Binding.target of type v1.ObjectReference
	POST|$p/e/eviction|application/json|{"kind":"Pod","apiVersion":"v1","metadata":{"name":"e"}}|400|Pod in version "v1" cannot be handled as a Eviction: converting (v1.Pod) to (policy.Eviction): unknown conversion
	POST|$p/e/eviction|application/json|{"kind":"Eviction","apiVersion":"policy/v1","metadata":{"name":"f"}}|400|name in URL does not match name in Eviction object
	POST|$p/e/eviction|application/json|{"metadata":{"name":"e","namespace":"zz"}}|400|the namespace of the provided object does not match the namespace sent on the request
	POST|$p/e/binding|application/json|{"metadata":{"name":"e","namespace":"zz"},"target":{"name":"n"}}|400|the namespace of the provided object does not match the namespace sent on the request
	POST|/api/v1/namespaces/default/serviceaccounts/default/token|application/json|{"metadata":{"namespace":"zz"}}|400|the namespace of the provided object does not match the namespace sent on the request
	POST|$p/e/eviction|application/json|{"metadata":{"name":"e"},"deleteOptions":{"propagationPolicy":"x"}}|422|DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: "x": supported values: "Foreground", "Background", "Orphan", "nil"
	POST|$p/e/eviction?fieldValidation=Strict|application/json|{"metadata":{"name":"e"},"foo":1}|400|Eviction in version "v1" cannot be handled as a Eviction: strict decoding error: unknown field "foo"
	EOF
	answer POST "$p/e/eviction" application/json '{"kind":"Eviction","apiVersion":"policy/v1","metadata":{"name":"e"},"deleteOptions":{"dryRun":["All"]}}' | grep -q '"Success"'
	answer GET "$p/e" "" "" | grep -q '"uid"'
	answer POST "$p/e/eviction" application/json '{"kind":"Eviction","apiVersion":"policy/v1beta1","metadata":{"name":"e"}}' | grep -q '"Success"'
}

@test "a watch without time ends at once" {
	answer GET "$CM?watch=1&timeoutSeconds=-1" "" "" >/dev/null # curl fails when its own time is over
	answer GET "$CM?timeoutSeconds=-1" "" "" | grep -q '"items"'
}

@test "component statuses are told to be old, and take nothing" {
	local s=/api/v1/componentstatuses no="the server does not allow this method on the requested resource"
	says <<-EOF
	POST|$s|application/json|{}|405|$no
	DELETE|$s/x|||405|$no
	DELETE|$s|||405|$no
	GET|$s?watch=1|||405|watch is not supported on resources of kind "componentstatuses"
	GET|$s/x|||404|componentstatuses "x" not found
	EOF
	told() { # METHOD PATH: how often it is told
		curl -s --max-time 30 --cacert "$DIR/pki/ca.crt" --cert "$DIR/pki/admin.crt" --key "$DIR/pki/admin.key" -X "$1" -o /dev/null -D - \
			"https://127.0.0.1:$PORT$2" | grep -ci '^warning: 299 - "v1 ComponentStatus is deprecated in v1.19+"' || true
	}
	[ "$(told GET $s) $(told GET $s/x) $(told POST $s) $(told DELETE $s/x)" = "1 1 0 0" ]
}

@test "a scale that is none" {
	local d=/apis/apps/v1/namespaces/default/deployments
	answer POST $d application/json '{"metadata":{"name":"d"},"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"i"}]}}}}' | grep -q '"name":"d"'
	says <<-EOF
	PUT|$d/d/scale|application/json|{"apiVersion":"apps/v1","kind":"Scale"}|400|Scale in version "v1" cannot be handled as a Scale: no kind "Scale" is registered for version "apps/v1" in scheme "pkg/api/legacyscheme/scheme.go:30"
	PUT|$d/d/scale|application/json|{"spec":{"replicas":"x"}}|400|Scale in version "v1" cannot be handled as a Scale: json: cannot unmarshal string into Go struct field ScaleSpec.spec.replicas of type int32
	PUT|$d/d/scale?fieldValidation=Strict|application/json|{"foo":1}|400|Scale in version "v1" cannot be handled as a Scale: strict decoding error: unknown field "foo"
	PATCH|$d/d/scale|application/apply-patch+yaml|{}|422|PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch
	EOF
}

@test "custom objects that do not say what they are" {
	local b=/apis/answers.example.com/v1/namespaces/default/bars
	answer POST /apis/apiextensions.k8s.io/v1/customresourcedefinitions application/json '{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"bars.answers.example.com"},"spec":{"group":"answers.example.com","scope":"Namespaced","names":{"plural":"bars","kind":"Bar"},"versions":[{"name":"v1","served":true,"storage":true,"schema":{"openAPIV3Schema":{"type":"object"}}}]}}' | grep -q '"uid"'
	answer POST $b application/json '{"apiVersion":"answers.example.com/v1","kind":"Bar","metadata":{"name":"x"}}' | grep -q '"uid"'
	says <<-EOF
	POST|$b|application/json|{"metadata":{"name":"q"}}|400|the object provided is unrecognized (must be of type Bar): Object 'Kind' is missing in '{"metadata":{"name":"q"}}' ({"metadata":{"name":"q"}})
	POST|$b|application/json|{"kind":"Bar"}|400|the API version in the data () does not match the expected API version (answers.example.com/v1)
	POST|$b|application/json|{"apiVersion":"answers.example.com/v1","kind":"Bar","metadata":{"labels":{"a":5}}}|400|Bar in version "v1" cannot be handled as a Bar: json: cannot unmarshal number into Go struct field ObjectMeta.labels of type string
	PATCH|$b/x|application/merge-patch+json|{"kind":"Q"}|422|Bar.answers.example.com "x" is invalid: kind: Invalid value: "Q": must be Bar
	EOF
}

# Lines of METHOD|PATH|ACCEPT|BODY|PYTHON: what is to hold of the answer a.
holds() {
	local method path accept body test got
	while IFS='|' read -r method path accept body test; do
		[ -n "$method" ] || continue
		got="$(curl -s --max-time 30 --cacert "$DIR/pki/ca.crt" --cert "$DIR/pki/admin.crt" --key "$DIR/pki/admin.key" -X "$method" \
			-H "Accept: $accept" -H "Content-Type: application/json" ${body:+--data-binary "$body"} "https://127.0.0.1:$PORT$path")"
		python3 -c 'import json, sys; a = json.loads(sys.argv[1]); assert eval(sys.argv[2])' "$got" "$test" ||
			{ echo "$method $path"; echo "want: $test"; echo "got:  $got"; return 1; }
	done
}

@test "a page is the last one when nothing is behind it" {
	local i maps=/api/v1/namespaces/pages/configmaps
	answer POST /api/v1/namespaces application/json '{"metadata":{"name":"pages"}}' >/dev/null
	for i in 0 1 2 3; do
		answer POST $maps application/json '{"metadata":{"name":"page'$i'","labels":{"even":"'$((1 - i % 2))'"}}}' >/dev/null
	done
	local names='[o["metadata"]["name"] for o in a["items"]]'
	holds <<-EOF
	GET|$maps?labelSelector=even%3D1&limit=1|application/json||$names == ["page0"] and "continue" in a["metadata"] and "remainingItemCount" not in a["metadata"]
	GET|$maps?labelSelector=even%3D1&limit=2|application/json||$names == ["page0", "page2"] and "continue" in a["metadata"]
	GET|$maps?labelSelector=even%3D1&limit=3|application/json||$names == ["page0", "page2"] and "continue" not in a["metadata"]
	GET|$maps?labelSelector=even%3D0&limit=2|application/json||$names == ["page1", "page3"] and "continue" not in a["metadata"]
	GET|$maps?fieldSelector=metadata.name%3Dpage0&limit=1|application/json||$names == ["page0"] and "continue" not in a["metadata"]
	GET|$maps?limit=1&resourceVersion=0|application/json||len(a["items"]) == 4 and "continue" not in a["metadata"]
	EOF
}

@test "forms that do not fit" {
	local one='application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1' many='application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1'
	holds <<-EOF
	GET|/apis/rbac.authorization.k8s.io/v1/clusterroles|$one||a["code"] == 406 and a["message"].endswith("is a list (*rbac.ClusterRoleList)")
	GET|/apis/events.k8s.io/v1/events|$one||a["message"].endswith("is a list (*core.EventList)")
	GET|/apis/rbac.authorization.k8s.io/v1/clusterroles/view|$many||a["message"].endswith("is not a list (*rbac.ClusterRole)")
	EOF
	says <<-EOF
	GET|/api/v1/watch/namespaces/default/configmaps/a?fieldSelector=metadata.name%3Db|||400|fieldSelector metadata.name doesn't match requested name
	EOF
}

@test "what updates without a resourceVersion are, kind by kind" {
	local budgets=/apis/policy/v1/namespaces/default/poddisruptionbudgets
	local budget='{"metadata":{"name":"b"},"spec":{"minAvailable":1,"selector":{"matchLabels":{"a":"b"}}}}'
	answer POST $budgets application/json "$budget" | grep -q '"uid"'
	says <<-EOF
	PUT|$budgets/b|application/json|$budget|422|poddisruptionbudgets.policy "b" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update
	PUT|/apis/node.k8s.io/v1/runtimeclasses/made|application/json|{"metadata":{"name":"made"},"handler":"h"}|200|
	PUT|/apis/node.k8s.io/v1/runtimeclasses/made|application/json|{"metadata":{"name":"made"},"handler":"h"}|422|runtimeclasses.node.k8s.io "made" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update
	PUT|/apis/scheduling.k8s.io/v1/priorityclasses/absent|application/json|{"metadata":{"name":"absent"},"value":1}|404|priorityclasses.scheduling.k8s.io "absent" not found
	EOF
}

@test "what is not there, and paths that lead behind" {
	says <<-EOF
	PUT|$CM/gone|application/json|{"metadata":{"name":"gone"}}|404|configmaps "gone" not found
	PUT|$CM/gone|application/json|{"metadata":{"name":"gone","uid":"u1"}}|409|Operation cannot be fulfilled on configmaps "gone": StorageError: invalid object, Code: 4, Key: /registry/configmaps/default/gone, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: u1, UID in object meta: 
	GET|/api/v1/namespaces/default/pods/p/status/more|||404|the server could not find the requested resource
	GET|/api/v1/watch/|||404|the server could not find the requested resource
	EOF
	holds <<-EOF
	GET|/api/v1/namespaces/default/pods?watch=1&timeoutSeconds=1&allowWatchBookmarks=1|application/json||a["type"] == "BOOKMARK" and a["object"]["spec"] == {"containers": None} and a["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
	GET|/api/v1/namespaces/default/pods?watch=1&timeoutSeconds=1&resourceVersion=99999999&resourceVersionMatch=NotOlderThan&sendInitialEvents=1|application/json||a["type"] == "ERROR" and a["object"]["code"] == 504
	EOF
}

@test "a deletion whose dependents were to go is accepted" {
	answer POST $CM application/json '{"metadata":{"name":"held","finalizers":["a.b/c"]}}' | grep -q '"uid"'
	local code
	code="$(curl -s -o /dev/null -w '%{http_code}' --max-time 30 --cacert "$DIR/pki/ca.crt" --cert "$DIR/pki/admin.crt" --key "$DIR/pki/admin.key" -X DELETE \
		-H 'Content-Type: application/json' --data-binary '{"orphanDependents":false}' "https://127.0.0.1:$PORT$CM/held")"
	[ "$code" = 202 ]
}

@test "a job leaves its pods behind, and says so" {
	local jobs=/apis/batch/v1/namespaces/default/jobs
	answer POST $jobs application/json '{"metadata":{"name":"j"},"spec":{"template":{"spec":{"restartPolicy":"Never","containers":[{"name":"c","image":"i"}]}}}}' | grep -q '"uid"'
	curl -s -D "$DIR/headers" --max-time 30 --cacert "$DIR/pki/ca.crt" --cert "$DIR/pki/admin.crt" --key "$DIR/pki/admin.key" -X DELETE \
		"https://127.0.0.1:$PORT$jobs/j" | grep -q '"finalizers":\["orphan"\]'
	grep -qi '^warning: 299 - "child pods are preserved by default' "$DIR/headers"
}

@test "a namespace looks at preconditions in its own words" {
	answer POST /api/v1/namespaces application/json '{"metadata":{"name":"looks"}}' >/dev/null
	holds <<-EOF
	DELETE|/api/v1/namespaces/looks|application/json|{"preconditions":{"uid":"x"}}|a["code"] == 409 and a["message"].startswith('Operation cannot be fulfilled on namespaces "looks": Precondition failed: UID in precondition: x, UID in object meta: ')
	DELETE|/api/v1/namespaces/looks|application/json|{"propagationPolicy":"Foreground"}|a["metadata"]["finalizers"] == ["foregroundDeletion"] and a["status"]["phase"] == "Terminating"
	EOF
}

@test "bodies and values that are too large" {
	local version
	python3 -c 'import json; print(json.dumps({"metadata": {"name": "big"}, "data": {"a": "x" * 3145738}}))' >"$DIR/big"
	for version in --http1.1 --http2; do
		curl -s $version --max-time 30 --cacert "$DIR/pki/ca.crt" --cert "$DIR/pki/admin.crt" --key "$DIR/pki/admin.key" -H 'Content-Type: application/json' \
			--data-binary "@$DIR/big" "https://127.0.0.1:$PORT$CM" | grep -q '"message":"Request entity too large: limit is 3145728","reason":"RequestEntityTooLarge"'
	done
	python3 -c 'import json; print(json.dumps({"metadata": {"name": "big"}, "data": {"a": "x" * 1048586}}))' >"$DIR/big"
	curl -s --max-time 30 --cacert "$DIR/pki/ca.crt" --cert "$DIR/pki/admin.crt" --key "$DIR/pki/admin.key" -H 'Content-Type: application/json' \
		--data-binary "@$DIR/big" "https://127.0.0.1:$PORT$CM" | grep -q 'is invalid: \[\]: Too long: may not be more than 1048576 bytes'
}

@test "a name that was to be generated and is taken" {
	answer POST $CM application/json '{"metadata":{"name":"taken"}}' >/dev/null
	says <<-EOF
	POST|$CM|application/json|{"metadata":{"name":"taken"}}|409|configmaps "taken" already exists
	POST|$CM|application/json|{"metadata":{"name":"taken","generateName":"t"}}|409|configmaps "taken" already exists, the server was not able to generate a unique name for the object
	EOF
}

@test "a scale has forms of its own" {
	local sets=/apis/apps/v1/namespaces/default/replicasets table='application/json;as=Table;g=meta.k8s.io;v=v1'
	answer POST $sets application/json '{"metadata":{"name":"r"},"spec":{"replicas":3,"selector":{"matchLabels":{"c":"1"},"matchExpressions":[{"key":"a","operator":"In","values":["z","y"]}]},"template":{"metadata":{"labels":{"c":"1","a":"y"}},"spec":{"containers":[{"name":"c","image":"i"}]}}}}' | grep -q '"uid"'
	holds <<-EOF
	GET|$sets/r/scale|application/json||a["status"]["selector"] == "a in (y,z),c=1"
	GET|$sets/r/scale|$table||a["rows"][0]["cells"][:3] == ["r", 3, 0] and [c["name"] for c in a["columnDefinitions"]] == ["Name", "Desired", "Available", "Age"]
	EOF
}

@test "a node may ask for its own pods and its own node, where no agent's network part needs more" {
	review() {
		answer POST /apis/authorization.k8s.io/v1/subjectaccessreviews application/json \
			"{\"spec\":{\"user\":\"system:node:n1\",\"groups\":[\"system:nodes\"],\"resourceAttributes\":{$1}}}" |
			jq -r '"\(.status.allowed) \(.status.reason)"'
	}
	[ "$(review '"verb":"list","resource":"pods"')" = "false can only list/watch pods with spec.nodeName field selector" ]
	[ "$(review '"verb":"list","resource":"pods","fieldSelector":{"rawSelector":"spec.nodeName=n1"}')" = "true null" ]
	[ "$(review '"verb":"get","resource":"nodes","name":"n1"')" = "true null" ]
	[ "$(review '"verb":"get","resource":"nodes","name":"n2"')" = "false node 'n1' cannot read 'n2', only its own Node object" ]
}
