#!/usr/bin/env bats
# NetworkPolicies on one node: who reaches whom, from the first packet on, across changes and restarts of the agent.
# bats file_tags=policy

load ../../lib/host

H=pol
CG=knarr-test-$H

UP="--no-systemd --cgroup-root=$CG --node-name=node1 --timeout=60 --node-ip=192.168.77.2,fd77::2 --cluster-cidr=10.244.0.0/16,fd00:244::/48
	--service-cluster-ip-range=10.96.0.0/16,fd00:96::/112"

k() { host $H kubectl --kubeconfig /etc/kubernetes/admin.conf "$@"; }

# pod NAMESPACE NAME LABELS [COMMAND]: with two ports of httpd, the first one named web
pod() {
	cat <<-YAML
	apiVersion: v1
	kind: Pod
	metadata: {name: $2, namespace: $1, labels: {$3}}
	spec:
	  terminationGracePeriodSeconds: 0
	  containers:
	  - name: c
	    image: knarr-demo:1
	    command: [sh, -c, "${4:-httpd -p 8081 -h /www; exec httpd -f -p 8080 -h /www}"]
	    ports: [{name: web, containerPort: 8080}]
	---
	YAML
}

setup_file() {
	export HOST_BASE=$BATS_FILE_TMPDIR/hosts
	host_create $H
	host_ipv6 $H fd77::2/64
	host $H "$BIN/knarr" up $UP
	"$REPO/examples/image/build" "$BATS_FILE_TMPDIR/demo.tar"
	host $H "$BIN/knarr" image import "$BATS_FILE_TMPDIR/demo.tar"
	k create namespace a
	k create namespace b
	k label namespace b team=b
	{ pod a server 'app: server'; pod a client 'app: client'; pod a other 'app: other'; pod b client 'app: client'; pod b other 'app: other'; } | k apply -f -
	k -n a wait --for=condition=Ready pod --all --timeout=60s
	k -n b wait --for=condition=Ready pod --all --timeout=60s
	for p in "a server" "a client" "a other"; do
		# shellcheck disable=SC2086 # two words
		netns_of $p >"$BATS_FILE_TMPDIR/netns.${p/ /.}"
	done
}

teardown_file() {
	host $H "$BIN/knarr" down --purge >/dev/null 2>&1 || true
	host_destroy $H
}

setup() { SERVER=$(ip_of a server); }

teardown() {
	k delete networkpolicy --all -A >/dev/null
	eventually 60 no_table
}

no_table() { ! host $H nft list table inet knarr-policy; }
ip_of() { k -n "$1" get pod "$2" -o 'jsonpath={.status.podIP}'; }
ip6_of() { k -n "$1" get pod "$2" -o 'jsonpath={.status.podIPs[1].ip}'; }
# netns_of NAMESPACE POD: its network namespace
netns_of() { host $H sh -c 'for n in /run/netns/*; do nsenter --net="$n" ip -o addr | grep -q "inet $1/" && echo "$n"; done; true' sh "$(ip_of "$1" "$2")"; }
# open PROTOCOL NAMESPACE POD ADDRESS PORT [FROM-PORT]: from that pod into the server;  shut: the same does not arrive
probe() { host $H "$BATS_TEST_DIRNAME/probe.py" "$1" "$2" "$(cat "$BATS_FILE_TMPDIR/netns.$3.$4")" "${7:-5555}" "$(cat "$BATS_FILE_TMPDIR/netns.a.server")" "$5" "$6"; }
open() { probe 30 "$@"; }
shut() { ! probe 0.5 "$@"; }

# reaches NAMESPACE POD [ADDRESS [PORT]]: one connection, which may take its time on a slow machine; blocked is quick to judge
reaches() { k -n "$1" exec "$2" -- nc -w 20 "${3:-$SERVER}" "${4:-8080}"; }
blocked() { ! k -n "$1" exec "$2" -- nc -w 1 "${3:-$SERVER}" "${4:-8080}"; }

