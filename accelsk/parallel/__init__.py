"""Work that runs in parallel: on the cores of this machine, or on several machines."""
