#!/usr/bin/env bats
# Containers of an ordinary user: uid 54321, who needs no account. Subordinate ids need one and are tested where it exists.
load common

USER_ID=54321

# user COMMAND: knarr-oci as that user, without any group of root's.
user() {
	setpriv --reuid $USER_ID --regid $USER_ID --clear-groups env -u USER HOME="$T" XDG_RUNTIME_DIR="$T/run" "$U/knarr-oci" "$@"
}

prepare() {
	command -v setpriv >/dev/null || skip "needs setpriv"
	U=$(mktemp -d /tmp/knarr-oci-user.XXXXXX)
	cp "$OCI_BIN" "$U/knarr-oci"
	mkdir "$T/run"
	rm "$T/bundle/config.json"
	chown -R $USER_ID:$USER_ID "$T"
	chmod 755 "$T" "$U"
	(cd "$T/bundle" && user spec --rootless) || false
	config 'c["process"]["terminal"] = False' "c['root']['readonly'] = False"
	user run --bundle "$T/bundle" probe </dev/null >/dev/null 2>&1 || true
}

teardown() {
	[ -n "${U:-}" ] || return 0
	for c in $(user list -q); do
		user delete --force "$c"
	done
	rm -rf --one-file-system "$U" "$T"
}

@test "root inside, the user outside, state below XDG_RUNTIME_DIR" {
	prepare
	args sh -c 'id -u; cat /proc/self/uid_map; cat /proc/self/setgroups; echo x >/made'
	run user run --bundle "$T/bundle" "$ID"
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = 0 ]
	[[ "${lines[1]}" =~ ^\ *0\ +$USER_ID\ +1$ ]]
	[ "${lines[2]}" = deny ]
	[ "$(stat -c %u "$T/bundle/rootfs/made")" = $USER_ID ]
	[ -d "$T/run/knarr-oci" ]
}

@test "exec, ps, kill and delete without any cgroup" {
	prepare
	args sleep 300
	user run -d --bundle "$T/bundle" "$ID" </dev/null >/dev/null 2>&1
	[ "$(user state "$ID" | jq -r .status)" = running ]
	[ "$(user exec "$ID" sh -c 'echo $$ $(id -u)')" = "2 0" ]
	[ "$(user exec "$ID" cat /proc/1/comm)" = sleep ]
	run user pause "$ID"
	[ "$status" -eq 1 ]
	[ "$(user list -q)" = "$ID" ]
	user kill "$ID" KILL
	stopped() { [ "$(user state "$ID" | jq -r .status)" = stopped ]; }
	eventually 60 stopped
	user delete "$ID"
	[ -z "$(user list -q)" ]
}

@test "exec into a container that was created only" {
	prepare
	args sleep 300
	user create --bundle "$T/bundle" "$ID" </dev/null >/dev/null 2>&1
	[ "$(user exec "$ID" echo in)" = in ]
	[ "$(user state "$ID" | jq -r .status)" = created ]
	user start "$ID"
}

@test "devices are the host's, and nothing of /sys/fs/cgroup can be written" {
	prepare
	args sh -c 'echo x >/dev/null && [ -c /dev/zero ] && mkdir /sys/fs/cgroup/x'
	run user run --bundle "$T/bundle" "$ID"
	[ "$status" -ne 0 ]
	[[ "$output" == *"mkdir: can't create directory '/sys/fs/cgroup/x': Read-only file system"* ]]
	config 'c["linux"]["namespaces"] = [n for n in c["linux"]["namespaces"] if n["type"] != "cgroup"]'
	args sh -c 'for d in /sys/fs/cgroup /sys/fs/cgroup/*; do ! mkdir $d/x 2>/dev/null || echo $d; done'
	run user run --bundle "$T/bundle" "$ID"
	[ "$output" = "" ]
}

@test "limits and cgroup paths that cannot be had are refused" {
	prepare
	args true
	config 'c["linux"]["resources"] = {"pids": {"limit": 10}}'
	run user run --bundle "$T/bundle" "$ID"
	[ "$status" -eq 1 ]
	[[ "$output" == *"cannot set pids limit: container could not join or create cgroup"* ||
		"$output" == *"rootless needs no limits + no cgrouppath when no permission is granted for cgroups"* ]]
	config 'del c["linux"]["resources"]' "c['linux']['cgroupsPath'] = '$CG'"
	run user run --bundle "$T/bundle" "$ID"
	[ "$status" -eq 1 ]
	[[ "$output" == *"permission denied"* ]]
}

@test "configurations that need privilege are refused by name" {
	prepare
	args true
	config 'c["process"]["user"]["additionalGids"] = [5]'
	run user run --bundle "$T/bundle" "$ID"
	[ "$status" -eq 1 ]
	[[ "$output" == *"cannot set any additional groups in a rootless container"* ]]
	config 'del c["process"]["user"]["additionalGids"]' 'c["mounts"][1]["options"].append("uid=7")'
	run user run --bundle "$T/bundle" "$ID"
	[[ "$output" == *"cannot specify uid=7 mount option for rootless container"* ]]
	config 'c["linux"]["namespaces"] = [n for n in c["linux"]["namespaces"] if n["type"] != "user"]' \
		'del c["linux"]["uidMappings"], c["linux"]["gidMappings"]'
	run user run --bundle "$T/bundle" "$ID"
	[[ "$output" == *"rootless container requires user namespaces"* ]]
}

@test "ids that nobody granted are newuidmap's error" {
	command -v newuidmap >/dev/null || skip "needs newuidmap (package uidmap)"
	prepare
	args true
	config 'c["linux"]["uidMappings"].append({"containerID": 1, "hostID": 1, "size": 10})'
	run user run --bundle "$T/bundle" "$ID"
	[ "$status" -eq 1 ]
	[[ "$output" == *"newuidmap: "* ]]
}
