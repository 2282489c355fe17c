#!/usr/bin/env bats
# Programs killed at random moments, a full disk, down and up: nothing acknowledged is lost, nothing is left behind.
# KILL_SEED and KILL_ROUNDS choose other moments.
# bats file_tags=cluster

load ../../lib/host

H=kill
CG=knarr-test-$H
URL=https://192.168.77.2:6443

k() { host $H kubectl --kubeconfig /etc/kubernetes/admin.conf "$@"; }
up() { host $H "$BIN/knarr" up --no-systemd --cgroup-root=$CG --node-name=node1 --timeout=60; }

setup_file() {
	export HOST_BASE=$BATS_FILE_TMPDIR/hosts
	cp -r "$BIN" "$BATS_FILE_TMPDIR/bin"
	cp -r "$BIN/../cni" "$BATS_FILE_TMPDIR/cni"
	export BIN=$BATS_FILE_TMPDIR/bin
	host_create $H
	host $H mount -t tmpfs -o size=64m tmpfs /var/lib/knarr
	up
	"$REPO/examples/image/build" "$BATS_FILE_TMPDIR/demo.tar"
	host $H "$BIN/knarr" image import "$BATS_FILE_TMPDIR/demo.tar"
}

teardown_file() {
	host $H "$BIN/knarr" down --purge >/dev/null 2>&1 || true
	host_destroy $H
}

# is RESOURCE PATH VALUE
is() { [ "$(k get "$1" -o "jsonpath=$2" 2>/dev/null)" = "$3" ]; }

gone() { ! k get "$1" >/dev/null 2>&1; }

daemon() { host $H cat "/run/knarr/$1.pid"; }

# kill_daemon NAME: by its number, if it is what runs under it
kill_daemon() {
	local pid
	pid=$(daemon "$1") || return 0
	[ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "knarr-$1" ] || return 0
	kill -9 "$pid"
}

agent_serves() { host $H curl -sk --max-time 5 https://192.168.77.2:10250/healthz; }

serving() { host $H curl -fsSk --max-time 5 $URL/readyz && is node/node1 '{.status.conditions[?(@.type=="Ready")].status}' True && agent_serves; }

uid() { k get pod "$1" -o 'jsonpath={.metadata.uid}'; }

shim_of() { host $H cat "/run/knarr/pods/$1/shim.pid"; }

# Number, start time and name of each process of a pod, by its cgroup; without the supervisor when $2 is "containers".
processes() {
	local p
	cat /sys/fs/cgroup/memory/$CG/pods/"$1"/*/cgroup.procs 2>/dev/null | sort -un | while read -r p; do
		[ "$2" = containers ] && [ "$(cat "/proc/$p/comm")" = knarr-shim ] && continue
		awk '{ print $1, $22, $2 }' "/proc/$p/stat" 2>/dev/null
	done
}

# pod NAME POLICY COMMAND
pod() {
	k apply -f - <<-YAML
	apiVersion: v1
	kind: Pod
	metadata: {name: $1}
	spec:
	  restartPolicy: $2
	  terminationGracePeriodSeconds: 1
	  volumes: [{name: m, emptyDir: {medium: Memory}}, {name: d, emptyDir: {}}]
	  containers:
	  - name: c
	    image: knarr-demo:1
	    command: [sh, -c, '$3']
	    volumeMounts: [{name: m, mountPath: /m}, {name: d, mountPath: /d, subPath: a/b}]
	  - {name: other, image: knarr-demo:1, command: [sleep, "100000"]}
	YAML
}

ready() { k wait --for=condition=Ready "pod/$1" --timeout=60s; }

# What pods have left, one line each; nothing but that of the pods named by their uids.
remains() {
	local not=${1:-no-such-pod} p
	{
		host $H sh -c '
			ls -d /run/netns/* /run/knarr/pods/* /var/lib/kubelet/pods/* /var/lib/knarr/containers/*
			ls -d /var/lib/knarr/images/uses/* /var/lib/knarr/cni/results/* /var/lib/cni/networks/*/10.* /var/log/containers/*
			grep -E " (/run/knarr/pods|/var/lib/kubelet/pods|/var/lib/knarr/containers|/run/netns/)" /proc/mounts
			ip -o link show type veth | grep -v eth0' 2>/dev/null
		for p in $(host_pids $H); do
			[ "$(cat "/proc/$p/comm" 2>/dev/null)" = knarr-shim ] && echo "shim $(tr '\0' ' ' <"/proc/$p/cmdline")"
		done
		find /sys/fs/cgroup/*/$CG/pods -mindepth 1 -type d 2>/dev/null | sed 's,^/sys/fs/cgroup/[^/]*,cgroup ,' | sort -u
	} | grep -v "$not"
	return 0
}