# policy NAME SPEC [NAMESPACE]: in force when this returns
policy() {
	local before
	before=$(generation)
	k apply -f - <<-YAML
	apiVersion: networking.k8s.io/v1
	kind: NetworkPolicy
	metadata: {name: $1, namespace: ${3:-a}}
	spec: $2
	YAML
	eventually 60 moved "$before"
}
generation() { host $H nft -a list table inet knarr-policy 2>/dev/null | sha256sum; }
moved() { [ "$(generation)" != "$1" ]; }

only_from() { policy in "{podSelector: {matchLabels: {app: server}}, ingress: [{from: $1}]}"; }

@test "without policies there is no table, and everybody reaches everybody" {
	no_table
	reaches a client
	reaches b other
}

@test "ingress denied by default: the pod is reached by nobody but its node and itself, and reaches others" {
	policy deny '{podSelector: {}}'
	for c in "a client" "b client"; do
		# shellcheck disable=SC2086 # two words
		blocked $c
	done
	host $H curl -fsS --max-time 30 "http://$SERVER:8080/cgi-bin/index.cgi"
	k -n a expose pod server --port=80 --target-port=8080
	svc=$(k -n a get service server -o 'jsonpath={.spec.clusterIP}')
	eventually 60 reaches a server "$svc" 80
	blocked a client "$svc" 80
	reaches a server "$(ip_of b client)"
	k -n a delete service server
}

@test "egress denied by default: it reaches nobody but its node, and is reached" {
	policy deny '{podSelector: {matchLabels: {app: client}}, policyTypes: [Egress]}'
	blocked a client
	blocked a client "$(ip_of b other)"
	reaches a client 192.168.77.2 10250
	reaches b client "$(ip_of a client)"
	reaches a other
}

@test "egress and ingress both have to allow" {
	policy out '{podSelector: {matchLabels: {app: client}}, egress: [{to: [{podSelector: {matchLabels: {app: server}}}]}], policyTypes: [Egress]}'
	reaches a client
	blocked a client "$(ip_of a other)"
	policy in '{podSelector: {matchLabels: {app: server}}}'
	blocked a client
	only_from '[{podSelector: {matchLabels: {app: client}}}]'
	reaches a client
}

@test "peers: pods, namespaces, both, several, all" {
	only_from '[{podSelector: {matchLabels: {app: client}}}]'
	reaches a client
	blocked a other
	blocked b client
	only_from '[{namespaceSelector: {matchLabels: {team: b}}}]'
	blocked a client
	reaches b client
	reaches b other
	only_from '[{namespaceSelector: {matchLabels: {team: b}}, podSelector: {matchLabels: {app: client}}}]'
	blocked a client
	reaches b client
	blocked b other
	only_from '[{namespaceSelector: {matchLabels: {team: b}}}, {podSelector: {matchLabels: {app: client}}}]'
	reaches a client
	reaches b other
	blocked a other
	only_from '[{namespaceSelector: {matchExpressions: [{key: kubernetes.io/metadata.name, operator: NotIn, values: [b]}]}}]'
	reaches a other
	blocked b client
	only_from '[]'
	reaches a other
	reaches b other
}

@test "policies add up" {
	policy deny '{podSelector: {}}'
	blocked a client
	policy more '{podSelector: {matchLabels: {app: server}}, ingress: [{from: [{podSelector: {matchLabels: {app: client}}}]}]}'
	reaches a client
	blocked a other
	policy most '{podSelector: {matchLabels: {app: server}}, ingress: [{from: [{podSelector: {matchLabels: {app: other}}}]}]}'
	reaches a client
	reaches a other
}

@test "blocks of addresses with exceptions" {
	client=$(ip_of a client)
	only_from "[{ipBlock: {cidr: 10.244.0.0/16, except: [$client/32]}}]"
	blocked a client
	reaches a other
	only_from "[{ipBlock: {cidr: $client/32}}]"
	reaches a client
	blocked a other
	only_from "[{ipBlock: {cidr: 0.0.0.0/0, except: [10.244.0.0/16]}}]"
	blocked a client
	only_from "[{ipBlock: {cidr: 0.0.0.0/0, except: [10.244.0.0/16]}}, {ipBlock: {cidr: $client/32}}]"
	reaches a client
	blocked a other
}

