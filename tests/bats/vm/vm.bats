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
	"$VM/image" "$IMAGE" "$BATS_FILE_TMPDIR/demo.tar=/vm/demo.tar" "$BATS_FILE_TMPDIR/hello.yaml=/vm/hello.yaml" \
		"$(command -v ip)=/vm/bin/ip" "$(command -v bridge)=/vm/bin/bridge" \
		"$(command -v socat)=/vm/bin/socat" "$VM/../../build/test/proxy-drive=/vm/bin/proxy-drive"
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
	booted 1000 runtime.sh
}

@test "CNI plugins: VLANs on bridges, links of VLANs" {
	booted 1000 cni.sh
}

@test "services: TCP and SCTP of both families through the proxy" {
	booted 1000 services.sh
}

@test "ways between nodes by WireGuard" {
	booted 1000 wireguard.sh
}

@test "a cluster on pure cgroup v2: up, two replicas behind a service, limits, exec, down" {
	booted 1000 cluster.sh
}

# one_life CUT WAIT_MS: boots the machine of power.sh, which lists what is there, until the power is cut; adds what it said
# to the files of what must be there (acked), must not be there (deleted), and the highest revision acknowledged.
one_life() {
	local out=$BATS_TEST_TMPDIR/out
	: >"$out"
	run "$VM/boot" -t 1000 -d "$BATS_TEST_TMPDIR/disk" -s "$RANDOM" -c "$1" -w "$2" "$IMAGE" "$VM/power.sh"
	echo "$output" | tee "$out" | grep -v -e ^acked -e ^deleted -e ^present
	[ "$status" -eq 137 ]
	grep -qx listed "$out"
	sed -n 's/^present //p' "$out" | sort >"$BATS_TEST_TMPDIR/present"
	# An object that is about to be deleted may be there or not until its deletion is acknowledged.
	grep -v -- '-x$' "$BATS_TEST_TMPDIR/acked" | sort | comm -23 - "$BATS_TEST_TMPDIR/present" >"$BATS_TEST_TMPDIR/lost"
	sort "$BATS_TEST_TMPDIR/deleted" | comm -12 - "$BATS_TEST_TMPDIR/present" >"$BATS_TEST_TMPDIR/risen"
	echo "acknowledged and lost:" && cat "$BATS_TEST_TMPDIR/lost"
	echo "deleted and back:" && cat "$BATS_TEST_TMPDIR/risen"
	[ ! -s "$BATS_TEST_TMPDIR/lost" ]
	[ ! -s "$BATS_TEST_TMPDIR/risen" ]
	[ "$(sed -n 's/^revision //p' "$out")" -ge "$highest" ]
	ca=$(grep '^ca ' "$out")
	[ "${first_ca:=$ca}" = "$ca" ]
	sed -n 's/^acked \([^ ]*\) .*/\1/p' "$out" >>"$BATS_TEST_TMPDIR/acked"
	sed -n 's/^deleted //p' "$out" >>"$BATS_TEST_TMPDIR/deleted"
	highest=$(sed -n -e 's/^acked [^ ]* //p' -e 's/^revision //p' "$out" | sort -n | tail -n 1)
}

@test "what the server acknowledged outlives power cuts" {
	truncate -s 64M "$BATS_TEST_TMPDIR/disk"
	mkfs.ext4 -q -F "$BATS_TEST_TMPDIR/disk"
	touch "$BATS_TEST_TMPDIR/acked" "$BATS_TEST_TMPDIR/deleted"
	highest=0 first_ca=
	for _ in 1 2 3; do
		one_life "^acked .*-$((RANDOM % 3 + 1))-$((RANDOM % 150 + 1))(-x)? " $((RANDOM % 200))
	done
	one_life '^listed$' 0
	[ "$(wc -l <"$BATS_TEST_TMPDIR/acked")" -gt 10 ]
}

@test "a node serves again after power cuts" {
	truncate -s 256M "$BATS_TEST_TMPDIR/disk"
	mkfs.ext4 -q -F "$BATS_TEST_TMPDIR/disk"
	for cut in 'ok image import' 'serving' 'serving'; do
		run "$VM/boot" -t 1000 -d "$BATS_TEST_TMPDIR/disk" -s "$RANDOM" -c "^$cut\$" "$IMAGE" "$VM/power-node.sh"
		echo "$output"
		[ "$status" -eq 137 ]
		[[ $output != *"not ok"* ]]
	done
	[[ $output != *"image import"* && $output != *deployment* ]] # the last found all of it
}
