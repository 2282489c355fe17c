#!/usr/bin/env bats
# Entering containers whose processes are hostile.
load common

setup_file() {
	gcc -static -O1 -Wall -o "$BATS_FILE_TMPDIR/hostile" "$BATS_TEST_DIRNAME/hostile.c" || skip "no static C compiler"
}

# attack: the hostile program as the container's init while others enter; it must get hold of none of them.
attack() {
	cp "$BATS_FILE_TMPDIR/hostile" "$T/bundle/rootfs/bin/hostile"
	echo secret >"$T/secret"
	detached hostile 4 "$T/secret" # it holds who it traces, so it has to end by itself
	eventually 60 grep -q ready "$T/out"
	for _ in $(seq 60); do
		oci exec "$ID" true >/dev/null 2>&1 </dev/null || true
	done
	eventually 60 is_stopped
	cat "$T/out"
	if grep -E "${1:-REACHED|OPENED|TRACED}" "$T/out"; then false; fi
}

@test "a hostile init gets hold of nobody who enters" {
	attack
}

@test "an init that may trace everything in its user namespace gets hold of nobody who enters" {
	chmod 711 "$T"
	chown -R 100000:100000 "$T/bundle/rootfs"
	config 'c["process"]["capabilities"] = {k: ["CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE", "CAP_KILL", "CAP_SYS_ADMIN"] for k in ("bounding", "effective", "permitted")}' \
		'c["linux"]["namespaces"].append({"type": "user"})' 'c["mounts"] = [m for m in c["mounts"] if m["type"] in ("proc", "tmpfs")]' \
		'c["linux"]["uidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 65536}]' 'c["linux"]["gidMappings"] = c["linux"]["uidMappings"]'
	attack
}

@test "an init that may trace everything on the machine finds nothing of the host in who enters" {
	config 'c["process"]["capabilities"] = {k: ["CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE", "CAP_KILL", "CAP_SYS_ADMIN"] for k in ("bounding", "effective", "permitted")}' \
		'c["process"]["noNewPrivileges"] = False'
	attack REACHED
	grep -qE 'OPENED|TRACED' "$T/out" # it did see some
}

@test "the descriptor table of a process that enters holds nothing of the caller's" {
	detached
	echo secret >"$T/secret"
	run bash -c "exec 7<'$T/secret' 8<'$T'; '$OCI_BIN' --root '$T/state' exec '$ID' sh -c 'ls /proc/self/fd | wc -l; ls -l /proc/self/fd; cat <&7'"
	[[ "$output" == 4$'\n'* ]]
	[[ "$output" != *secret* ]]
}

@test "a working directory that leads out is refused" {
	detached
	local fd
	for fd in 3 7 8 9; do
		run bash -c "exec 7</ 8<'$T'; '$OCI_BIN' --root '$T/state' exec --cwd /proc/self/fd/$fd '$ID' cat ..$T/bundle/config.json"
		[ "$status" -ne 0 ]
		[[ "$output" != *ociVersion* ]]
	done
	config 'c["process"]["cwd"] = "/proc/self/fd/7/../../.."'
	args cat etc/hostname
	run bash -c "exec 7</; '$OCI_BIN' --root '$T/state' run --bundle '$T/bundle' '${ID}b'"
	[ "$status" -ne 0 ]
}

@test "a /proc that the container has covered is not written to" {
	config 'c["process"]["capabilities"]["bounding"].append("CAP_SYS_ADMIN")' 'c["process"]["capabilities"]["effective"].append("CAP_SYS_ADMIN")' \
		'c["process"]["capabilities"]["permitted"].append("CAP_SYS_ADMIN")'
	detached sh -c 'mount -t tmpfs none /proc && mkdir -p /proc/self/attr /proc/1 /proc/self/fd && touch /proc/self/attr/exec /proc/self/oom_score_adj /proc/self/attr/keycreate; sleep 300'
	covered() { grep -q ' /proc tmpfs ' "/proc/$(oci state "$ID" | sed -n 's/.*"pid": \([0-9]*\).*/\1/p')/mounts"; }
	eventually 60 covered
	run oci exec "$ID" echo entered
	[ "$status" -eq 0 ] || [[ "$output" == *proc* ]]
	run oci exec "$ID" sh -c 'cd /proc/self && wc -c attr/exec attr/keycreate oom_score_adj && ls fd | wc -l'
	if [ "$status" -eq 0 ]; then
		[[ "$output" == *"0 total"* ]]
		[[ "$output" == *$'\n0' ]]
	fi
	oci kill "$ID" KILL
}

@test "a fork bomb stays in its limit and ends with the container" {
	config 'c["linux"]["resources"]["pids"] = {"limit": 30}'
	detached sh -c '(while :; do sleep 300 & done) 2>/dev/null & exec sleep 1000' # a shell that cannot fork ends
	full() { [ "$(cat "$(cgfile pids pids.current pids.current)")" -ge 29 ]; }
	eventually 60 full
	[ "$(cat "$(cgfile pids pids.current pids.current)")" -le 30 ]
	run timeout 100 "$OCI_BIN" --root "$T/state" exec "$ID" true
	[ "$status" -ne 124 ]
	run timeout 100 "$OCI_BIN" --root "$T/state" delete --force "$ID"
	[ "$status" -eq 0 ]
	[ ! -d "/sys/fs/cgroup/pids$CG" ]
}

@test "a paused container is not entered, and is deleted all the same" {
	detached
	oci pause "$ID"
	run timeout 60 "$OCI_BIN" --root "$T/state" exec "$ID" true
	[ "$status" -eq 255 ]
	[[ "$output" == *paused* ]]
	run timeout 100 "$OCI_BIN" --root "$T/state" delete --force "$ID"
	[ "$status" -eq 0 ]
}

@test "the inheritable set of the caller reaches neither run nor exec" {
	command -v setpriv >/dev/null || skip "needs setpriv"
	args sh -c 'grep CapInh /proc/self/status'
	run setpriv --inh-caps=+net_raw,+sys_admin "$OCI_BIN" --root "$T/state" run --bundle "$T/bundle" "$ID"
	[[ "$output" == *"0000000000000000" ]]
	detached
	run setpriv --inh-caps=+net_raw,+sys_admin "$OCI_BIN" --root "$T/state" exec "$ID" grep CapInh /proc/self/status
	[[ "$output" == *"0000000000000000" ]]
	run oci exec --cap CAP_NET_RAW "$ID" grep CapInh /proc/self/status
	[[ "$output" == *"0000000000000000" ]]
}
