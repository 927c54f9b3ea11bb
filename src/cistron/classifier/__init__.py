"""The portable model: encoder, trained model, classes and calibration."""
