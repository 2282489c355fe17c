#!/usr/bin/env bats
# Server-side apply and managers over HTTPS: who owns what after writes of all sorts, and what appliers are told.

. "$BATS_TEST_DIRNAME/../../lib/host.bash"

setup_file() {
	export SERVER="${KNARR_SERVER:-$BATS_TEST_DIRNAME/../../../build/bin/knarr-server}"
	export DIR="$(mktemp -d /tmp/knarr-test-managers.XXXXXX)"
	"$SERVER" --data-dir "$DIR" --bind-address 127.0.0.1 --secure-port 0 --controllers=none \
		--scheduler=none >"$DIR/port" 2>"$DIR/log" 3>&- 4>&- &
	echo $! >"$DIR/pid"
	eventually 60 [ -s "$DIR/port" ]
	export PORT="$(cat "$DIR/port")"
}

teardown_file() {
	kill "$(cat "$DIR/pid")" || true
	ended "$(cat "$DIR/pid")" || true
	rm -rf "$DIR"
}

call() { # METHOD PATH CONTENT-TYPE BODY
	curl -s --max-time 30 --cacert "$DIR/pki/ca.crt" --cert "$DIR/pki/admin.crt" --key "$DIR/pki/admin.key" -X "$1" \
		-H "Content-Type: $3" -H "User-Agent: ${AGENT:-bats/1}" --data-binary "$4" "https://127.0.0.1:$PORT$2"
}

# apply PATH MANAGER BODY [force]: the answer; put, merge and create likewise.
apply() { call PATCH "$1?fieldManager=$2${4:+&force=true}" application/apply-patch+yaml "$3"; }
merge() { call PATCH "$1?fieldManager=$2" application/merge-patch+json "$3"; }
put() { call PUT "$1?fieldManager=$2" application/json "$3"; }
create() { call POST "$1?fieldManager=$2" application/json "$3"; }

