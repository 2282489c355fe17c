#!/usr/bin/env bats
# Two machines on one link: init on one, join on the other; tokens; what a node may and may not; leaving.
# bats file_tags=cluster

load ../../lib/host

A=join-a
B=join-b
S=join-switch

k() { host $A kubectl --kubeconfig /etc/kubernetes/admin.conf "$@"; }
node() { host $B kubectl --kubeconfig /etc/kubernetes/agent.conf "$@"; }

setup_file() {
	export HOST_BASE=$BATS_FILE_TMPDIR/hosts
	host_create $A
	host_create $B
	host_network $S $A=192.168.77.2 $B=192.168.77.3
	host $A "$BIN/knarr" init --no-systemd --cgroup-root=knarr-test-$A --node-name=node1 --timeout=60 >"$BATS_FILE_TMPDIR/init"
	"$REPO/examples/image/build" "$BATS_FILE_TMPDIR/demo.tar"
	host $B "$BIN/knarr" image import "$BATS_FILE_TMPDIR/demo.tar"
}

teardown_file() {
	host $B "$BIN/knarr" reset --cgroup-root=knarr-test-$B >/dev/null 2>&1 || true
	host $A "$BIN/knarr" reset >/dev/null 2>&1 || true
	host_destroy $A
	host_destroy $B
	host_network_down $S
}

join() { host $B "$BIN/knarr" join "$@" --no-systemd --cgroup-root=knarr-test-$B --node-name=node2 --timeout=10; }
# kubectl's client sometimes drops what arrives before it listens.
executes() { [ "$(k exec there -- sh -c 'echo $KEY' 2>/dev/null)" = value ]; }
hash_of_ca() { grep -o 'sha256:[0-9a-f]*' "$BATS_FILE_TMPDIR/init"; }

@test "init tells the command that joins; it is refused for what is not true" {
	grep -q 'knarr join 192.168.77.2:6443 --token [a-z0-9]\{6\}\.[a-z0-9]\{16\} --ca-hash sha256:[0-9a-f]\{64\}$' "$BATS_FILE_TMPDIR/init"
	token=$(host $A "$BIN/knarr" token create)
	run join 192.168.77.2 --token "$token" --ca-hash sha256:0000000000000000000000000000000000000000000000000000000000000000
	[ "$status" = 1 ]
	[[ $output == *"is invalid: its public key is $(hash_of_ca), not sha256:0000"* ]]
	run join 192.168.77.2 --token "${token%.*}.0000000000000000" --ca-hash "$(hash_of_ca)" --timeout=1
	[ "$status" = 1 ]
	[[ $output == *"failed to verify JWS signature"* ]]
	run join 192.168.77.2 --token zzzzzz.0000000000000000 --ca-hash "$(hash_of_ca)" --timeout=1
	[[ $output == *"token id \"zzzzzz\" is invalid for this cluster or it has expired"* ]]
	run join 192.168.77.2 --token "$token"
	[[ $output == *"--ca-hash: want sha256:HEX"* ]]
	[ -z "$(k get csr -o name)" ]
	[ ! -e "$HOST_BASE/$B/etc/kubernetes/agent.conf" ]
}

@test "a machine joins, gets its addresses, and is ready" {
	host $B $(sed -n "s#^  knarr join#$BIN/knarr join#p" "$BATS_FILE_TMPDIR/init") --no-systemd --cgroup-root=knarr-test-$B \
		--node-name=node2 --timeout=60
	[ "$(k get nodes -o 'jsonpath={range .items[*]}{.metadata.name}={.spec.podCIDR} {end}')" = "node1=10.244.0.0/24 node2=10.244.1.0/24 " ]
	k wait node/node2 --for=condition=Ready --timeout=60s
	[ "$(k get csr --no-headers | grep -c 'Approved,Issued')" = 2 ]
	[ "$(stat -c %a "$HOST_BASE/$B/etc/kubernetes/pki/node/client.pem" "$HOST_BASE/$B/etc/kubernetes/pki/node/server.pem" | sort -u)" = 600 ]
	! host $B ls /run/knarr/join-token /etc/kubernetes/pki/node/client.pem.key 2>/dev/null
	! grep -rq "$(grep -o -- '--token [a-z0-9.]*' "$BATS_FILE_TMPDIR/init" | cut -d' ' -f2)" "$HOST_BASE/$B/etc"
	run join 192.168.77.2 --token abcdef.0123456789abcdef --ca-hash "$(hash_of_ca)"
	[[ $output == *"this machine is a node already"* ]]
}

