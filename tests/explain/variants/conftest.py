from tests.explain.conftest import cnn  # noqa: F401
