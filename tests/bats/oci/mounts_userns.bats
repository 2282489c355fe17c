#!/usr/bin/env bats
# The file system of containers in user namespaces, new ones and joined ones; time namespaces.
load common

inside() {
	args sh -c "$1"
	run oci run --bundle "$T/bundle" "$ID"
}

setup() {
	setup_bundle
	R="$T/bundle/rootfs"
	config 'c["linux"]["namespaces"].append({"type": "user"})' \
		'c["linux"]["uidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 65536}]' \
		'c["linux"]["gidMappings"] = [{"containerID": 0, "hostID": 200000, "size": 65536}]'
	chmod 755 "$T" "$T/bundle"
	chown -R 100000:200000 "$R"
}

teardown() {
	for at in "$T/flags" "$R"; do
		grep -q " $at " /proc/self/mountinfo && umount -l "$at"
	done
	teardown_bundle
}

bind() {
	config "c['mounts'].append(dict(destination='$1', type='bind', source='$2', options=['bind'$3]))"
}

show() {
	echo "while read -r a b c d at opts rest; do if [ \"\$at\" = $1 ]; then echo \"\$opts\"; fi; done </proc/self/mountinfo"
}

all_capabilities() {
	config "import os; c['process']['capabilities'] = {k: ['CAP_SYS_ADMIN', 'CAP_DAC_OVERRIDE', 'CAP_MKNOD', 'CAP_CHOWN'] for k in c['process']['capabilities']}"
}

@test "sources that root of the container cannot reach are mounted all the same, in the order given" {
	mkdir -p "$T/closed/dir" "$T/owned/dir"
	echo one >"$T/closed/dir/file"
	echo two >"$T/owned/dir/file"
	chown -R 4242:4242 "$T/owned"
	chmod 700 "$T/closed" "$T/owned"
	ln -s dir "$T/owned/link"
	bind /one "$T/closed/dir"
	bind /two "$T/owned/link/file"
	bind /two-again "$R/two"
	inside 'cat /one/file /two /two-again; stat -c %u /one/file'
	[ "$status" -eq 0 ]
	[[ "$output" == one$'\n'two$'\n'two$'\n'65534 ]]
	# Nothing of the creator's came along.
	inside 'ls -l /proc/self/fd 2>/dev/null | grep -c closed'
	[[ "$output" == 0 ]]
}

@test "a source that does not exist is still an error that names it" {
	bind /one "$T/nowhere"
	inside true
	[[ "$status" -ne 0 && "$output" == *"error mounting"*"$T/nowhere"*"o such file"* ]]
}

@test "flags of the host's mounts are locked: kept where not mentioned, an error where they are to go, also for closed sources" {
	mkdir "$T/flags"
	mount -t tmpfs -o nosuid,nodev,noexec tmpfs "$T/flags"
	mkdir -m 700 "$T/flags/closed"
	mkdir "$T/flags/closed/in"
	chown -R 4242:4242 "$T/flags/closed"
	all_capabilities
	bind /ro "$T/flags" ", 'ro'"
	bind /plain "$T/flags/closed/in"
	inside "$(show /ro); $(show /plain); mount -o remount,bind,suid,dev,exec /plain && echo unlocked"
	[[ "${lines[0]}" == ro,nosuid,nodev,noexec* ]]
	[[ "${lines[1]}" == rw,nosuid,nodev,noexec* ]]
	[[ "$output" != *unlocked* ]]
	for flag in suid dev exec; do
		config "c['mounts'][-1]['options'] = ['bind', '$flag']"
		inside true
		[ "$status" -ne 0 ]
		[[ "$output" == *"error during container init: error mounting"*"operation not permitted"* ]]
	done
}

@test "a read-only root keeps the flags that are locked" {
	cp -a "$R" "$T/copy"
	mount -t tmpfs -o nosuid,nodev tmpfs "$R"
	cp -a "$T/copy/." "$R/"
	config 'c["root"]["readonly"] = True'
	inside "$(show /); touch /x"
	[[ "$output" == ro,nosuid,nodev*"Read-only file system" ]]
}

