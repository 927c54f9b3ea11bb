"""Which sequences are alike: MMseqs2, or k-mers where it is not there."""