@test "ports: by number, by name, ranges, protocols" {
	policy in '{podSelector: {matchLabels: {app: server}}, ingress: [{ports: [{port: 8081}]}]}'
	reaches a client "$SERVER" 8081
	blocked a client "$SERVER" 8080
	policy in '{podSelector: {matchLabels: {app: server}}, ingress: [{ports: [{port: web}], from: [{podSelector: {matchLabels: {app: client}}}]}]}'
	reaches a client "$SERVER" 8080
	blocked a client "$SERVER" 8081
	blocked a other "$SERVER" 8080
	policy in '{podSelector: {matchLabels: {app: server}}, ingress: [{ports: [{port: 8081, endPort: 9000}]}]}'
	reaches a client "$SERVER" 8081
	blocked a client "$SERVER" 8080
	policy in '{podSelector: {matchLabels: {app: server}}, ingress: [{ports: [{protocol: UDP}]}]}'
	blocked a client "$SERVER" 8080
	policy in '{podSelector: {matchLabels: {app: server}}, ingress: [{ports: [{protocol: TCP}]}]}'
	reaches a client "$SERVER" 8081
	k -n a exec client -- sh -c '! ping -c 1 -W 1 "$1"' sh "$SERVER"
	policy out '{podSelector: {matchLabels: {app: client}}, egress: [{ports: [{port: web}]}], policyTypes: [Egress]}'
	reaches a client "$SERVER" 8080
	blocked a client "$SERVER" 8081
	reaches a client "$(ip_of b other)" 8080
}

@test "labels of pods and namespaces change what holds, and only that" {
	only_from '[{namespaceSelector: {matchLabels: {team: b}}, podSelector: {matchLabels: {app: client}}}]'
	blocked b other
	nsenter --target "$(cat "$HOST_BASE/$H/pid")" --net --mount -- nft monitor >"$BATS_TEST_TMPDIR/monitor" 2>&1 3>&- 4>&- &
	monitor=$!
	# A netfilter socket (12) of the monitor's that has joined a group.
	listens() { awk -v p=$monitor '$2 == 12 && $3 == p && $4 != "00000000" { n++ } END { exit !n }' "/proc/$monitor/net/netlink"; }
	eventually 60 listens
	k -n b label pod other app=client --overwrite
	eventually 60 reaches b other
	eventually 60 grep -q "^add element inet knarr-policy s4-.*$(ip_of b other)" "$BATS_TEST_TMPDIR/monitor"
	eventually 60 grep -q "^add element inet knarr-policy s6-.*$(ip6_of b other)" "$BATS_TEST_TMPDIR/monitor"
	end_process $monitor
	[ "$(grep -c '^\(add\|delete\)' "$BATS_TEST_TMPDIR/monitor")" = 2 ]
	k -n b label pod other app=other --overwrite
	eventually 60 blocked b other
	k label namespace b team-
	eventually 60 blocked b client
	k label namespace b team=b
	eventually 60 reaches b client
	k -n a label pod server app=free --overwrite
	eventually 60 reaches a other
	k -n a label pod server app=server --overwrite
	eventually 60 blocked a other
}

@test "an established connection goes on, a new one is refused" {
	k -n a exec server -- sh -c 'nc -l -p 7000 -e cat >/dev/null 2>&1 &'
	k -n a exec client -- sh -c 'mkfifo /tmp/in; (nc "$1" 7000 </tmp/in >/tmp/out 2>&1 &) ; exec 3>/tmp/in; echo one >&3; (while [ ! -e /tmp/go ]; do sleep 0.1; done; echo two >&3; sleep 100) >/dev/null 2>&1 &' sh "$SERVER"
	eventually 60 k -n a exec client -- grep -q one /tmp/out
	policy deny '{podSelector: {}}'
	blocked a client
	k -n a exec client -- touch /tmp/go
	eventually 60 k -n a exec client -- grep -q two /tmp/out
}

