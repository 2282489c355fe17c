#!/usr/bin/env bats
# podman container checkpoint and restore with knarr-oci and a real criu.
load podman

setup_file() { podman_setup_file; }
teardown_file() { podman_teardown_file; }
setup() {
	if [ -s "$BATS_FILE_TMPDIR/reason" ]; then skip "$(cat "$BATS_FILE_TMPDIR/reason")"; fi
	command -v criu >/dev/null || skip "criu is not installed"
	criu check >/dev/null 2>&1 || skip "criu does not work on this kernel: $(criu check 2>&1 | head -1)"
}
teardown() { [ -z "${P:-}" ] || pod rm -f -t 0 -a >/dev/null; }

# remembering NAME: a container whose shell writes what only its memory holds to a file, again and again.
remembering() {
	# shellcheck disable=SC2016 # the container's
	pod run -d --name "$1" --cgroup-parent "$CG" "$IMAGE" \
		sh -c 'id=$(cat /proc/sys/kernel/random/uuid); while :; do echo "$id" >/id; sleep 0.2; done' >/dev/null
}

# memory NAME: what the shell writes now.
memory() {
	# shellcheck disable=SC2016
	pod exec "$1" sh -c 'rm -f /id; for _ in $(seq 100); do [ ! -s /id ] || break; sleep 0.2; done; cat /id'
}

@test "a checkpoint in place" {
	remembering one
	id=$(memory one)
	[ -n "$id" ]
	pod container checkpoint one
	[ "$(pod inspect -f '{{.State.Status}} {{.State.Checkpointed}}' one)" = "exited true" ]
	pod container restore one
	[ "$(pod inspect -f '{{.State.Status}} {{.State.Restored}}' one)" = "running true" ]
	[ "$(memory one)" = "$id" ]
}

@test "a checkpoint in a file, restored as two others, after a pre-checkpoint" {
	remembering one
	id=$(memory one)
	local previous=()
	if criu check --feature mem_dirty_track >/dev/null 2>&1; then
		previous=(--import-previous "$P/before.tar.gz")
		pod container checkpoint --pre-checkpoint --export "$P/before.tar.gz" one
		[ "$(memory one)" = "$id" ]
		pod container checkpoint --with-previous --export "$P/one.tar.gz" one
	else
		pod container checkpoint --export "$P/one.tar.gz" one
	fi
	pod rm one
	pod container restore --import "$P/one.tar.gz" "${previous[@]}" --name two
	pod container restore --import "$P/one.tar.gz" "${previous[@]}" --name three
	[ "$(memory two)" = "$id" ]
	[ "$(memory three)" = "$id" ]
	pod kill two
	[ "$(pod wait two)" = 137 ]
}

@test "a checkpoint of a container that goes on" {
	remembering one
	id=$(memory one)
	pod container checkpoint --leave-running --compress gzip --export "$P/left.tar.gz" one
	[ "$(pod inspect -f '{{.State.Status}}' one)" = running ]
	[ "$(memory one)" = "$id" ]
	tar -tzf "$P/left.tar.gz" | grep -q checkpoint/inventory.img
}
