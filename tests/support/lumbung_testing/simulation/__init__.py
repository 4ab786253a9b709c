"""The whole cluster in one process, from a seed: the services that ship, on virtual disks, networks and clocks.

seeding      one seed, one history: the only place that touches trio's private switch
durable      what a power cut would leave on a virtual disk
node         one node that can be started, killed, wiped and rolled back
stations     the people: puts, repeats, reads, status
story        what happened, in simulated time, hashed
tapping      a transport that shows every message before it leaves
invariants   by topic: what each message claims must be true at that moment
faults       by topic: what can befall a cluster
nemesis      faults drawn from the seed
cluster      the nodes, the people and the network put together
scenario     faults, healing, convergence: one run of one seed
mutants      by topic: mistakes that the simulation must find
"""
