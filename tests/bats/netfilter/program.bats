#!/usr/bin/env bats
# knarr-proxy against knarr-server in a network namespace as a machine.

load ../../lib/host

setup() {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	ROOT=$(cd "$BATS_TEST_DIRNAME/../../.." && pwd)
	make -s -C "$ROOT" knarr-proxy knarr-server >/dev/null 2>&1 3>&-
	[ -x "$ROOT/build/bin/knarr-proxy" ]
	T=knarr-test-pp-$$
	DIR=$(mktemp -d /tmp/knarr-test-pp.XXXXXX)
	PIDS=
	ip netns add "$T"
	in_ns ip link set lo up
	in_ns ip link add up0 type veth peer name up1
	in_ns ip addr add 192.168.78.1/24 dev up0
	in_ns ip addr add 192.168.79.1/24 dev up1
	in_ns ip link set up0 up
	in_ns ip link set up1 up
	in_ns ip route add default via 192.168.78.2
	nsenter --net="/run/netns/$T" "$ROOT/build/bin/knarr-server" --data-dir "$DIR/data" --bind-address 127.0.0.1 --secure-port 6443 \
		--controllers=none --scheduler=none >"$DIR/server.log" 2>&1 3>&- &
	PIDS="$!"
	eventually 60 in_ns curl -sfk --max-time 10 https://127.0.0.1:6443/readyz
	make_kubeconfig
	kube create -f - <<-'END'
		{"apiVersion":"v1","kind":"Node","metadata":{"name":"n1","labels":{"topology.kubernetes.io/zone":"z1"}}}
	END
	kube patch node n1 --subresource=status -p '{"status":{"addresses":[{"type":"InternalIP","address":"192.168.78.1"}]}}'
}

teardown() {
	for p in $PIDS; do kill "$p" 2>/dev/null || true; done
	for p in $PIDS; do wait "$p" 2>/dev/null || true; done
	ip netns del "$T" 2>/dev/null || true
	rm -rf "$DIR"
}

in_ns() { nsenter --net="/run/netns/$T" "$@"; }
kube() { in_ns kubectl --kubeconfig "$DIR/kubeconfig" "$@" >/dev/null; }

make_kubeconfig() {
	local pki=$DIR/data/pki
	openssl req -newkey rsa:2048 -nodes -keyout "$DIR/a.key" -subj /O=system:masters/CN=admin -out "$DIR/a.csr" 2>/dev/null
	openssl x509 -req -in "$DIR/a.csr" -CA "$pki/ca.crt" -CAkey "$pki/ca.key" -CAcreateserial -days 2 -out "$DIR/a.crt" 2>/dev/null
	export KUBECONFIG=$DIR/kubeconfig
	kubectl config set-cluster k --server https://127.0.0.1:6443 --certificate-authority "$pki/ca.crt" --embed-certs >/dev/null
	kubectl config set-credentials a --client-certificate "$DIR/a.crt" --client-key "$DIR/a.key" --embed-certs >/dev/null
	kubectl config set-context c --cluster k --user a >/dev/null
	kubectl config use-context c >/dev/null
}

start_proxy() {
	nsenter --net="/run/netns/$T" "$ROOT/build/bin/knarr-proxy" --kubeconfig "$DIR/kubeconfig" --hostname-override n1 \
		--cluster-cidr 10.244.0.0/16 "$@" >"$DIR/proxy.log" 2>&1 3>&- &
	PROXY=$!
	PIDS="$PIDS $PROXY"
	eventually 60 grep -q "in step" "$DIR/proxy.log"
}

has() { in_ns nft list map ip knarr-proxy "$1" | grep -q "$2"; }
hasnt() { ! has "$@"; }

slice() { # NODE
	kube apply -f - <<-END
		{"apiVersion":"discovery.k8s.io/v1","kind":"EndpointSlice","metadata":{"name":"s-1","namespace":"default",
		 "labels":{"kubernetes.io/service-name":"s"}},"addressType":"IPv4",
		 "endpoints":[{"addresses":["10.244.0.9"],"nodeName":"$1"}],"ports":[{"name":"p","port":8080}]}
	END
}

@test "node ports on the node's address, or on those of given networks, as the machine's addresses change" {
	kube create -f - <<-'END'
		{"apiVersion":"v1","kind":"Service","metadata":{"name":"s","namespace":"default"},"spec":{"type":"NodePort",
		 "clusterIP":"10.96.7.7","ports":[{"name":"p","port":80,"nodePort":30080}]}}
	END
	slice n1
	start_proxy
	eventually 60 has services "192.168.78.1 . tcp . 30080 : 2000:1"
	eventually 60 has services "10.96.7.7 . tcp . 80 : 1400:1"
	kill "$PROXY"
	wait "$PROXY"
	start_proxy --nodeport-addresses 192.168.79.0/24 --masquerade-all
	eventually 60 has services "192.168.79.1 . tcp . 30080 : 2000:1"
	eventually 60 hasnt services "192.168.78.1 . tcp . 30080"
	eventually 60 has services "10.96.7.7 . tcp . 80 : 2000:1"
	in_ns ip addr add 192.168.79.5/24 dev up1
	eventually 60 has services "192.168.79.5 . tcp . 30080"
	in_ns ip addr del 192.168.79.5/24 dev up1
	eventually 60 hasnt services "192.168.79.5 . tcp . 30080"
}

