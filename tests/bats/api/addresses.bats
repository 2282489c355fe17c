#!/usr/bin/env bats
# Addresses of services as objects: IPAddress comes and goes with its service, ServiceCIDR adds ranges.

setup_file() {
	export SERVER="${KNARR_SERVER:-$BATS_TEST_DIRNAME/../../../build/bin/knarr-server}"
	export DIR="$(mktemp -d /tmp/knarr-test-addresses.XXXXXX)"
	"$SERVER" --data-dir "$DIR" --bind-address 127.0.0.1 --secure-port 0 --scheduler=none >"$DIR/port" 2>"$DIR/log" 3>&- &
	echo $! >"$DIR/pid"
	eventually 60 test -s "$DIR/port"
	export KUBECONFIG="$DIR/admin.conf"
}

teardown_file() {
	for p in "$DIR"/pid*; do
		end_process "$(cat "$p")"
	done
	rm -rf "$DIR"
}

load ../../lib/wait

owner() { kubectl get ip "$1" -o 'jsonpath={.spec.parentRef.resource}/{.spec.parentRef.name}' 2>/dev/null; }
is_of() { [ "$(owner "$1")" = "$2" ]; }

@test "an address comes and goes with its service, and nobody else gets it" {
	[ "$(owner 10.96.0.1)" = services/kubernetes ]
	kubectl create service clusterip a --tcp=80 --clusterip=10.96.0.77
	[ "$(owner 10.96.0.77)" = services/a ]
	run kubectl create service clusterip b --tcp=80 --clusterip=10.96.0.77
	[[ $output == *"failed to allocate IP 10.96.0.77: provided IP is already allocated"* ]]
	kubectl delete ip 10.96.0.77
	eventually 60 is_of 10.96.0.77 services/a
	kubectl patch service a --type merge -p '{"spec":{"type":"ExternalName","externalName":"x.y","clusterIP":"","clusterIPs":null}}'
	[ -z "$(owner 10.96.0.77)" ]
	kubectl create -f - <<-'YAML'
		apiVersion: networking.k8s.io/v1
		kind: IPAddress
		metadata: {name: 10.96.0.99}
		spec: {parentRef: {resource: things, name: t}}
	YAML
	run kubectl create service clusterip b --tcp=80 --clusterip=10.96.0.99
	[[ $output == *"provided IP is already allocated"* ]]
}

@test "a further range is used while it is ready, and goes when its addresses are gone" {
	run kubectl create service clusterip c --tcp=80 --clusterip=10.97.0.5
	[[ $output == *"the provided network does not match the current range"* ]]
	kubectl create -f - <<-'YAML'
		apiVersion: networking.k8s.io/v1
		kind: ServiceCIDR
		metadata: {name: more}
		spec: {cidrs: [10.97.0.0/24]}
	YAML
	eventually 60 kubectl create service clusterip c --tcp=80 --clusterip=10.97.0.5
	kubectl delete servicecidr more --wait=false
	eventually 60 sh -c "kubectl get servicecidr more -o 'jsonpath={.status.conditions[0].reason}' | grep -q Terminating"
	kubectl delete service c
	eventually 60 sh -c "! kubectl get servicecidr more"
}

# policy_of SPEC: policy, families and the number of addresses that a service of that spec gets, or the error
policy_of() {
	printf '{"apiVersion":"v1","kind":"Service","metadata":{"name":"p"},"spec":%s}' "$1" | kubectl create -f - -o json --dry-run=server \
		-o 'jsonpath={.spec.ipFamilyPolicy} {.spec.ipFamilies} {.spec.clusterIPs[*]}' 2>&1
}

@test "families of services in a cluster of both, as the policy says" {
	D2="$DIR/two"
	mkdir "$D2"
	"$SERVER" --data-dir "$D2" --bind-address 127.0.0.1 --secure-port 0 --scheduler=none --controllers=none \
		--service-cluster-ip-range=fd00:96::/112,10.96.0.0/16 >"$D2/port" 2>"$D2/log" 3>&- &
	echo $! >"$DIR/pid2"
	eventually 60 test -s "$D2/port"
	export KUBECONFIG="$D2/admin.conf"
	[ "$(kubectl get service kubernetes -o 'jsonpath={.spec.clusterIP} {.spec.ipFamilies[*]} {.spec.ipFamilyPolicy}')" = "fd00:96::1 IPv6 SingleStack" ]
	[ "$(owner fd00:96::1)" = services/kubernetes ]
	[[ $(policy_of '{"ports":[{"port":80}]}') == 'SingleStack ["IPv6"] fd00:96::'* ]]
	[[ $(policy_of '{"ipFamilies":["IPv4"],"ports":[{"port":80}]}') == 'SingleStack ["IPv4"] 10.96.'* ]]
	[[ $(policy_of '{"ipFamilyPolicy":"RequireDualStack","ports":[{"port":80}]}') == 'RequireDualStack ["IPv6","IPv4"] fd00:96::'*' 10.96.'* ]]
	[[ $(policy_of '{"ipFamilyPolicy":"RequireDualStack","clusterIP":"10.96.0.7","ports":[{"port":80}]}') == 'RequireDualStack ["IPv4","IPv6"] 10.96.0.7 fd00:96::'* ]]
	[[ $(policy_of '{"clusterIP":"None","ports":[{"port":80}]}') == 'RequireDualStack ["IPv6","IPv4"] None' ]]
	[[ $(policy_of '{"ipFamilies":["IPv4","IPv6"],"ports":[{"port":80}]}') == *"spec.ipFamilyPolicy: Invalid value: \"SingleStack\": must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified"* ]]
}
