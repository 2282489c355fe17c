#!/usr/bin/env bats
# What a container may and may not do.
load common

inside() {
	args sh -c "$1"
	run oci run --bundle "$T/bundle" "$ID"
}

@test "the root is read-only, masked paths are empty, read-only paths refuse" {
	inside 'touch /x 2>&1; wc -c </proc/keys; ls /proc/acpi | wc -l; echo 1 2>&1 >/proc/sys/kernel/domainname'
	[[ "$output" == *"Read-only file system"* ]]
	[[ "$output" == *$'\n0\n0\n'* ]]
	[[ "$output" == *"can't create /proc/sys/kernel/domainname"* ]]
}

@test "rlimits, capabilities and no_new_privs" {
	config 'c["process"]["rlimits"] = [{"type": "RLIMIT_NOFILE", "hard": 77, "soft": 66}, {"type": "RLIMIT_CORE", "hard": 18446744073709551615, "soft": 0}]'
	inside 'ulimit -n; ulimit -Hn; grep -E "^(Cap|NoNew)" /proc/self/status'
	[[ "$output" == 66$'\n'77* ]]
	[[ "$output" == *CapEff:*0000000020000420* ]]
	[[ "$output" == *CapBnd:*0000000020000420* ]]
	[[ "$output" == *CapInh:*0000000000000000* ]]
	[[ "$output" == *NoNewPrivs:*1* ]]
}

@test "another user with groups and umask, capabilities gone" {
	config 'c["process"]["user"] = {"uid": 1000, "gid": 1001, "additionalGids": [7, 8], "umask": 63}'
	inside 'id; umask; grep CapEff /proc/self/status; echo $HOME'
	[[ "$output" == *"uid=1000"*"gid=1001"*"groups="*7*8* ]]
	[[ "$output" == *0077* ]]
	[[ "$output" == */home/u* ]]
}

@test "seccomp refuses with the errno of the profile" {
	config 'c["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["unshare", "no_such_call"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1}, {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]}' \
		'c["root"]["readonly"] = False'
	inside 'unshare -m true 2>&1; mkdir /tmp/x 2>&1; grep Seccomp: /proc/self/status'
	[[ "$output" == *"Operation not permitted"* ]]
	[[ "$output" == *"No space left on device"* ]]
	[[ "$output" == *"Seccomp:"*2* ]]
}

@test "seccomp without no_new_privs" {
	config 'c["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}]}' \
		'c["process"]["noNewPrivileges"] = False'
	inside 'mkdir /tmp/x 2>&1; grep NoNew /proc/self/status'
	[[ "$output" == *"Operation not permitted"* ]]
	[[ "$output" == *NoNewPrivs:*0* ]]
}

@test "limits reach the cgroup" {
	config 'c["linux"]["resources"].update({"memory": {"limit": 33554432}, "cpu": {"shares": 512, "quota": 50000, "period": 100000}, "pids": {"limit": 20}})'
	detached
	[ "$(cat "$(cgfile memory memory.limit_in_bytes memory.max)")" = 33554432 ]
	[ "$(cat "$(cgfile pids pids.max pids.max)")" = 20 ]
	if [ -d /sys/fs/cgroup/cpu ]; then
		[ "$(cat "/sys/fs/cgroup/cpu$CG/cpu.shares")" = 512 ]
		[ "$(cat "/sys/fs/cgroup/cpu$CG/cpu.cfs_quota_us")" = 50000 ]
	fi
	oci update --memory 64m --pids-limit 30 "$ID"
	[ "$(cat "$(cgfile memory memory.limit_in_bytes memory.max)")" = 67108864 ]
	[ "$(cat "$(cgfile pids pids.max pids.max)")" = 30 ]
	oci update --memory 48m "$ID"
	[ "$(cat "$(cgfile memory memory.limit_in_bytes memory.max)")" = 50331648 ]
}

