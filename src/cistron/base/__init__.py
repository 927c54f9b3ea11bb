"""What every room stands on: errors, settings, arrays, progress, device, files."""
