#!/usr/bin/env bats
# Custom resources and extension servers, driven by kubectl and curl on loopback.
bats_require_minimum_version 1.5.0

load ../../lib/wait

setup_file() {
	export SERVER="${KNARR_SERVER:-$BATS_TEST_DIRNAME/../../../build/bin/knarr-server}"
	export DIR="$(mktemp -d /tmp/knarr-test-extension.XXXXXX)"
	export KUBECONFIG="$DIR/admin.conf"
	start_server
	start_extension
}

start_server() {
	"$SERVER" --data-dir "$DIR" --bind-address 127.0.0.1 --secure-port 0 --controllers=none \
		--scheduler=none >"$DIR/port" 2>>"$DIR/log" 3>&- &
	echo $! >"$DIR/pid"
	eventually 60 test -s "$DIR/port"
}

stop() { # FILE with a process id
	end_process "$(cat "$1")"
}

start_extension() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=ext \
		-addext subjectAltName=DNS:ext.default.svc,DNS:localhost -keyout "$DIR/ext.key" -out "$DIR/ext.crt" 2>/dev/null
	python3 "$BATS_TEST_DIRNAME/extension_server.py" "$DIR/ext.crt" "$DIR/ext.key" \
		"$DIR/pki/front-proxy-ca.crt" >"$DIR/ext.port" 2>>"$DIR/ext.log" 3>&- &
	echo $! >"$DIR/ext.pid"
	eventually 60 test -s "$DIR/ext.port"
	export EXT_PORT="$(cat "$DIR/ext.port")"
}

teardown_file() {
	stop "$DIR/pid"
	stop "$DIR/ext.pid"
	rm -rf "$DIR"
}

api() { # METHOD PATH [curl arguments]
	local method=$1 path=$2
	shift 2
	curl -s --cacert "$DIR/pki/ca.crt" --cert "$DIR/pki/admin.crt" --key "$DIR/pki/admin.key" -X "$method" "$@" \
		"https://127.0.0.1:$(cat "$DIR/port")$path"
}

# query DOCUMENT EXPRESSION: of the JSON document d
query() { api GET "$1" | python3 -c 'import json, sys; d = json.load(sys.stdin); print(eval(sys.argv[1]))' "$2"; }

widgets() {
	cat <<-Y
	apiVersion: apiextensions.k8s.io/v1
	kind: CustomResourceDefinition
	metadata: {name: widgets.example.com}
	spec:
	  group: example.com
	  scope: Namespaced
	  names: {plural: widgets, kind: Widget, shortNames: [wd], categories: [all]}
	  versions:
	  - name: v1
	    served: true
	    storage: true
	    subresources:
	      status: {}
	      scale: {specReplicasPath: .spec.replicas, statusReplicasPath: .status.replicas}
	    additionalPrinterColumns:
	    - {name: Color, type: string, jsonPath: .spec.color}
	    - {name: Ready, type: string, jsonPath: '.status.conditions[?(@.type=="Ready")].status'}
	    selectableFields: [{jsonPath: .spec.color}]
	    schema:
	      openAPIV3Schema:
	        type: object
	        properties:
	          spec:
	            type: object
	            description: What is wanted.
	            properties:
	              color: {type: string, enum: [red, blue], default: red}
	              replicas: {type: integer, minimum: 0, default: 1}
	          status: {type: object, x-kubernetes-preserve-unknown-fields: true}
	Y
}

widget() { # NAME SPEC
	printf 'apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: %s}\nspec: %s\n' "$1" "$2"
}

