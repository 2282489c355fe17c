#!/usr/bin/env bats
# Killed at any moment, called twice at once: what is left can be deleted, and nothing else is left.
load common

# A program that is killed after a random time of at most $1 microseconds.
killed() {
	local after
	after=$(printf '0.%06d' $((RANDOM * 4 % $1 + 1)))
	shift
	timeout --foreground -s KILL "$after" "$@" </dev/null >/dev/null 2>&1 3>&- || true
}

# Processes in any cgroup of the container.
members() {
	cat /sys/fs/cgroup/*"$CG"/cgroup.procs /sys/fs/cgroup"$CG"/cgroup.procs 2>/dev/null | sort -u
}

memberless() { [ -z "$(members)" ]; }

assert_nothing() {
	[ -z "$(ls -A "$T/state")" ]
	[ -z "$(members)" ]
	[ -z "$(ls -d /sys/fs/cgroup/*"$CG" /sys/fs/cgroup"$CG" 2>/dev/null)" ]
	[ -z "$(grep "$T" /proc/self/mountinfo)" ]
}

@test "a creator killed at any moment leaves what delete --force removes" {
	args sleep 300
	for _ in $(seq 60); do
		killed 12000 "$OCI_BIN" --root "$T/state" create --bundle "$T/bundle" "$ID"
		oci delete --force "$ID"
		assert_nothing
	done
}

@test "a process whose creator was killed before it was ready ends by itself" {
	args sleep 300
	seen=0
	for _ in $(seq 60); do
		killed 10000 "$OCI_BIN" --root "$T/state" run -d --bundle "$T/bundle" "$ID"
		if ! oci state "$ID" >"$T/json" 2>/dev/null || grep -q '"status": "stopped"' "$T/json"; then
			seen=$((seen + 1))
			eventually 60 memberless
		fi
		oci delete --force "$ID"
		assert_nothing
	done
	[ "$seen" -gt 0 ]
}

@test "start and delete may be killed and repeated" {
	args sleep 300
	for _ in $(seq 20); do
		oci create --bundle "$T/bundle" "$ID" </dev/null >/dev/null 2>&1 3>&-
		killed 8000 "$OCI_BIN" --root "$T/state" start "$ID"
		[[ "$(oci state "$ID")" =~ created|running ]]
		killed 8000 "$OCI_BIN" --root "$T/state" delete --force "$ID"
		oci delete --force "$ID"
		assert_nothing
	done
}

@test "of two creates at once with one id, one succeeds" {
	args sleep 300
	for _ in $(seq 10); do
		pids=()
		for i in 1 2 3 4; do
			"$OCI_BIN" --root "$T/state" create --bundle "$T/bundle" "$ID" </dev/null >/dev/null 2>"$T/err.$i" 3>&- &
			pids+=($!)
		done
		good=0
		for p in "${pids[@]}"; do wait "$p" && good=$((good + 1)); done
		[ "$good" -eq 1 ]
		[ "$(cat "$T"/err.* | grep -c "already exists")" -eq 3 ]
		[[ "$(oci state "$ID")" == *'"status": "created"'* ]]
		oci delete --force "$ID"
		assert_nothing
	done
}

@test "deletes at once, and beside a create, end in one of the two states" {
	args sleep 300
	for _ in $(seq 10); do
		oci create --bundle "$T/bundle" "$ID" </dev/null >/dev/null 2>&1 3>&-
		for i in 1 2 3; do "$OCI_BIN" --root "$T/state" delete --force "$ID" 3>&- & done
		wait
		assert_nothing
		"$OCI_BIN" --root "$T/state" create --bundle "$T/bundle" "$ID" </dev/null >/dev/null 2>&1 3>&- &
		"$OCI_BIN" --root "$T/state" delete --force "$ID" </dev/null >/dev/null 2>&1 3>&- &
		wait
		oci delete --force "$ID"
		assert_nothing
	done
}

@test "fifty containers start at once" {
	args true
	for i in $(seq 50); do
		mkdir "$T/b$i"
		sed -e "s,\"$CG\",\"$CG/$i\"," -e "s,\"path\": \"rootfs\",\"path\": \"$T/bundle/rootfs\"," "$T/bundle/config.json" >"$T/b$i/config.json"
		"$OCI_BIN" --root "$T/state" run --bundle "$T/b$i" "$ID-$i" </dev/null >"$T/out.$i" 2>&1 3>&- &
	done
	wait
	[ -z "$(cat "$T"/out.*)" ]
	[ -z "$(ls -A "$T/state")" ]
}
