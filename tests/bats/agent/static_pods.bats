#!/usr/bin/env bats
# The agent alone, without an API server: static pods in a host of their own (mount and network namespaces).

load ../../lib/wait

setup_file() {
	[ "$(id -u)" = 0 ] || skip "needs root"
	export ROOT="$BATS_TEST_DIRNAME/../../.." B="$BATS_TEST_DIRNAME/../../../build"
	for p in knarr knarr-agent knarr-shim pause; do [ -x "$B/bin/$p" ] || skip "$p is not built"; done
	[ -x /bin/busybox ] || skip "needs busybox-static"
	export T=$(mktemp -d) CG=knarr-test-agent-$$
	"$ROOT/examples/image/build" -n docker.io/library/busybox:1 "$T/image.tar"
	unshare --mount --net sh -c '
		mount --make-rprivate /
		mkdir -p /var/lib/kubelet /run/knarr /run/netns /etc/cni /var/lib/cni
		for d in /var/lib/kubelet /run/knarr /run/netns /etc/cni /var/lib/cni; do mount -t tmpfs tmpfs $d; done
		ip link set lo up; touch "$T/ready"; exec sleep infinity' 3>&- &
	echo $! >"$T/host"
	eventually 60 test -e "$T/ready"
	in_host "$(realpath "$B")/bin/knarr" image --data-dir /run/knarr/data import "$T/image.tar"
	start_agent
}

in_host() {
	local h
	h=$(cat "$T/host")
	nsenter "--mount=/proc/$h/ns/mnt" "--net=/proc/$h/ns/net" -- "$@"
}

start_agent() {
	mkdir -p "$T/manifests" "$T/log"
	local h
	h=$(cat "$T/host")
	# Not through in_host: $! must be the agent and not a shell around it.
	nsenter "--mount=/proc/$h/ns/mnt" "--net=/proc/$h/ns/net" -- "$(realpath "$B")/bin/knarr-agent" --node-name=n1 --node-ip=192.0.2.1 --pod-cidr=10.244.9.0/24 \
		--data-dir=/run/knarr/data --log-dir="$T/log" --cgroup-root="$CG" --cni-bin-dir="$(realpath "$B")/cni" \
		--pod-manifest-path="$T/manifests" -v 4 >>"$T/agent.log" 2>&1 3>&- &
	echo $! >"$T/agent"
}

teardown_file() {
	[ -n "${T:-}" ] || return 0
	rm -f "$T"/manifests/*
	eventually 60 no_pods || true
	end_process "$(cat "$T/agent")" "$(cat "$T/host")" || true
	for d in /sys/fs/cgroup/*/"$CG"; do [ ! -d "$d" ] || find "$d" -depth -type d -exec rmdir {} \; ; done
	rm -rf "$T"
}

no_pods() { [ -z "$(in_host ls /run/knarr/pods /run/netns 2>/dev/null | grep -vE '^/|^$')" ]; }
logged() { grep -qs "$2" "$T"/log/pods/default_"$1"-n1_*/c/*.log; }
told() { grep -q "$1" "$T/agent.log"; }
state() { in_host sh -c "cat /run/knarr/pods/*/state.json"; }
container_pid() { pgrep -f "^sleep 7$1\$"; }

pod() { # pod NAME COMMAND [MORE SPEC]
	cat >"$T/manifests/.new" <<-END
		{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "$1"},
		 "spec": {"terminationGracePeriodSeconds": 1, ${3:-} "containers": [{"name": "c", "image": "busybox:1",
		  "command": ["sh", "-c", "$2"]}]}}
	END
	mv "$T/manifests/.new" "$T/manifests/$1.json"
}

@test "healthz answers" {
	eventually 60 in_host curl -sf http://127.0.0.1:10248/healthz
}

@test "a manifest becomes a running pod with an address" {
	pod one "hostname; ip -4 addr show eth0; exec sleep 70001"
	eventually 60 container_pid 0001
	eventually 60 logged one "stdout F one-n1"
	eventually 60 logged one "inet 10.244.9"
}

@test "killing the agent does not disturb the container" {
	before=$(container_pid 0001)
	kill -9 "$(cat "$T/agent")"
	ended "$(cat "$T/agent")"
	start_agent
	eventually 60 in_host curl -sf http://127.0.0.1:10248/healthz
	[ "$(container_pid 0001)" = "$before" ]
}

@test "killing the supervisor restarts the container by its policy" {
	before=$(container_pid 0001)
	kill -9 "$(in_host sh -c 'cat /run/knarr/pods/*/shim.pid')"
	other() { now=$(container_pid 0001) && [ "$now" != "$before" ]; }
	eventually 60 other
	told "Pod sandbox changed"
}

@test "removing the manifest leaves nothing" {
	rm "$T/manifests/one.json"
	eventually 60 no_pods
	if container_pid 0001; then false; fi
	[ -z "$(in_host ls /var/lib/kubelet/pods /run/knarr/data/containers | grep -vE '^/|^$')" ]
	if in_host grep -qE '^overlay /(run/knarr|var/lib/kubelet)' /proc/self/mounts; then false; fi
	if ls -d /sys/fs/cgroup/*/"$CG"/pods/*/ 2>/dev/null; then false; fi
	if in_host ip -o link | grep -q veth; then false; fi
}

@test "a crash loop backs off and leaves no root filesystems" {
	pod crash "exit 3"
	eventually 60 told "Back-off restarting failed container c"
	at_most_one() { [ "$(in_host ls /run/knarr/data/containers | wc -l)" -le 1 ]; }
	eventually 60 at_most_one
	ended_with_3() { state | grep -q '"exit_code":3'; }
	eventually 60 ended_with_3
	rm "$T/manifests/crash.json"
	eventually 60 no_pods
}

@test "a missing image is told" {
	pod image "true"
	sed -i s/busybox:1/nowhere:1/ "$T/manifests/image.json"
	eventually 60 told 'Failed to pull image "nowhere:1"'
	rm "$T/manifests/image.json"
	eventually 60 no_pods
}

@test "a broken network configuration is told with the plugin's name, and mended" {
	in_host sed -i s/bridge/brigde/ /etc/cni/net.d/10-knarr.conflist
	pod net "exec sleep 70002"
	eventually 60 told 'FailedCreatePodSandBox.*brigde'
	in_host sed -i s/brigde/bridge/ /etc/cni/net.d/10-knarr.conflist
	eventually 60 container_pid 0002
	rm "$T/manifests/net.json"
	eventually 60 no_pods
}
