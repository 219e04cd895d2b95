#!/usr/bin/python3
"""shell_bolt.py TIMES [SLEEP_S FILE]: a multilang bolt by the bare protocol. Emits each value so often, acks, and fails what is "bad".

A second value is taken for a number: each emit has one of its own, rising. Sleeps before each tuple until there is the file.
"""
import json
import os
import sys
import time

TIMES = int(sys.argv[1])
SLEEP_S, FILE = (float(sys.argv[2]), sys.argv[3]) if len(sys.argv) > 2 else (0, "/")


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
number = time.monotonic_ns()
while True:
    message = read()
    if isinstance(message, list):
        continue
    if message["stream"] == "__heartbeat":
        send({"command": "sync"})
    elif message["stream"] == "__tick":
        send({"command": "ack", "id": message["id"]})
    elif message["tuple"][0] == "bad":
        send({"command": "fail", "id": message["id"]})
    else:
        if not os.path.exists(FILE):
            time.sleep(SLEEP_S)
        for _ in range(TIMES):
            number += 1
            values = [message["tuple"][0], number][:len(message["tuple"])]
            send({"command": "emit", "tuple": values, "anchors": [message["id"]], "need_task_ids": False})
        send({"command": "ack", "id": message["id"]})
