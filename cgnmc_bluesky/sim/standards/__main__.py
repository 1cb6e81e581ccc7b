"""Make the standards again."""

from cgnmc_bluesky.sim.soft.standards import write as write_l_edges
from cgnmc_bluesky.sim.standards import write

if __name__ == "__main__":
    write()
    write_l_edges()
