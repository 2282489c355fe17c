#!/usr/bin/env bats
# Global options, help, versions, the log.
load common

@test "help of the program and of every verb, from either place of -h" {
	run "$OCI_BIN" -h
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = "NAME:" ]
	[[ "${lines[1]}" == *"Open Container Initiative runtime" ]]
	verbs=$("$OCI_BIN" -h | sed -n '/^COMMANDS:/,/^GLOBAL/s/^   \([a-z]*\)  .*/\1/p' | grep -v help)
	[ "$(echo "$verbs" | wc -w)" -ge 15 ]
	for v in $verbs; do
		run "$OCI_BIN" "$v" --help
		[ "$status" -eq 0 ]
		[[ "${lines[1]}" == "   knarr-oci $v - "* ]]
		[ "$output" = "$("$OCI_BIN" help "$v")" ]
		[ "$output" = "$("$OCI_BIN" "$v" -h)" ]
	done
	run oci list -h
	[[ "$output" == *'--format value, -f value  select one of: table or json (default: "table")'* ]]
	[[ "$output" == *'--quiet, -q '* ]]
}

@test "without a command the help is shown" {
	run "$OCI_BIN"
	[ "$status" -eq 0 ]
	[[ "$output" == *COMMANDS:* ]]
}

@test "versions of the program and of the specification" {
	run "$OCI_BIN" --version
	[ "$status" -eq 0 ]
	[[ "${lines[0]}" =~ ^knarr-oci\ version\ [0-9]+\.[0-9]+\.[0-9]+ ]]
	[[ "${lines[1]}" == "commit: "* ]]
	[[ "${lines[2]}" =~ ^spec:\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
	[ "$output" = "$("$OCI_BIN" -v)" ]
}

@test "called as runc the program answers as runc" {
	ln -s "$(readlink -f "$OCI_BIN")" "$T/runc"
	run "$T/runc" -v
	[[ "${lines[0]}" =~ ^runc\ version\ [0-9.]+$ ]]
	run "$T/runc" list -h
	[[ "${lines[1]}" == "   runc list - "* ]]
}

@test "an unknown command ends with 3, an unknown option and wrong arguments with 1" {
	run oci nonsense
	[ "$status" -eq 3 ]
	[[ "$output" == *"No help topic for 'nonsense'"* ]]
	run oci help nonsense
	[ "$status" -eq 3 ]
	run oci --nothing list
	[ "$status" -eq 1 ]
	[[ "$output" == *"flag provided but not defined: -nothing"* ]]
	run oci list --nothing
	[ "$status" -eq 1 ]
	[[ "$output" == *"Incorrect Usage: flag provided but not defined: -nothing"* ]]
	run oci state
	[ "$status" -eq 1 ]
	[[ "$output" == *state*"requires exactly 1 argument(s)"* ]]
	run oci state a b
	[ "$status" -eq 1 ]
	run oci kill a b c
	[[ "$output" == *kill*"requires a maximum of 2 argument(s)"* ]]
	run oci exec
	[[ "$output" == *exec*"requires a minimum of 1 argument(s)"* ]]
}

@test "--log and --log-format: a line of text or JSON is appended, the plain words go to standard error" {
	run oci --log "$T/log" state none
	[ "$status" -eq 1 ]
	[ "$output" = "container does not exist" ]
	grep -Eq '^time="[0-9T:Z-]+" level=error msg="container does not exist"$' "$T/log"
	run oci --log "$T/log" --log-format json state none
	[ "$(wc -l <"$T/log")" -eq 2 ]
	tail -1 "$T/log" | python3 -c '
import json, sys
l = json.load(sys.stdin)
assert l["level"] == "error" and l["msg"] == "container does not exist" and "T" in l["time"], l'
	run oci state none
	[[ "$output" == 'time="'*'" level=error msg="container does not exist"' ]]
	run oci --log-format xml list
	[ "$status" -eq 1 ]
	[[ "$output" == *"invalid log-format: xml"* ]]
	run oci --log "$T/no/such/dir" list
	[ "$status" -eq 1 ]
}

@test "--debug tells the steps of the container's first process" {
	args true
	run oci --debug run --bundle "$T/bundle" "$ID"
	[ "$status" -eq 0 ]
	[[ "$output" == *"level=debug"*"container setup"* ]]
	oci --log "$T/log" --log-format json --debug run --bundle "$T/bundle" "$ID"
	grep -q '"level":"debug"' "$T/log"
	run oci run --bundle "$T/bundle" "$ID"
	[ -z "$output" ]
}

@test "--root is made absolute and is not the root directory" {
	cd "$T/bundle"
	args sleep 100
	"$OCI_BIN" --root ../state run -d "$ID" </dev/null >"$T/out" 2>&1 3>&-
	[ "$(oci list -q)" = "$ID" ]
	[ "$("$OCI_BIN" --root "$T/x/../state/./" list -q)" = "$ID" ]
	for root in / "" ../../../../..; do
		run "$OCI_BIN" --root "$root" list
		if [ -z "$root" ]; then continue; fi
		[ "$status" -eq 1 ]
		[[ "$output" == *"--root"*"should not be set to /"* ]]
	done
	[ "$(stat -c %a "$T/state/$ID")" = 711 ]
	[ "$(stat -c %a "$T/state/$ID/state.json")" = 600 ]
	(umask 0 && oci delete -f "$ID" && oci --root "$T/fresh" run -d "$ID" </dev/null >"$T/out" 2>&1 3>&-)
	[ "$(stat -c %a "$T/fresh" "$T/fresh/$ID" "$T/fresh/$ID/config.json" | tr '\n' ' ')" = "700 711 600 " ]
	oci --root "$T/fresh" delete -f "$ID"
}

@test "--rootless takes true, false and auto; --criu is ignored; a cgroup manager is cgroupfs or systemd" {
	for r in true false auto; do oci --rootless $r list; done
	run oci --rootless maybe list
	[ "$status" -eq 1 ]
	run oci --criu /bin/false list
	[ "$status" -eq 0 ]
	[[ "$output" == *"--criu ignored"* ]]
	oci --cgroup-manager cgroupfs list
	run oci --cgroup-manager other list
	[ "$status" -eq 1 ]
	[[ "$output" == *"unknown cgroup manager"*other* ]]
}

@test "features: every field of the specification" {
	oci features | python3 -c '
import json, sys
f = json.load(sys.stdin)
assert f["ociVersionMin"] == "1.0.0" and f["ociVersionMax"] >= "1.3.0"
assert f["hooks"] == ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"]
assert "rro" in f["mountOptions"] and "bundle" in f["potentiallyUnsafeConfigAnnotations"]
l = f["linux"]
assert {"mount", "user", "time", "cgroup"} <= set(l["namespaces"]) and "CAP_BPF" in l["capabilities"]
assert l["cgroup"]["v1"] and l["cgroup"]["v2"] and l["cgroup"]["rdma"]
s = l["seccomp"]
assert s["enabled"] and "SCMP_ACT_NOTIFY" in s["actions"] and "SCMP_CMP_EQ" in s["operators"] and "SCMP_ARCH_X86_64" in s["archs"]
assert set(s["supportedFlags"]) <= set(s["knownFlags"]) and "SECCOMP_FILTER_FLAG_LOG" in s["supportedFlags"]
for k in "apparmor", "selinux", "intelRdt", "netDevices": assert l[k]["enabled"], k
assert l["mountExtensions"]["idmap"]["enabled"] and "MPOL_BIND" in l["memoryPolicy"]["modes"]'
}

@test "spec: a new file, never over another; --bundle and --rootless" {
	mkdir "$T/new"
	oci spec --bundle "$T/new"
	run oci spec -b "$T/new"
	[ "$status" -eq 1 ]
	[[ "$output" == *"File config.json exists. Remove it first"* ]]
	rm "$T/new/config.json"
	oci spec --rootless -b "$T/new"
	python3 -c '
import json, sys
c = json.load(open(sys.argv[1]))
kinds = [n["type"] for n in c["linux"]["namespaces"]]
assert "user" in kinds and "network" not in kinds and "resources" not in c["linux"], c["linux"]
assert c["linux"]["uidMappings"][0]["containerID"] == 0' "$T/new/config.json"
}

@test "words for a shell's completion" {
	[[ "$("$OCI_BIN" --generate-bash-completion)" == *$'create\ndelete\n'* ]]
	[ "$("$OCI_BIN" delete --generate-bash-completion)" = $'--force\n-f\n--regex\n-r' ]
}
