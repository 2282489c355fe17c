#!/usr/bin/env python3
"""probe.py SECONDS PROTOCOL FROM-NETNS FROM-PORT TO-NETNS ADDRESS PORT [SENT-TO]: one packet (tcp: connection) from one network
namespace into another, and its answer; sent to another address that leads there, if one is given. Exit status: 0 it arrived (and the answer came back), 1 it did not in time.

sctp is made by hand, so that the kernel needs no SCTP of its own: a chunk INIT has to arrive, nothing answers."""
import os
import socket
import struct
import sys

SCTP = 132
CLONE_NEWNET = 0x40000000


def enter(path):
    import ctypes
    fd = os.open(path, os.O_RDONLY)
    if ctypes.CDLL(None, use_errno=True).setns(fd, CLONE_NEWNET):
        sys.exit(f"setns {path}")
    os.close(fd)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def sctp_init(source, to):
    init = struct.pack(">BBHIIHHI", 1, 0, 20, 0x12345678, 65536, 1, 1, 1)
    head = struct.pack(">HHI", source, to, 0)
    return head + struct.pack("<I", crc32c(head + bytes(4) + init)) + init


def receives(s, wanted):
    while True:
        data = s.recv(2048)
        if s.family == socket.AF_INET:
            data = data[(data[0] & 15) * 4:]
        if data[2:4] == wanted:
            return True


def main():
    seconds, protocol, source_ns, source, to_ns, address, port = sys.argv[1:8]
    to = sys.argv[8] if len(sys.argv) > 8 else address
    source, port = int(source), int(port)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    kind = {"tcp": (socket.SOCK_STREAM, 0), "udp": (socket.SOCK_DGRAM, 0), "sctp": (socket.SOCK_RAW, SCTP)}[protocol]
    enter(to_ns)
    there = socket.socket(family, *kind)
    there.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    there.bind((address, 0 if protocol == "sctp" else port))
    enter(source_ns)
    here = socket.socket(family, *kind)
    here.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if protocol != "sctp":
        here.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", source))
    for s in (here, there):
        s.settimeout(float(seconds))
    if protocol == "tcp":
        there.listen()
        here.connect((to, port))
        return
    if protocol == "sctp":
        here.sendto(sctp_init(source, port), (to, 0))
        receives(there, struct.pack(">H", port))
        return
    here.sendto(b"there", (to, port))
    data, peer = there.recvfrom(100)
    there.sendto(data, peer)
    here.recv(100)


try:
    main()
except (TimeoutError, ConnectionError, PermissionError):
    sys.exit(1)
