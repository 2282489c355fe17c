#!/usr/bin/env python3
"""The committed inputs of a fuzz target are one file each, tests/fuzz/corpus/NAME: a length in decimal, a line break, as many
bytes, and so on. corpus.py pack DIRECTORY FILE makes one of libFuzzer's directory; corpus.py unpack FILE DIRECTORY the reverse."""
import os
import sys


def pack(directory, path):
    inputs = []
    for name in sorted(os.listdir(directory)):
        with open(os.path.join(directory, name), 'rb') as f:
            inputs.append(f.read())
    with open(path, 'wb') as f:
        for data in sorted(set(inputs), key=lambda d: (len(d), d)):
            f.write(b'%d\n' % len(data) + data)


def unpack(path, directory):
    with open(path, 'rb') as f:
        text = f.read()
    at = n = 0
    os.makedirs(directory, exist_ok=True)
    while at < len(text):
        end = text.index(b'\n', at)
        length = int(text[at:end])
        at = end + 1 + length
        n += 1
        with open(os.path.join(directory, 'committed-%d' % n), 'wb') as f:
            f.write(text[end + 1:at])


{'pack': pack, 'unpack': unpack}[sys.argv[1]](*sys.argv[2:])
