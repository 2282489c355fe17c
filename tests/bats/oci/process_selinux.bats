#!/usr/bin/env bats
# SELinux: labels of the process and of mounts, of the configuration and for exec, and ones that the policy does not know.
# /vm/selinux.policy is that of tests/vm/oci-selinux.cil; a machine with a policy of its own is left alone.
load common

BOX=system_u:system_r:box_t:s0:c1,c2
GUEST=system_u:system_r:guest_t:s0:c1
DATA=system_u:object_r:data_t:s0:c1,c2

setup_file() {
	[ -e /vm/selinux.policy ] && [ -d /sys/fs/selinux ] || return 0
	mountpoint -q /sys/fs/selinux || mount -t selinuxfs selinux /sys/fs/selinux
	dd if=/vm/selinux.policy of=/sys/fs/selinux/load bs=1M || { dmesg | tail -n 5; false; } # one write
}

setup() {
	setup_bundle
}

need_selinux() {
	[ -e /sys/fs/selinux/enforce ] || skip "this kernel has no SELinux, or it is off"
	[ -e /vm/selinux.policy ] || skip "no policy for tests is loaded"
}

# label FILE: as the file system has it.
label() { python3 -S -c 'import os, sys; print(os.getxattr(sys.argv[1], "security.selinux").decode().rstrip("\0"))' "$1"; }
current() { tr -d '\0' <"/proc/$1/attr/current"; }

@test "a process label without SELinux" {
	config "c['process']['selinuxLabel'] = '$BOX'"
	run unshare -m sh -c 'umount /sys/fs/selinux 2>/dev/null; exec "$@"' sh \
		"$OCI_BIN" --root "$T/state" run --bundle "$T/bundle" "$ID"
	[ "$status" -eq 1 ]
	[[ "$output" == *"selinux label is specified in config, but selinux is disabled or not supported"* ]]
	run oci state "$ID"
	[ "$status" -eq 1 ]
}

@test "the label of the configuration, with and without no_new_privs" {
	need_selinux
	args cat /proc/self/attr/current
	for no_new_privileges in True False; do
		config "c['process']['selinuxLabel'] = '$BOX'; c['process']['noNewPrivileges'] = $no_new_privileges"
		run oci run --bundle "$T/bundle" "$ID"
		[ "$status" -eq 0 ]
		[ "${output%$'\n'}" = "$BOX" ]
	done
	config 'del c["process"]["selinuxLabel"]'
	run oci run --bundle "$T/bundle" "$ID"
	[ "$output" = system_u:system_r:kernel_t:s0 ]
}

@test "exec has the container's label or that of --process-label" {
	need_selinux
	config "c['process']['selinuxLabel'] = '$BOX'"
	detached
	[ "$(current "$(oci state "$ID" | jq .pid)")" = "$BOX" ]
	[ "$(oci exec "$ID" cat /proc/self/attr/current | tr -d '\0')" = "$BOX" ]
	[ "$(oci exec --process-label $GUEST "$ID" cat /proc/self/attr/current | tr -d '\0')" = "$GUEST" ]
}

@test "the label of mounts" {
	need_selinux
	config "c['linux']['mountLabel'] = '$DATA'; c['linux']['maskedPaths'] += ['/etc']"
	detached || { cat "$T/err"; false; }
	pid=$(oci state "$ID" | jq .pid)
	mounts=$(cat "/proc/$pid/mounts")
	for at in /dev /dev/pts /dev/shm; do
		grep " $at " <<<"$mounts" | grep -F "context=\"$DATA\""
		[ "$(label "/proc/$pid/root$at")" = "$DATA" ]
	done
	for at in /proc /sys /dev/mqueue; do
		[ "$(grep " $at " <<<"$mounts" | grep -c context=)" -eq 0 ]
	done
	[ "$(label "/proc/$pid/root/dev/mqueue")" = "$DATA" ]
	[ "$(label "/proc/$pid/root/etc")" = "$DATA" ]
	grep " /etc " <<<"$mounts" | grep -F "context=\"$DATA\"" # a masked directory
}

@test "a label of a mount's own options comes first, and long options are no obstacle" {
	need_selinux
	long=$(printf 'x%.0s' {1..150})
	long=$long/$long
	mkdir -p "$T/one" "$T/$long"
	config "c['linux']['mountLabel'] = '$DATA'" "c['mounts'] += [
		{'destination': '/own', 'type': 'tmpfs', 'source': 'tmpfs', 'options': ['context=system_u:object_r:file_t:s0']},
		{'destination': '/over', 'type': 'overlay', 'source': 'overlay', 'options': ['lowerdir=$T/one:$T/$long']}]"
	detached || { cat "$T/err"; false; }
	pid=$(oci state "$ID" | jq .pid)
	[ "$(label "/proc/$pid/root/own")" = system_u:object_r:file_t:s0 ]
	[ "$(label "/proc/$pid/root/over")" = "$DATA" ]
}

@test "labels that the policy does not know" {
	need_selinux
	config "c['process']['selinuxLabel'] = 'system_u:system_r:none_t:s0'"
	run oci run --bundle "$T/bundle" "$ID"
	[ "$status" -eq 1 ]
	[[ "$output" == *"/attr/keycreate: invalid argument"* ]]
	run oci run --no-new-keyring --bundle "$T/bundle" "$ID"
	[ "$status" -eq 1 ]
	[[ "$output" == *"can't set process label: "*"/attr/exec: invalid argument"* ]]
	run oci state "$ID"
	[ "$status" -eq 1 ]
	config "del c['process']['selinuxLabel']" "c['linux']['mountLabel'] = 'system_u:object_r:none_t:s0'"
	run oci run --bundle "$T/bundle" "$ID"
	[ "$status" -eq 1 ]
	[[ "$output" == *"error mounting"* ]]
	config "del c['linux']['mountLabel']"
	detached
	run oci exec --process-label none "$ID" true
	[ "$status" -eq 255 ]
	[[ "$output" == *"/attr/keycreate: invalid argument"* ]]
}