@test "a definition is served at once, with defaults, columns and selectable fields" {
	widgets | kubectl apply -f -
	kubectl wait --for=condition=Established crd/widgets.example.com --timeout=60s
	widget w1 '{color: blue}' | kubectl apply -f -
	widget w2 '{}' | kubectl apply -f -
	[ "$(kubectl get wd w2 -o 'jsonpath={.spec.color} {.spec.replicas} {.metadata.generation}')" = 'red 1 1' ]
	kubectl patch wd w1 --subresource=status --type=merge -p '{"status":{"conditions":[{"type":"Ready","status":"True"}]}}'
	run kubectl get wd
	[[ "${lines[0]}" =~ ^NAME\ +COLOR\ +READY$ ]]
	[[ "${lines[1]}" =~ ^w1\ +blue\ +True ]]
	[ "$(kubectl get wd --field-selector spec.color=blue -o name)" = widget.example.com/w1 ]
	kubectl get all | grep -q widget.example.com/w2
	kubectl explain widget.spec.color | grep -q 'FIELD: color'
}

@test "OpenAPI tells of custom resources" {
	local type=com.example.v1.Widget gvk='[{"group": "example.com", "version": "v1", "kind": "'
	[ "$(query /openapi/v2 "json.dumps(d['definitions']['$type']['x-kubernetes-group-version-kind'])")" = "${gvk}Widget\"}]" ]
	[ "$(query /openapi/v2 "json.dumps(d['definitions']['${type}List']['x-kubernetes-group-version-kind'])")" = "${gvk}WidgetList\"}]" ]
	[ "$(query /openapi/v2 "d['definitions']['${type}List']['properties']['items']['items']['\$ref']")" = "#/definitions/$type" ]
	[ "$(query /openapi/v3/apis/example.com/v1 "json.dumps(d['components']['schemas']['$type']['x-kubernetes-group-version-kind'])")" = "${gvk}Widget\"}]" ]
	[ "$(query /openapi/v3/apis/example.com/v1 "d['components']['schemas']['${type}List']['properties']['metadata']['\$ref']" 2>/dev/null ||
		query /openapi/v3/apis/example.com/v1 "d['components']['schemas']['${type}List']['properties']['metadata']['allOf'][0]['\$ref']")" = \
		'#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta' ]
	[ "$(query /openapi/v3 '"apis/example.com/v1" in d["paths"]')" = True ]
}

@test "schemas validate and prune" {
	run bash -c "$(declare -f widget); widget w3 '{color: green, replicas: -1}' | kubectl apply -f -"
	[ "$status" -ne 0 ]
	[[ "$output" == *'spec.color: Unsupported value: "green": supported values: "red", "blue"'* ]]
	[[ "$output" == *'spec.replicas in body should be greater than or equal to 0'* ]]
	run bash -c "$(declare -f widget); widget w3 '{colour: red}' | kubectl create --validate=strict -f -"
	[[ "$output" == *'unknown field "spec.colour"'* ]]
	run bash -c "$(declare -f widgets); widgets | sed 's/type: integer,/type: bogus,/' | kubectl apply -f -"
	[[ "$output" == *'properties[replicas].type: Unsupported value: "bogus"'* ]]
}

@test "an update may leave wrong what was wrong before, and a status is judged by itself" {
	widget w5 '{color: blue}' | kubectl create -f -
	kubectl patch crd widgets.example.com --type=json -p '[{"op":"replace","path":"/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/color/enum","value":["red","green"]}]'
	kubectl patch wd w5 --type=merge -p '{"spec":{"replicas":2}}'
	kubectl patch wd w5 --subresource=status --type=merge -p '{"status":{"replicas":2}}'
	run kubectl patch wd w5 --type=merge -p '{"spec":{"color":"black"}}'
	[[ "$output" == *'spec.color: Unsupported value: "black": supported values: "red", "green"'* ]]
	run kubectl patch wd w5 --subresource=status --type=merge -p '{"status":{"replicas":"x"}}'
	[[ "$output" == *'.status.replicas accessor error: x is of the type string, expected int64'* ]]
	kubectl patch crd widgets.example.com --type=json -p '[{"op":"replace","path":"/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/color/enum","value":["red","blue"]}]'
	kubectl delete wd w5
}

