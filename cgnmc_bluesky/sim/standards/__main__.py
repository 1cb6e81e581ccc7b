"""Make the standards again."""

from cgnmc_bluesky.sim.standards import write

if __name__ == "__main__":
    write()
