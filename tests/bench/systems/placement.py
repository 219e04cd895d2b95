"""Where Storm's Nimbus, or ours, says that the executors are."""
from harness.cluster import wait_for
from harness.nimbus import NimbusClient


def placement(nimbus_port, topology):
    """{component: {ports of its executors}} without the system's components."""
    with NimbusClient(nimbus_port) as nimbus:
        ports = {}
        for executor in nimbus.info(topology).executors:
            if not executor.component_id.startswith("__"):
                ports.setdefault(executor.component_id, set()).add(executor.port)
    return ports


def check_pins(pins, ports):
    """None, or what is not as it was pinned: {component: container} against {component: ports}."""
    port_of = {}
    for component, container in pins.items():
        if len(ports.get(component, ())) != 1:
            return f"{component} should be in one container and is on ports {sorted(ports.get(component, ()))}"
        port, = ports[component]
        if port_of.setdefault(container, port) != port:
            return f"{component} should be in container {container} on port {port_of[container]} and is on {port}"
    if len(set(port_of.values())) != len(port_of):
        return f"containers {sorted(port_of)} share a port: {port_of}"
    return None


def wait_for_pins(cell, nimbus_port, topology):
    if not cell.pins:
        return
    wait_for("a placement of all executors", lambda: set(cell.pins) <= set(placement(nimbus_port, topology)), 60)
    wrong = check_pins(cell.pins, placement(nimbus_port, topology))
    if wrong:
        raise RuntimeError(f"{topology}: {wrong}")
