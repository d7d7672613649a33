"""Pure functions that count, estimate and test: values in, values out, without clocks, files or other folders."""
