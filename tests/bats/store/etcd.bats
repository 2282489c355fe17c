#!/usr/bin/env bats
# etcd as the store, over TLS with client certificates: keys, several servers, failover, compaction, what is unique.

load common

setup_file() {
	store_setup
	etcd_start e1
	etcd_ready e1
	# shellcheck disable=SC2046
	server_start a $(etcd_flags e1) --controllers=none --scheduler=none --service-cluster-ip-range=10.9.0.0/28 --service-node-port-range=30000-30019
	# shellcheck disable=SC2046
	server_start b $(etcd_flags e1) --controllers=none --scheduler=none --service-cluster-ip-range=10.9.0.0/28 --service-node-port-range=30000-30019
}
teardown_file() { store_teardown; }

@test "the keys stand where Kubernetes has them, values without a revision" {
	on a create configmap seen --from-literal=k=v
	ctl e1 get /registry --prefix --keys-only | grep -qx /registry/configmaps/default/seen
	ctl e1 get /registry/configmaps/default/seen --print-value-only | jq -e '.data.k == "v" and (.metadata | has("resourceVersion") | not)'
	local rev
	rev="$(ctl e1 get /registry/configmaps/default/seen -w json | jq -r '.kvs[0].mod_revision')"
	[ "$(on a get configmap seen -o 'jsonpath={.metadata.resourceVersion}')" = "$rev" ]
}

@test "a client without the right certificate is refused with a reason" {
	run timeout 60 "$BIN/knarr-server" --data-dir "$DIR/none" --bind-address 127.0.0.1 --secure-port 0 --etcd-servers="$(etcd_url e1)" --etcd-cafile="$DIR/certs/other.crt"
	[ "$status" -eq 1 ]
	[[ "$output" == *"--etcd-servers="*"certificate"* ]]
	run "$BIN/knarr-server" --etcd-certfile=x
	[ "$status" -eq 2 ]
	[[ "$output" == *"--etcd-certfile and --etcd-keyfile go together"* ]]
}

@test "what one server wrote the other has at once; heartbeats too" {
	for i in $(seq 20); do
		on a create configmap "x$i" >/dev/null
		on b get configmap "x$i" >/dev/null
		on b delete configmap "x$i" >/dev/null
		run on a get configmap "x$i"
		[[ "$output" == *NotFound* ]]
	done
	printf 'apiVersion: coordination.k8s.io/v1\nkind: Lease\nmetadata: {name: beat}\nspec: {renewTime: "2020-01-01T00:00:00.000000Z"}\n' | on a create -f -
	on a patch lease beat --type=merge -p '{"spec":{"renewTime":"2021-01-01T00:00:00.000000Z"}}'
	[ "$(on b get lease beat -o 'jsonpath={.spec.renewTime}')" = 2021-01-01T00:00:00.000000Z ]
}

@test "a watch at one server sees the writes at the other" {
	local rv
	rv="$(on b get --raw /api/v1/namespaces/default/configmaps | jq -r .metadata.resourceVersion)"
	kubectl --kubeconfig "$DIR/b/admin.conf" get --raw "/api/v1/namespaces/default/configmaps?watch=1&resourceVersion=$rv" >"$DIR/watched" 3>&- 4>&- &
	local pid=$!
	on a create configmap w1
	on a label configmap w1 x=y
	on a delete configmap w1
	eventually 60 grep -q DELETED "$DIR/watched"
	kill $pid
	cat "$DIR/watched"
	[ "$(jq -r '.type + " " + .object.metadata.name' "$DIR/watched" | tr '\n' ,)" = "ADDED w1,MODIFIED w1,DELETED w1," ]
}

@test "a write by somebody else under the prefix is served" {
	ctl e1 put /registry/configmaps/default/foreign '{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"foreign","namespace":"default","uid":"u"},"data":{"k":"v"}}'
	[ "$(on a get configmap foreign -o 'jsonpath={.data.k}')" = v ]
	# Revisions that other programs use up do not hold anybody back.
	ctl e1 put /elsewhere x
	[ "$(on b get configmap foreign -o 'jsonpath={.data.k}')" = v ]
}

