#!/usr/bin/env bats
# Addresses of services as objects: IPAddress comes and goes with its service, ServiceCIDR adds ranges.

setup_file() {
	export SERVER="${KNARR_SERVER:-$BATS_TEST_DIRNAME/../../../build/bin/knarr-server}"
	export DIR="$(mktemp -d /tmp/knarr-test-addresses.XXXXXX)"
	"$SERVER" --data-dir "$DIR" --bind-address 127.0.0.1 --secure-port 0 --scheduler=none >"$DIR/port" 2>"$DIR/log" 3>&- &
	echo $! >"$DIR/pid"
	for _ in $(seq 100); do [ -s "$DIR/port" ] && break; sleep 0.05; done
	export KUBECONFIG="$DIR/admin.conf"
}

teardown_file() {
	kill "$(cat "$DIR/pid")" || true
	for _ in $(seq 100); do kill -0 "$(cat "$DIR/pid")" 2>/dev/null || break; sleep 0.05; done
	rm -rf "$DIR"
}

load ../../lib/host

owner() { kubectl get ip "$1" -o 'jsonpath={.spec.parentRef.resource}/{.spec.parentRef.name}' 2>/dev/null; }
is_of() { [ "$(owner "$1")" = "$2" ]; }

@test "an address comes and goes with its service, and nobody else gets it" {
	[ "$(owner 10.96.0.1)" = services/kubernetes ]
	kubectl create service clusterip a --tcp=80 --clusterip=10.96.0.77
	[ "$(owner 10.96.0.77)" = services/a ]
	run kubectl create service clusterip b --tcp=80 --clusterip=10.96.0.77
	[[ $output == *"failed to allocate IP 10.96.0.77: provided IP is already allocated"* ]]
	kubectl delete ip 10.96.0.77
	eventually 5 is_of 10.96.0.77 services/a
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
	eventually 5 kubectl create service clusterip c --tcp=80 --clusterip=10.97.0.5
	kubectl delete servicecidr more --wait=false
	eventually 5 sh -c "kubectl get servicecidr more -o 'jsonpath={.status.conditions[0].reason}' | grep -q Terminating"
	kubectl delete service c
	eventually 5 sh -c "! kubectl get servicecidr more"
}