@test "a finalizer without a path is taken, with a warning" {
	widget w6 '{}' | kubectl create -f -
	run kubectl patch wd w6 --type=merge -p '{"metadata":{"finalizers":["widgets.example.com"]}}'
	[ "$status" -eq 0 ]
	[[ "$output" == *'metadata.finalizers: "widgets.example.com": prefer a domain-qualified finalizer name including a path (/)'* ]]
	kubectl patch wd w6 --type=merge -p '{"metadata":{"finalizers":null}}'
	kubectl delete wd w6
}

@test "scale and server-side apply" {
	kubectl scale widget w1 --replicas=3
	[ "$(kubectl get wd w1 -o 'jsonpath={.spec.replicas}')" = 3 ]
	widget w1 '{color: red}' | kubectl apply --server-side --field-manager=me --force-conflicts -f -
	[ "$(kubectl get wd w1 -o 'jsonpath={.spec.color} {.spec.replicas}')" = 'red 3' ]
}

@test "a second definition may not take a name" {
	widgets | sed 's/widgets/gadgets/; s/kind: Widget/kind: Gadget/' | sed 's/plural: widgets/plural: gadgets/' | kubectl apply -f -
	[ "$(kubectl get crd gadgets.example.com -o 'jsonpath={.status.conditions[0].reason} {.status.conditions[1].status}')" = \
		'ShortNamesConflict False' ]
	kubectl delete crd gadgets.example.com
}

@test "a restart brings the kinds back before anybody asks" {
	stop "$DIR/pid"
	: >"$DIR/port"
	start_server
	sed -i "s#https://127.0.0.1:[0-9]*#https://127.0.0.1:$(cat "$DIR/port")#" "$KUBECONFIG"
	[ "$(kubectl get wd -o name | wc -l)" = 2 ]
}

is_terminating() { # REASON
	[ "$(kubectl get crd widgets.example.com -o 'jsonpath={.status.conditions[?(@.type=="Terminating")].reason}')" = "$1" ]
}

@test "watches end and objects go with their definition" {
	kubectl patch wd w2 --type=merge -p '{"metadata":{"finalizers":["example.com/wait"]}}'
	timeout 300 kubectl get wd -w >"$DIR/watch" 3>&- &
	local watch=$!
	kubectl delete crd widgets.example.com --wait=false
	run kubectl create -f <(widget w4 '{}')
	[[ "$output" == *'create not allowed while custom resource definition is terminating'* ]]
	[ "$(kubectl get wd -o name)" = widget.example.com/w2 ]
	eventually 60 is_terminating InstanceDeletionInProgress
	kubectl patch wd w2 --type=merge -p '{"metadata":{"finalizers":null}}'
	kubectl wait --for=delete crd/widgets.example.com --timeout=60s
	run api GET /apis/example.com/v1/widgets -o /dev/null -w '%{http_code}'
	[ "$output" = 404 ]
	kill "$watch" 2>/dev/null || true
	run ! kubectl get crd widgets.example.com
}

service() {
	kubectl apply -f - <<-Y
	apiVersion: v1
	kind: Service
	metadata: {name: ext, namespace: default}
	spec: {type: ExternalName, externalName: localhost}
	Y
}

apiservice() {
	cat <<-Y
	apiVersion: apiregistration.k8s.io/v1
	kind: APIService
	metadata: {name: v1.ext.example.com}
	spec:
	  group: ext.example.com
	  version: v1
	  groupPriorityMinimum: 2000
	  versionPriority: 10
	  caBundle: $(base64 -w0 "$DIR/ext.crt")
	  service: {namespace: default, name: ext, port: $EXT_PORT}
	Y
}

routes() {
	cat <<-Y
	apiVersion: apiextensions.k8s.io/v1
	kind: CustomResourceDefinition
	metadata: {name: routes.example.com}
	spec:
	  group: example.com
	  scope: Namespaced
	  names: {plural: routes, kind: Route}
	  conversion:
	    strategy: Webhook
	    webhook:
	      conversionReviewVersions: [v1]
	      clientConfig:
	        url: https://localhost:$EXT_PORT/convert
	        caBundle: $(base64 -w0 "$DIR/ext.crt")
	  versions:
	  - name: v1
	    served: true
	    storage: true
	    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {host: {type: string}, port: {type: integer}}}}}}
	  - name: v2
	    served: true
	    storage: false
	    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {hostPort: {type: string}}}}}}
	Y
}