@test "two servers never give an address or a port twice" {
	run python3 "$BATS_TEST_DIRNAME/services.py" "$DIR/pki" "$(cat "$DIR/a/port")" "$(cat "$DIR/b/port")"
	echo "$output"
	[ "$status" -eq 0 ]
	ctl e1 get /registry/ipaddresses/ --prefix --keys-only | grep -c ipaddresses/10.9.0
	on a delete services -l made=here >/dev/null
	[ "$(ctl e1 get /registry/knarr/claims/port --prefix --keys-only | grep -c claims || true)" = 0 ]
}

@test "a conflict is one at both servers" {
	on a create configmap c --from-literal=k=1
	on a get configmap c -o json >"$DIR/c.json"
	on b patch configmap c --type=merge -p '{"data":{"k":"2"}}'
	run on a replace -f "$DIR/c.json"
	[[ "$output" == *"the object has been modified"* ]]
	run on b create configmap c
	[[ "$output" == *"already exists"* ]]
}

@test "another prefix is another cluster" {
	# shellcheck disable=SC2046
	server_start p $(etcd_flags e1) --etcd-prefix=/other --controllers=none --scheduler=none
	on p create configmap only-there
	ctl e1 get /other --prefix --keys-only | grep -qx /other/configmaps/default/only-there
	run on a get configmap only-there
	[ "$status" -ne 0 ]
	end p
}

@test "a restarted server resumes watches; after compaction they get 410" {
	local rv code
	rv="$(on b get --raw /api/v1/namespaces/default/configmaps | jq -r .metadata.resourceVersion)"
	on a create configmap before-restart
	end b
	# shellcheck disable=SC2046
	server_start b $(etcd_flags e1) --controllers=none --scheduler=none
	on b get --raw "/api/v1/namespaces/default/configmaps?watch=1&resourceVersion=$rv&timeoutSeconds=1" | grep -q before-restart
	end b
	ctl e1 compact "$(ctl e1 endpoint status -w json | jq -r '.[0].Status.header.revision')"
	# shellcheck disable=SC2046
	server_start b $(etcd_flags e1) --controllers=none --scheduler=none
	run on b get --raw "/api/v1/namespaces/default/configmaps?watch=1&resourceVersion=$rv&timeoutSeconds=1"
	echo "$output"
	[[ "$output" == *'"code":410'* ]]
	on b get configmap before-restart
}

@test "servers take turns in compacting" {
	# shellcheck disable=SC2046
	server_start c $(etcd_flags e1) --etcd-compaction-interval=1s --controllers=none --scheduler=none
	on c create configmap compacted
	local rev
	rev="$(ctl e1 get /registry/configmaps/default/compacted -w json | jq -r '.kvs[0].mod_revision')"
	compacted() {
		on c label configmap compacted "x=$RANDOM" --overwrite
		run ctl e1 get x --rev="$rev"
		[[ "$output" == *compacted* ]]
	}
	eventually 60 compacted
	[ "$(ctl e1 get compact_rev_key --print-value-only)" -gt 0 ]
	end c
}

@test "secrets are encrypted in etcd, rotated, and read by the other server" {
	encryption "$DIR/enc1" "$(aes k1 a)" "identity: {}"
	encryption "$DIR/enc2" "$(aes k2 b)" "$(aes k1 a)" "identity: {}"
	on a create secret generic plain --from-literal=k=v
	# shellcheck disable=SC2046
	server_start s $(etcd_flags e1) --encryption-provider-config="$DIR/enc1" --controllers=none --scheduler=none
	on s create secret generic sealed --from-literal=k=hidden
	on s get secret plain
	ctl e1 get /registry/secrets/default/sealed --print-value-only | grep -aq '^k8s:enc:aesgcm:v1:k1:'
	run grep -ac "$(printf hidden | base64)" <(ctl e1 get /registry/secrets/default/sealed --print-value-only)
	[ "$output" = 0 ]
	end s
	# shellcheck disable=SC2046
	server_start s $(etcd_flags e1) --encryption-provider-config="$DIR/enc2" --controllers=none --scheduler=none
	on s get secrets -o json | on s replace -f -
	for n in plain sealed; do
		ctl e1 get "/registry/secrets/default/$n" --print-value-only | grep -aq '^k8s:enc:aesgcm:v1:k2:'
	done
	end s
	# shellcheck disable=SC2046
	run server_start s $(etcd_flags e1) --encryption-provider-config="$DIR/enc1" --controllers=none --scheduler=none
	[ "$status" -ne 0 ]
	[[ "$output" == *'unable to transform key "/registry/secrets/default/'* ]]
	ctl e1 del /registry/secrets/default/ --prefix
}

