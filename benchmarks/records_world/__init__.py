"""What `benchmarks/records.py` is made of: a gateway under steady load, what befalls its control process, figures."""
