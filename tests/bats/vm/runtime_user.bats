#!/usr/bin/env bats
# knarr-oci of an ordinary user with that user's own systemd as the maker of cgroups, in a machine of its own (QEMU, software
# emulation, cgroup v2). There is no message bus: what is spoken to is the manager's private socket.
# bats file_tags=vm

VM=$BATS_TEST_DIRNAME/../../vm

@test "scopes of a user's manager: limits, update, exec, pause, delete" {
	local cache files u image=$BATS_TEST_TMPDIR/image reason=$BATS_TEST_TMPDIR/reason
	cache=$(realpath "$VM/../..")/build/vm
	for tool in qemu-system-x86_64 jq setpriv; do command -v $tool >/dev/null || skip "$tool is not installed"; done
	[ -x "$VM/../../build/bin/knarr-oci" ] || skip "knarr-oci is not built"
	"$VM/kernel" "$cache" >/dev/null 2>"$reason" || skip "$(cat "$reason")"
	"$VM/systemd/files" "$cache" >"$BATS_TEST_TMPDIR/files" 2>"$reason" || skip "$(cat "$reason")"
	mapfile -t files <"$BATS_TEST_TMPDIR/files"
	for u in basic sockets timers paths shutdown exit; do
		files+=("$cache/systemd/usr/lib/systemd/user/$u.target=/usr/lib/systemd/user/$u.target")
	done
	files+=("$VM/systemd/user@.service=/etc/systemd/system/user@.service" "$(command -v setpriv)=/vm/setpriv")
	"$VM/image" "$image" "${files[@]}"
	run "$VM/boot" -t 1000 "$image" "$VM/runtime_user.sh"
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(grep -c '^ok ' <<<"$output")" -eq "$(grep -c '^check "' "$VM/runtime_user.sh")" ]
}
