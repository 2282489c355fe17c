#!/usr/bin/env bats
# Admission through the API: webhooks of a small server on loopback, quotas under concurrency, policies.

load ../../lib/wait

setup_file() {
	export SERVER="${KNARR_SERVER:-$BATS_TEST_DIRNAME/../../../build/bin/knarr-server}"
	export DIR="$(mktemp -d /tmp/knarr-test-admission.XXXXXX)"
	export HOST="$(hostname -I | cut -d' ' -f1)"
	openssl req -x509 -newkey rsa:2048 -nodes -days 1 -keyout "$DIR/hook.key" -out "$DIR/hook.crt" -subj /CN=hook \
		-addext 'subjectAltName=DNS:localhost,IP:127.0.0.1,DNS:hook.default.svc' 2>/dev/null
	python3 "$BATS_TEST_DIRNAME/webhook_server.py" "$DIR/hook.crt" "$DIR/hook.key" "$DIR/hook.log" >"$DIR/hook.port" 3>&- &
	echo $! >"$DIR/hook.pid"
	"$SERVER" --data-dir "$DIR" --bind-address 127.0.0.1 --secure-port 0 --controllers=none \
		--scheduler=none >"$DIR/port" 2>"$DIR/log" 3>&- &
	echo $! >"$DIR/pid"
	eventually 60 test -s "$DIR/port" -a -s "$DIR/hook.port"
	export PORT="$(cat "$DIR/port")" HOOK="$(cat "$DIR/hook.port")" CA="$(base64 -w0 "$DIR/hook.crt")"
}

teardown_file() {
	end_process "$(cat "$DIR/pid")" "$(cat "$DIR/hook.pid")"
	rm -rf "$DIR"
}

setup() {
	: >"$DIR/hook.log"
}

teardown() {
	for kind in mutatingwebhookconfigurations validatingwebhookconfigurations validatingadmissionpolicybindings \
		validatingadmissionpolicies; do
		api DELETE "/apis/admissionregistration.k8s.io/v1/$kind" >/dev/null
	done
}

api() { # METHOD PATH [curl arguments]
	local method=$1 path=$2
	shift 2
	curl -s --cacert "$DIR/pki/ca.crt" --cert "$DIR/pki/admin.crt" --key "$DIR/pki/admin.key" -X "$method" \
		-H "Content-Type: ${T:-application/json}" "$@" "https://127.0.0.1:$PORT$path"
}

hook() { # Mutating|Validating NAME PATH [members of the webhook, in place of the usual ones]
	local plural webhook
	plural="$(tr '[:upper:]' '[:lower:]' <<<"$1")webhookconfigurations"
	webhook="$(jq -cn "{
		\"name\":\"$2.example.com\",\"sideEffects\":\"None\",\"admissionReviewVersions\":[\"v1\"],
		\"rules\":[{\"apiGroups\":[\"\"],\"apiVersions\":[\"v1\"],\"resources\":[\"configmaps\"],\"operations\":[\"*\"]}],
		\"clientConfig\":{\"url\":\"https://127.0.0.1:$HOOK/$3\",\"caBundle\":\"$CA\"}} + {${4:-}}")"
	api POST "/apis/admissionregistration.k8s.io/v1/$plural" -d "{\"metadata\":{\"name\":\"$2\"},\"webhooks\":[$webhook]}"
}

configmap() { # NAME [curl arguments]
	local name=$1
	shift
	api POST "/api/v1/namespaces/default/configmaps$Q" -d "{\"metadata\":{\"name\":\"$name\"}}" "$@"
}

@test "a validating webhook refuses, with its own code and words" {
	hook Validating v1 deny
	run configmap a
	[[ "$output" == *'"message":"admission webhook \"v1.example.com\" denied the request: not today"'* ]]
	[[ "$output" == *'"code":418'* ]]
	run api GET /api/v1/namespaces/default/configmaps/a
	[[ "$output" == *NotFound* ]]
	grep -q '"operation": "CREATE"' "$DIR/hook.log"
	grep -q '"username": "' "$DIR/hook.log"
	grep -q 'timeout=10s' "$DIR/hook.log"
	run api GET /metrics
	[[ "$output" == *'apiserver_admission_webhook_rejection_count{error_type="no_error",name="v1.example.com"'* ]]
	[[ "$output" == *'apiserver_admission_webhook_admission_duration_seconds_count{name="v1.example.com"'* ]]
}

