#!/usr/bin/env bats
# The process: user, environment, directory, limits, capabilities.
load common

inside() {
	args "$@"
	run oci run --bundle "$T/bundle" "$ID"
}

@test "user, group, further groups and umask" {
	config 'c["process"]["user"] = {"uid": 1000, "gid": 7, "additionalGids": [8, 9], "umask": 0o027}'
	inside sh -c 'id -u; id -g; id -G; umask'
	[ "$status" -eq 0 ]
	[ "${lines[*]}" = "1000 7 7 8 9 0027" ]
}

@test "the umask is 022 where none is given, whatever the caller's is" {
	args sh -c umask
	(umask 077 && oci run --bundle "$T/bundle" "$ID") >"$T/out"
	[ "$(cat "$T/out")" = 0022 ]
}

@test "HOME comes from the image's passwd file where the environment has none" {
	config 'c["process"]["env"] = ["PATH=/bin", "HOME="]' 'c["process"]["user"] = {"uid": 1000, "gid": 1000}'
	inside env
	[[ "$output" == *"HOME=/home/u"* ]]
	config 'c["process"]["user"]["uid"] = 4711'
	inside env
	[[ "$output" == *"HOME=/"* ]]
	config 'c["process"]["env"] = ["HOME=/a", "PATH=/bin", "HOME=/b"]'
	inside env
	[ "$(grep -c HOME= <<<"$output")" -eq 1 ]
	[[ "$output" == *"HOME=/b"* ]]
}

@test "a passwd file that is a pipe or a link to nowhere does not hinder the start" {
	config 'c["process"]["env"] = ["PATH=/bin"]'
	rm "$T/bundle/rootfs/etc/passwd"
	mkfifo "$T/bundle/rootfs/etc/passwd"
	inside env
	[ "$status" -eq 0 ]
	[[ "$output" == *"HOME=/"* ]]
	rm "$T/bundle/rootfs/etc/passwd"
	ln -s /nowhere "$T/bundle/rootfs/etc/passwd"
	inside env
	[[ "$output" == *"HOME=/"* ]]
}

@test "malformed environment entries are refused" {
	config 'c["process"]["env"] = ["PATH=/bin", "NOVALUE"]'
	inside true
	[ "$status" -eq 1 ]
	[[ "$output" == *"invalid environment variable: missing '='"* ]]
	config 'c["process"]["env"] = ["=x"]'
	inside true
	[[ "$output" == *"invalid environment variable: name cannot be empty"* ]]
}

@test "the program is looked for in the container's PATH" {
	config 'c["process"]["env"] = ["PATH=/nothing:/bin"]'
	inside echo found
	[ "$output" = found ]
	config 'c["process"]["env"] = ["PATH=/nothing"]'
	inside echo found
	[ "$status" -eq 1 ]
	[[ "$output" == *'exec: \"echo\": executable file not found in $PATH'* ]]
}

@test "the working directory is made, also on a read-only root, and refused where it is outside" {
	config 'c["process"]["cwd"] = "/new/dir"' 'c["root"]["readonly"] = True'
	inside pwd
	[ "$output" = /new/dir ]
	for fd in $(seq 3 20); do
		config "c['process']['cwd'] = '/proc/self/fd/$fd'"
		inside pwd
		[ "$status" -ne 0 ]
	done
}

@test "standard output is the user's own" {
	config 'c["process"]["user"] = {"uid": 1000, "gid": 1000}'
	inside sh -c 'echo again >/dev/stdout; echo twice >/proc/self/fd/1'
	[ "$status" -eq 0 ]
	[ "${lines[*]}" = "again twice" ]
}

@test "limits are set for the program only" {
	config 'c["process"]["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 4, "hard": 5}, {"type": "RLIMIT_FSIZE", "soft": 0, "hard": 0}]'
	inside sh -c 'ulimit -n; ulimit -Hn; ulimit -f'
	[ "$status" -eq 0 ]
	[ "${lines[*]}" = "4 5 0" ]
	config 'c["process"]["rlimits"] *= 2'
	inside true
	[ "$status" -eq 1 ]
	[[ "$output" == *"RLIMIT_NOFILE twice"* ]]
}

@test "limits are set in a user namespace too" {
	hard=$(ulimit -Hn)
	config 'c["linux"]["namespaces"].append({"type": "user"})' \
		'c["linux"]["uidMappings"] = c["linux"]["gidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 65536}]' \
		"c['process']['rlimits'] = [{'type': 'RLIMIT_NOFILE', 'soft': $((hard - 1)), 'hard': $((hard - 1))}]"
	chmod 711 "$T" "$T/bundle"
	chown -R 100000:100000 "$T/bundle/rootfs"
	inside sh -c 'ulimit -n'
	[ "$status" -eq 0 ]
	[ "$output" -eq $((hard - 1)) ]
}

@test "unknown capabilities are a warning, the inheritable set is empty unless asked for" {
	config 'c["process"]["capabilities"] = {s: ["CAP_KILL", "CAP_FUTURE"] for s in ("bounding", "effective", "permitted")}'
	inside grep Cap /proc/self/status
	[ "$status" -eq 0 ]
	[[ "$output" == *"level=warning"*"ignoring unknown or unavailable capabilities: [CAP_FUTURE]"* ]]
	[[ "$output" == *"CapInh:	0000000000000000"* ]]
	[[ "$output" == *"CapEff:	0000000000000020"* ]]
	[[ "$output" == *"CapBnd:	0000000000000020"* ]]
}

@test "an ambient capability that cannot be raised is a warning" {
	config 'c["process"]["capabilities"].update(inheritable=["CAP_KILL"], ambient=["CAP_KILL", "CAP_CHOWN"])'
	inside grep CapAmb /proc/self/status
	[ "$status" -eq 0 ]
	[[ "$output" == *"can't raise ambient capability CAP_CHOWN: operation not permitted"* ]]
	[[ "$output" == *"CapAmb:	0000000000000020"* ]]
}

@test "security labels without their module are refused" {
	[ ! -e /sys/fs/selinux/enforce ] || skip "has SELinux"
	config 'c["process"]["selinuxLabel"] = "system_u:system_r:svirt_lxc_net_t:s0"'
	inside true
	[ "$status" -eq 1 ]
	[[ "$output" == *"selinux label is specified in config, but selinux is disabled or not supported"* ]]
	config 'c["process"].pop("selinuxLabel")' 'c["process"]["apparmorProfile"] = "no-such-profile"'
	inside true
	[ "$status" -eq 1 ]
	[[ "$output" == *"apparmor failed to apply profile"* ]]
}