@test "IPv6: peers, blocks, ports; neighbours find each other" {
	SERVER6=$(ip6_of a server)
	[[ $SERVER6 == fd00:244:* ]]
	open tcp a client "$SERVER6" 9001
	only_from '[{podSelector: {matchLabels: {app: client}}}]'
	host $H nsenter --net="$(netns_of a client)" ip -6 neigh flush all
	open tcp a client "$SERVER6" 9001
	open udp a client "$SERVER6" 9001
	shut tcp a other "$SERVER6" 9001
	shut udp a other "$SERVER6" 9001
	host $H curl -gfsS --max-time 3 "http://[$SERVER6]:8080/cgi-bin/index.cgi"
	only_from "[{ipBlock: {cidr: 'fd00:244::/48', except: [$(ip6_of a client)/128]}}]"
	shut tcp a client "$SERVER6" 9001
	open tcp a other "$SERVER6" 9001
	shut tcp a other "$SERVER" 9001
	policy in '{podSelector: {matchLabels: {app: server}}, ingress: [{ports: [{port: 9000, endPort: 9005}, {port: 9010, protocol: UDP}]}]}'
	open tcp a other "$SERVER6" 9005
	shut tcp a other "$SERVER6" 9006
	open udp a other "$SERVER6" 9010
	shut udp a other "$SERVER6" 9001
}

@test "SCTP is told from TCP, by port, in both families" {
	SERVER6=$(ip6_of a server)
	policy in '{podSelector: {matchLabels: {app: server}}, ingress: [{ports: [{port: 9001, protocol: SCTP}]}]}'
	open sctp a client "$SERVER" 9001 5556
	open sctp a client "$SERVER6" 9001 5556
	shut sctp a client "$SERVER" 9002 5557
	shut sctp a client "$SERVER6" 9002 5557
	shut tcp a client "$SERVER" 9001
	policy in '{podSelector: {matchLabels: {app: server}}, ingress: [{ports: [{port: 9001}]}]}'
	shut sctp a client "$SERVER" 9001 5558
	shut sctp a client "$SERVER6" 9001 5558
	open tcp a client "$SERVER6" 9001
}

@test "a port's name is each pod's own: two pods that mean different numbers by it" {
	pod a named 'app: named' | sed 's/containerPort: 8080/containerPort: 8081/' | k apply -f -
	k -n a wait --for=condition=Ready pod/named --timeout=60s
	policy out '{podSelector: {matchLabels: {app: client}}, egress: [{ports: [{port: web}], to: [{podSelector: {}}]}], policyTypes: [Egress]}'
	reaches a client "$SERVER" 8080
	blocked a client "$SERVER" 8081
	reaches a client "$(ip_of a named)" 8081
	blocked a client "$(ip_of a named)" 8080
	policy out '{podSelector: {matchLabels: {app: client}}, egress: [{ports: [{port: web, protocol: UDP}]}], policyTypes: [Egress]}'
	blocked a client "$SERVER" 8080
	k -n a delete pod named --wait=true
}

@test "what each kind of traffic is by default: policyTypes, empty rules, selectors by expressions" {
	policy in '{podSelector: {matchExpressions: [{key: app, operator: In, values: [server, nobody]}]}, egress: [{}]}'
	blocked a client # ingress is isolated unless only egress is said
	reaches a server "$(ip_of b client)"
	policy in '{podSelector: {matchExpressions: [{key: app, operator: NotIn, values: [client, other]}]}, ingress: [{}]}'
	reaches a client
	policy in '{podSelector: {matchExpressions: [{key: nothing, operator: Exists}]}}'
	reaches a client
	policy in '{podSelector: {matchExpressions: [{key: nothing, operator: DoesNotExist}]}, ingress: [{from: [{namespaceSelector: {matchExpressions: [{key: team, operator: Exists}]}}]}]}'
	blocked a client
	reaches b client
	policy in '{podSelector: {}, policyTypes: [Egress]}'
	reaches b client
	blocked a client
}

