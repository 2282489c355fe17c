#!/usr/bin/env python3
"""big.py sink PORT: answers, over TCP and UDP, how many bytes came; says "up" when it does.
big.py tcp|udp ADDRESS PORT BYTES: sends so many, and prints the answer. Datagrams are sent again until one comes through whole:
the first one of a way only teaches its size."""
import socket
import sys
import threading
import time


def datagrams(port):
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    u.bind(("", port))
    print("up", flush=True)
    while True:
        data, peer = u.recvfrom(65536)
        u.sendto(b"%d" % len(data), peer)


def stream(c):
    n = 0
    while data := c.recv(65536):
        n += len(data)
    c.sendall(b"%d" % n)
    c.close()


def sink(port):
    t = socket.create_server(("", port))
    threading.Thread(target=datagrams, args=(port,), daemon=True).start()
    while True:
        threading.Thread(target=stream, args=(t.accept()[0],), daemon=True).start()


def tcp(to, size):
    s = socket.create_connection(to, 60)
    s.settimeout(60)
    s.sendall(bytes(size))
    s.shutdown(socket.SHUT_WR)
    return s.recv(100).decode()


def udp(to, size):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(1)
    s.connect(to)
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            s.send(bytes(size))
            return s.recv(100).decode()
        except OSError:  # too large for the way that is known by now, or nothing came
            pass
    return "nothing"


if sys.argv[1] == "sink":
    sink(int(sys.argv[2]))
else:
    print({"tcp": tcp, "udp": udp}[sys.argv[1]]((sys.argv[2], int(sys.argv[3])), int(sys.argv[4])))
