"""What every benchmark needs: native programs, pinned processes, load, targets, and the JSON line."""
