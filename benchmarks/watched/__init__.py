"""What benchmarks of watching share: made-up worlds with planted faults, our side, the peers."""
