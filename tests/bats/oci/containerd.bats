#!/usr/bin/env bats
# knarr-oci under Debian's containerd: named as the runtime's binary, and as its runc in PATH. The daemon has directories, a
# mount namespace and a /run/containerd of its own.
bats_require_minimum_version 1.5.0

load ../../lib/wait
OCI_BIN="$(realpath "${KNARR_OCI:-$BATS_TEST_DIRNAME/../../../build/bin/knarr-oci}")"
IMAGE=docker.io/library/knarr-demo:1
LOOP='trap "exit 0" TERM; while :; do sleep 1; done'

# Why nothing can be tested here; fails where all is there.
reason_to_skip() {
	[ "$(id -u)" = 0 ] || { echo "needs root"; return 0; }
	for p in containerd ctr containerd-shim-runc-v2 busybox; do
		command -v "$p" >/dev/null || { echo "$p is not installed"; return 0; }
	done
	[ -x "$OCI_BIN" ] || { echo "knarr-oci is not built"; return 0; }
	return 1
}

setup_file() {
	reason_to_skip >"$BATS_FILE_TMPDIR/reason" && return 0
	export C CG
	C=$(mktemp -d /tmp/knarr-containerd.XXXXXX)
	CG=/knarr-test-containerd-$$
	mkdir "$C/bin" "$C/fifo"
	ln -s "$OCI_BIN" "$C/bin/runc"
	cat >"$C/config.toml" <<-T
		version = 2
		root = "$C/root"
		state = "$C/state"
		disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs",
		  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.internal.v1.opt"]
		[grpc]
		  address = "$C/sock"
		[debug]
		  level = "info"
	T
	PATH=$C/bin:$PATH setsid unshare --mount --propagation private sh -c \
		'mkdir -p /run/containerd && mount -t tmpfs tmpfs /run/containerd && exec containerd -c "$1"' sh "$C/config.toml" \
		>"$C/log" 2>&1 </dev/null 3>&- 4>&- &
	echo $! >"$C/pid"
	eventually 60 c version
	BUSYBOX=$(command -v busybox) "$BATS_TEST_DIRNAME/../../../examples/image/build" "$C/image.tar"
	c images import "$C/image.tar"
}

