#!/usr/bin/env bats
# OpenAPI as clients use it: documents, encodings and caching by curl; explain, strict validation, apply, diff and edit by
# kubectl. KUBECTL_OLD names an older kubectl (Debian 12's kubernetes-client), which knows version 2 as protobuf alone.

bats_require_minimum_version 1.5.0

load ../../lib/wait

setup_file() {
	export SERVER="${KNARR_SERVER:-$BATS_TEST_DIRNAME/../../../build/bin/knarr-server}"
	export DIR="$(mktemp -d /tmp/knarr-test-openapi.XXXXXX)"
	export HOME="$DIR/home"
	mkdir "$HOME"
	"$SERVER" --data-dir "$DIR/data" --bind-address 127.0.0.1 --secure-port 0 --controllers=none \
		--scheduler=none >"$DIR/port" 2>"$DIR/log" 3>&- &
	echo $! >"$DIR/pid"
	eventually 60 test -s "$DIR/port"
	export PORT="$(cat "$DIR/port")" KUBECONFIG="$DIR/data/admin.conf"
	printf '%s\n' 'apiVersion: v1' 'kind: Pod' 'metadata: {name: p}' 'spec:' '  containers:' '  - name: c' \
		'    image: busybox' '    ports: [{containerPort: 80}]' >"$DIR/good.yaml"
	sed 's/image: busybox/&\n    imagee: x/' "$DIR/good.yaml" >"$DIR/bad.yaml"
}

teardown_file() {
	end_process "$(cat "$DIR/pid")"
	rm -rf "$DIR"
}

get() { # PATH [curl arguments]
	local path=$1
	shift
	curl -s --cacert "$DIR/data/pki/ca.crt" --cert "$DIR/data/pki/admin.crt" --key "$DIR/data/pki/admin.key" "$@" \
		"https://127.0.0.1:$PORT$path"
}

code() { # PATH [curl arguments]
	get "$@" -o /dev/null -w '%{http_code}'
}

@test "the index leads to documents that never change" {
	url="$(get /openapi/v3 | sed 's/.*"apis\/apps\/v1":{"serverRelativeURL":"\([^"]*\)".*/\1/')"
	[[ "$url" == /openapi/v3/apis/apps/v1?hash=* ]]
	get "$url" -D "$DIR/headers" | grep -q 'io.k8s.api.apps.v1.Deployment'
	grep -qi '^cache-control: public, immutable' "$DIR/headers"
	grep -qi '^expires: ' "$DIR/headers"
	[ "$(code '/openapi/v3/apis/apps/v1?hash=0')" = 301 ]
	[ "$(get '/openapi/v3/apis/apps/v1?hash=0' -L | wc -c)" -eq "$(get "$url" | wc -c)" ]
	[ "$(code /openapi/v3/apis/nope/v1)" = 404 ]
}

@test "entity tags and compression" {
	tag="$(get /openapi/v2 -D - -o /dev/null | tr -d '\r' | sed -n 's/^etag: //Ip')"
	[ -n "$tag" ]
	[ "$(code /openapi/v2 -H "If-None-Match: $tag")" = 304 ]
	[ "$(code /openapi/v2 -H 'If-None-Match: "x"')" = 200 ]
	get /openapi/v2 -H 'Accept-Encoding: gzip' | gunzip | cmp - <(get /openapi/v2)
}

@test "aggregated discovery is answered once" {
	as='Accept: application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'
	for root in /api /apis; do
		tag="$(get $root -H "$as" -D - -o /dev/null | tr -d '\r' | sed -n 's/^etag: //Ip')"
		[ -n "$tag" ]
		[ "$(code $root -H "$as" -H "If-None-Match: $tag")" = 304 ]
		[ "$(code $root -H "$as" -H 'If-None-Match: "x"')" = 200 ]
	done
}

# Paths and operations of version 2, and what each takes and gives, beside the original's. What is not the same is told;
# the groups and paths that are not served here by design are the list below.
@test "version 2 has the paths, operations and parameters of the original" {
	shared=$BATS_TEST_DIRNAME/../../../../shared/kubernetes-1.36/swagger.json
	[ -f "$shared" ] || skip "the original's document is not beside the checkout"
	get /openapi/v2 >"$DIR/v2.json"
	python3 "$BATS_TEST_DIRNAME/compare_v2.py" "$shared" "$DIR/v2.json" >"$DIR/differences" || true
	sed 's/^/# /' "$DIR/differences"
	[ "$(wc -l <"$DIR/differences")" -le "$(cat "$BATS_TEST_DIRNAME/../../golden/openapi-v2-differences")" ]
}

@test "media types" {
	proto=application/com.github.proto-openapi.spec
	[ "$(get /openapi/v2 -o /dev/null -w '%{content_type}')" = application/json ]
	[ "$(get /openapi/v2 -H "Accept: $proto.v2@v1.0+protobuf" -o /dev/null -w '%{content_type}')" = "$proto.v2.v1.0+protobuf" ]
	[ "$(get /openapi/v3/api/v1 -H "Accept: $proto.v3@v1.0+protobuf" -o /dev/null -w '%{content_type}')" = "$proto.v3.v1.0+protobuf" ]
	[ "$(get /openapi/v2 -H "Accept: $proto.v2@v1.0+protobuf;q=0.5, application/json" -o /dev/null -w '%{content_type}')" = application/json ]
	[ "$(code /openapi/v2 -H 'Accept: text/html')" = 406 ]
}

# What any kubectl does with the documents. unknown: how it words an unknown field.
drive() { # KUBECTL UNKNOWN
	local kubectl=$1 unknown=$2
	"$kubectl" explain pod.spec.containers --recursive | grep -q 'terminationMessagePath'
	"$kubectl" explain deployment.spec.template | grep -q 'metadata'
	"$kubectl" apply -f "$DIR/good.yaml"
	run "$kubectl" apply -f "$DIR/good.yaml"
	[[ "$output" == *unchanged* ]]
	"$kubectl" diff -f "$DIR/good.yaml"
	run -1 "$kubectl" apply -f "$DIR/bad.yaml"
	[[ "$output" == *"$unknown"* ]]
	run -1 "$kubectl" create -f "$DIR/bad.yaml"
	[[ "$output" == *"$unknown"* ]]
	EDITOR='sed -i s/busybox/nginx/' "$kubectl" edit pod p
	[ "$("$kubectl" get pod p -o 'jsonpath={.spec.containers[0].image}')" = nginx ]
	"$kubectl" apply -f "$DIR/good.yaml" --dry-run=server
	"$kubectl" delete pod p --grace-period=0 --force
}

@test "kubectl: explain, apply, diff, edit, unknown fields" {
	drive kubectl 'unknown field "spec.containers[0].imagee"'
	run kubectl apply -f "$DIR/bad.yaml" --validate=warn
	[ "$status" -eq 0 ]
	[[ "$output" == *'unknown field "spec.containers[0].imagee"'* ]]
	kubectl delete pod p --grace-period=0 --force
	kubectl explain events --api-version=events.k8s.io/v1 | grep -q 'GROUP: *events.k8s.io'
}

@test "an older kubectl: the same by version 2" {
	[ -x "${KUBECTL_OLD:-}" ] || skip "SKIP: KUBECTL_OLD names no older kubectl"
	drive "$KUBECTL_OLD" 'unknown field "imagee" in io.k8s.api.core.v1.Container'
}