@test "health, metrics, and the health-check node port" {
	kube create -f - <<-'END'
		{"apiVersion":"v1","kind":"Service","metadata":{"name":"s","namespace":"default"},"spec":{"type":"LoadBalancer",
		 "externalTrafficPolicy":"Local","healthCheckNodePort":31234,"ports":[{"name":"p","port":80}]}}
	END
	slice n1
	start_proxy
	run in_ns curl -s -w ' %{http_code}' http://127.0.0.1:10256/healthz
	[[ "$output" == *'"lastUpdated"'*'"nodeEligible": true'*' 200' ]]
	eventually 60 in_ns curl -sf -o /dev/null http://192.168.78.1:31234/
	run in_ns curl -si http://192.168.78.1:31234/
	[[ "${output,,}" == *"x-load-balancing-endpoint-weight: 1"* ]]
	[[ "$output" == *'"localEndpoints": 1'* && "$output" == *'"name": "s"'* ]]
	slice n2
	is_503() { [ "$(in_ns curl -s -o /dev/null -w '%{http_code}' http://192.168.78.1:31234/)" = 503 ]; }
	eventually 60 is_503
	counted() {
		in_ns curl -s http://127.0.0.1:10249/metrics >"$DIR/metrics"
		grep -q '^kubeproxy_sync_proxy_rules_no_local_endpoints_total{ip_family="IPv4",traffic_policy="external"} [1-9]' "$DIR/metrics"
	}
	eventually 60 counted
	for m in sync_proxy_rules_duration_seconds_count sync_proxy_rules_last_timestamp_seconds \
		sync_proxy_rules_endpoint_changes_total sync_proxy_rules_last_queued_timestamp_seconds; do
		grep -q "^kubeproxy_$m" "$DIR/metrics"
	done
	kube patch node n1 -p '{"spec":{"taints":[{"key":"ToBeDeletedByClusterAutoscaler","effect":"NoSchedule"}]}}'
	going() { [ "$(in_ns curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:10256/healthz)" = 503 ]; }
	eventually 60 going
	[ "$(in_ns curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:10256/livez)" = 200 ]
	kube delete service s
	gone() { ! in_ns curl -s -o /dev/null http://192.168.78.1:31234/; }
	eventually 60 gone
}

@test "another proxy's rules are told and left alone; cleanup removes ours only" {
	start_proxy
	run in_ns "$ROOT/build/bin/knarr-proxy" --kubeconfig "$DIR/kubeconfig" --hostname-override n1
	[ "$status" -eq 1 ]
	[[ "$output" == *"process $PROXY keeps table knarr-proxy already"* ]]
	kill "$PROXY"
	wait "$PROXY"
	in_ns nft list table ip knarr-proxy >/dev/null
	in_ns nft add table ip kube-proxy
	run in_ns "$ROOT/build/bin/knarr-proxy" --kubeconfig "$DIR/kubeconfig" --hostname-override n1
	[ "$status" -eq 1 ]
	[[ "$output" == *"another service proxy is at work here (nf_tables table kube-proxy)"* ]]
	in_ns "$ROOT/build/bin/knarr-proxy" --cleanup
	run in_ns nft list tables
	[[ "$output" == *kube-proxy* && "$output" != *knarr-proxy* ]]
}

@test "another proxy's chains in the older iptables are told, of either family" {
	local tool
	for tool in iptables-legacy ip6tables-legacy; do
		command -v $tool >/dev/null || skip "$tool is not installed"
		in_ns $tool -t nat -N OTHER || skip "this kernel has no tables of $tool"
		in_ns $tool -t nat -A OTHER -j RETURN
		in_ns $tool -t nat -N KUBE-SERVICES
		run in_ns "$ROOT/build/bin/knarr-proxy" --kubeconfig "$DIR/kubeconfig" --hostname-override n1
		[ "$status" -eq 1 ]
		[[ "$output" == *"another service proxy is at work here (iptables-legacy chain KUBE-SERVICES)"* ]]
		in_ns $tool -t nat -X KUBE-SERVICES
	done
	start_proxy
}

@test "a zone that changes has hints read again" {
	kube create -f - <<-'END'
		{"apiVersion":"v1","kind":"Service","metadata":{"name":"s","namespace":"default"},"spec":{
		 "clusterIP":"10.96.7.7","ports":[{"name":"p","port":80}]}}
	END
	kube create -f - <<-'END'
		{"apiVersion":"discovery.k8s.io/v1","kind":"EndpointSlice","metadata":{"name":"s-1","namespace":"default",
		 "labels":{"kubernetes.io/service-name":"s"}},"addressType":"IPv4","ports":[{"name":"p","port":8080}],
		 "endpoints":[{"addresses":["10.244.0.1"],"hints":{"forZones":[{"name":"z1"}]}},
		 {"addresses":["10.244.0.2"],"hints":{"forZones":[{"name":"z2"}]}}]}
	END
	start_proxy
	eventually 60 has endpoints "10.244.0.1"
	eventually 60 hasnt endpoints "10.244.0.2"
	kube label --overwrite node n1 topology.kubernetes.io/zone=z2
	eventually 60 has endpoints "10.244.0.2"
	eventually 60 hasnt endpoints "10.244.0.1"
}
