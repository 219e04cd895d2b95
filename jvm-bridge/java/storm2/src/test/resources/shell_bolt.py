#!/usr/bin/python3
"""A multilang bolt by the bare protocol: emits each value twice, acks, and fails what it is told to."""
import json
import os
import sys


def read():
    lines = []
    while True:
        line = sys.stdin.readline()
        if not line:
            sys.exit(0)
        if line == "end\n":
            return json.loads("".join(lines))
        lines.append(line)


def send(message):
    sys.stdout.write(json.dumps(message) + "\nend\n")
    sys.stdout.flush()


setup = read()
open(os.path.join(setup["pidDir"], str(os.getpid())), "w").close()
send({"pid": os.getpid()})
while True:
    message = read()
    if isinstance(message, list):
        continue
    if message["stream"] == "__heartbeat":
        send({"command": "sync"})
    elif message["tuple"][0] == "bad":
        send({"command": "fail", "id": message["id"]})
    else:
        for _ in range(2):
            send({"command": "emit", "tuple": message["tuple"], "anchors": [message["id"]], "need_task_ids": False})
        send({"command": "ack", "id": message["id"]})
