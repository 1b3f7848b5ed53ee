"""Search: data steps and models together, leakage-safe."""