@test "a webhook converts between versions, for reads, lists, writes and watches" {
	routes | kubectl apply -f -
	printf 'apiVersion: example.com/v1\nkind: Route\nmetadata: {name: a}\nspec: {host: h, port: 80}\n' | kubectl create -f -
	[ "$(kubectl get routes.v2.example.com a -o 'jsonpath={.spec.hostPort} {.apiVersion}')" = 'h:80 example.com/v2' ]
	printf 'apiVersion: example.com/v2\nkind: Route\nmetadata: {name: b, labels: {l: x}}\nspec: {hostPort: "i:81"}\n' | kubectl create -f -
	[ "$(kubectl get routes.v1.example.com b -o 'jsonpath={.spec.host} {.spec.port} {.metadata.labels.l}')" = 'i 81 x' ]
	[ "$(kubectl get routes.v2.example.com -o 'jsonpath={.items[*].spec.hostPort}')" = 'h:80 i:81' ]
	kubectl patch routes.v2.example.com a --type=merge -p '{"spec":{"hostPort":"k:90"}}'
	[ "$(kubectl get routes.v1.example.com a -o 'jsonpath={.spec.host} {.spec.port}')" = 'k 90' ]
	watched() { [ "$(wc -l <"$DIR/watch2")" -ge "$1" ]; }
	timeout 300 kubectl get routes.v2.example.com -w -o 'jsonpath={.spec.hostPort}{"\n"}' >"$DIR/watch2" 3>&- &
	local watch=$!
	eventually 60 watched 2
	kubectl patch routes.v1.example.com a --type=merge -p '{"spec":{"port":91}}'
	kubectl patch routes.v1.example.com a --type=merge -p '{"spec":{"port":92}}'
	eventually 60 watched 4
	kill "$watch" 2>/dev/null || true
	[ "$(tail -2 "$DIR/watch2" | tr '\n' ' ')" = 'k:91 k:92 ' ]
	kubectl delete routes.v2.example.com b
}

@test "a webhook that refuses or is not there is an error, not a wrong object" {
	printf 'apiVersion: example.com/v1\nkind: Route\nmetadata: {name: c}\nspec: {host: bad}\n' | kubectl create -f -
	run kubectl get routes.v2.example.com c
	[ "$status" -ne 0 ]
	[[ "$output" == *'conversion webhook for example.com/v1, Kind=Route failed: a bad host'* ]]
	kubectl get routes.v1.example.com c
	kubectl delete crd routes.example.com
}

@test "objects go with a definition that serves no version any more" {
	widgets | kubectl apply -f -
	kubectl wait --for=condition=Established crd/widgets.example.com --timeout=60s
	widget w7 '{}' | kubectl create -f -
	kubectl patch crd widgets.example.com --type=json -p '[{"op":"replace","path":"/spec/versions/0/served","value":false}]'
	kubectl delete crd widgets.example.com --timeout=60s
}

@test "an API service without its service is not available" {
	apiservice | kubectl apply -f -
	kubectl wait --for=condition=Available=False apiservice/v1.ext.example.com --timeout=60s
	[ "$(kubectl get apiservice v1.ext.example.com -o 'jsonpath={.status.conditions[0].reason}')" = ServiceNotFound ]
	run api GET /apis/ext.example.com/v1/things -o /dev/null -w '%{http_code}'
	[ "$output" = 503 ]
}

