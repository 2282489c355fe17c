#!/usr/bin/env python3
"""Runs a node of paper (conformance.py) at SERVER, with the credentials in PKI; prints "ready" when it takes pods."""
import os
import threading

from conformance import Api, PaperNode

PaperNode(Api(os.environ['SERVER'], os.environ['PKI']))
print('ready', flush=True)
threading.Event().wait()
