#!/usr/bin/env bats
# Configurations beyond all measure: an error that says what, or a container, and never anything in between.
load common

inside() {
	args "$@"
	run timeout 200 "$OCI_BIN" --root "$T/state" run --bundle "$T/bundle" "$ID"
}

refused() {
	inside true
	[ "$status" -ne 0 ]
	[ "$status" -ne 124 ]
	[ "$status" -lt 128 ] || [ "$status" -eq 255 ]
	[ ! -d "$T/state/$ID" ]
}

@test "more id mappings than the kernel takes" {
	config 'c["linux"]["namespaces"].append({"type": "user"})' \
		'c["linux"]["uidMappings"] = [{"containerID": i, "hostID": 100000 + i, "size": 1} for i in range(5000)]' \
		'c["linux"]["gidMappings"] = c["linux"]["uidMappings"]'
	refused
	[[ "$output" == *[Mm]ap* ]]
}

@test "hundreds of id mappings" {
	chmod 711 "$T"
	chown -R 100000:100000 "$T/bundle/rootfs"
	config 'c["linux"]["namespaces"].append({"type": "user"})' 'c["mounts"] = [m for m in c["mounts"] if m["type"] in ("proc", "tmpfs")]' \
		'c["linux"]["uidMappings"] = [{"containerID": i, "hostID": 100000 + 2 * i, "size": 1} for i in range(290)]' \
		'c["linux"]["gidMappings"] = c["linux"]["uidMappings"]'
	inside wc -l /proc/self/uid_map
	[ "$status" -eq 0 ]
	[[ "$output" == 290* ]]
}

@test "paths and names beyond the limits" {
	local what
	for what in 'c["hostname"] = "h" * 70000' 'c["root"]["path"] = "/r" * 40000' 'c["process"]["cwd"] = "/c" * 40000' \
		'c["linux"]["cgroupsPath"] = "/g" * 40000' 'c["linux"]["namespaces"][0]["path"] = "/n" * 40000' \
		'c["mounts"].append({"destination": "/d" * 40000, "type": "tmpfs", "source": "tmpfs"})' \
		'c["mounts"].append({"destination": "/d", "type": "bind", "source": "/s" * 40000, "options": ["bind"]})' \
		'c["process"]["args"] = ["a" * 4000000]' 'c["linux"]["sysctl"] = {"kernel." + "x" * 60000: "1"}' \
		'c["hooks"] = {"prestart": [{"path": "/h" * 40000}]}' \
		'c["process"]["apparmorProfile"] = "p" * 70000'; do
		cp "$T/bundle/config.json" "$T/kept.json"
		config "$what"
		echo "$what"
		if [[ "$what" == *args* ]]; then
			run timeout 200 "$OCI_BIN" --root "$T/state" run --bundle "$T/bundle" "$ID"
			[ "$status" -ne 0 ] && [ "$status" -ne 124 ]
		else
			refused
		fi
		cp "$T/kept.json" "$T/bundle/config.json"
	done
}

@test "environment and arguments up to the kernel's limit" {
	config 'c["process"]["env"] += ["BIG%d=" % i + "x" * 100000 for i in range(10)]'
	inside sh -c 'echo ${#BIG9}'
	[ "$output" = 100000 ]
	config 'c["process"]["env"] += ["HUGE=" + "x" * 200000]'
	refused
	[[ "$output" == *[Aa]rgument*list*too*long* ]]
}

@test "thousands of mounts" {
	config 'c["mounts"] += [{"destination": "/tmp/m%d" % i, "type": "tmpfs", "source": "tmpfs", "options": ["size=4k"]} for i in range(2000)]' \
		'c["root"]["readonly"] = False'
	inside sh -c 'grep -c " /tmp/m" /proc/self/mountinfo'
	[ "$status" -eq 0 ]
	[ "$output" = 2000 ]
	[ "$(grep -c "$T" /proc/self/mountinfo)" = 0 ]
}

@test "text that is no configuration" {
	local text
	for text in '' '{' '[]' 'null' '{"ociVersion": 1}' '{"ociVersion": "1.0.0", "process": []}' \
		'{"ociVersion": "1.0.0", "root": "x"}' '{"ociVersion": "1.0.0", "linux": {"namespaces": {"type": "pid"}}}'; do
		echo "$text" >"$T/bundle/config.json"
		run timeout 100 "$OCI_BIN" --root "$T/state" run --bundle "$T/bundle" "$ID"
		echo "$text: $output"
		[ "$status" -eq 1 ]
		[ -n "$output" ]
		[ ! -d "$T/state/$ID" ]
	done
	python3 -c 'print("[" * 200000)' >"$T/bundle/config.json"
	run timeout 100 "$OCI_BIN" --root "$T/state" run --bundle "$T/bundle" "$ID"
	[ "$status" -eq 1 ]
}

@test "container ids that lead elsewhere" {
	local id
	for id in .. . a/b ../x '' "$(printf 'a%.0s' $(seq 2000))" $'a\nb'; do
		run timeout 100 "$OCI_BIN" --root "$T/state" run --bundle "$T/bundle" "$id"
		[ "$status" -ne 0 ]
		run timeout 100 "$OCI_BIN" --root "$T/state" delete --force "$id"
		[ -d "$T/state" ] || [ ! -e "$T/state" ]
		[ -d "$T/bundle" ]
	done
}
