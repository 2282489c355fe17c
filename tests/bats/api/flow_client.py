#!/usr/bin/env python3
"""Clients that crowd, read slowly, or only want their turn.

    flow_client.py PORT CA stall TOKEN PATH SECONDS N   N connections ask for PATH and do not read; "ready" when all have asked
    flow_client.py PORT CA crowd TOKEN PATH N           N threads ask for PATH, each three times: "STATUS COUNT" lines
    flow_client.py PORT CA turns TOKEN PATH N           one after the other, on connections of their own: the same lines
    flow_client.py PORT CA head TOKEN PATH              one answer: status line, headers, body
"""
import collections, http.client, socket, ssl, sys, threading, time

port, ca, what, token, path = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4], sys.argv[5]
context = ssl.create_default_context(cafile=ca)


def ask(sock_size=0):
    raw = socket.socket()
    if sock_size:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, sock_size)
    raw.settimeout(60)
    raw.connect(('127.0.0.1', port))
    s = context.wrap_socket(raw, server_hostname='127.0.0.1')
    s.sendall(f'GET {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n'.encode())
    return s


def answer():
    c = http.client.HTTPSConnection('127.0.0.1', port, context=context, timeout=60)
    c.request('GET', path, headers={'Authorization': 'Bearer ' + token})
    r = c.getresponse()
    body = r.read()
    c.close()
    return r, body


def tell(counts):
    for status, n in sorted(counts.items()):
        print(status, n)


if what == 'stall':
    held = [ask(4096) for _ in range(int(sys.argv[7]))]
    print('ready', flush=True)
    time.sleep(float(sys.argv[6]))
elif what == 'crowd':
    counts = collections.Counter()

    def member():
        for _ in range(3):
            counts[answer()[0].status] += 1
    threads = [threading.Thread(target=member) for _ in range(int(sys.argv[6]))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    tell(counts)
elif what == 'turns':
    tell(collections.Counter(answer()[0].status for _ in range(int(sys.argv[6]))))
else:
    r, body = answer()
    print(r.status)
    for k, v in r.getheaders():
        print(f'{k.lower()}: {v}')
    print(body.decode())