@test "requests reach the extension server as their user" {
	service
	kubectl wait --for=condition=Available apiservice/v1.ext.example.com --timeout=60s
	run api GET '/apis/ext.example.com/v1/namespaces/a/things/b%20c?x=1' -H 'X-Remote-User: mallory'
	[[ "$output" == *'"user": "kubernetes-super-admin"'* || "$output" == *'"user": "kubernetes-admin"'* ]]
	[[ "$output" == *'"peer": "front-proxy-client"'* ]]
	[[ "$output" == *'/namespaces/a/things/b%20c?x=1'* ]]
	[[ "$output" == *'system:authenticated'* ]]
	run api POST /apis/ext.example.com/v1/namespaces/a/things -H 'Content-Type: application/json' -d '{"a":[1]}' -w '%{http_code}'
	[[ "$output" == *'"body": {"a": [1]}'*201 ]]
	[ "$(api GET /apis/ext.example.com/v1/stream | wc -c)" = 1000000 ]
}

@test "discovery shows what extension servers have" {
	kubectl api-resources | grep -q '^things .*ext.example.com/v1'
	api GET /apis | grep -q '"ext.example.com/v1"'
	api GET /apis/ext.example.com | grep -q '"preferredVersion"'
}

@test "OpenAPI shows what extension servers publish" {
	listed() { [ "$(query /openapi/v3 'd["paths"]["apis/ext.example.com/v1"]["serverRelativeURL"]')" = '/openapi/v3/apis/ext.example.com/v1?hash=EXT' ]; }
	merged() { [ "$(query /openapi/v2 '"/apis/ext.example.com/v1/things" in d["paths"]')" = True ]; }
	eventually 60 listed
	eventually 60 merged
	[ "$(query '/openapi/v3/apis/ext.example.com/v1?hash=EXT' 'd["info"]["title"]')" = ext ]
	[[ "$(kubectl explain things.color | tr -s ' \n' ' ')" = *'Its paint.'* ]]
	# What is not of its group stays out; a name that says something else here gets another one; ours does not change.
	[ "$(query /openapi/v2 '"/apis/other.example.com/v1/secrets" in d["paths"] or "com.example.ext.v1.Unused" in d["definitions"]')" = False ]
	[ "$(query /openapi/v2 'd["definitions"]["com.example.ext.v1.Thing"]["properties"]["metadata"]["$ref"]')" = \
		'#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta_v2' ]
	[ "$(query /openapi/v2 '"wide" in d["definitions"]["io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"]["properties"]')" = False ]
	[ "$(query /openapi/v2 'd["definitions"]["com.example.ext.v1.Thing"]["properties"]["next"]["$ref"]')" = '#/definitions/com.example.ext.v1.Thing' ]
}

@test "a server whose certificate nobody vouches for needs insecureSkipTLSVerify" {
	kubectl delete apiservice v1.ext.example.com
	apiservice | sed '/caBundle/d' | kubectl apply -f -
	kubectl wait --for=condition=Available=False apiservice/v1.ext.example.com --timeout=60s
	[ "$(kubectl get apiservice v1.ext.example.com -o 'jsonpath={.status.conditions[0].reason}')" = FailedDiscoveryCheck ]
	run api GET /apis/ext.example.com/v1/namespaces/a/things/b -o /dev/null -w '%{http_code}'
	[ "$output" = 503 ]
	kubectl patch apiservice v1.ext.example.com --type=merge -p '{"spec":{"insecureSkipTLSVerify":true}}'
	kubectl wait --for=condition=Available apiservice/v1.ext.example.com --timeout=60s
	run api GET /apis/ext.example.com/v1/namespaces/a/things/b
	[[ "$output" == *'"peer": "front-proxy-client"'* ]]
	run kubectl patch apiservice v1.ext.example.com --type=merge -p "{\"spec\":{\"caBundle\":\"$(base64 -w0 "$DIR/ext.crt")\"}}"
	[[ "$output" == *'spec.insecureSkipTLSVerify: Invalid value: true: may not be true if caBundle is present'* ]]
	kubectl delete apiservice v1.ext.example.com
	run api GET /apis/ext.example.com/v1 -o /dev/null -w '%{http_code}'
	[ "$output" = 404 ]
	[ "$(query /openapi/v3 '"apis/ext.example.com/v1" in d["paths"]')" = False ]
	[ "$(query /openapi/v2 '"/apis/ext.example.com/v1/things" in d["paths"]')" = False ]
}
