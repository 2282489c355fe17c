# Servers and etcd on loopback for the tests of the store. Everything lives below $DIR and ends with the file.
# shellcheck shell=bash disable=SC2034
load ../../lib/wait
BIN="${KNARR_BIN:-$BATS_TEST_DIRNAME/../../../build/bin}"

store_setup() {
	command -v etcd >/dev/null && command -v etcdctl >/dev/null || skip "etcd-server and etcd-client are not installed"
	export DIR ETCDCTL_API=3
	DIR="$(mktemp -d /tmp/knarr-test-store.XXXXXX)"
	make_certs >"$DIR/openssl.log" 2>&1
}

store_teardown() {
	local f
	for f in "$DIR"/*/pid; do
		[ -s "$f" ] && kill -9 "$(cat "$f")" 2>/dev/null && ended "$(cat "$f")"
	done
	for f in "$DIR"/*/data; do
		[ ! -L "$f" ] || rm -rf "$(readlink "$f")"
	done
	rm -rf "$DIR"
}

# A CA, etcd's certificate, a client's, and one by another CA.
make_certs() {
	local c
	mkdir "$DIR/certs"
	cd "$DIR/certs" || return
	printf 'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n' >ext
	for c in ca other; do
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$c" -keyout $c.key -out $c.crt
	done
	for c in etcd client; do
		openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$c" -keyout $c.key -out $c.csr
		openssl x509 -req -in $c.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile ext -out $c.crt
	done
	cd - || return
}

free_port() {
	python3 -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])'
}

# etcd_start NAME [member NAMES of the cluster]: TLS for clients, certificates wanted. Starts again on its data.
etcd_start() {
	local d="$DIR/$1" n all=
	for n in "${@:2}" "$1"; do
		mkdir -p "$DIR/$n"
		[ -s "$DIR/$n/ports" ] || echo "$(free_port) $(free_port)" >"$DIR/$n/ports"
		case ,$all in *",$n="*) ;; *) all="$all$n=http://127.0.0.1:$(cut -d' ' -f2 "$DIR/$n/ports")," ;; esac
	done
	local client peer
	read -r client peer <"$d/ports"
	# In memory, where there is some: nothing here cuts the power, and disks of busy machines are slower than etcd bears.
	[ -e "$d/data" ] || { [ "$(stat -f -c %T /dev/shm)" != tmpfs ] || ln -s "$(mktemp -d /dev/shm/knarr-test-store.XXXXXX)" "$d/data"; }
	etcd --name "$1" --data-dir "$d/data" --listen-client-urls "https://127.0.0.1:$client" \
		--advertise-client-urls "https://127.0.0.1:$client" --listen-peer-urls "http://127.0.0.1:$peer" \
		--initial-advertise-peer-urls "http://127.0.0.1:$peer" --initial-cluster "${all%,}" \
		--cert-file "$DIR/certs/etcd.crt" --key-file "$DIR/certs/etcd.key" --client-cert-auth \
		--trusted-ca-file "$DIR/certs/ca.crt" >>"$d/log" 2>&1 3>&- &
	echo $! >"$d/pid"
}

etcd_url() { echo "https://127.0.0.1:$(cut -d' ' -f1 "$DIR/$1/ports")"; }
etcd_flags() { # NAMES
	local n urls=
	for n; do urls="$urls,$(etcd_url "$n")"; done
	echo "--etcd-servers=${urls#,} --etcd-cafile=$DIR/certs/ca.crt --etcd-certfile=$DIR/certs/client.crt --etcd-keyfile=$DIR/certs/client.key"
}
ctl() { # MEMBER arguments of etcdctl
	etcdctl --endpoints "$(etcd_url "$1")" --cacert "$DIR/certs/ca.crt" --cert "$DIR/certs/client.crt" --key "$DIR/certs/client.key" "${@:2}"
}
etcd_ready() {
	eventually 60 ctl "$1" endpoint health || { cat "$DIR/$1/log"; return 1; }
}

# server_start NAME [flags]: its port in $DIR/NAME/port; all servers share certificates.
server_start() {
	local d="$DIR/$1"
	mkdir -p "$d"
	: >"$d/port"
	"$BIN/knarr-server" --data-dir "$d" --cert-dir "$DIR/pki" --bind-address 127.0.0.1 --secure-port 0 "${@:2}" >"$d/port" 2>>"$d/log" 3>&- &
	echo $! >"$d/pid"
	eventually 60 settled "$d"
	[ -s "$d/port" ] && return 0
	# An etcd that is too slow for its own bounds, on a machine that is, is tried again.
	if tail -n 1 "$d/log" | grep -q "etcdserver: request timed out" && [ "${TRIES:-0}" -lt 10 ]; then
		TRIES=$((${TRIES:-0} + 1)) server_start "$@"
		return
	fi
	cat "$d/log"
	return 1
}
settled() { [ -s "$1/port" ] || none_runs "$(cat "$1/pid")"; } # DIRECTORY: of a server that listens, or has ended
end() { # NAME [signal]: and waits
	local pid
	pid="$(cat "$DIR/$1/pid")"
	kill "-${2:-TERM}" "$pid"
	ended "$pid"
}
on() { # SERVER arguments of kubectl
	kubectl --kubeconfig "$DIR/$1/admin.conf" "${@:2}"
}
encryption() { # FILE providers...
	printf 'kind: EncryptionConfiguration\napiVersion: apiserver.config.k8s.io/v1\nresources:\n- resources: [secrets]\n  providers:\n' >"$1"
	printf '  - %s\n' "${@:2}" >>"$1"
}
aes() { # NAME letter
	echo "aesgcm: {keys: [{name: $1, secret: $(printf "%032d" 0 | tr 0 "$2" | base64 -w0)}]}"
}
