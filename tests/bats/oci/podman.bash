# A podman of the test's own: storage, temporary files, configuration and cgroup parent; no network but the containers'
# loopback. The image is made here of busybox.
load ../../lib/wait
OCI_BIN="$(realpath "${KNARR_OCI:-$BATS_TEST_DIRNAME/../../../build/bin/knarr-oci}")"
IMAGE=docker.io/library/knarr-demo:1

# Why nothing can be tested here; fails where all is there.
reason_to_skip() {
	[ "$(id -u)" = 0 ] || { echo "needs root"; return 0; }
	command -v podman >/dev/null || { echo "podman is not installed"; return 0; }
	command -v busybox >/dev/null || { echo "needs busybox-static"; return 0; }
	[ -x "$OCI_BIN" ] || { echo "knarr-oci is not built"; return 0; }
	return 1
}

podman_setup_file() {
	reason_to_skip >"$BATS_FILE_TMPDIR/reason" && return 0
	export P CG
	P=$(mktemp -d /tmp/knarr-podman.XXXXXX)
	CG=/knarr-test-podman-$$
	mkdir "$P/tmp"
	# More descriptors and processes than the caller may have cannot be asked for without CAP_SYS_RESOURCE.
	cat >"$P/containers.conf" <<-C
		[containers]
		default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
		netns = "none"
		[engine]
		cgroup_manager = "cgroupfs"
		events_logger = "none"
		runtime = "knarr-oci"
		runtime_supports_json = ["knarr-oci"]
		[engine.runtimes]
		knarr-oci = ["$OCI_BIN"]
	C
	BUSYBOX=$(command -v busybox) "$BATS_TEST_DIRNAME/../../../examples/image/build" "$P/image.tar"
	pod load -q -i "$P/image.tar"
}

podman_teardown_file() {
	[ -n "${P:-}" ] || return 0
	pod pod rm -f -t 0 -a
	pod rm -f -t 0 -a
	drop_false_cgroups
	mountpoint -q "$P/root/overlay" && umount "$P/root/overlay"
	for h in /sys/fs/cgroup /sys/fs/cgroup/*; do
		[ -d "$h$CG" ] && find "$h$CG" -depth -type d -exec rmdir {} + 2>/dev/null
	done
	rm -rf --one-file-system "$P"
}

# On cgroup v1 podman makes plain directories and files in the place of controllers that the kernel does not have.
drop_false_cgroups() {
	local h
	for h in /sys/fs/cgroup/*; do
		[ -d "$h$CG" ] && [ "$(stat -f -c %T "$h")" = tmpfs ] || continue
		rm -rf --one-file-system "${h:?}$CG"
		rmdir "$h" 2>/dev/null || true
	done
}

# pod ARGS...: podman. Its monitor must not hold the descriptors of bats.
pod() {
	TMPDIR=$P/tmp CONTAINERS_CONF=$P/containers.conf podman --root "$P/root" --runroot "$P/run" --tmpdir "$P/tmp" \
		--storage-driver "${STORAGE:-overlay}" "$@" 3>&- 4>&-
}

export -f pod # for script and timeout

# looping NAME: the shell of start has its trap, without which it would get no signal.
looping() { pod logs "$1" | grep -qx up; }

# start NAME OPTIONS...: a container that sleeps.
start() {
	local name=$1
	shift
	pod run -d --name "$name" --cgroup-parent "$CG" "$@" "$IMAGE" sh -c 'trap "exit 0" TERM; echo up; while :; do sleep 1; done' >/dev/null
	eventually 60 looping "$name"
}

# inside OPTIONS... -- COMMAND: the output and status of a shell command in a container that is removed then.
inside() {
	local options=()
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	run pod run --rm --cgroup-parent "$CG" "${options[@]}" "$IMAGE" sh -c "exec 2>&1; $2"
}

# cgfile NAME CONTROLLER V1FILE V2FILE: the value in the container's cgroup.
cgfile() {
	local dir
	dir=$CG/libpod-$(pod inspect -f '{{.Id}}' "$1")
	if [ -d "/sys/fs/cgroup/$2" ]; then cat "/sys/fs/cgroup/$2$dir/$3"; else cat "/sys/fs/cgroup$dir/$4"; fi
}