@test "devices are the host's nodes, owned by nobody; others cannot be made" {
	all_capabilities
	config "c['linux']['devices'] = [dict(path='/dev/kmsg', type='c', major=1, minor=11)]"
	# shellcheck disable=SC2016
	inside 'for d in null zero full random urandom tty kmsg; do stat -c "%n %t:%T %u" /dev/$d; done; echo x >/dev/null && mknod /dev/new c 1 3'
	[[ "$output" == "/dev/null 1:3 65534"*"/dev/tty 5:0 65534"*"/dev/kmsg 1:b 65534"*"not permitted"* ]]
	config "c['linux']['devices'] = [dict(path='/dev/null', type='c', major=1, minor=5)]"
	inside true
	[[ "$status" -ne 0 && "$output" == *"/dev/null of the host is another device"* ]]
}

@test "a link in the place of a device is not followed" {
	config 'c["mounts"] = [m for m in c["mounts"] if not m["destination"].startswith("/dev")]'
	mkdir "$R/dev"
	ln -s /etc/passwd "$R/dev/null"
	chown -hR 100000:200000 "$R/dev"
	inside true
	[[ "$status" -ne 0 && "$output" == *"bind /dev/null"* ]]
}

@test "uids and gids are mapped each by their own list" {
	touch "$R/file"
	chown 100007:200008 "$R/file"
	inside 'stat -c %u:%g /file; cat /proc/self/uid_map /proc/self/gid_map; id -u'
	[[ "$output" == 7:8*100000*65536*200000*65536*0 ]]
}

@test "mappings that are missing, empty, overlapping or without a namespace are refused" {
	config 'saved = c["linux"].pop("gidMappings")'
	inside true
	[[ "$status" -ne 0 && "$output" == *"no gid mappings found"* ]]
	config 'c["linux"].pop("uidMappings")'
	inside true
	[[ "$status" -ne 0 && "$output" == *"no namespace path to join nor mappings to apply specified"* ]]
	config 'c["linux"]["uidMappings"] = c["linux"]["gidMappings"] = [dict(containerID=0, hostID=1, size=9), dict(containerID=3, hostID=50, size=9)]'
	inside true
	[ "$status" -ne 0 ]
	[[ "$output" == *uid_map* ]]
	config 'c["linux"]["namespaces"] = [n for n in c["linux"]["namespaces"] if n["type"] != "user"]'
	inside true
	[[ "$status" -ne 0 && "$output" == *"user namespace isn't enabled in the config"* ]]
}

@test "a namespace path of another kind is refused" {
	config 'c["linux"]["namespaces"][-1]["path"] = "/proc/self/ns/net"' 'del c["linux"]["uidMappings"], c["linux"]["gidMappings"]'
	inside true
	[[ "$status" -ne 0 && "$output" == *"/proc/self/ns/net is no user namespace"* ]]
	config 'c["linux"]["namespaces"][-1]["path"] = "/proc/self/ns/nothing"'
	inside true
	[[ "$status" -ne 0 && "$output" == *"/proc/self/ns/nothing"* ]]
}

@test "a time namespace: offsets of both clocks, none, with a user namespace, and their errors" {
	[ -e /proc/self/ns/time ] || skip "no time namespaces"
	config 'c["linux"]["namespaces"].append(dict(type="time"))'
	inside 'cat /proc/self/timens_offsets'
	[[ "$output" == monotonic*0*0*boottime*0*0 ]]
	config 'c["linux"]["timeOffsets"] = dict(monotonic=dict(secs=7881, nanosecs=2718281), boottime=dict(secs=1337, nanosecs=3141519))'
	inside 'cat /proc/self/timens_offsets'
	[[ "$output" == monotonic*7881*2718281*boottime*1337*3141519 ]]
	config 'c["linux"]["timeOffsets"] = dict(realtime=dict(secs=1))'
	inside true
	[[ "$status" -ne 0 && "$output" == *realtime* ]]
	config 'c["linux"]["timeOffsets"] = dict(boottime=dict(secs=1))' 'c["linux"]["namespaces"][-1]["path"] = "/proc/self/ns/time"'
	inside true
	[[ "$status" -ne 0 && "$output" == *"both namespace path and time offsets specified"* ]]
	config 'c["linux"]["namespaces"].pop()'
	inside true
	[[ "$status" -ne 0 && "$output" == *"time namespace isn't enabled in the config"* ]]
}