# "manager operation subresource time?" of those who manage a path of an object, one a line.
owners() { # PATH JQ-PATH
	call GET "$1" "" "" | jq -r --arg p "$2" '.metadata.managedFields // [] | map(select(.fieldsV1 | getpath($p / " "))) | sort_by(.manager)[] |
		[.manager, .operation, .apiVersion, .subresource // "-", if .time then "timed" else "untimed" end] | join(" ")'
}

DEPLOYMENTS=/apis/apps/v1/namespaces/default/deployments
MAPS=/api/v1/namespaces/default/configmaps

deployment() { # NAME [SPEC-MEMBERS]
	echo '{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"'"$1"'"},"spec":{'"${2:+$2,}"'"selector":{"matchLabels":{"a":"b"}},
		"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"i","resources":{"limits":{"cpu":"1000m"}}}]}}}}'
}

scale() { echo '{"apiVersion":"autoscaling/v1","kind":"Scale","metadata":{"name":"'"$1"'","namespace":"default"},"spec":{"replicas":'"$2"'}}'; }

map() { # NAME DATA
	echo '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"'"$1"'"},"data":'"$2"'}'
}

@test "the scale's replicas have managers" {
	local d=$DEPLOYMENTS/scaled r="f:spec f:replicas"
	apply $d first "$(deployment scaled '"replicas":1')" >/dev/null
	[ "$(owners $d "$r")" = "first Apply apps/v1 - timed" ]
	merge $d/scale second '{"spec":{"replicas":5}}' >/dev/null
	[ "$(owners $d "$r")" = "second Update apps/v1 scale untimed" ]
	apply $d first "$(deployment scaled '"replicas":1')" | jq -e '.code == 409'
	apply $d first "$(deployment scaled '"replicas":1')" force >/dev/null
	apply $d/scale third "$(scale scaled 17)" | jq -e '.message == "Apply failed with 1 conflict: conflict with \"first\": .spec.replicas"'
	apply $d/scale third "$(scale scaled 17)" force | jq -e '.kind == "Scale" and .spec.replicas == 17 and (.metadata | has("managedFields") | not)'
	[ "$(owners $d "$r")" = "third Apply apps/v1 scale untimed" ]
	put $d/scale fourth "$(scale scaled 7)" >/dev/null
	apply $d/scale fifth "$(scale scaled 7)" >/dev/null
	[ "$(owners $d "$r" | tr '\n' ,)" = "fifth Apply apps/v1 scale untimed,fourth Update apps/v1 scale untimed," ]
	merge $d/scale sixth '{"status":{"replicas":42}}' >/dev/null
	[ "$(owners $d "$r" | wc -l)" = 2 ]
	apply $d/scale x "$(deployment scaled)" | jq -e '.code == 400 and .message == "invalid object type: apps/v1, Kind=Deployment"'
	apply $d/scale x "$(scale scaled '5,"foo":1')" | jq -e '.code == 500 and (.message | endswith(".spec.foo: field not declared in schema"))'
}

@test "what an applier lets go stays where somebody else manages it" {
	create $MAPS maker "$(map shared '{"a":"1","b":"1"}')" >/dev/null
	apply $MAPS/shared one "$(map shared '{"a":"1","b":"1","c":"1"}')" >/dev/null
	apply $MAPS/shared one "$(map shared '{"b":"1"}')" | jq -e '.data == {"a":"1","b":"1"}'
}

@test "conflicts are told level by level" {
	local d=$DEPLOYMENTS/levels service=/api/v1/namespaces/default/services/s
	apply $service one '{"apiVersion":"v1","kind":"Service","metadata":{"name":"s"},"spec":{"ports":[{"port":80,"targetPort":1}],"type":"ClusterIP"}}' |
		jq -e '.metadata.name == "s"'
	apply $service two '{"apiVersion":"v1","kind":"Service","metadata":{"name":"s"},"spec":{"ports":[{"port":80,"targetPort":2}],"type":"NodePort"}}' |
		jq -e '.message == "Apply failed with 2 conflicts: conflicts with \"one\":\n- .spec.type\n- .spec.ports[port=80,protocol=\"TCP\"].targetPort"
			and [.details.causes[].field] == [".spec.type", ".spec.ports[port=80,protocol=\"TCP\"].targetPort"]'
}

later() { [ "$(date +%s)" -gt "$1" ]; }

@test "an apply that changes nothing makes no revision" {
	local d=$DEPLOYMENTS/same before
	before=$(apply $d me "$(deployment same)" | jq -r .metadata.resourceVersion)
	eventually 20 later "$(date +%s)"
	[ "$(apply $d me "$(deployment same)" | jq -r .metadata.resourceVersion)" = "$before" ] # 1000m is stored as 1
	[ "$(merge $d/status me '{"spec":{"replicas":7}}' | jq -r .metadata.resourceVersion)" = "$before" ]
}

@test "versions of an autoscaler see each other" {
	local v1=/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers/h v2=/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers/h
	local head='"kind":"HorizontalPodAutoscaler","metadata":{"name":"h"},"spec"'
	local cpu='{"metrics":[{"type":"Resource","resource":{"name":"cpu","target":{"type":"Utilization","averageUtilization":60}}}]}'
	apply $v1 one '{"apiVersion":"autoscaling/v1",'"$head"':{"maxReplicas":5,"targetCPUUtilizationPercentage":50,"scaleTargetRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"d"}}}' |
		jq -e '.metadata.name == "h"'
	apply $v2 two '{"apiVersion":"autoscaling/v2",'"$head:$cpu"'}' |
		jq -e '.message == "Apply failed with 1 conflict: conflict with \"one\": .spec.targetCPUUtilizationPercentage"'
	apply $v2 two '{"apiVersion":"autoscaling/v2",'"$head:$cpu"'}' force >/dev/null
	[ "$(owners $v1 "f:spec f:targetCPUUtilizationPercentage")" = "" ]
	[ "$(owners $v1 "f:spec f:metrics")" = "two Apply autoscaling/v2 - timed" ]
}

@test "managers are named by what can be printed of a program's name" {
	local agent
	for agent in "tool/1.0 (x)=tool" "/1=unknown" "$(printf 'a\tb')=ab"; do
		AGENT=${agent%=*} create $MAPS "" "$(map "agent-${agent##*=}" '{"a":"1"}')" | jq -e --arg m "${agent##*=}" '.metadata.managedFields[0].manager == $m'
	done
}

@test "what a client says of managers counts where it can be read" {
	local entry='{"manager":"m","operation":"Update","apiVersion":"v1","fieldsType":"FieldsV1","fieldsV1":' made bad
	create $MAPS maker "$(map told '{"a":"1"}')" >/dev/null
	for bad in '{"f:data":{"k:x":{},"k:y":{}}}' '{"f:data":{"a":{}}}' '{"f:data":{"v:{":{}}}' '{"f:data":1}'; do
		merge $MAPS/told x '{"metadata":{"managedFields":['"$entry$bad"'}]}}' | jq -e '.metadata.managedFields | length == 1 and .[0].manager == "maker"'
	done
	merge $MAPS/told x '{"metadata":{"managedFields":['"$entry"'{"f:data":{"f:a":{}}}}]}}' | jq -e '[.metadata.managedFields[].manager] == ["m"]'
	merge $MAPS/told x '{"metadata":{"managedFields":[{}]}}' | jq -e '.metadata | has("managedFields") | not'
	apply $MAPS/told y "$(map told '{"a":"2"}')" |
		jq -e '.message == "Apply failed with 1 conflict: conflict with \"before-first-apply\" using v1: .data.a"'
}
