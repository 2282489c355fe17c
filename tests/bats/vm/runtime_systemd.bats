#!/usr/bin/env bats
# knarr-oci with systemd as the maker of cgroups, in a machine of its own (QEMU, software emulation, cgroup v2).
# bats file_tags=vm

VM=$BATS_TEST_DIRNAME/../../vm

setup_file() {
	local reason=$BATS_FILE_TMPDIR/reason cache files
	export IMAGE=$BATS_FILE_TMPDIR/image
	cache=$(realpath "$VM/../..")/build/vm
	command -v qemu-system-x86_64 >/dev/null || { echo "qemu-system-x86_64 is not installed" >"$reason"; return 0; }
	command -v jq >/dev/null || { echo "jq is not installed" >"$reason"; return 0; }
	[ -x "$VM/../../build/bin/knarr-oci" ] || { echo "knarr-oci is not built" >"$reason"; return 0; }
	"$VM/kernel" "$cache" >/dev/null 2>"$reason" || return 0
	"$VM/systemd/files" "$cache" >"$BATS_FILE_TMPDIR/files" 2>"$reason" || return 0
	rm "$reason"
	mapfile -t files <"$BATS_FILE_TMPDIR/files"
	"$VM/image" "$IMAGE" "${files[@]}"
}

setup() {
	if [ -e "$BATS_FILE_TMPDIR/reason" ]; then skip "$(cat "$BATS_FILE_TMPDIR/reason")"; fi
}

@test "scopes and slices of systemd: properties, update, exec, delete, delegation" {
	run "$VM/boot" -t 1000 "$IMAGE" "$VM/runtime_systemd.sh"
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(grep -c '^ok ' <<<"$output")" -eq "$(grep -c '^check "' "$VM/runtime_systemd.sh")" ]
}
