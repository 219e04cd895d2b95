"""A Petrel cluster for tests and the demo: started in a home of its own, on free ports of the loopback interface."""
