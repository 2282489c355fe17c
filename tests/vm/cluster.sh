# A whole cluster of one node on a machine with nothing but cgroup v2.
# shellcheck shell=sh
# shellcheck source=tests/vm/checks.sh
. /vm/checks.sh

export KUBECONFIG=/etc/kubernetes/admin.conf
k() { kubectl --request-timeout=120s "$@"; }
# What a cluster could leave in the kernel or running: one line for each thing.
census() {
	grep -v -e '^[^ ]* /sys/fs/' /proc/mounts | sort
	ip -o link | sed 's/^[0-9]*: //; s/ .*//' | sort
	ip route
	ls /run/netns 2>/dev/null
	find /sys/fs/cgroup -mindepth 1 -type d
	pidof knarr-server knarr-agent knarr-supervise knarr-shim pause httpd
}

unchanged() { [ "$(census || true)" = "$before" ]; }

ip link add eth0 type dummy
ip addr add 192.168.77.2/24 dev eth0
ip link set eth0 up
ip route add default via 192.168.77.1
mkdir -p /run/netns /etc/cni/net.d

ups() {
	knarr up --no-systemd --node-name=vm --timeout=200 </dev/null
	same "$(k get node vm -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}')" True
}
imported() {
	knarr image import /vm/demo.tar
	has "$(knarr image ls)" knarr-demo
}
applied() {
	k apply -f /vm/hello.yaml
	k -n hello rollout status deployment/hello --timeout=200s
	same "$(k -n hello get pods -o 'jsonpath={.items[*].status.phase}')" "Running Running"
}
served() {
	ip=$(k -n hello get service hello -o 'jsonpath={.spec.clusterIP}')
	answers=$(for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do curl -fsS --max-time 30 "http://$ip/"; done | sort -u)
	same "$answers" "$(k -n hello get pods -o name | sed 's|pod/|hello from |' | sort)"
	curl -fsS --max-time 30 http://192.168.77.2:30080/
}
# The limits of the manifest stand in the files of the container's own cgroup, below the pod's, below the root's.
limited() {
	pid=$(pidof httpd | tr ' ' '\n' | sort -n | head -n 1) # the server: those that answer somebody come and go
	own=/sys/fs/cgroup$(sed 's/^0:://' "/proc/$pid/cgroup")
	has "$own" /sys/fs/cgroup/knarr/
	same "$(cat "$own/memory.max")" 33554432
	[ "$(cat "$own/pids.current")" -ge 1 ]
	has "$(cat "$own/cgroup.controllers")" memory
}
execed() {
	pod=$(k -n hello get pods -o 'jsonpath={.items[0].metadata.name}')
	same "$(k -n hello exec "$pod" -- cat /proc/self/cgroup)" 0::/
	same "$(k -n hello exec "$pod" -- cat /etc/greeting/text)" hello
	has "$(k -n hello logs "$pod")" "serving on port 8080"
}
# A socket that two of the daemons hold has been handed down by mistake: its connection cannot end.
unshared() {
	for p in $(pidof knarr-server knarr-agent knarr-supervise knarr-shim); do
		for f in "/proc/$p/fd"/*; do readlink "$f"; done | grep '^socket:' | sort -u
	done >/tmp/sockets
	[ -s /tmp/sockets ]
	same "$(sort /tmp/sockets | uniq -d)" ""
}
oom() {
	k apply -f - <<-YAML
	apiVersion: v1
	kind: Pod
	metadata: {name: hog}
	spec:
	  restartPolicy: Never
	  containers:
	  - name: hog
	    image: knarr-demo:1
	    command: [sh, -c, "x=aaaaaaaaaaaaaaaa; while :; do x=\$x\$x; done"]
	    resources: {limits: {memory: 20Mi}}
	YAML
	eventually 200 sh -c 'kubectl get pod hog -o "jsonpath={.status.containerStatuses[0].state.terminated.reason}" | grep OOMKilled'
	k delete pod hog
}
downs() {
	knarr down </dev/null
	eventually 60 unchanged || true # the kernel takes a namespace apart on its own time
	same "$(census || true)" "$before"
}

before=$(census)
check "up" ups
check "image import" imported
check "two replicas run" applied
check "the service answers from both" served
check "limits are in the v2 files" limited
check "exec and logs" execed
check "no socket is held by two daemons" unshared
check "out of memory is told" oom
check "down leaves nothing" downs
[ "$failed" = 0 ] || tail -n 30 /var/log/knarr/*
finish
