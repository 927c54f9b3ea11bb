"""Find byte-identical sequences by hash."""

from cistron.samples.letters import identical as identical
