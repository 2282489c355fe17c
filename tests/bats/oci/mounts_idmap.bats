#!/usr/bin/env bats
# Id-mapped mounts, with and without a user namespace of the container.
load common

inside() {
	args sh -c "$1"
	run oci run --bundle "$T/bundle" "$ID"
}

teardown() {
	while read -r _ _ _ _ at _; do
		[[ "$at" == "$T"/* ]] && umount -l "$at"
	done </proc/self/mountinfo
	teardown_bundle
}

tree() {
	mkdir -p "$T/bundle/src/sub"
	touch "$T/bundle/src/file"
	chown 100:200 "$T/bundle/src/file"
	mount --bind "$T/bundle/src" "$T/bundle/src/sub"
}

# Adds a mount of src at /mnt: options as a Python list, further members as keywords.
add() {
	config "c['mounts'].append(dict(dict(destination='/mnt', source='src', options=$1), ${2:-}))"
}
UID_GID="uidMappings=[dict(containerID=100, hostID=5000, size=2)], gidMappings=[dict(containerID=200, hostID=6000, size=1)]"

userns() {
	config 'c["linux"]["namespaces"].append({"type": "user"})' \
		'c["linux"]["uidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 65536}]' \
		'c["linux"]["gidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 65536}]'
	chmod 755 "$T" "$T/bundle"
	chown -R 100000:100000 "$T/bundle/rootfs"
}

@test "mapping without a user namespace, relative source; only the top mount" {
	tree
	add "['rbind']" "$UID_GID"
	inside 'stat -c %u:%g /mnt/file /mnt/sub/file'
	[ "$status" -eq 0 ]
	[[ "$output" == 5000:6000$'\n'100:200 ]]
}

@test "ridmap maps what is below too" {
	tree
	add "['rbind', 'ridmap']" "$UID_GID"
	inside 'stat -c %u:%g /mnt/file /mnt/sub/file'
	[[ "$output" == 5000:6000$'\n'5000:6000 ]]
}

@test "ids without a place are nobody's, and nothing can be made in their name" {
	tree
	chown 7:7 "$T/bundle/src/file"
	chmod 777 "$T/bundle/src"
	add "['bind', 'idmap']" "$UID_GID"
	inside 'stat -c %u:%g /mnt/file; touch /mnt/new'
	[ "$status" -ne 0 ]
	[[ "$output" == 65534:65534*"too large"* ]]
}

@test "mapping with a user namespace, given and implied" {
	tree
	userns
	add "['rbind']" "uidMappings=[dict(containerID=100, hostID=100007, size=1)], gidMappings=[dict(containerID=200, hostID=100008, size=1)]"
	config "c['mounts'].append(dict(destination='/implied', source='src', options=['rbind', 'idmap']))"
	inside 'stat -c %u:%g /mnt/file /implied/file /implied/sub/file; touch /implied/new 2>&1; stat -c %u /implied/new'
	[ "$status" -eq 0 ]
	[[ "$output" == 7:8$'\n'100:200$'\n'65534:65534$'\n'0 ]]
	[ "$(stat -c %u "$T/bundle/src/new")" = 0 ]
}

@test "an implied mapping of a user namespace that is joined" {
	tree
	userns
	detached
	pid=$(oci state "$ID" | python3 -c 'import json, sys; print(json.load(sys.stdin)["pid"])')
	config "c['linux']['namespaces'][-1]['path'] = '/proc/$pid/ns/user'" "del c['linux']['uidMappings'], c['linux']['gidMappings']" \
		"c['linux']['cgroupsPath'] += '-2'"
	add "['rbind', 'idmap']" ""
	args stat -c %u:%g /mnt/file
	run oci run --bundle "$T/bundle" "$ID-2"
	[[ "$output" == 100:200 ]]
	# Mappings beside a path must be those of the namespace.
	config "c['linux']['uidMappings'] = c['linux']['gidMappings'] = [dict(containerID=0, hostID=100000, size=65536)]"
	run oci run --bundle "$T/bundle" "$ID-2"
	[[ "$output" == 100:200 ]]
	config "c['linux']['uidMappings'] = [dict(containerID=0, hostID=1, size=1)]"
	run oci run --bundle "$T/bundle" "$ID-2"
	[ "$status" -ne 0 ]
	[[ "$output" == *"both namespace path and non-matching mapping specified"* ]]
}

@test "a mapping in the option itself, absolute and by the container's ids" {
	tree
	add "['rbind', 'idmap=uids=100-5000-2;gids=200-6000-1']"
	inside 'stat -c %u:%g /mnt/file /mnt/sub/file'
	[ "$output" = 5000:6000$'\n'100:200 ]
	config "c['mounts'][-1]['options'] = ['rbind', 'ridmap=uids=0-0-1#100-5000-2;gids=200-6000-1']"
	inside 'stat -c %u:%g /mnt/file /mnt/sub/file'
	[ "$output" = 5000:6000$'\n'5000:6000 ]
	userns
	config "c['mounts'][-1]['options'] = ['rbind', 'idmap=uids=@100-7-1;gids=@200-8-1']"
	inside 'stat -c %u:%g /mnt/file'
	[ "$output" = 7:8 ]
	config "c['mounts'][-1]['options'] = ['bind', 'idmap=uids=100-7;gids=200-8-1']"
	inside true
	[[ "$status" -eq 1 && "$output" == *'invalid mount /mnt: invalid mapping '*'uids=100-7;gids=200-8-1'* ]]
	config "c['mounts'][-1]['options'] = ['idmap=uids=100-7-1;gids=200-8-1']" "c['mounts'][-1]['type'] = 'tmpfs'"
	inside true
	[[ "$status" -eq 1 && "$output" == *"only supported for bind-mounts"* ]]
}

@test "broken mappings are refused by name" {
	tree
	add "['bind']" "uidMappings=[dict(containerID=0, hostID=0, size=1)]"
	inside true
	[[ "$status" -ne 0 && "$output" == *"must have both uid and gid mappings specified"* ]]
	config "c['mounts'].pop()"
	add "['bind', 'idmap']" ""
	inside true
	[[ "$status" -ne 0 && "$output" == *"must have both uid and gid mappings specified"* ]]
	config "c['mounts'].pop()" "c['mounts'].append(dict(destination='/mnt', type='tmpfs', source='tmpfs', options=['idmap']))"
	inside true
	[[ "$status" -ne 0 && "$output" == *"only supported for bind-mounts"* ]]
	config "c['mounts'].pop()"
	add "['bind']" "uidMappings=[dict(containerID=0, hostID=0, size=0)], gidMappings=[dict(containerID=0, hostID=0, size=1)]"
	inside true
	[[ "$status" -ne 0 && "$output" == *"uidMappings[0] is invalid"* ]]
	config "c['mounts'].pop()"
	add "['bind']" "uidMappings=[dict(containerID=0, hostID=0, size=9), dict(containerID=3, hostID=20, size=9)], gidMappings=[dict(containerID=0, hostID=0, size=1)]"
	inside true
	[[ "$status" -ne 0 && "$output" == *"mapping of mount /mnt"* ]]
}
