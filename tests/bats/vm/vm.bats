#!/usr/bin/env bats
# Knarr in a machine of its own (QEMU, software emulation): Debian's kernel with nothing but cgroup v2, and power cuts.
# bats file_tags=vm

VM=$BATS_TEST_DIRNAME/../../vm

setup_file() {
	export IMAGE=$BATS_FILE_TMPDIR/image
	command -v qemu-system-x86_64 >/dev/null || { echo "qemu-system-x86_64 is not installed" >"$BATS_FILE_TMPDIR/reason"; return 0; }
	"$VM/kernel" "$(realpath "$VM/../..")/build/vm" >/dev/null 2>"$BATS_FILE_TMPDIR/reason" || return 0
	rm "$BATS_FILE_TMPDIR/reason"
	"$VM/../../examples/image/build" "$BATS_FILE_TMPDIR/demo.tar"
	sed 's/replicas: 3/replicas: 2/' "$VM/../../examples/hello.yaml" >"$BATS_FILE_TMPDIR/hello.yaml"
	"$VM/image" "$IMAGE" "$BATS_FILE_TMPDIR/demo.tar=/vm/demo.tar" "$BATS_FILE_TMPDIR/hello.yaml=/vm/hello.yaml"
}

setup() {
	if [ -e "$BATS_FILE_TMPDIR/reason" ]; then skip "$(cat "$BATS_FILE_TMPDIR/reason")"; fi
	[ -x "$VM/../../build/bin/knarr-oci" ] || skip "knarr-oci is not built"
}

# All checks of a script passed, and there were as many as it names.
booted() {
	run "$VM/boot" -t "$1" "$IMAGE" "$VM/$2"
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(grep -c '^ok ' <<<"$output")" -eq "$(grep -c '^check "' "$VM/$2")" ]
}

@test "the runtime on pure cgroup v2: limits, devices, pause, update, kill, delete" {
	booted 60 runtime.sh
}

@test "a cluster on pure cgroup v2: up, two replicas behind a service, limits, exec, down" {
	booted 150 cluster.sh
}
