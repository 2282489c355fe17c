# One server alone for the cases of a file, with its controllers and scheduler and a node of paper.
# shellcheck shell=bash

load ../../lib/wait

server_up() {
	SERVER_BIN="${KNARR_SERVER:-$BATS_TEST_DIRNAME/../../../build/bin/knarr-server}"
	DIR="$(mktemp -d /tmp/knarr-test-conformance.XXXXXX)"
	HOST="$(hostname -I | cut -d' ' -f1)"
	"$SERVER_BIN" --data-dir "$DIR" --bind-address 127.0.0.1 --secure-port 0 >"$DIR/port" 2>"$DIR/log" 3>&- &
	echo $! >"$DIR/pid"
	eventually 60 test -s "$DIR/port"
	SERVER="127.0.0.1:$(cat "$DIR/port")" PKI="$DIR/pki" KUBECONFIG="$DIR/admin.conf"
	export DIR HOST SERVER PKI KUBECONFIG
	python3 "$BATS_TEST_DIRNAME/paper_node.py" >"$DIR/node" 2>"$DIR/node.log" 3>&- &
	echo $! >"$DIR/node.pid"
	eventually 60 test -s "$DIR/node"
}

server_down() {
	end_process "$(cat "$DIR/node.pid")" "$(cat "$DIR/pid")"
	rm -rf "$DIR"
}

# cases FILE CASE...
cases() {
	local file=$1
	shift
	PYTHONDONTWRITEBYTECODE=1 timeout 300 python3 "$BATS_TEST_DIRNAME/$file" "$@"
}