logs() { host $H sh -c 'ls -d /var/log/pods/*' 2>/dev/null; }

nothing_remains() { [ -z "$(remains; logs)" ] || { remains >&2; logs >&2; return 1; }; }

# What a stopped node must not have.
node_remains() {
	remains
	host_pids $H | grep -vx "$(cat "$HOST_BASE/$H/pid")" | while read -r p; do echo "process $p $(cat "/proc/$p/comm" 2>/dev/null)"; done
	host $H sh -c '
		ls -d /run/knarr
		ip -o link | grep -vE " (lo|eth0|eth0-peer)[@:]"
		ip route | grep -E "10\.(244|96)\."
		nft list tables | grep knarr
		ss -lx | grep knarr
		ss -ltn | grep -E ":(6443|10250) "' 2>/dev/null
	ls -d /sys/fs/cgroup/$CG /sys/fs/cgroup/*/$CG 2>/dev/null
	return 0
}

delete_all() { host $H curl -fsSk -X DELETE --cert /etc/kubernetes/pki/admin.crt --key /etc/kubernetes/pki/admin.key "$URL/api/v1/namespaces/default/$1" >/dev/null; }

delete_all_pods() { k delete pods --all --grace-period=1 --timeout=60s; }

@test "daemons killed at random: no acknowledged write is lost, containers go on, nothing leaks" {
	local journal=$BATS_TEST_TMPDIR/journal before which what load i
	for i in 1 2 3; do pod stay$i Always "sleep 100000"; done
	for i in 1 2 3; do ready stay$i; done
	stay() { for i in 1 2 3; do processes "$(uid stay$i)"; done; }
	before=$(stay)
	[ "$(grep -c '(sleep)' <<<"$before")" -eq 6 ]
	nsenter --target "$(cat "$HOST_BASE/$H/pid")" --net --mount -- \
		python3 "$REPO/tests/bats/cluster/load.py" run "$journal" "${KILL_SEED:-7}" 5 3>&- &
	load=$!
	RANDOM=${KILL_SEED:-7}
	for i in $(seq "${KILL_ROUNDS:-10}"); do
		which=(server agent server agent "server agent")
		sleep 0.$((RANDOM % 10))$((RANDOM % 10))
		for what in ${which[RANDOM % 5]}; do kill_daemon "$what"; done
		[ $((RANDOM % 3)) = 0 ] || eventually 60 host $H curl -fsSk --max-time 5 $URL/readyz
	done
	eventually 60 serving
	written=$(wc -l <"$journal")
	goes_on() { [ "$(wc -l <"$journal")" -gt $((written + 5)) ]; }
	eventually 60 goes_on
	kill $load
	wait $load || true
	host $H python3 "$REPO/tests/bats/cluster/load.py" check "$journal"
	[ "$before" = "$(stay)" ]
	settled() { [ -z "$(k get pods --no-headers | grep -v ' Running ')" ]; }
	eventually 60 settled
	is pods '{.items[*].status.containerStatuses[*].restartCount}' "$(k get pods -o 'jsonpath={.items[*].status.containerStatuses[*].restartCount}' | tr -c ' \n' 0)"
	for i in 1 2 3; do is pod/stay$i '{.status.containerStatuses[*].ready}' "true true"; done
	k exec stay1 -c c -- true
	delete_all_pods
	eventually 60 nothing_remains
}

@test "a pod's supervisor killed: its containers end and start again by their restart policy" {
	local a b old
	pod always Always "sleep 100000"
	pod never Never "sleep 100000"
	ready always
	ready never
	a=$(uid always) b=$(uid never)
	old=$(processes "$a" containers; processes "$b" containers)
	kill -9 "$(shim_of "$a")" "$(shim_of "$b")"
	dead() { local p; ! while read -r p _; do [ ! -d "/proc/$p" ] || echo "$p"; done <<<"$old" | grep .; }
	eventually 60 dead
	eventually 60 is pod/always '{.status.containerStatuses[*].restartCount}' "1 1"
	ready always
	is pod/always '{.status.containerStatuses[0].lastState.terminated.exitCode}' 137
	[ "$(processes "$a" containers | grep -c '(sleep)')" -eq 2 ]
	k exec always -c c -- sh -c 'echo x >/m/x && echo x >/d/x'
	eventually 60 is pod/never '{.status.phase}' Failed
	is pod/never '{.status.containerStatuses[0].state.terminated.exitCode}' 137
	# Again, while the first is being made anew.
	kill -9 "$(shim_of "$a")"
	sleep 0.2
	kill -9 "$(shim_of "$a")" || true
	eventually 60 ready always
	delete_all_pods
	eventually 60 nothing_remains
}

@test "knarr-supervise killed: the daemons go on, up adopts them" {
	local server agent
	server=$(daemon server) agent=$(daemon agent)
	kill_daemon supervise
	gone_from_host() { ! host_pids $H | while read -r p; do cat "/proc/$p/comm"; done 2>/dev/null | grep -q knarr-supervise; }
	eventually 60 gone_from_host
	serving
	up
	[ "$server" = "$(daemon server)" ]
	[ "$agent" = "$(daemon agent)" ]
	[ "$(for p in $(host_pids $H); do cat "/proc/$p/comm"; done | grep '^knarr-' | sort | xargs)" = "knarr-agent knarr-server knarr-supervise" ]
	kill_daemon agent
	again() { [ "$agent" != "$(daemon agent)" ] && agent_serves; }
	eventually 60 again
	is node/node1 '{.status.conditions[?(@.type=="Ready")].status}' True
}

# trapped UID: the shell of its first container has its trap.
trapped() { catches_term "$(processes "$1" containers | awk '$3 == "(sh)" { print $1; exit }')"; }

@test "what happens while the agent is away is seen when it is back" {
	local u i
	for i in ends deleted forced unshimmed stays; do pod $i Never 'trap "exit 4" TERM; while :; do sleep 0.1; done'; done
	for i in ends deleted forced unshimmed stays; do ready $i; done
	for i in ends deleted forced unshimmed stays; do eventually 60 trapped "$(uid $i)"; done
	u=$(uid ends) stays=$(processes "$(uid stays)" containers | grep -c .)
	kill_daemon supervise
	kill_daemon agent
	end_process "$(processes "$u" containers | awk '$3 == "(sh)" { print $1; exit }')"
	shim=$(shim_of "$(uid unshimmed)")
	kill -9 "$shim"
	ended "$shim"
	k delete pod deleted --wait=false
	k delete pod forced --grace-period=0 --force
	k run new --image=knarr-demo:1 -- sleep 100000
	up
	eventually 60 is pod/ends '{.status.containerStatuses[?(@.name=="c")].state.terminated.exitCode}' 4
	eventually 60 gone pod/deleted
	eventually 60 is pod/unshimmed '{.status.phase}' Failed
	is pod/unshimmed '{.status.containerStatuses[*].state.terminated.exitCode}' "137 137"
	ready new
	is pod/stays '{.status.containerStatuses[*].ready}' "true true"
	forced_is_gone() { [ "$(find /sys/fs/cgroup/memory/$CG/pods -mindepth 1 -maxdepth 1 -type d | wc -l)" -eq 3 ]; } # ends (its other container runs), stays, new
	eventually 60 forced_is_gone
	delete_all_pods
	eventually 60 nothing_remains
}

@test "a full disk: writes fail and say why, reads go on, with space all goes on without a restart" {
	local server agent i out
	server=$(daemon server) agent=$(daemon agent)
	pod bystander Always "sleep 100000"
	ready bystander
	k create configmap before --from-literal=a=b
	host $H sh -c 'dd if=/dev/zero of=/var/lib/knarr/filler bs=4096 2>/dev/null' || true
	head -c 30000 /dev/zero | tr '\0' x >"$BATS_TEST_TMPDIR/large"
	for i in $(seq 400); do
		out=$(k create configmap full$i --from-file="$BATS_TEST_TMPDIR/large" 2>&1) || break
	done
	echo "$out"
	[[ $out == *"(InternalError)"* || $out == *"Internal error"* ]]
	[[ $out == *"space"* || $out == *"full"* ]]
	run host $H curl -sk -o /dev/null -w '%{http_code}' --cert /etc/kubernetes/pki/admin.crt --key /etc/kubernetes/pki/admin.key \
		-H 'Content-Type: application/json' -d "{\"metadata\":{\"name\":\"no\"},\"data\":{\"a\":\"$(cat "$BATS_TEST_TMPDIR/large")\"}}" $URL/api/v1/namespaces/default/configmaps
	[[ $output == 50[07] ]]
	is configmap/before '{.data.a}' b
	gone configmap/no
	[ "$(k get configmaps -o name | grep -c full)" -eq $((i - 1)) ]
	k exec bystander -c c -- true
	# A container that ends now cannot start again before there is space.
	kill -9 "$(processes "$(uid bystander)" containers | awk '$3 == "(sleep)" { print $1; exit }')"
	sleep 2
	host $H rm /var/lib/knarr/filler
	after() { k create configmap after --from-literal=a=b; }
	eventually 60 after
	[ "$server" = "$(daemon server)" ]
	[ "$agent" = "$(daemon agent)" ]
	recovered() { is pod/bystander '{.status.containerStatuses[*].ready}' "true true"; }
	eventually 60 recovered
	# The same again, with the server killed in the midst: what was acknowledged is there.
	host $H sh -c 'dd if=/dev/zero of=/var/lib/knarr/filler bs=4096 2>/dev/null' || true
	kill_daemon server
	sleep 1
	host $H rm /var/lib/knarr/filler
	eventually 60 serving
	is configmap/after '{.data.a}' b
	delete_all configmaps
	delete_all_pods
	eventually 60 nothing_remains
}

# Nothing but disks outlives it: no process, mount, namespace, link, table, nor what lies in /run.
power_cut() {
	local p
	for p in $(host_pids $H); do [ "$p" = "$(cat "$HOST_BASE/$H/pid")" ] || kill -9 "$p" 2>/dev/null || true; done
	cgroup_remove $CG
	host $H sh -c '
		cut -d" " -f2 /proc/mounts | grep -E "^(/run/|/var/lib/kubelet/pods|/var/lib/knarr/containers)" | sort -r | xargs -r umount -l
		rm -rf /run/* && mkdir -p /run/netns /run/lock
		ip link del cni0
		ip -o link show type veth | grep -o "veth[0-9a-f]*@" | tr -d @ | xargs -r -n1 ip link del
		nft flush ruleset'
}

@test "a machine that loses power: pods start again, those deleted meanwhile leave nothing" {
	local i
	for i in deleted forced; do pod $i Never "sleep 100000"; done
	host $H sh -c 'cat >/etc/kubernetes/manifests/fixed.yaml' <<-YAML
	apiVersion: v1
	kind: Pod
	metadata: {name: fixed}
	spec:
	  terminationGracePeriodSeconds: 1
	  containers: [{name: c, image: "knarr-demo:1", command: [sleep, "100000"]}]
	YAML
	pod stays Always "sleep 100000"
	k run done --image=knarr-demo:1 --restart=Never -- echo said
	for i in deleted forced stays; do ready $i; done
	eventually 60 ready fixed-node1
	eventually 60 is pod/done '{.status.phase}' Succeeded
	kill_daemon supervise
	kill_daemon agent
	k delete pod forced --grace-period=0 --force
	k delete pod deleted --wait=false
	kill_daemon server
	power_cut
	up
	eventually 60 gone pod/deleted
	again() { is pod/stays '{.status.containerStatuses[*].ready}' "true true" && k exec stays -c c -- true; }
	eventually 60 again
	# Attempts are counted on, and what ran before has its end told.
	eventually 60 is pod/stays '{.status.containerStatuses[*].restartCount}' "1 1"
	is pod/stays '{.status.containerStatuses[*].lastState.terminated.reason}' "ContainerStatusUnknown ContainerStatusUnknown"
	eventually 60 is pod/fixed-node1 '{.status.containerStatuses[*].restartCount}' 1
	host $H sh -c 'ls /var/log/pods/default_stays_*/c/1.log /var/log/pods/default_fixed-node1_*/c/1.log'
	host $H rm /etc/kubernetes/manifests/fixed.yaml
	if k get events | grep stays | grep -i failed; then false; fi
	one_address() { [ "$(host $H sh -c 'ls -d /var/lib/cni/networks/*/10.*' | wc -l)" -eq 1 ]; }
	eventually 60 one_address
	host $H sh -c 'grep said /var/log/pods/default_done_*/done/0.log'
	delete_all_pods
	eventually 60 nothing_remains
}

