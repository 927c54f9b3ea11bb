"""Many pieces of work at the same time, on processes of this machine or on a cluster."""