@test "a refusal without words, an answer to another request, an error of the server" {
	hook Validating v2 silent
	run configmap b
	[[ "$output" == *'admission webhook \"v2.example.com\" denied the request without explanation'*'"code":400'* ]]
	teardown
	hook Validating v2 uid
	run configmap b
	[[ "$output" == *'failed calling webhook \"v2.example.com\": received invalid webhook response: expected response.uid='* ]]
	[[ "$output" == *'"code":500'* ]]
	teardown
	hook Validating v2 broken
	run configmap b
	[[ "$output" == *'failed calling webhook \"v2.example.com\": failed to call webhook: an error on the server'* ]]
}

@test "warnings come through" {
	hook Validating v3 warn
	run configmap c -i
	[[ "$output" == *'arning: 299 - "mind the gap"'* ]]
}

@test "failure policies and timeouts" {
	hook Validating v4 slow '"timeoutSeconds":1'
	run configmap d
	[[ "$output" == *'failed calling webhook \"v4.example.com\": failed to call webhook: Post \"https://127.0.0.1:'*'context deadline exceeded'* ]]
	teardown
	hook Validating v4 slow '"timeoutSeconds":1,"failurePolicy":"Ignore"'
	run configmap d
	[[ "$output" == *'"name":"d"'* ]]
	[[ "$output" != *Failure* ]]
	run api GET /metrics
	[[ "$output" == *'apiserver_admission_webhook_fail_open_count{name="v4.example.com"'* ]]
}

@test "a certificate that the bundle does not vouch for" {
	hook Validating v5 warn
	T=application/json-patch+json api PATCH /apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/v5 \
		-d "[{\"op\":\"replace\",\"path\":\"/webhooks/0/clientConfig/caBundle\",\"value\":\"$(base64 -w0 "$DIR/pki/ca.crt")\"}]" >/dev/null
	run configmap e
	[[ "$output" == *'failed calling webhook \"v5.example.com\"'* ]]
}

@test "mutating webhooks in the order of names; called again when wanted" {
	hook Mutating m1 label-one '"reinvocationPolicy":"IfNeeded"'
	hook Mutating m2 label-two
	run configmap f
	[[ "$output" == *'"labels":{"one":"yes","two":"yes"}'* ]]
	[ "$(grep -c label-one "$DIR/hook.log")" = 2 ]
	[ "$(grep -c label-two "$DIR/hook.log")" = 1 ]
	head -1 "$DIR/hook.log" | grep -q label-one
	# what a webhook made is stored and validated
	run api GET /api/v1/namespaces/default/configmaps/f
	[[ "$output" == *'"two":"yes"'* ]]
}

@test "a patch that makes an object invalid is refused by validation" {
	hook Mutating m3 label-_bad_
	run configmap g
	[[ "$output" == *'"code":422'* ]]
}

@test "dry runs need webhooks without side effects" {
	run hook Mutating m4 label-dry '"sideEffects":"Some"'
	[[ "$output" == *'webhooks[0].sideEffects: Unsupported value: \"Some\": supported values: \"None\", \"NoneOnDryRun\"'* ]]
	hook Mutating m4 label-dry
	Q='?dryRun=All' run configmap h
	[[ "$output" == *'"dry":"yes"'* ]]
	grep -q '"dryRun": true' "$DIR/hook.log"
}

@test "selectors, operations and scopes keep webhooks away" {
	hook Validating s1 deny '"namespaceSelector":{"matchLabels":{"no":"such"}}'
	hook Validating s2 deny '"objectSelector":{"matchLabels":{"no":"such"}}'
	hook Validating s3 deny '"rules":[{"apiGroups":[""],"apiVersions":["v1"],"resources":["configmaps"],"operations":["DELETE"]}]'
	hook Validating s4 deny '"rules":[{"apiGroups":["*"],"apiVersions":["*"],"resources":["*"],"operations":["*"],"scope":"Cluster"}]'
	run configmap i
	[[ "$output" == *'"name":"i"'* ]]
	[ ! -s "$DIR/hook.log" ]
	run api DELETE /api/v1/namespaces/default/configmaps/i
	[[ "$output" == *'s3.example.com'*'denied the request'* ]]
	run api POST /api/v1/namespaces -d '{"metadata":{"name":"nsx"}}'
	[[ "$output" == *'s4.example.com'*'denied the request'* ]]
}