@test "pods on the node's network: policies do not select them, and they are the node to others" {
	pod a host 'app: host' 'sleep 1000' | sed 's/^  terminationGrace/  hostNetwork: true\n&/' | k apply -f -
	k -n a wait --for=condition=Ready pod/host --timeout=60s
	policy deny '{podSelector: {}}'
	blocked a client
	reaches a host
	host $H curl -fsS --max-time 3 "http://$SERVER:8080/cgi-bin/index.cgi"
	k -n a delete pod host --wait=true
}

@test "the table is mended when somebody else deletes, flushes or changes it" {
	only_from '[{podSelector: {matchLabels: {app: client}}}]'
	blocked a other
	before=$(host $H nft list table inet knarr-policy)
	mended() { [ "$(host $H nft list table inet knarr-policy)" = "$before" ]; }
	for change in "delete table inet knarr-policy" "flush table inet knarr-policy" "flush chain inet knarr-policy forward-ingress" \
		"delete element inet knarr-policy ingress4 { $SERVER }" "insert rule inet knarr-policy forward-ingress accept"; do
		host $H nft "$change"
		eventually 60 mended
	done
	blocked a other
	reaches a client
	pid=$(host $H cat /run/knarr/agent.pid)
	host $H nft add table inet foreign
	host $H nft delete table inet foreign
	mended
	[ "$(host $H cat /run/knarr/agent.pid)" = "$pid" ]
}

# flow ADDRESS FROM-PORT POD [SECONDS]: a datagram of the client to the address arrives in the pod, and its answer comes back. Names of
# network namespaces are in files of $BATS_TEST_TMPDIR.
flow() {
	host $H "$BATS_TEST_DIRNAME/probe.py" "${4:-30}" udp "$(cat "$BATS_TEST_TMPDIR/client")" "$2" "$(cat "$BATS_TEST_TMPDIR/$3")" "$1" 9001
}
no_flow() { ! flow "$1" "$2" "$3" 0.5; }
flows() { host $H conntrack -L -p udp --orig-port-src "$1" 2>/dev/null | wc -l; } # FROM-PORT
# pod_again NAME ADDRESS: a pod that gets this address, which must be free
pod_again() {
	host $H sh -c 'echo "$1" >"$(ls /var/lib/cni/networks/*/last_reserved_ip.0)"' sh "${2%.*}.$((${2##*.} - 1))"
	pod a "$1" "app: $1" 'sleep 1000' | k apply -f -
	k -n a wait --for=condition=Ready "pod/$1" --timeout=60s
	[ "$(ip_of a "$1")" = "$2" ]
	netns_of a "$1" >"$BATS_TEST_TMPDIR/$1"
}
first_pod() {
	pod a first 'app: first' 'sleep 1000' | k apply -f -
	k -n a wait --for=condition=Ready pod/first --timeout=60s
	ip=$(ip_of a first)
	for p in first client server; do netns_of a $p >"$BATS_TEST_TMPDIR/$p"; done
}

@test "a new pod with an old address gets none of the old one's flows; others' flows stay" {
	first_pod
	flow "$ip" 6001 first
	flow "$SERVER" 6002 server
	policy deny '{podSelector: {}, policyTypes: [Ingress]}'
	flow "$ip" 6001 first
	flow "$SERVER" 6002 server
	no_flow "$ip" 6003 first
	k -n a delete pod first --wait=true
	[ "$(flows 6001)" = 1 ]
	pod_again second "$ip"
	[ "$(flows 6001)" = 0 ]
	no_flow "$ip" 6001 second
	flow "$SERVER" 6002 server
	k -n a delete pod second --wait=true
}

@test "an address that goes to another pod while the agent is down: no flow goes on, policies hold at once" {
	first_pod
	policy deny '{podSelector: {matchExpressions: [{key: app, operator: In, values: [second, other]}]}, policyTypes: [Ingress]}'
	flow "$ip" 6011 first
	before=$(agent_pid)
	host $H kill -STOP "$before" # it is not there, and nobody has noticed
	k -n a delete pod first --grace-period=0 --force --wait=false
	host $H kill -9 "$before"
	eventually 60 new_agent "$before"
	no_first() { ! host $H test -e "$(cat "$BATS_TEST_TMPDIR/first")"; }
	eventually 60 no_first
	address_free() { ! host $H sh -c 'ls /var/lib/cni/networks/*/"$1"' sh "$ip"; }
	eventually 60 address_free
	pod_again second "$ip"
	[ "$(flows 6011)" = 0 ]
	no_flow "$ip" 6011 second
	no_flow "$ip" 6012 second
	k -n a delete pod second --wait=true
}

