#!/usr/bin/env bats
# Knarr in a machine of its own (QEMU, software emulation) whose init is Debian's systemd.
# bats file_tags=vm

VM=$BATS_TEST_DIRNAME/../../vm

setup_file() {
	local reason=$BATS_FILE_TMPDIR/reason cache files
	export IMAGE=$BATS_FILE_TMPDIR/image
	cache=$(realpath "$VM/../..")/build/vm
	command -v qemu-system-x86_64 >/dev/null || { echo "qemu-system-x86_64 is not installed" >"$reason"; return 0; }
	[ -x "$VM/../../build/bin/knarr" ] || { echo "knarr is not built" >"$reason"; return 0; }
	"$VM/kernel" "$cache" >/dev/null 2>"$reason" || return 0
	"$VM/systemd/files" "$cache" >"$BATS_FILE_TMPDIR/files" 2>"$reason" || return 0
	rm "$reason"
	mapfile -t files <"$BATS_FILE_TMPDIR/files"
	"$VM/../../examples/image/build" "$BATS_FILE_TMPDIR/demo.tar"
	"$VM/image" "$IMAGE" "${files[@]}" "$BATS_FILE_TMPDIR/demo.tar=/vm/demo.tar"
}

setup() {
	if [ -e "$BATS_FILE_TMPDIR/reason" ]; then skip "$(cat "$BATS_FILE_TMPDIR/reason")"; fi
}

@test "a cluster as units of systemd: up, pods outlive a restarted or killed agent, down" {
	run "$VM/boot" -t 1000 "$IMAGE" "$VM/systemd.sh"
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(grep -c '^ok ' <<<"$output")" -eq "$(grep -c '^check "' "$VM/systemd.sh")" ]
}
