#!/usr/bin/env bats
# Admission through the API: webhooks of a small server on loopback, quotas under concurrency, policies.

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
	for _ in $(seq 100); do [ -s "$DIR/port" ] && [ -s "$DIR/hook.port" ] && break; sleep 0.05; done
	export PORT="$(cat "$DIR/port")" HOOK="$(cat "$DIR/hook.port")" CA="$(base64 -w0 "$DIR/hook.crt")"
}

teardown_file() {
	kill "$(cat "$DIR/pid")" "$(cat "$DIR/hook.pid")" || true
	for _ in $(seq 100); do kill -0 "$(cat "$DIR/pid")" 2>/dev/null || break; sleep 0.05; done
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

hook() { # Mutating|Validating NAME PATH [members of the webhook]
	local plural
	plural="$(tr '[:upper:]' '[:lower:]' <<<"$1")webhookconfigurations"
	api POST "/apis/admissionregistration.k8s.io/v1/$plural" -d "{\"metadata\":{\"name\":\"$2\"},\"webhooks\":[{
		\"name\":\"$2.example.com\",\"sideEffects\":\"None\",\"admissionReviewVersions\":[\"v1\"],
		\"rules\":[{\"apiGroups\":[\"\"],\"apiVersions\":[\"v1\"],\"resources\":[\"configmaps\"],\"operations\":[\"*\"]}],
		\"clientConfig\":{\"url\":\"https://127.0.0.1:$HOOK/$3\",\"caBundle\":\"$CA\"}${4:+,$4}}]}"
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
	hook Mutating m4 label-dry '"sideEffects":"Some"'
	Q='?dryRun=All' run configmap h
	[[ "$output" == *'admission webhook \"m4.example.com\" does not support dry run'*'"code":400'* ]]
	teardown
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
	[[ "$output" == *'failed to call webhook: service \"none\" not found'* ]]
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
	for _ in $(seq 20); do
		run api GET /api/v1/namespaces/q/resourcequotas/q
		[[ "$output" == *'"used":{"configmaps":"9"}'* ]] && break
		sleep 0.1
	done
	[[ "$output" == *'"used":{"configmaps":"9"}'* ]]
}
