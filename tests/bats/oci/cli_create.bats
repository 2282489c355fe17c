#!/usr/bin/env bats
# The options of create and run.
load common

# Receives a descriptor on the socket $1 and writes its link to $2; a minute at most. With a third argument that signal goes to
# the received pidfd as soon as there is a file $2.go.
receive_fd() {
	python3 - "$@" 3>&- <<'PY' &
import os, signal, socket, sys, time
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen()
s.settimeout(60)
c, _ = s.accept()
_, fds, _, _ = socket.recv_fds(c, 4096, 1)
if len(sys.argv) > 3:
    while not os.path.exists(sys.argv[2] + ".go"):
        time.sleep(0.02)
    signal.pidfd_send_signal(fds[0], int(sys.argv[3]))
open(sys.argv[2], "w").write(os.readlink("/proc/self/fd/%d" % fds[0]))
PY
	eventually 60 test -S "$1"
}

@test "--pid-file is relative to the caller's directory, not to the bundle" {
	args sleep 100
	mkdir "$T/here"
	cd "$T/here"
	oci create --bundle ../bundle --pid-file pid "$ID" </dev/null >"$T/out" 2>&1 3>&-
	[ "$(cat "$T/here/pid")" = "$(oci state "$ID" | sed -n 's/.*"pid": \([0-9]*\).*/\1/p')" ]
	[ "$(stat -c %a pid)" = 644 ]
}

@test "-b, and options on both sides of the id" {
	args sleep 100
	oci run -d "$ID" -b "$T/bundle" --pid-file "$T/pid" </dev/null >"$T/out" 2>&1 3>&-
	[ -s "$T/pid" ]
	run oci run "$ID" --bundle
	[ "$status" -eq 1 ]
	[[ "$output" == *"flag needs an argument: -bundle"* ]]
}

@test "--config reads another file, relative to the caller's directory" {
	args echo from-the-bundle
	sed 's/from-the-bundle/from-elsewhere/' "$T/bundle/config.json" >"$T/other.json"
	cd "$T"
	[ "$(oci run --bundle bundle --config other.json "$ID")" = from-elsewhere ]
	[ "$(oci run --bundle bundle "$ID")" = from-the-bundle ]
	run oci run --bundle bundle --config missing.json "$ID"
	[ "$status" -eq 1 ]
	[[ "$output" == *"missing.json"* ]]
}

@test "--preserve-fds passes descriptors that exist and no others" {
	args sh -c 'read -r l <&3 && echo "$l"'
	echo inside >"$T/three"
	run bash -c "exec 3<'$T/three'; '$OCI_BIN' --root '$T/state' run --bundle '$T/bundle' --preserve-fds 1 '$ID'"
	[ "$output" = inside ]
	run bash -c "exec 3>&- 4>&-; '$OCI_BIN' --root '$T/state' --log '$T/log' run --bundle '$T/bundle' --preserve-fds 2 '$ID'"
	[ "$status" -ne 0 ] # of read: there is no 3
	[ -z "$(<"$T/log")" ]
	args sh -c 'ls -l /proc/$$/fd | sed "s/.* \([0-9]*\) ->.*/\1/"; cat <&6'
	run bash -c "exec 3>&- 4</ 5>&- 6<'$T/three' 7>&-; '$OCI_BIN' --root '$T/state' --log '$T/log' run --bundle '$T/bundle' --preserve-fds 4 '$ID'"
	[ "$status" -eq 0 ]
	[ "$(tr '\n' ' ' <<<"$output")" = "total 0 0 1 2 4 6 inside " ]
	detached sleep 100
	run bash -c "exec 3>&- 4</ 5>&- 6<'$T/three' 7>&-; '$OCI_BIN' --root '$T/state' --log '$T/log' exec --preserve-fds 4 '$ID' ls /proc/self/fd"
	[ "$(tr '\n' ' ' <<<"$output")" = "0 1 2 3 4 6 " ] # 3: the directory that ls reads
	oci delete --force "$ID"
	for n in -1 x 99999999; do
		run oci run --bundle "$T/bundle" --preserve-fds "$n" "$ID"
		[ "$status" -eq 1 ]
	done
}

@test "socket activation: LISTEN_FDS reaches the container unless LISTEN_PID is another's" {
	args sh -c 'echo $LISTEN_FDS $LISTEN_PID; read -r l <&3 && echo "$l"'
	echo socket >"$T/three"
	run bash -c "exec 3<'$T/three'; LISTEN_FDS=1 LISTEN_PID=\$\$ exec '$OCI_BIN' --root '$T/state' run --bundle '$T/bundle' '$ID'"
	[ "${lines[0]}" = "1 1" ]
	[ "${lines[1]}" = socket ]
	run env LISTEN_FDS=1 LISTEN_PID=1 "$OCI_BIN" --root "$T/state" run --bundle "$T/bundle" "$ID"
	[[ "$output" != "1 1"* ]]
	run bash -c "exec 3<'$T/three'; LISTEN_FDS=1 exec '$OCI_BIN' --root '$T/state' run --bundle '$T/bundle' '$ID'"
	[ "$output" = "1 1"$'\n'socket ]
}