rules() { # GROUP VERSION RESOURCE
	echo "\"rules\":[{\"apiGroups\":[\"$1\"],\"apiVersions\":[\"$2\"],\"resources\":[\"$3\"],\"operations\":[\"*\"]}]"
}

logged() { # PATH of the last review
	tail -1 "$DIR/hook.log" | python3 -c 'import functools, json, sys
v = json.load(sys.stdin)["request"]
print(json.dumps(functools.reduce(lambda o, k: o[k], sys.argv[1].split("."), v)))' "$1"
}

autoscaler() { # VERSION NAME SPEC
	api POST "/apis/autoscaling/$1/namespaces/default/horizontalpodautoscalers" \
		-d "{\"metadata\":{\"name\":\"$2\"},\"spec\":{\"maxReplicas\":5,\"scaleTargetRef\":{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"name\":\"x\"},$3}}"
}

@test "a rule for one version sees requests of the other, in its own version" {
	hook Mutating e1 set/spec/targetCPUUtilizationPercentage/70 "$(rules autoscaling v1 horizontalpodautoscalers)"
	run autoscaler v2 e '"metrics":[{"type":"Resource","resource":{"name":"cpu","target":{"type":"Utilization","averageUtilization":50}}}]'
	[[ "$output" == *'"apiVersion":"autoscaling/v2"'*'"averageUtilization":70'* ]]
	[ "$(logged kind.version) $(logged resource.version)" = '"v1" "v1"' ]
	[ "$(logged requestKind.version) $(logged requestResource.version)" = '"v2" "v2"' ]
	[ "$(logged object.apiVersion) $(logged object.spec.targetCPUUtilizationPercentage)" = '"autoscaling/v1" 50' ]
	T=application/merge-patch+json run api PATCH /apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers/e \
		-d '{"spec":{"minReplicas":2}}'
	[[ "$output" == *'"minReplicas":2'* && "$output" == *'"averageUtilization":70'* ]]
	[ "$(logged oldObject.apiVersion) $(logged oldObject.spec.targetCPUUtilizationPercentage)" = '"autoscaling/v1" 70' ]
	# a request of the rule's own version goes as it is
	autoscaler v1 e2 '"minReplicas":1' >/dev/null
	[ "$(logged requestKind.version) $(logged object.apiVersion)" = '"v1" "autoscaling/v1"' ]
	api DELETE /apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers/e >/dev/null
	[ "$(logged operation) $(logged oldObject.apiVersion)" = '"DELETE" "autoscaling/v1"' ]
}

@test "Exact rules, and rules for versions that are not served, do not see them" {
	hook Validating e1 deny "\"matchPolicy\":\"Exact\",$(rules autoscaling v1 horizontalpodautoscalers)"
	hook Validating e2 deny "$(rules autoscaling v2beta2 horizontalpodautoscalers)"
	run autoscaler v2 f '"minReplicas":1'
	[[ "$output" == *'"name":"f"'* && "$output" != *Failure* ]]
	[ ! -s "$DIR/hook.log" ]
}

@test "events of one group are also those of the other" {
	hook Validating e1 warn "$(rules events.k8s.io v1 events)"
	run api POST /api/v1/namespaces/default/events -d '{"metadata":{"name":"v"},"message":"hello","reason":"R","type":"Normal",
		"involvedObject":{"kind":"Pod","name":"p","namespace":"default"}}'
	[[ "$output" == *'"message":"hello"'* ]]
	[ "$(logged kind.group) $(logged requestKind.group) $(logged object.note)" = '"events.k8s.io" "" "hello"' ]
}

undefined() { [[ $(api GET "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/$1") == *NotFound* ]]; }