teardown_file() {
	[ -n "${C:-}" ] || return 0
	remove_all
	for p in $(shims) "$(cat "$C/pid")"; do
		kill -9 "$p" 2>/dev/null || true
		ended "$p" || true
	done
	grep -o " $C/[^ ]*" /proc/self/mountinfo | sort -r | while read -r m; do umount "$m"; done
	for h in /sys/fs/cgroup /sys/fs/cgroup/*; do
		[ -d "$h$CG" ] && find "$h$CG" -depth -type d -exec rmdir {} + 2>/dev/null
	done
	rm -rf --one-file-system "$C"
}

setup() {
	if [ -s "$BATS_FILE_TMPDIR/reason" ]; then skip "$(cat "$BATS_FILE_TMPDIR/reason")"; fi
	ID=c$BATS_TEST_NUMBER
}
teardown() { [ -z "${C:-}" ] || remove_all >/dev/null 2>&1; }

# c ARGS...: ctr, where containerd is.
c() { nsenter --target "$(cat "$C/pid")" --mount -- timeout --foreground 120 ctr --address "$C/sock" -n knarr "$@" 3>&- 4>&-; }

# Shims that serve this containerd.
shims() {
	local p
	for p in /proc/[0-9]*; do
		[ -r "$p/cmdline" ] || continue
		[[ "$(tr '\0' ' ' 2>/dev/null <"$p/cmdline")" == *containerd-shim-runc-v2*"$C/sock"* ]] && echo "${p#/proc/}"
	done
	return 0
}

remove_all() {
	for i in $(c tasks ls -q); do
		c tasks kill -s KILL -a "$i"
		c tasks rm -f "$i"
	done
	for i in $(c containers ls -q); do c containers rm "$i"; done
}

# r OPTIONS... ID COMMAND...: ctr run of the image with the binary named, in a cgroup of the test's own.
r() {
	local options=()
	while [[ "$1" == -* ]]; do
		options+=("$1")
		shift
	done
	c run --runc-binary "$OCI_BIN" --cgroup "$CG/$1" --fifo-dir "$C/fifo" "${options[@]}" "$IMAGE" "$@"
}

started() {
	r -d "$@" "$ID" sh -c "$LOOP" </dev/null >/dev/null
	eventually 60 catches_term "$(pid_of "$ID")"
}
pid_of() { c tasks ls | awk -v i="$1" '$1 == i { print $2 }'; }
status_of() { c tasks ls | awk -v i="$1" '$1 == i { print $3 }'; }

is_status() { [ "$(status_of "$1")" = "$2" ]; }

cgfile() {
	if [ -d "/sys/fs/cgroup/$1" ]; then cat "/sys/fs/cgroup/$1$CG/$ID/$2"; else cat "/sys/fs/cgroup$CG/$ID/$3"; fi
}

@test "run: output, exit status, nothing left" {
	run r --rm "$ID" sh -c 'echo hello; exit 7'
	[ "$status" -eq 7 ]
	[ "$output" = hello ]
	[ -z "$(c containers ls -q)" ]
	if ls -d /sys/fs/cgroup/*"$CG/$ID" 2>/dev/null; then false; fi
}

@test "run: standard input, environment, directory, a user, mounts, read-only" {
	[ "$(echo text | r --rm "$ID" head -n 1)" = text ] # ctr passes the end of input on too early or not at all
	echo data >"$C/file"
	run r --rm --env=A=b --cwd=/var/tmp --read-only "--mount=type=bind,src=$C/file,dst=/file,options=rbind:ro" "$ID-2" \
		sh -c 'exec 2>&1; echo $A; pwd; cat /file; touch /x; echo y >/file'
	[[ "$output" == b$'\n'/var/tmp$'\n'data$'\n'*"/x: Read-only"*"/file: Read-only"* ]]
}

@test "run: a program that is not there" {
	run r --rm "$ID" nothing
	[ "$status" -ne 0 ]
	[[ "$output" == *'OCI runtime create failed'*'exec: \"nothing\": executable file not found in $PATH'* || "$output" == *'exec: "nothing": executable file not found in $PATH'* ]]
	[ -z "$(c tasks ls -q)" ]
}

@test "run: capabilities, seccomp, limits" {
	run r --rm --seccomp --cap-drop=CAP_CHOWN "$ID" sh -c 'exec 2>&1; grep -E "Seccomp:|NoNewPrivs" /proc/self/status | cut -f 2; chown 5 /tmp; unshare -m true'
	[[ "$output" == 1$'\n'2$'\n'*"chown: /tmp: Operation not permitted"*"Operation not permitted" ]]
	started --memory-limit=67108864 --cpus=0.5
	[ "$(cgfile memory memory.limit_in_bytes memory.max)" = 67108864 ]
	[[ "$(cgfile cpu cpu.cfs_quota_us cpu.max)" == 50000* ]]
	[ "$(cgfile pids cgroup.procs cgroup.procs | head -n 1)" = "$(pid_of "$ID")" ]
}

@test "a terminal" {
	command -v script >/dev/null || skip "needs script of bsdutils"
	export -f c r
	export IMAGE OCI_BIN
	SHELL=$BASH run script -qec "r --rm -t $ID sh -c 'tty; stty size; exit 3'" "$C/typescript" </dev/null
	[ "$status" -eq 3 ]
	[[ "$output" == */dev/pts/0* ]]
}