@test "devices: the defaults work, others are refused, given ones are made" {
	config 'c["linux"]["devices"] = [{"path": "/dev/mykmsg", "type": "c", "major": 1, "minor": 11, "fileMode": 0o600, "uid": 5, "gid": 6}]' \
		'c["process"]["capabilities"]["bounding"] += ["CAP_MKNOD", "CAP_DAC_OVERRIDE"]' \
		'c["process"]["capabilities"]["effective"] += ["CAP_MKNOD", "CAP_DAC_OVERRIDE"]' \
		'c["process"]["capabilities"]["permitted"] += ["CAP_MKNOD", "CAP_DAC_OVERRIDE"]'
	inside 'stat -c "%t:%T %a %u %g" /dev/mykmsg; dd if=/dev/mykmsg of=/dev/null count=1 2>&1; echo x >/dev/null && echo fine; readlink /dev/fd'
	[[ "$output" == *"1:b 600 5 6"* ]]
	[[ "$output" == *"Operation not permitted"* ]]
	[[ "$output" == *fine*/proc/self/fd* ]]
}

@test "symbolic links in mount destinations stay inside the root" {
	mkdir -p "$T/outside" "$T/src"
	echo secret >"$T/src/file"
	ln -s "$T/outside" "$T/bundle/rootfs/link"
	ln -s ../../../../../../../.."$T/outside" "$T/bundle/rootfs/dots"
	config "c['mounts'] += [{'destination': '/link/a', 'type': 'bind', 'source': '$T/src', 'options': ['rbind', 'ro']}, {'destination': '/dots/b', 'type': 'bind', 'source': '$T/src', 'options': ['bind']}]" \
		'c["root"]["readonly"] = False'
	inside "cat $T/outside/a/file $T/outside/b/file; touch $T/outside/a/x 2>&1"
	[[ "$output" == secret$'\n'secret* ]]
	[[ "$output" == *"Read-only file system"* ]]
	[ -z "$(ls -A "$T/outside")" ]
}

@test "/proc as a symbolic link is refused, so is a mount inside /proc" {
	rm -rf "$T/bundle/rootfs/proc"
	ln -s tmp "$T/bundle/rootfs/proc"
	inside true
	[ "$status" -eq 1 ]
	[[ "$output" == *"must be mounted on ordinary directory"* ]]
	rm "$T/bundle/rootfs/proc"
	config "c['mounts'] += [{'destination': '/proc/sys', 'type': 'tmpfs', 'source': 'tmpfs'}]"
	inside true
	[ "$status" -eq 1 ]
	[[ "$output" == *"inside /proc"* ]]
}

@test "no descriptor of the runtime or the caller reaches the container" {
	args ls /proc/self/fd
	run bash -c '"$@" 9</etc/hostname' - "$OCI_BIN" --root "$T/state" run --bundle "$T/bundle" "$ID"
	[ "$output" = $'0\n1\n2\n3' ]
	args sh -c 'cat <&3; ls /proc/self/fd | wc -l'
	run bash -c '"$@" 3</etc/hostname 9</etc/passwd' - "$OCI_BIN" --root "$T/state" run --preserve-fds 1 --bundle "$T/bundle" "$ID"
	[ "$output" = "$(cat /etc/hostname)"$'\n5' ]
}

@test "a working directory is made, also below a read-only root; one outside does not exist" {
	for ro in True False; do
		config "c['root']['readonly'] = $ro" "c['process']['cwd'] = '/made/$ro'"
		inside pwd
		[ "$output" = "/made/$ro" ]
	done
	config 'c["process"]["cwd"] = "/proc/self/fd/7"'
	inside pwd
	[ "$status" -ne 0 ]
}

@test "the runtime's binary cannot be written from inside" {
	before=$(sha256sum "$OCI_BIN")
	detached
	for _ in 1 2 3; do oci exec "$ID" /proc/self/exe --version || true; done
	[ "$before" = "$(sha256sum "$OCI_BIN")" ]
}

@test "namespaces by path are joined" {
	unshare -n -u sleep 600 3>&- &
	holder=$!
	eventually 60 own_network $holder
	config "c['linux']['namespaces'] = [dict(n, path='/proc/$holder/ns/net') if n['type'] == 'network' else n for n in c['linux']['namespaces']]"
	inside 'readlink /proc/self/ns/net'
	want=$(readlink "/proc/$holder/ns/net")
	kill "$holder"
	[ "$output" = "$want" ]
}