@test "versions of custom resources, by name or by their webhook" {
	local schema='{"openAPIV3Schema":{"type":"object","x-kubernetes-preserve-unknown-fields":true}}' strategy
	for strategy in '"strategy":"None"' "\"strategy\":\"Webhook\",\"webhook\":{\"conversionReviewVersions\":[\"v1\"],
		\"clientConfig\":{\"url\":\"https://127.0.0.1:$HOOK/convert\",\"caBundle\":\"$CA\"}}"; do
		api POST /apis/apiextensions.k8s.io/v1/customresourcedefinitions -d "{\"metadata\":{\"name\":\"things.e.example\"},
			\"spec\":{\"group\":\"e.example\",\"scope\":\"Cluster\",\"names\":{\"plural\":\"things\",\"kind\":\"Thing\"},
			\"conversion\":{$strategy},\"versions\":[{\"name\":\"v1\",\"served\":true,\"storage\":true,\"schema\":$schema},
			{\"name\":\"v2\",\"served\":true,\"storage\":false,\"schema\":$schema}]}}" >/dev/null
		hook Mutating e1 set/spec/extra/1 "$(rules e.example v1 things)"
		hook Mutating e2 set/spec/more/2 "$(rules e.example v2 things)"
		: >"$DIR/hook.log"
		run api POST /apis/e.example/v2/things -d '{"apiVersion":"e.example/v2","kind":"Thing","metadata":{"name":"a"},"spec":{"count":3}}'
		[[ "$output" == *'"apiVersion":"e.example/v2"'* ]]
		[[ "$output" == *'"count":3'* && "$output" == *'"extra":1'* && "$output" == *'"more":2'* ]]
		[ "$(wc -l <"$DIR/hook.log")" = 2 ]
		sed -i 2d "$DIR/hook.log"
		[ "$(logged requestKind.version) $(logged kind.version) $(logged object.apiVersion)" = '"v2" "v1" "e.example/v1"' ]
		if [[ "$strategy" == *None* ]]; then [ "$(logged object.spec)" = '{"count": 3}' ]; else [ "$(logged object.spec)" = '{"size": 3}' ]; fi
		teardown
		api DELETE /apis/apiextensions.k8s.io/v1/customresourcedefinitions/things.e.example >/dev/null
		eventually 60 undefined things.e.example
	done
}

@test "a conversion that fails refuses the request" {
	local schema='{"openAPIV3Schema":{"type":"object","x-kubernetes-preserve-unknown-fields":true}}'
	api POST /apis/apiextensions.k8s.io/v1/customresourcedefinitions -d "{\"metadata\":{\"name\":\"odds.e.example\"},
		\"spec\":{\"group\":\"e.example\",\"scope\":\"Cluster\",\"names\":{\"plural\":\"odds\",\"kind\":\"Odd\"},
		\"conversion\":{\"strategy\":\"Webhook\",\"webhook\":{\"conversionReviewVersions\":[\"v1\"],
		\"clientConfig\":{\"service\":{\"name\":\"none\",\"namespace\":\"default\"},\"caBundle\":\"$CA\"}}},
		\"versions\":[{\"name\":\"v1\",\"served\":true,\"storage\":true,\"schema\":$schema},
		{\"name\":\"v2\",\"served\":true,\"storage\":false,\"schema\":$schema}]}}" >/dev/null
	hook Validating e1 warn "$(rules e.example v2 odds)"
	run api POST /apis/e.example/v1/odds -d '{"apiVersion":"e.example/v1","kind":"Odd","metadata":{"name":"a"}}'
	[[ "$output" == *'conversion webhook for e.example/v1, Kind=Odd failed: '*'"code":500'* ]]
	[ ! -s "$DIR/hook.log" ]
	api DELETE /apis/apiextensions.k8s.io/v1/customresourcedefinitions/odds.e.example >/dev/null
}

@test "a bound pod has the zone and region of its node" {
	api POST /api/v1/nodes -d '{"metadata":{"name":"n1","labels":{"topology.kubernetes.io/zone":"z","topology.kubernetes.io/region":"r",
		"other":"o"}}}' >/dev/null
	api POST /api/v1/namespaces/default/serviceaccounts -d '{"metadata":{"name":"default"}}' >/dev/null
	api POST /api/v1/namespaces/default/pods -d '{"metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"i"}]}}' >/dev/null
	api POST /api/v1/namespaces/default/pods/p/binding -d '{"metadata":{"name":"p"},"target":{"kind":"Node","name":"n1"}}' >/dev/null
	run api GET /api/v1/namespaces/default/pods/p
	[[ "$output" == *'"labels":{"topology.kubernetes.io/region":"r","topology.kubernetes.io/zone":"z"}'* ]]
}

