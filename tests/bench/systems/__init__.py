"""The measured systems. Each is started by a with statement and then runs one cell after the other:

submit(name, cell, settings, folder)   returns when the topology was handed over
processes(cell)                        pids of what runs for it now
crossed(cell)                          {"tuples", "bytes"} between its containers up to now, or None where the system does not say
keep_logs()                            and where they are, after something failed
kill()                                 and waits for the end of its processes
"""


def make(name):
    from systems.petrel import Petrel
    from systems.program import Flink, Jet
    from systems.storm import Storm
    return {"petrel": Petrel, "storm": Storm, "flink": Flink, "jet": Jet}[name]()
