#!/usr/bin/env bats
# A cluster of three machines (QEMU, software emulation, cgroup v2) on one link, two of them on one subnet, with addresses of
# both families: node1 is the server, the others join it.
# What is checked stands in tests/vm/three.sh. The tests build on each other.
# bats file_tags=vm

VM=$BATS_TEST_DIRNAME/../../vm

# on NODE SECONDS COMMAND: in that machine.
on() {
	local name=$1 seconds=$2
	shift 2
	"$VM/machine" run "$MACHINES" "$name" "$seconds" "$*"
}
boots() {
	"$VM/machine" start "$MACHINES" "$1" "$BATS_FILE_TMPDIR/image" "$VM/three.sh"
}

setup_file() {
	local reason=$BATS_FILE_TMPDIR/reason
	export MACHINES=$BATS_FILE_TMPDIR/machines
	command -v qemu-system-x86_64 >/dev/null || { echo "qemu-system-x86_64 is not installed" >"$reason"; return 0; }
	"$VM/kernel" "$(realpath "$VM/../..")/build/vm" >/dev/null 2>"$reason" || return 0
	rm "$reason"
	"$VM/../../examples/image/build" "$BATS_FILE_TMPDIR/demo.tar"
	"$VM/image" "$BATS_FILE_TMPDIR/image" "$BATS_FILE_TMPDIR/demo.tar=/vm/demo.tar" "$VM/three.yaml=/vm/three.yaml"
	mkdir "$MACHINES"
	"$VM/machine" switch "$MACHINES" node1 node2 node3
	for n in 1 2 3; do boots "node$n"; done
}

setup() {
	if [ -e "$BATS_FILE_TMPDIR/reason" ]; then skip "$(cat "$BATS_FILE_TMPDIR/reason")"; fi
	[ -x "$VM/../../build/bin/knarr" ] || skip "knarr is not built"
}

teardown_file() {
	[ ! -d "$MACHINES" ] || "$VM/machine" end "$MACHINES"
}

@test "three machines, one of them the server: init, join, Ready" {
	for n in 1 2 3; do on node$n 300 begin $n; done
	on node1 300 'knarr init $(flags)' | tee "$BATS_TEST_TMPDIR/init"
	join=$(sed -n 's/^  knarr join/knarr join/p' "$BATS_TEST_TMPDIR/init")
	for n in 2 3; do on node$n 300 "$join \$(flags)"; done
	on node1 300 all_ready
	on node1 300 ranges
	for n in 1 2 3; do on node$n 300 image; done
}

@test "node1 and node2 are neighbours, node3 is reached by VXLAN, in both families" {
	for n in 1 2; do on node$n 300 "has_ways 'eth0 knarr-vxlan eth0 knarr-vxlan '"; done
	on node3 300 "has_ways 'knarr-vxlan knarr-vxlan knarr-vxlan knarr-vxlan '"
}

@test "pods on every node reach each other, and see each other's own addresses" {
	on node1 300 runs
	on node1 300 pod_to_pod
}

@test "logs and exec of pods on every node, through the server" {
	on node1 300 streams
}

@test "DNS in a pod of every node" {
	on node1 300 resolves
}

@test "a service: cluster address and node ports, on every node" {
	pods=$(on node1 300 "web '\\(.metadata.name)'")
	address=$(on node1 300 cluster_ip)
	for n in 1 2 3; do
		on node$n 300 "echo '$(tr '\n' ' ' <<<"$pods")' | xargs -n 1 >/tmp/web"
		on node$n 300 answers "http://$address"
		on node$n 300 "node_ports '1 2 3'"
	done
	on node1 300 "service_from_pods '1 2 3'"
}

@test "network policies: who may reach whom across nodes" {
	on node1 300 police
	on node1 300 policed
}

@test "a node without power: its pods go elsewhere; with power again it is Ready, with the pods that stayed" {
	"$VM/machine" cut "$MACHINES" node3
	on node1 300 unknown
	on node1 300 replaced
	boots node3
	on node3 300 begin 3
	on node3 300 up
	on node1 300 returned
	on node1 300 policed
	on node1 300 free
	on node1 300 pod_to_pod
}

@test "the server without power in the middle of writes: nothing acknowledged is lost, nodes and pods do not notice" {
	processes=$(for n in 2 3; do on node$n 300 processes; done)
	before=$(on node1 300 undisturbed)
	there=$(on node1 300 ip_of at-node3)
	address=$(on node1 300 cluster_ip)
	on node2 300 "writes $(on node1 300 admin)"
	on node2 300 "written $((RANDOM % 200 + 50))"
	"$VM/machine" cut "$MACHINES" node1
	on node2 300 stop_writes
	on node2 300 "alone $there at-node3 $address"
	boots node1
	on node1 300 begin 1
	on node1 300 up
	on node2 300 kept
	on node1 300 server_returned
	diff <(echo "$before") <(on node1 300 undisturbed)
	[ "$processes" = "$(for n in 2 3; do on node$n 300 processes; done)" ]
	on node1 300 pod_to_pod
	on node1 300 "answers http://$address"
}
