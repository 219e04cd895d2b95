"""No cluster outlives the process that started it: a process beside it that ends the cluster when its starter is gone.

Standard input: one line of JSON with the command that ends the cluster and its environment, then "done" when the starter has
ended the cluster itself. The end of the input without it means that the starter died, of whatever: then the command is run.
"""
import json
import subprocess
import sys


class Guard:
    def __init__(self, command, environment):
        # A session of its own: what is sent to the starter's process group does not reach it.
        self.process = subprocess.Popen([sys.executable, __file__], stdin=subprocess.PIPE, start_new_session=True)
        self.tell(json.dumps([command, environment]))

    def tell(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def done(self):
        """The cluster is down."""
        self.tell("done")
        self.process.stdin.close()
        self.process.wait(30)


def main():
    command, environment = json.loads(sys.stdin.readline())
    if sys.stdin.readline() != "done\n":
        sys.exit(subprocess.run(command, env=environment, stdin=subprocess.DEVNULL).returncode)


if __name__ == "__main__":
    main()
