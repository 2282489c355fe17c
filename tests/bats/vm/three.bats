#!/usr/bin/env bats
# A cluster of three machines (QEMU, software emulation, cgroup v2) on one link: node1 is the server, the others join it.
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
	"$VM/image" "$BATS_FILE_TMPDIR/image" "$BATS_FILE_TMPDIR/demo.tar=/vm/demo.tar"
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
	for n in 1 2 3; do on node$n 60 begin $n; done
	on node1 90 knarr init --no-systemd --node-name=node1 --timeout=60 | tee "$BATS_TEST_TMPDIR/init"
	join=$(sed -n 's/^  knarr join/knarr join/p' "$BATS_TEST_TMPDIR/init")
	for n in 2 3; do on node$n 90 "$join --no-systemd --node-name=node$n --timeout=60"; done
	on node1 60 all_ready
	on node1 60 ranges
	for n in 1 2 3; do on node$n 60 image; done
}