@test "a pod runs there; logs and exec reach it through the server" {
	k create secret generic seen --from-literal=key=value
	k create secret generic unseen --from-literal=key=value
	k apply -f - <<-'YAML'
		apiVersion: v1
		kind: Pod
		metadata: {name: there}
		spec:
		  nodeName: node2
		  terminationGracePeriodSeconds: 0
		  containers:
		  - name: c
		    image: knarr-demo:1
		    command: [sh, -c, "echo hello from $NODE $KEY; sleep 1000"]
		    env:
		    - {name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}
		    - {name: KEY, valueFrom: {secretKeyRef: {name: seen, key: key}}}
	YAML
	k wait pod/there --for=condition=Ready --timeout=60s
	[ "$(k logs there)" = "hello from node2 value" ]
	eventually 60 executes
	[[ $(k get pod there -o 'jsonpath={.status.podIP}') == 10.244.1.* ]]
}

@test "a node reads what its pods use and nothing else" {
	[ "$(node get secret seen -o 'jsonpath={.data.key}')" = dmFsdWU= ]
	run node get secret unseen
	[[ $output == *"no relationship found between node 'node2' and this object"* ]]
	run node get secrets
	[[ $output == *'secrets is forbidden: User "system:node:node2" cannot list resource "secrets"'* ]]
	run node label node node1 a=b
	[[ $output == *"is not allowed to modify node \"node1\""* ]]
	run node -n kube-node-lease get lease node1
	[[ $output == *"can only access node lease with the same name as the requesting node"* ]]
	k delete pod there --now
	eventually 60 sh -c "! nsenter --target $(cat "$HOST_BASE/$A/pid") --net --mount -- kubectl --kubeconfig /etc/kubernetes/admin.conf get pod there"
	run node get secret seen
	[[ $output == *"no relationship found"* ]]
}

@test "tokens are listed, deleted, and end" {
	token=$(host $A "$BIN/knarr" token create --ttl 1h --description "for a test" --usages signing --groups system:bootstrappers:x)
	run host $A "$BIN/knarr" token list
	[[ ${lines[0]} == "TOKEN "*TTL*EXPIRES*USAGES*DESCRIPTION*"EXTRA GROUPS" ]]
	[[ $output == *"$token"*59m*signing*"for a test"*system:bootstrappers:x* ]]
	eventually 60 sh -c "nsenter --target $(cat "$HOST_BASE/$A/pid") --net --mount -- kubectl --kubeconfig /etc/kubernetes/admin.conf \
		-n kube-public get cm cluster-info -o yaml | grep -q jws-kubeconfig-${token%.*}"
	[ "$(host $A "$BIN/knarr" token delete "$token")" = "bootstrap token \"${token%.*}\" deleted" ]
	eventually 60 sh -c "! nsenter --target $(cat "$HOST_BASE/$A/pid") --net --mount -- kubectl --kubeconfig /etc/kubernetes/admin.conf \
		-n kube-public get cm cluster-info -o yaml | grep -q jws-kubeconfig-${token%.*}"
	short=$(host $A "$BIN/knarr" token create --ttl 1s)
	eventually 60 sh -c "! nsenter --target $(cat "$HOST_BASE/$A/pid") --net --mount -- kubectl --kubeconfig /etc/kubernetes/admin.conf \
		-n kube-system get secret bootstrap-token-${short%.*}"
	run host $A "$BIN/knarr" token delete "$token"
	[ "$status" = 1 ]
}

@test "what a node asks for beyond itself waits for an administrator" {
	openssl ecparam -name prime256v1 -genkey -noout -out "$BATS_TEST_TMPDIR/key"
	openssl req -new -key "$BATS_TEST_TMPDIR/key" -subj "/O=system:nodes/CN=system:node:node2" -addext "subjectAltName=IP:192.168.77.2" \
		-out "$BATS_TEST_TMPDIR/req"
	node create -f - <<-YAML
		apiVersion: certificates.k8s.io/v1
		kind: CertificateSigningRequest
		metadata: {name: greedy}
		spec:
		  request: $(base64 -w0 "$BATS_TEST_TMPDIR/req")
		  signerName: kubernetes.io/kubelet-serving
		  usages: [digital signature, server auth]
	YAML
	eventually 60 grep -q "waits for somebody's approval request=greedy" "$HOST_BASE/$A/var/log/knarr/server.log"
	[[ $(k get csr greedy --no-headers) == *Pending* ]]
	k certificate approve greedy
	eventually 60 sh -c "nsenter --target $(cat "$HOST_BASE/$A/pid") --net --mount -- kubectl --kubeconfig /etc/kubernetes/admin.conf \
		get csr greedy -o 'jsonpath={.status.certificate}' | grep -q ."
}