@test "down with pods running leaves nothing, up brings them back, down --purge removes the data" {
	local left
	k create configmap kept --from-literal=a=b
	pod back Always "sleep 100000"
	k create deployment web --image=knarr-demo:1 --replicas=2
	k expose deployment web --port=80 --target-port=8080
	ready back
	k rollout status deployment/web --timeout=60s
	k delete pod "$(k get pods -l app=web -o 'jsonpath={.items[0].metadata.name}')" --wait=false --grace-period=300
	k exec back -c c -- sh -c 'sleep 10000 >/dev/null 2>&1 &'
	host $H "$BIN/knarr" down
	left=$(node_remains)
	echo "$left"
	[ -z "$left" ]
	up
	is configmap/kept '{.data.a}' b
	eventually 60 is pod/back '{.status.containerStatuses[*].restartCount}' "1 1"
	eventually 60 is pod/back '{.status.containerStatuses[*].ready}' "true true"
	k rollout status deployment/web --timeout=60s
	eventually 60 host $H curl -fsS --max-time 2 "http://$(k get service web -o 'jsonpath={.spec.clusterIP}')/cgi-bin/index.cgi"
	# Down after the daemons died.
	kill_daemon supervise
	kill_daemon agent
	kill_daemon server
	host $H "$BIN/knarr" down --purge
	left=$(node_remains; host $H sh -c 'ls -A /var/lib/knarr /etc/kubernetes /var/log/knarr /var/log/pods 2>/dev/null | grep -v ":$" | grep . || true')
	echo "$left"
	[ -z "$left" ]
}
