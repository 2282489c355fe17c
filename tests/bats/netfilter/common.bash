# What the tests of the service proxy share: machines are network namespaces $T-NAME, files are in $DIR, proxy-drive is spoken to
# by descriptors 7 and 8.
# shellcheck shell=bash

in_ns() { local n=$1; shift; nsenter --net="/run/netns/$T-$n" "$@"; }

# A pod answers "NAME CLIENT" on TCP and UDP 8080, of both families.
write_server() { # once: who reads it must find it whole
	cat >"$DIR/serve.py" <<'PY'
import socket, sys, threading
name = sys.argv[1]
def plain(a):
    return a[7:] if a.startswith("::ffff:") else a
t = socket.create_server(("::", 8080), family=socket.AF_INET6, dualstack_ipv6=True)
def udp(family, any_):
    u = socket.socket(family, socket.SOCK_DGRAM)
    if family == socket.AF_INET6:
        u.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    u.bind((any_, 8080))
    while True:
        d, a = u.recvfrom(100)
        u.sendto(f"{name} {a[0]}".encode(), a)
threading.Thread(target=udp, args=(socket.AF_INET, "0.0.0.0"), daemon=True).start()
threading.Thread(target=udp, args=(socket.AF_INET6, "::"), daemon=True).start()
while True:
    c, a = t.accept()
    c.sendall(f"{name} {plain(a[0])}\n".encode())
    c.close()
PY
}

# ask NS IP PORT [udp [SOURCE PORT]]: the answer, or what went wrong, which takes PATIENCE seconds where nothing comes
ask() {
	nsenter --net="/run/netns/$T-$1" python3 -S - "$2" "$3" "${4:-tcp}" "${5:-0}" "${PATIENCE:-30}" <<'PY'
import socket, sys, time
ip, port, proto, source, patience = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), float(sys.argv[5])
try:
    s = socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_DGRAM if proto == "udp" else socket.SOCK_STREAM)
    s.settimeout(min(patience, 3) if proto == "udp" else patience)
    s.bind(("", source))
    s.connect((ip, port))
    end = time.monotonic() + patience
    while True:
        if proto == "udp":
            s.send(b"x")
        try:
            print(s.recv(100).decode().strip())
            break
        except TimeoutError: # datagrams get lost
            if proto != "udp" or time.monotonic() > end:
                raise
except OSError as e:
    print(type(e).__name__)
PY
}

# say COMMAND...: the driver's answer in $REPLY
say() { printf '%s\n' "$*" >&7; read -r -t 120 REPLY <&8; [[ $REPLY == ok* ]] || { echo "$REPLY"; return 1; }; }
