#!/usr/bin/env bats
# AppArmor: a profile of the configuration, another for exec, and one that is not there.
load common

setup() {
	[ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" = Y ] || skip "this kernel has no AppArmor"
	[ -e /sys/kernel/security/apparmor/.replace ] || skip "AppArmor's files are not mounted"
	command -v apparmor_parser >/dev/null || skip "apparmor_parser is not installed"
	setup_bundle
	cat >"$T/profiles" <<-'P'
		profile knarr-test-box flags=(attach_disconnected,mediate_deleted) {
			file,
			capability,
			signal,
			ptrace,
			deny /etc/secret r,
		}
		profile knarr-test-guest flags=(attach_disconnected,mediate_deleted) {
			file,
			signal,
			deny /etc/other r,
		}
	P
	apparmor_parser --skip-cache --replace "$T/profiles"
	echo one >"$T/bundle/rootfs/etc/secret"
	echo two >"$T/bundle/rootfs/etc/other"
	config 'c["process"]["apparmorProfile"] = "knarr-test-box"'
}

teardown() {
	[ -z "${T:-}" ] || [ ! -e "$T/profiles" ] || { oci delete --force "$ID"; apparmor_parser --skip-cache --remove "$T/profiles"; }
	teardown_bundle
}

@test "the profile of the configuration confines the container" {
	args sh -c 'cat /proc/self/attr/current /etc/other; cat /etc/secret'
	run oci run --bundle "$T/bundle" "$ID"
	[ "$status" -eq 1 ]
	[ "${lines[0]}" = "knarr-test-box (enforce)" ]
	[ "${lines[1]}" = two ]
	[[ "${lines[2]}" == *"/etc/secret"*"Permission denied" ]]
	config 'del c["process"]["apparmorProfile"]'
	run oci run --bundle "$T/bundle" "$ID"
	[ "$status" -eq 0 ]
	[ "$output" = $'unconfined\ntwo\none' ]
}

@test "exec is confined alike, or by --apparmor" {
	detached
	run oci exec "$ID" cat /proc/self/attr/current /etc/other /etc/secret
	[ "$status" -eq 1 ]
	[[ "$output" == "knarr-test-box (enforce)"*two*"Permission denied" ]]
	run oci exec --apparmor knarr-test-guest "$ID" cat /proc/self/attr/current /etc/secret /etc/other
	[ "$status" -eq 1 ]
	[[ "$output" == "knarr-test-guest (enforce)"*one*"Permission denied" ]]
}

@test "a profile that is not loaded" {
	config 'c["process"]["apparmorProfile"] = "knarr-test-none"'
	run oci run --bundle "$T/bundle" "$ID"
	[ "$status" -eq 1 ]
	[[ "$output" == *"unable to apply apparmor profile: apparmor failed to apply profile"*"o such file or directory"* ]]
	run oci state "$ID"
	[ "$status" -eq 1 ]
	config 'c["process"]["apparmorProfile"] = "unconfined"'
	detached
	[ "$(oci exec "$ID" cat /proc/self/attr/current)" = unconfined ]
	run oci exec --apparmor knarr-test-none "$ID" true
	[ "$status" -eq 255 ]
	[[ "$output" == *"apparmor failed to apply profile"* ]]
}
