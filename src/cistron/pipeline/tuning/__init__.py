"""The search for settings: ranges written where the values stand, and never a test sample."""