@test "a pid namespace by path is joined" {
	unshare -p -f --kill-child sleep 600 3>&- &
	outer=$!
	child() { grep -q sleep "/proc/$(tr -d ' ' <"/proc/$outer/task/$outer/children")/cmdline"; }
	eventually 60 child
	holder=$(cat "/proc/$outer/task/$outer/children")
	config "c['linux']['namespaces'] = [dict(n, path='/proc/${holder% }/ns/pid') if n['type'] == 'pid' else n for n in c['linux']['namespaces']]"
	inside 'readlink /proc/self/ns/pid; ps | grep -c "sleep 600"'
	want=$(readlink "/proc/${holder% }/ns/pid")
	kill "$outer"
	[[ "$output" == "$want"* ]]
}

@test "a user namespace with mappings" {
	config 'c["linux"]["namespaces"].append({"type": "user"})' \
		'c["linux"]["uidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 65536}]' \
		'c["linux"]["gidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 65536}]'
	chmod 755 "$T" "$T/bundle"
	chown -R 100000:100000 "$T/bundle/rootfs"
	inside 'id -u; cat /proc/self/uid_map; echo x >/dev/null && echo fine'
	[ "$status" -eq 0 ]
	[[ "$output" == 0*100000*65536*fine* ]]
}

@test "time namespace offsets" {
	[ -e /proc/self/ns/time ] || skip "no time namespaces"
	config 'c["linux"]["namespaces"].append({"type": "time"})' 'c["linux"]["timeOffsets"] = {"boottime": {"secs": 1000000, "nanosecs": 0}}'
	inside 'cat /proc/uptime'
	up=${output%%.*}
	[ "$up" -gt 1000000 ]
}

@test "sysctl and tmpcopyup" {
	echo copied >"$T/bundle/rootfs/tmp/f"
	config 'c["linux"]["sysctl"] = {"net.ipv4.ip_forward": "1", "kernel.msgmax": "4096"}' \
		'c["mounts"].append({"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["tmpcopyup", "mode=1777"]})'
	inside 'cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax /tmp/f; touch /tmp/new && stat -c %a /tmp; ip link show lo'
	[[ "$output" == 1$'\n'4096$'\n'copied$'\n'1777* ]]
	[[ "$output" == *LOOPBACK,UP* ]]
	[ ! -e "$T/bundle/rootfs/tmp/new" ]
}

@test "a seccomp profile older than the calls of the runtime: the program starts, no descriptor leaks" {
	config 'c["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["faccessat2", "close_range", "openat2", "statx", "execveat", "clone3", "pidfd_send_signal"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1}]}'
	for nnp in True False; do
		config "c['process']['noNewPrivileges'] = $nnp"
		args ls /proc/self/fd
		run bash -c '"$@" 9</etc/hostname' - "$OCI_BIN" --root "$T/state" run --bundle "$T/bundle" "$ID"
		[ "$output" = $'0\n1\n2\n3' ]
		args /etc/passwd
		run oci run --bundle "$T/bundle" "$ID"
		[[ "$output" == *'exec: \"/etc/passwd\": permission denied'* ]]
	done
}

@test "kernel parameters of the host are refused" {
	before=$(cat /proc/sys/net/ipv4/ip_forward)
	config 'c["linux"]["sysctl"] = {"net.ipv4.ip_forward": "'$((1 - before))'"}' \
		'c["linux"]["namespaces"] = [n for n in c["linux"]["namespaces"] if n["type"] != "network"]'
	inside true
	[ "$status" -eq 1 ]
	[[ "$output" == *'sysctl \"net.ipv4.ip_forward\" not allowed in host network namespace'* ]]
	config 'c["linux"]["namespaces"].append({"type": "network", "path": "/proc/self/ns/net"})'
	inside true
	[ "$status" -eq 1 ]
	[ "$(cat /proc/sys/net/ipv4/ip_forward)" = "$before" ]
	config 'c["linux"]["sysctl"] = {"kernel.hostname": "x"}'
	inside true
	[[ "$output" == *'not allowed as it conflicts with the OCI \"hostname\" field'* ]]
	config 'c["linux"]["sysctl"] = {"net/../kernel/core_pattern": "x"}'
	inside true
	[[ "$output" == *'is invalid'* ]]
}
