#!/usr/bin/env bats
# knarr-oci under the podman of an ordinary user, who exists only in a mount namespace of the test's own.
load ../../lib/wait
OCI_BIN="$(realpath "${KNARR_OCI:-$BATS_TEST_DIRNAME/../../../build/bin/knarr-oci}")"
IMAGE=docker.io/library/knarr-demo:1
ID=23456

setup() {
	[ "$(id -u)" = 0 ] || skip "needs root"
	for p in podman newuidmap setpriv busybox; do command -v "$p" >/dev/null || skip "$p is not installed"; done
	[ -x "$OCI_BIN" ] || skip "knarr-oci is not built"
	W=$(mktemp -d /tmp/knarr-rootless.XXXXXX)
	mkdir "$W/run" "$W/home" "$W/etc"
	BUSYBOX=$(command -v busybox) "$BATS_TEST_DIRNAME/../../../examples/image/build" "$W/image.tar"
	cp "$OCI_BIN" "$W/knarr-oci"
	printf '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\nnetns = "none"\n[engine]\nevents_logger = "none"\n' >"$W/containers.conf"
	for f in passwd group subuid subgid; do cp "/etc/$f" "$W/etc/$f"; done
	echo "knarr-test:x:$ID:$ID::$W/home:/bin/sh" >>"$W/etc/passwd"
	echo "knarr-test:x:$ID:" >>"$W/etc/group"
	for f in subuid subgid; do echo "knarr-test:500000:65536" >>"$W/etc/$f"; done
	chown -R "$ID:$ID" "$W"
	chown root:root "$W/etc/"*
	chmod 700 "$W/run"
}

teardown() {
	[ -n "${W:-}" ] || return 0
	local p
	for p in /proc/[0-9]*; do
		case $(stat -c %u "$p" 2>/dev/null) in
		"$ID" | 5[0-6][0-9][0-9][0-9][0-9])
			kill -9 "${p#/proc/}" 2>/dev/null || true
			ended "${p#/proc/}" || true
			;;
		esac
	done
	rm -rf --one-file-system "$W"
}

# as_user SCRIPT: a shell of the user, in which pod is podman.
as_user() {
	timeout 300 unshare --mount --propagation slave sh -ec '
		for f in passwd group subuid subgid; do mount --bind "$1/etc/$f" "/etc/$f"; done
		exec setpriv --reuid "$2" --regid "$2" --clear-groups env -i "PATH=$PATH" "HOME=$1/home" "XDG_RUNTIME_DIR=$1/run" \
			"TMPDIR=$1/run" "CONTAINERS_CONF=$1/containers.conf" bash -c "cd $1; IMAGE=$4
			pod() { podman --root $1/root --runroot $1/run/c --tmpdir $1/run/t --runtime $1/knarr-oci \
				--cgroup-manager cgroupfs --storage-driver vfs \"\$@\"; }; pod load -q -i image.tar >/dev/null; $3"' \
		sh "$W" "$ID" "$1" "$IMAGE" 3>&- 4>&- 2>"$W/err"
}

@test "run, exec, top and rm as an ordinary user" {
	run as_user 'pod run --rm $IMAGE sh -c "id -u; cat /proc/self/uid_map; exit 4"; echo status $?
		pod run -d --name a $IMAGE sleep 100 >/dev/null; pod exec a id -u; pod exec -u 1000 a id -u
		pod exec a none; echo status $?; pod top a args; pod rm -f -t 0 a; pod ps -aq'
	echo "$output"
	cat "$W/err"
	[ "$(echo $output)" = "0 0 $ID 1 1 500000 65536 status 4 0 1000 status 127 COMMAND sleep 100 a" ]
}
