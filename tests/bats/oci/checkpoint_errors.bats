#!/usr/bin/env bats
# checkpoint and restore where they must refuse: no criu needed, for a stand-in answers nothing.
load common

started() {
	args sleep 300
	oci run -d --bundle "$T/bundle" "$ID" </dev/null >/dev/null 2>&1
}

@test "checkpoint without criu names it" {
	started
	mkdir "$T/empty"
	PATH=$T/empty run "$(readlink -f "$OCI_BIN")" --root "$T/state" checkpoint --image-path "$T/images" "$ID"
	[ "$status" -eq 1 ]
	[[ "$output" == *'CRIU version check failed: exec: \"criu\": executable file not found in $PATH'* ]]
	[ "$(oci state "$ID" | jq -r .status)" = running ]
}

@test "a created container cannot be checkpointed" {
	args sleep 300
	oci create --bundle "$T/bundle" "$ID" </dev/null >/dev/null 2>&1
	run oci checkpoint --image-path "$T/images" "$ID"
	[ "$status" -eq 1 ]
	[[ "$output" == *"cannot be checkpointed in created state"* ]]
}

@test "a criu that dies is an error, and the container goes on" {
	started
	mkdir "$T/bin"
	printf '#!/bin/sh\nexit 3\n' >"$T/bin/criu"
	chmod +x "$T/bin/criu"
	PATH="$T/bin:$PATH" run oci checkpoint --image-path "$T/images" "$ID"
	[ "$status" -eq 1 ]
	[[ "$output" == *"criu ended unexpectedly"* ]]
	[ "$(oci state "$ID" | jq -r .status)" = running ]
}

@test "bad options are refused before anything is done" {
	started
	run oci checkpoint --empty-ns pid "$ID"
	[ "$status" -eq 1 ]
	[[ "$output" == *'namespace \"pid\" is not supported'* ]]
	run oci checkpoint --page-server nowhere "$ID"
	[ "$status" -eq 1 ]
	[[ "$output" == *"ADDRESS:PORT"* ]]
	run oci checkpoint --page-server "::1:70000" "$ID"
	[ "$status" -eq 1 ]
	run oci checkpoint --page-server "127.0.0.1:70000" "$ID"
	[[ "$output" == *"Invalid port number"* ]]
}

@test "restore under an id that is in use, and of no images" {
	started
	run oci restore --bundle "$T/bundle" --image-path "$T/nothing" "$ID"
	[ "$status" -eq 1 ]
	[[ "$output" == *"container with given ID already exists"* ]]
	run oci restore -d --bundle "$T/bundle" --image-path "$T/nothing" other
	[ "$status" -eq 1 ]
	run oci state other
	[ "$status" -eq 1 ]
}
