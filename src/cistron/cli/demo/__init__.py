"""The whole way on made data whose truth is known; see `cistron.cli.demo.run`."""