# ending NAME USAGE [SAN]: NAME.pem as node2 has it, nine tenths of whose life are over, signed by the cluster
ending() {
	local d=$BATS_TEST_TMPDIR/$1
	mkdir -p "$d/new" && : >"$d/index"
	openssl ecparam -name prime256v1 -genkey -noout -out "$d/key"
	openssl req -new -key "$d/key" -subj /O=system:nodes/CN=system:node:node2 -out "$d/req"
	printf '%s\n' '[ca]' default_ca=d '[d]' "database=$d/index" "new_certs_dir=$d/new" rand_serial=yes default_md=sha256 policy=p \
		unique_subject=no '[p]' organizationName=supplied commonName=supplied >"$d/conf"
	printf '%s\n' keyUsage=critical,digitalSignature "extendedKeyUsage=$2" ${3:+"subjectAltName=$3"} >"$d/ext"
	openssl ca -batch -notext -config "$d/conf" -cert "$HOST_BASE/$A/etc/kubernetes/pki/ca.crt" -keyfile "$HOST_BASE/$A/etc/kubernetes/pki/ca.key" \
		-startdate "$(date -u -d '-9 hours' +%Y%m%d%H%M%SZ)" -enddate "$(date -u -d '+1 hour' +%Y%m%d%H%M%SZ)" \
		-in "$d/req" -extfile "$d/ext" -out "$d/crt" 2>&1
	cat "$d/crt" "$d/key" >"$HOST_BASE/$B/etc/kubernetes/pki/node/$1.pem"
}
served() { host $B openssl s_client -connect 192.168.77.3:10250 </dev/null 2>/dev/null | openssl x509 -noout -serial; }
# exchanged NAME: good for longer than a day, with a key that fits
exchanged() {
	local pem=$HOST_BASE/$B/etc/kubernetes/pki/node/$1.pem
	openssl x509 -in "$pem" -noout -checkend 86400 && [ "$(openssl x509 -in "$pem" -noout -pubkey)" = "$(openssl pkey -in "$pem" -pubout)" ]
}
served_new() { [ "$(served)" = "$(openssl x509 -in "$HOST_BASE/$B/etc/kubernetes/pki/node/server.pem" -noout -serial)" ]; }

@test "certificates that are about to end are exchanged while the node works" {
	before=$(k get csr --no-headers | grep -c 'system:node:node2.*Approved,Issued')
	ending client clientAuth
	ending server serverAuth DNS:node2,IP:192.168.77.3
	run exchanged client
	[ "$status" -ne 0 ]
	kill -9 "$(host $B cat /run/knarr/agent.pid)" # its successor reads them
	eventually 60 exchanged client
	eventually 60 exchanged server
	eventually 60 served_new
	host $B sh -c '! ls /etc/kubernetes/pki/node/*.key 2>/dev/null'
	[ "$(stat -c %a "$HOST_BASE/$B/etc/kubernetes/pki/node/client.pem" "$HOST_BASE/$B/etc/kubernetes/pki/node/server.pem" | sort -u)" = 600 ]
	[ "$(k get csr --no-headers | grep -c 'system:node:node2.*Approved,Issued')" = $((before + 2)) ]
	node get node node2
	host $B curl -sS --max-time 5 --cacert /etc/kubernetes/pki/ca.crt https://192.168.77.3:10250/healthz | grep -qx Unauthorized
	k wait node/node2 --for=condition=Ready --timeout=60s
}

@test "a machine that was reset joins again and gets its addresses back" {
	host $B "$BIN/knarr" reset --cgroup-root=knarr-test-$B
	[ ! -e "$HOST_BASE/$B/etc/kubernetes/agent.conf" ]
	k delete node node2
	host $B $(host $A "$BIN/knarr" token create --print-join-command | sed "s#^knarr#$BIN/knarr#") --no-systemd \
		--cgroup-root=knarr-test-$B --node-name=node2 --timeout=60
	[ "$(k get node node2 -o 'jsonpath={.spec.podCIDR}')" = 10.244.1.0/24 ]
}