# Connections to etcd's PORT that a client has closed, in the last minute.
closed() { ss -Htn state time-wait "dport = :$1" | wc -l; }

# One connection a member carries every call and the watch, and is kept. (A slow etcd may cost one now and then.)
keeps_connection() { # SERVER PORT
	local before i
	before=$(closed "$2")
	for i in $(seq 20); do
		on "$1" create configmap "kept$i" >/dev/null
		on "$1" delete configmap "kept$i" >/dev/null
	done
	[ $(($(closed "$2") - before)) -lt 10 ]
	[ "$(ss -Htn state established "dport = :$2" | wc -l)" -lt 10 ]
}

@test "a server keeps its connection to etcd, with TLS and without" {
	local client peer
	keeps_connection a "$(cut -d' ' -f1 "$DIR/e1/ports")"
	mkdir "$DIR/plain"
	client=$(free_port) peer=$(free_port)
	etcd --name plain --data-dir "$DIR/plain/store" --listen-client-urls "http://127.0.0.1:$client" \
		--advertise-client-urls "http://127.0.0.1:$client" --listen-peer-urls "http://127.0.0.1:$peer" \
		--initial-advertise-peer-urls "http://127.0.0.1:$peer" --initial-cluster "plain=http://127.0.0.1:$peer" >>"$DIR/plain/log" 2>&1 3>&- 4>&- &
	echo $! >"$DIR/plain/pid"
	eventually 60 etcdctl --endpoints "http://127.0.0.1:$client" endpoint health
	server_start p "--etcd-servers=http://localhost:$client" --controllers=none --scheduler=none
	keeps_connection p "$client"
	# An etcd that comes back is found again.
	end plain KILL
	etcd --name plain --data-dir "$DIR/plain/store" --listen-client-urls "http://127.0.0.1:$client" \
		--advertise-client-urls "http://127.0.0.1:$client" --listen-peer-urls "http://127.0.0.1:$peer" >>"$DIR/plain/log" 2>&1 3>&- 4>&- &
	echo $! >"$DIR/plain/pid"
	eventually 60 on p create configmap back
	on p get configmap back
	end p
	end plain
}

@test "a snapshot by knarr backup is etcd's own, and comes back" {
	on a create configmap saved --from-literal=k=v
	# shellcheck disable=SC2046
	"$BIN/knarr" backup $(etcd_flags e1) --data-dir "$DIR/a" --config-dir "$DIR" "$DIR/etcd.tar"
	[ "$(stat -c %a "$DIR/etcd.tar")" = 600 ]
	tar tf "$DIR/etcd.tar" | grep -qx pki/ca.crt
	tar xOf "$DIR/etcd.tar" etcd.snapshot >"$DIR/snapshot"
	etcdctl snapshot status "$DIR/snapshot"
	"$BIN/knarr" restore --data-dir "$DIR/new" --config-dir "$DIR/newconf" --etcd-data-dir "$DIR/e9/data" "$DIR/etcd.tar" 2>&1
	cmp "$DIR/newconf/pki/ca.key" "$DIR/pki/ca.key"
	run env PATH=/nowhere "$BIN/knarr" restore --data-dir "$DIR/new" --config-dir "$DIR/newconf" --etcd-data-dir "$DIR/e8" "$DIR/etcd.tar"
	[ "$status" -eq 1 ]
	[[ "$output" == *"neither etcdutl nor etcdctl is installed"* ]]
	etcd_start e9
	etcd_ready e9
	ctl e9 get /registry/configmaps/default/saved --print-value-only | jq -e '.data.k == "v"'
	end e9
}