@test "NOTIFY_SOCKET: the container's READY goes on with MAINPID and a barrier, nothing else does" {
	command -v cc >/dev/null || skip "needs cc"
	python3 - "$T/notify" "$T/got" 3>&- <<'PY' &
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
s.settimeout(60)
with open(sys.argv[2], "w") as f:
    while True:
        m, fds, _, _ = socket.recv_fds(s, 4096, 1)
        f.write(m.decode().strip() + "\n")
        for fd in fds: os.close(fd)
        if m.startswith(b"BARRIER"): break
PY
	eventually 60 test -S "$T/notify"
	cat >"$T/bundle/rootfs/bin/ready.c" <<'C'
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
int main(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	strcpy(a.sun_path, getenv("NOTIFY_SOCKET"));
	int s = socket(AF_UNIX, SOCK_DGRAM, 0);
	sendto(s, "MAINPID=1", 9, 0, (void *)&a, sizeof(a));
	sendto(s, "READY=1\nSTATUS=up", 17, 0, (void *)&a, sizeof(a));
	return sleep(100);
}
C
	cc -static -o "$T/bundle/rootfs/bin/ready" "$T/bundle/rootfs/bin/ready.c"
	args ready
	NOTIFY_SOCKET="$T/notify" oci create --bundle "$T/bundle" --pid-file "$T/pid" "$ID" </dev/null >"$T/out" 2>&1 3>&-
	NOTIFY_SOCKET="$T/notify" timeout 60 "$OCI_BIN" --root "$T/state" start "$ID"
	wait
	[ "$(sed -n 1p "$T/got")" = "READY=1" ]
	[ "$(sed -n 2p "$T/got")" = "MAINPID=$(cat "$T/pid")" ]
	[ "$(sed -n 3p "$T/got")" = "BARRIER=1" ]
	[ "$(wc -l <"$T/got")" -eq 3 ]
}

@test "--pidfd-socket gets the pidfd; a created container ends on SIGTERM" {
	args sleep 100
	receive_fd "$T/sock" "$T/link" 15
	oci create --bundle "$T/bundle" --pidfd-socket "$T/sock" "$ID" </dev/null >"$T/out" 2>&1 3>&-
	touch "$T/link.go"
	wait
	grep -q pidfd "$T/link"
	eventually 60 is_stopped
}

@test "--console-socket gets the terminal; it is refused without one, and without --detach" {
	args sleep 100
	run oci run -d --console-socket "$T/sock" --bundle "$T/bundle" "$ID"
	[ "$status" -eq 1 ]
	[[ "$output" == *"cannot use console socket"* ]]
	config 'c["process"]["terminal"] = True'
	run oci run --console-socket "$T/sock" --bundle "$T/bundle" "$ID"
	[ "$status" -eq 1 ]
	[[ "$output" == *"cannot use console socket"* ]]
	run oci create --bundle "$T/bundle" "$ID"
	[ "$status" -eq 1 ]
	[[ "$output" == *"cannot allocate tty"* ]]
	receive_fd "$T/sock" "$T/link"
	oci run -d --console-socket "$T/sock" --bundle "$T/bundle" "$ID" </dev/null >"$T/out" 2>&1 3>&-
	wait
	grep -Eq 'ptmx' "$T/link"
	[ "$(oci list -q)" = "$ID" ]
}

@test "run --keep leaves the stopped container, without it nothing is left" {
	args true
	oci run --keep --bundle "$T/bundle" "$ID"
	is_stopped
	oci delete "$ID"
	oci run --bundle "$T/bundle" "$ID"
	[ -z "$(oci list -q)" ]
}

@test "run forwards signals and ends with 128 and the signal's number" {
	args sh -c 'trap "exit 42" USR1; echo up; while :; do sleep 0.1; done'
	"$OCI_BIN" --root "$T/state" run --bundle "$T/bundle" "$ID" </dev/null >"$T/out" 2>&1 3>&- &
	pid=$!
	eventually 60 grep -q up "$T/out"
	kill -USR1 $pid
	status=0
	wait $pid || status=$?
	[ $status -eq 42 ]
	args sleep 100
	"$OCI_BIN" --root "$T/state" run --bundle "$T/bundle" "$ID" </dev/null >"$T/out" 2>&1 3>&- &
	pid=$!
	eventually 60 eval '[[ "$(oci ps "$ID" 2>/dev/null)" == *"sleep 100"* ]]'
	oci kill "$ID" KILL
	status=0
	wait $pid || status=$?
	[ $status -eq 137 ]
}

@test "--no-pivot, --no-new-keyring and --no-subreaper are taken" {
	args echo ok
	[ "$(oci run --no-pivot --no-new-keyring --no-subreaper --bundle "$T/bundle" "$ID")" = ok ]
	run oci create --no-subreaper --bundle "$T/bundle" "$ID"
	[ "$status" -eq 1 ]
	[[ "$output" == *"flag provided but not defined: -no-subreaper"* ]]
}

@test "ids" {
	args true
	for id in 'a/b' '..' '.' 'a b' 'ä' "$(printf 'x%.0s' $(seq 1025))"; do
		run oci run --bundle "$T/bundle" "$id"
		[ "$status" -eq 1 ]
		[[ "$output" == *"invalid container ID format"* ]]
		run oci delete --force "$id"
		[[ "$output" == *"invalid container ID format"* ]]
	done
	oci run --bundle "$T/bundle" "A_z+0.-9"
}

@test "two creators of one id: one wins" {
	args sleep 100
	for i in 1 2 3 4; do
		oci create --bundle "$T/bundle" "$ID" </dev/null >"$T/out$i" 2>&1 3>&- && echo "$i" >>"$T/won" &
	done
	wait
	[ "$(wc -l <"$T/won")" -eq 1 ]
	[ "$(cat "$T"/out? | grep -c 'already exists')" -eq 3 ]
	[ "$(oci list -q)" = "$ID" ]
}
