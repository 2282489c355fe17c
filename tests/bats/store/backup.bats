#!/usr/bin/env bats
# knarr backup and restore of the database, and encryption at rest in it.

load common

setup() {
	export DIR
	DIR="$(mktemp -d /tmp/knarr-test-store.XXXXXX)"
}
teardown() { store_teardown; }

up() { server_start s --controllers=none --scheduler=none "$@"; }
# s's certificates are in $DIR/pki: the configuration directory is $DIR.
backup() { "$BIN/knarr" backup --data-dir "$DIR/s" --config-dir "$DIR" --secure-port "$(cat "$DIR/s/port")" "$@"; }

@test "backup of a running server, under load; restore; revisions do not come again" {
	up
	on s create configmap before
	(i=0; while [ -e "$DIR/s/pid" ] && [ $i -lt 100 ]; do on s create configmap "load$i" || break; i=$((i + 1)); done) >/dev/null 2>&1 3>&- &
	local load=$!
	loaded() { [ "$(on s get configmaps -o name | grep -c load)" -ge 3 ]; }
	eventually 60 loaded
	backup "$DIR/file"
	[ "$(stat -c %a "$DIR/file")" = 600 ]
	[ "$(tar tf "$DIR/file" | head -2 | tr '\n' ,)" = knarr-backup.json,state.db, ]
	kill $load
	wait $load || true
	on s create configmap after
	local rv
	rv="$(on s get configmap after -o 'jsonpath={.metadata.resourceVersion}')"
	run "$BIN/knarr" restore --data-dir "$DIR/s" --config-dir "$DIR" "$DIR/file"
	[ "$status" -eq 1 ]
	[[ "$output" == *"a server runs; stop it first"* ]]
	end s
	cp "$DIR/pki/ca.key" "$DIR/ca.key.before"
	echo broken >"$DIR/pki/ca.key"
	"$BIN/knarr" restore --data-dir "$DIR/s" --config-dir "$DIR" "$DIR/file"
	cmp "$DIR/pki/ca.key" "$DIR/ca.key.before"
	up
	on s get configmap before
	run on s get configmap after
	[[ "$output" == *NotFound* ]]
	on s create configmap later
	[ "$(on s get configmap later -o 'jsonpath={.metadata.resourceVersion}')" -gt "$rv" ]
	# A watch from before the restore has to load anew.
	run on s get --raw "/api/v1/namespaces/default/configmaps?watch=1&resourceVersion=$rv&timeoutSeconds=1"
	[[ "$output" == *'"code":410'* ]]
}

@test "backup of a server that is down, into another place" {
	up
	on s create configmap kept
	end s KILL
	backup "$DIR/file"
	mkdir "$DIR/t"
	"$BIN/knarr" restore --data-dir "$DIR/t" --config-dir "$DIR/t" "$DIR/file"
	cmp "$DIR/t/pki/sa.key" "$DIR/pki/sa.key"
	server_start t --controllers=none --scheduler=none
	on t get configmap kept
}

@test "only administrators may make one; what is no backup is refused and changes nothing" {
	up
	run curl -s -o /dev/null -w '%{http_code}' --cacert "$DIR/pki/ca.crt" -X POST "https://127.0.0.1:$(cat "$DIR/s/port")/knarr/backup"
	[ "$output" = 403 ]
	run curl -s -o /dev/null -w '%{http_code}' --cacert "$DIR/pki/ca.crt" --cert "$DIR/pki/apiserver-kubelet-client.crt" \
		--key "$DIR/pki/apiserver-kubelet-client.key" "https://127.0.0.1:$(cat "$DIR/s/port")/knarr/backup"
	[ "$output" != 200 ]
	on s create configmap kept
	end s
	local before
	before="$(sha256sum <"$DIR/s/state.db")"
	mkdir -p "$DIR/x/pki"
	for bad in 'echo nothing' 'tar cf - -C /etc hostname' "tar cf - -C $DIR/x --transform=s,x,../x, pki" "head -c 3000 $DIR/s/state.db"; do
		$bad >"$DIR/bad" 2>/dev/null
		run "$BIN/knarr" restore --data-dir "$DIR/s" --config-dir "$DIR" "$DIR/bad"
		echo "$bad: $output"
		[ "$status" -eq 1 ]
		[[ "$output" == *"not a backup"* ]]
	done
	[ "$(sha256sum <"$DIR/s/state.db")" = "$before" ]
	run "$BIN/knarr" backup --data-dir "$DIR/nowhere" "$DIR/file"
	[[ "$output" == *"there is no database here"* ]]
	run ls -d "$DIR"/s/restore-* "$DIR"/file*
	[ "$status" -ne 0 ]
}

@test "encryption at rest: old plaintext, rotation by get and replace, wrong keys" {
	up
	on s create secret generic plain --from-literal=k=hidden
	end s
	encryption "$DIR/enc" "$(aes k1 a)" "identity: {}"
	up --encryption-provider-config="$DIR/enc"
	[ "$(on s get secret plain -o 'jsonpath={.data.k}')" = "$(printf hidden | base64)" ]
	on s create secret generic sealed --from-literal=k=veiled
	end s
	grep -aq "k8s:enc:aesgcm:v1:k1:" "$DIR/s/state.db"
	! grep -aq "$(printf veiled | base64)" "$DIR/s/state.db"
	# The new key first; then everything once again; then the old one goes.
	encryption "$DIR/enc" "$(aes k2 b)" "$(aes k1 a)" "identity: {}"
	up --encryption-provider-config="$DIR/enc"
	on s get secrets -o json | on s replace -f -
	end s
	encryption "$DIR/enc" "$(aes k2 b)"
	up --encryption-provider-config="$DIR/enc"
	[ "$(on s get secret sealed -o 'jsonpath={.data.k}')" = "$(printf veiled | base64)" ]
	end s
	encryption "$DIR/enc" "$(aes k2 c)"
	run up --encryption-provider-config="$DIR/enc"
	[ "$status" -ne 0 ]
	[[ "$output" == *'unable to transform key "/registry/secrets/default/'*'cipher: message authentication failed'* ]]
	echo 'kind: x' >"$DIR/enc"
	run up --encryption-provider-config="$DIR/enc"
	[[ "$output" == *"--encryption-provider-config: $DIR/enc: kind: Invalid value"* ]]
}