@test "a service reference goes to an endpoint of the service, under the service's name" {
	api POST /api/v1/namespaces/default/services -d '{"metadata":{"name":"hook"},"spec":{"ports":[{"port":443}]}}' >/dev/null
	api POST /apis/discovery.k8s.io/v1/namespaces/default/endpointslices -d "{\"metadata\":{\"name\":\"hook-1\",\"labels\":{
		\"kubernetes.io/service-name\":\"hook\"}},\"addressType\":\"IPv4\",\"ports\":[{\"name\":\"\",\"port\":$HOOK}],
		\"endpoints\":[{\"addresses\":[\"$HOST\"]}]}" >/dev/null
	hook Validating r1 deny "\"clientConfig\":{\"caBundle\":\"$CA\",\"service\":{\"name\":\"hook\",\"namespace\":\"default\",\"path\":\"/deny\"}}"
	run configmap j
	[[ "$output" == *'"code":418'* ]]
	teardown
	hook Validating r2 deny "\"clientConfig\":{\"caBundle\":\"$CA\",\"service\":{\"name\":\"none\",\"namespace\":\"default\"}}"
	run configmap j
	[[ "$output" == *'failed to call webhook: Post \"https://none.default.svc:443/?timeout=10s\": service \"none\" not found'* ]]
}

@test "conditions in CEL are refused, and policies that would judge say so" {
	run hook Validating c1 deny '"matchConditions":[{"name":"x","expression":"true"}]'
	[[ "$output" == *'webhooks[0].matchConditions: Forbidden: CEL expressions are not supported by this server yet'* ]]
	api POST /apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies -d '{"metadata":{"name":"p"},"spec":{
		"matchConstraints":{"resourceRules":[{"apiGroups":[""],"apiVersions":["v1"],"resources":["configmaps"],"operations":["CREATE"]}]},
		"validations":[{"expression":"object.data.size() < 5"}]}}' >/dev/null
	run configmap k
	[[ "$output" == *'"name":"k"'* ]]
	api POST /apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings -d '{"metadata":{"name":"b"},"spec":{
		"policyName":"p","validationActions":["Deny"]}}' >/dev/null
	run configmap l
	[[ "$output" == *"ValidatingAdmissionPolicy 'p' with binding 'b' denied request: expression 'object.data.size() < 5' resulted in error: CEL"* ]]
	[[ "$output" == *'"code":422'* ]]
}

@test "a quota lets exactly as many through as it says, however many come at once" {
	api POST /api/v1/namespaces -d '{"metadata":{"name":"q"}}' >/dev/null
	api POST /api/v1/namespaces/q/resourcequotas -d '{"metadata":{"name":"q"},"spec":{"hard":{"configmaps":"10"}}}' >/dev/null
	T=application/merge-patch+json api PATCH /api/v1/namespaces/q/resourcequotas/q/status \
		-d '{"status":{"hard":{"configmaps":"10"},"used":{"configmaps":"0"}}}' >/dev/null
	local pids=()
	for i in $(seq 30); do
		api POST /api/v1/namespaces/q/configmaps -d "{\"metadata\":{\"name\":\"c$i\"}}" -o /dev/null -w '%{http_code}\n' >"$DIR/q.$i" 3>&- &
		pids+=($!)
	done
	wait "${pids[@]}"
	[ "$(cat "$DIR"/q.* | grep -c 201)" = 10 ]
	[ "$(cat "$DIR"/q.* | grep -c 403)" = 20 ]
	run api GET /api/v1/namespaces/q/resourcequotas/q
	[[ "$output" == *'"used":{"configmaps":"10"}'* ]]
	# one that fails later gives its charge back
	api DELETE /api/v1/namespaces/q/configmaps/c1 >/dev/null
	T=application/merge-patch+json api PATCH /api/v1/namespaces/q/resourcequotas/q/status \
		-d '{"status":{"used":{"configmaps":"9"}}}' >/dev/null
	local taken
	taken=$(api GET /api/v1/namespaces/q/configmaps | grep -o '"name":"c[0-9]*"' | head -1 | cut -d'"' -f4)
	run api POST /api/v1/namespaces/q/configmaps -d "{\"metadata\":{\"name\":\"$taken\"}}"
	[[ "$output" == *AlreadyExists* ]]
	given_back() { [[ $(api GET /api/v1/namespaces/q/resourcequotas/q) == *'"used":{"configmaps":"9"}'* ]]; }
	eventually 60 given_back
}
