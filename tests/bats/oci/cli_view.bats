#!/usr/bin/env bats
# state, list, ps, events: what they print.
load common

as_json() { python3 -c "import json, sys; s = json.load(sys.stdin); $1"; }

@test "state: the fields in order, pid 0 once stopped" {
	config 'c["annotations"] = {"org.example.a": "b"}'
	detached
	run oci state "$ID"
	echo "$output" | as_json '
assert list(s) == ["ociVersion", "id", "pid", "status", "bundle", "rootfs", "created", "annotations", "owner"], list(s)
assert s["status"] == "running" and s["pid"] > 1 and s["annotations"] == {"org.example.a": "b"} and s["owner"] == ""
assert s["rootfs"] == s["bundle"] + "/rootfs" and s["created"].endswith("Z")'
	oci kill "$ID" KILL
	eventually 60 is_stopped
	oci state "$ID" | as_json 'assert s["pid"] == 0 and s["status"] == "stopped"'
}

@test "list: a table as wide as its cells, one line of JSON, ids only" {
	[ "$(oci list -f json)" = null ]
	[ "$(oci list)" = "ID          PID         STATUS      BUNDLE      CREATED     OWNER" ]
	detached
	pid=$(oci state "$ID" | as_json 'print(s["pid"])')
	created=$(oci state "$ID" | as_json 'print(s["created"])')
	run oci list
	[ "${#lines[@]}" -eq 2 ]
	b="$T/bundle" n=${#T}
	[ "${lines[0]}" = "$(printf '%-12s%-12s%-12s%-*s%-*s%s' ID PID STATUS $((n + 10)) BUNDLE $((${#created} + 3)) CREATED OWNER)" ]
	[ "${lines[1]}" = "$(printf '%-12s%-12s%-12s%s   %s   root' "$ID" "$pid" running "$b" "$created")" ]
	[ "$(oci list -f json | wc -l)" -eq 1 ]
	oci list --format json | as_json '
assert len(s) == 1 and s[0]["owner"] == "root" and list(s[0])[:5] == ["ociVersion", "id", "pid", "status", "bundle"], s'
	[ "$(oci list -q)" = "$ID" ]
	run oci list -f yaml
	[ "$status" -eq 1 ]
	[[ "$output" == *"invalid format option"* ]]
	run oci list "$ID"
	[ "$status" -eq 1 ]
	mkdir "$T/state/half" "$T/state/.hidden"
	[ "$(oci list -q)" = "$ID" ]
	[ "$("$OCI_BIN" --root "$T/nowhere" list -q)" = "" ]
}

@test "a state file that cannot be read is told, the others are listed, delete --force removes it" {
	detached
	mkdir "$T/state/broken"
	echo '{"ociVersion": ' >"$T/state/broken/state.json"
	run oci list
	[ "$status" -eq 0 ]
	[[ "$output" == *"load container broken"* ]]
	[[ "$output" == *"$ID"* ]]
	run oci state broken
	[ "$status" -eq 1 ]
	oci delete --force broken
	[ ! -e "$T/state/broken" ]
}

@test "ps: the lines of ps, its own arguments behind the id, pids as JSON" {
	detached
	pid=$(oci state "$ID" | as_json 'print(s["pid"])')
	run oci ps "$ID"
	[ "${#lines[@]}" -eq 2 ]
	[[ "${lines[0]}" =~ UID\ +PID\ +PPID ]]
	[[ "${lines[1]}" == *" $pid "*"sleep 300" ]]
	run oci ps "$ID" -e -o 'comm,pid'
	[ "${#lines[@]}" -eq 2 ]
	[[ "${lines[1]}" =~ ^sleep\ +$pid$ ]]
	[ "$(oci ps -f json "$ID")" = "[$pid]" ]
	[ "$(oci ps --format=json "$ID")" = "[$pid]" ]
	run oci ps "$ID" -o comm
	[ "$status" -eq 1 ]
	[[ "$output" == *"couldn't find PID field"* ]]
	run oci ps "$ID" --no-such-option
	[ "$status" -eq 1 ]
	run oci ps "$ID" '; echo injected'
	[ "$status" -eq 1 ]
	run oci ps -f yaml "$ID"
	[ "$status" -eq 1 ]
	run oci ps none
	[ "$status" -eq 1 ]
}

@test "events --stats: one line with every member" {
	config 'c["linux"]["resources"]["memory"] = {"limit": 33554432}' 'c["linux"]["resources"]["pids"] = {"limit": 17}'
	detached
	run oci events --stats "$ID"
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -eq 1 ]
	[[ "$output" == '{"type":"stats","id":"'"$ID"'","data":{"cpu":'* ]]
	echo "$output" | as_json '
d = s["data"]
assert list(d) == ["cpu", "cpuset", "memory", "pids", "blkio", "hugetlb", "intel_rdt", "network_interfaces"], list(d)
assert d["cpu"]["usage"]["total"] > 0 and "kernel" in d["cpu"]["usage"] and "throttling" in d["cpu"]
assert d["memory"]["usage"]["limit"] == 33554432 and d["memory"]["usage"]["usage"] > 0 and "kernelTCP" in d["memory"]
assert len(d["memory"]["raw"]) > 10 and d["pids"] == {"current": 1, "limit": 17}
assert d["cpuset"]["sched_relax_domain_level"] in (-1, 0)'
}

@test "events: an interval, and the end when the container goes" {
	detached
	"$OCI_BIN" --root "$T/state" events --interval 50ms "$ID" >"$T/events" 3>&- &
	told() { [ "$(grep -c '^{"type":"stats"' "$T/events")" -ge 3 ]; }
	eventually 60 told
	oci delete --force "$ID"
	wait
	for i in 0s -1s; do
		run oci events --interval=$i "$ID"
		[ "$status" -eq 1 ]
	done
	run oci events --interval 5 "$ID"
	[[ "$output" == *"-interval: parse error"* ]]
}

@test "events: a kill for want of memory is told" {
	config 'c["linux"]["resources"]["memory"] = {"limit": 16777216, "swap": 16777216}'
	args sh -c 'while [ ! -e /tmp/go ]; do sleep 0.05; done; dd if=/dev/zero of=/dev/null bs=64M count=1; sleep 100'
	config 'c["root"]["readonly"] = False'
	oci run -d --bundle "$T/bundle" "$ID" </dev/null >"$T/out" 2>&1 3>&-
	"$OCI_BIN" --root "$T/state" events --interval 1h "$ID" >"$T/events" 3>&- &
	watching=$!
	# It waits for what comes: for signs of the kernel and its timer.
	eventually 60 grep -q -e poll -e select "/proc/$watching/wchan"
	touch "$T/bundle/rootfs/tmp/go"
	eventually 60 grep -q oom "$T/events"
	oci delete --force "$ID"
	wait
	[ "$(head -1 "$T/events")" = '{"type":"oom","id":"'"$ID"'"}' ]
}

@test "events of a container that is not running" {
	args true
	oci run --keep --bundle "$T/bundle" "$ID"
	run oci events --stats "$ID"
	[ "$status" -eq 1 ]
	[[ "$output" == *"container with id $ID is not running"* ]]
}