@test "through a service: a pod that gets an endpoint's address gets none of its flows" {
	first_pod
	k apply -f - <<-'Y'
		apiVersion: v1
		kind: Service
		metadata: {name: first, namespace: a}
		spec: {selector: {app: first}, ports: [{port: 9001, protocol: UDP}]}
	Y
	service=$(k -n a get service first -o 'jsonpath={.spec.clusterIP}')
	# through FROM-PORT POD [SECONDS]: the pod listens at its address, the client knows that of the service
	through() {
		host $H "$BATS_TEST_DIRNAME/probe.py" "${3:-1}" udp "$(cat "$BATS_TEST_TMPDIR/client")" "$1" "$(cat "$BATS_TEST_TMPDIR/$2")" "$ip" 9001 "$service"
	}
	eventually 60 through 6021 first
	k -n a delete pod first --wait=true
	pod_again second "$ip"
	not_through() { ! through "$@"; }
	not_through 6021 second 0.5
	[ "$(flows 6021)" = 0 ]
	k -n a delete pod/second service/first --wait=true
}

@test "a pod is closed at its first instruction" {
	policy deny '{podSelector: {matchExpressions: [{key: app, operator: In, values: [new, other]}]}, policyTypes: [Egress]}'
	pod a open 'app: free' "nc -w 30 $SERVER 8080 </dev/null 2>/dev/null && echo open || echo closed; sleep 1000" | k apply -f -
	for n in 1 2 3; do
		pod a "new$n" 'app: new' "nc -w 1 $SERVER 8080 </dev/null 2>/dev/null && echo open || echo closed; sleep 1000"
	done | k apply -f -
	k -n a wait --for=condition=Ready pod/open pod/new1 pod/new2 pod/new3 --timeout=60s
	eventually 60 said open open
	for n in 1 2 3; do eventually 60 said "new$n" closed; done
	k -n a delete pod open new1 new2 new3 --wait=true
}

said() { [ "$(k -n a logs "$1")" = "$2" ]; }

agent_pid() { host $H cat /run/knarr/agent.pid; }
new_agent() { [ "$(agent_pid)" != "$1" ] && host $H curl -fsS http://127.0.0.1:10248/healthz; }

# tried TIMES
tried() { [ "$(k -n a exec other -- grep -c tried /tmp/tries)" -ge "$1" ]; }

@test "the agent is killed: no open moment, and the new one goes on" {
	only_from '[{podSelector: {matchLabels: {app: client}}}]'
	blocked a other
	# a connection every moment, by a pod that may not
	k -n a exec other -- sh -c '(while [ ! -e /tmp/stop ]; do nc -w 1 "$1" 8080 </dev/null && echo open; echo tried; done >/tmp/tries 2>/dev/null &)' sh "$SERVER"
	eventually 60 tried 1
	before=$(agent_pid)
	host $H kill -9 "$before"
	eventually 60 new_agent "$before"
	eventually 60 reaches a client
	k -n a label pod other late=yes
	only_from '[{podSelector: {matchLabels: {app: client}}}, {podSelector: {matchLabels: {late: never}}}]'
	eventually 60 tried 3
	k -n a exec other -- touch /tmp/stop
	[ "$(k -n a exec other -- sh -c 'grep -c open /tmp/tries; true')" = 0 ]
	reaches a client
	blocked a other
}

@test "knarr down takes the table away" {
	policy deny '{podSelector: {}}'
	host $H nft list table inet knarr-policy >/dev/null
	host $H "$BIN/knarr" down
	no_table
	host $H "$BIN/knarr" up $UP
}
