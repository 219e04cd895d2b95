#!/usr/bin/python3
"""A multilang bolt that is slow: sleeps, emits each value so often, numbered, and acks."""
import json
import os
import sys
import time

SLEEP_S, TIMES = float(sys.argv[1]), int(sys.argv[2])


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
    else:
        time.sleep(SLEEP_S)
        for _ in range(TIMES):
            number += 1
            send({"command": "emit", "tuple": [message["tuple"][0], number], "anchors": [message["id"]], "need_task_ids": False})
        send({"command": "ack", "id": message["id"]})