@test "exec: output, status, directory, a terminal, a missing program" {
	started
	[ "$(c tasks exec --fifo-dir "$C/fifo" --exec-id e1 "$ID" cat /proc/1/cmdline | tr '\0' ' ')" = "sh -c $LOOP " ]
	run c tasks exec --fifo-dir "$C/fifo" --exec-id e2 "$ID" sh -c 'exit 4'
	[ "$status" -eq 4 ]
	[ "$(c tasks exec --fifo-dir "$C/fifo" --exec-id e3 --cwd /tmp "$ID" pwd)" = /tmp ]
	[ "$(echo in | c tasks exec --fifo-dir "$C/fifo" --exec-id e4 "$ID" head -n 1)" = in ]
	[ "$(c tasks exec --fifo-dir "$C/fifo" --exec-id e5 --user 1000 "$ID" id -u)" = 1000 ]
	run c tasks exec --fifo-dir "$C/fifo" --exec-id e6 "$ID" nothing
	[ "$status" -ne 0 ]
	[[ "$output" == *"executable file not found in \$PATH"* ]]
	c tasks exec -d --fifo-dir "$C/fifo" --exec-id e7 "$ID" sleep 77 </dev/null
	[[ "$(c tasks ps "$ID" | wc -l)" -ge 3 ]]
	c tasks kill -s KILL --exec-id e7 "$ID"
}

@test "pause and resume" {
	started
	c tasks pause "$ID"
	is_status "$ID" PAUSED
	c tasks resume "$ID"
	is_status "$ID" RUNNING
	[ "$(c tasks exec --fifo-dir "$C/fifo" --exec-id after "$ID" echo on)" = on ]
}

@test "metrics" {
	started --memory-limit=67108864
	run c tasks metrics --format json "$ID"
	[ "$status" -eq 0 ]
	[[ "$output" == *67108864* ]]
}

@test "kill with a signal that is handled, with KILL, all of them; delete" {
	started
	c tasks kill "$ID"
	eventually 60 is_status "$ID" STOPPED
	run c tasks delete "$ID"
	[ "$status" -eq 0 ]
	c containers rm "$ID"
	started
	c tasks exec -d --fifo-dir "$C/fifo" --exec-id other "$ID" sleep 300 </dev/null
	run c tasks delete "$ID"
	[ "$status" -ne 0 ]
	c tasks kill -s KILL -a "$ID"
	eventually 60 is_status "$ID" STOPPED
	run c tasks delete "$ID"
	[[ "$status" -eq 137 || "$output" == *137* ]]
	if ls -d /sys/fs/cgroup/*"$CG/$ID" 2>/dev/null; then false; fi
}

@test "a namespace of another container is joined" {
	started
	ns=/proc/$(pid_of "$ID")/ns
	run r --rm "--with-ns=network:$ns/net" "--with-ns=ipc:$ns/ipc" "$ID-2" sh -c 'readlink /proc/self/ns/net; readlink /proc/self/ns/ipc'
	[ "$output" = "$(readlink "$ns/net")"$'\n'"$(readlink "$ns/ipc")" ]
}

@test "a killed shim is cleaned up after" {
	started
	for p in $(shims); do kill -9 "$p"; done
	eventually 60 sh -c "! grep -q . /sys/fs/cgroup/pids$CG/$ID/cgroup.procs 2>/dev/null && [ -z \"\$(cat /sys/fs/cgroup$CG/$ID/cgroup.procs 2>/dev/null)\" ]"
}

@test "as the runc in PATH" {
	run c run --rm --cgroup "$CG/$ID" --fifo-dir "$C/fifo" "$IMAGE" "$ID" sh -c 'echo by path; exit 3'
	[ "$status" -eq 3 ]
	[ "$output" = "by path" ]
	c run -d --cgroup "$CG/$ID" --fifo-dir "$C/fifo" "$IMAGE" "$ID" sleep 300 </dev/null
	[ -e "/proc/$(cat "$C/pid")/root/run/containerd/runc/knarr/$ID/state.json" ]
}

@test "with an own root for its state" {
	r -d "--runc-root=$C/oci-root" "$ID" sh -c "$LOOP" </dev/null
	[ "$("$OCI_BIN" --root "$C/oci-root/knarr" list -q)" = "$ID" ]
}
